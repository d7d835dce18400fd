import Migration
import SQLText

/// ADD … CHECK without NOT VALID reads the whole table under ACCESS EXCLUSIVE.
enum AddCheck: Rule {
    static let id = "add-check"
    static let severity = Hazard.Severity.danger
    static let summary =
        "ADD … CHECK without NOT VALID reads the whole table under ACCESS EXCLUSIVE."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        alterations(["AddConstraint"], statement, script).compactMap { alteration in
            let constraint = alteration.constraint
            guard constraint["contype"].text == "CONSTR_CHECK",
                !constraint["skip_validation"].isTrue
            else { return nil }
            let name = Identifier(constraint["conname"].text ?? "NAME").quoted
            return finding(
                statement, at: alteration.offset,
                "Every row of \(alteration.table.quoted) is checked while nobody can read or write the table.",
                lock: .accessExclusive,
                instead: """
                    ALTER TABLE \(alteration.table.quoted) ADD CONSTRAINT \(name) CHECK (…) NOT VALID;
                    ALTER TABLE \(alteration.table.quoted) VALIDATE CONSTRAINT \(name);  -- in a later transaction
                    """)
        }
    }
}
