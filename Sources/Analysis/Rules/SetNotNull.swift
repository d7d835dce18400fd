import Migration
import SQLText

/// SET NOT NULL reads the whole table under ACCESS EXCLUSIVE, unless a validated CHECK proves it already.
enum SetNotNull: Rule {
    static let id = "set-not-null"
    static let severity = Hazard.Severity.danger
    static let summary =
        "SET NOT NULL reads the whole table under ACCESS EXCLUSIVE, unless a validated CHECK proves it already."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        alterations(["SetNotNull"], statement, script).compactMap { alteration in
            let column = alteration.node["name"].text ?? ""
            guard
                !script.schema.isProvenNotNull(
                    column, in: alteration.table, before: statement.index)
            else { return nil }
            let table = alteration.table.quoted
            let name = Identifier(column).quoted
            return finding(
                statement, at: alteration.offset,
                "Every row of \(table) is read while nobody can read or write the table.",
                lock: .accessExclusive,
                instead: """
                    ALTER TABLE \(table) ADD CONSTRAINT \(Identifier(column + "_present").quoted) CHECK (\(name) IS NOT NULL) NOT VALID;
                    ALTER TABLE \(table) VALIDATE CONSTRAINT \(Identifier(column + "_present").quoted);  -- in a later transaction
                    ALTER TABLE \(table) ALTER COLUMN \(name) SET NOT NULL;
                    ALTER TABLE \(table) DROP CONSTRAINT \(Identifier(column + "_present").quoted);
                    """)
        }
    }
}
