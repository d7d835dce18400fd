import Migration
import SQLText

/// ADD UNIQUE or PRIMARY KEY without USING INDEX builds the index under ACCESS EXCLUSIVE.
///
/// A primary key's columns must be NOT NULL first: with USING INDEX too, it reads the table for it.
enum AddUnique: Rule {
    static let id = "add-unique"
    static let severity = Hazard.Severity.danger
    static let summary =
        "ADD UNIQUE or PRIMARY KEY without USING INDEX builds the index under ACCESS EXCLUSIVE."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        alterations(["AddConstraint"], statement, script).compactMap { alteration in
            let constraint = alteration.constraint
            let type = constraint["contype"].text
            guard type == "CONSTR_UNIQUE" || type == "CONSTR_PRIMARY",
                !constraint["indexname"].isPresent
            else { return nil }
            let columns = constraint["keys"].names.map { Identifier($0).quoted }
            let table = alteration.table
            let name = constraint["conname"].text ?? "\(table.name)_key"
            let words = type == "CONSTR_UNIQUE" ? "UNIQUE" : "PRIMARY KEY"
            return finding(
                statement, at: alteration.offset,
                "The index is built while nobody can read or write \(table.quoted).",
                lock: .accessExclusive,
                instead: """
                    CREATE UNIQUE INDEX CONCURRENTLY \(Identifier(name).quoted) ON \(table.quoted) (\(columns.joined(separator: ", ")));
                    ALTER TABLE \(table.quoted) ADD CONSTRAINT \(Identifier(name).quoted) \(words) USING INDEX \(Identifier(name).quoted);
                    """)
        }
    }
}
