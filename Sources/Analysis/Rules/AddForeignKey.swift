import Migration
import SQLText

/// ADD FOREIGN KEY without NOT VALID stops the writes of both tables while it looks up every row.
enum AddForeignKey: Rule {
    static let id = "add-foreign-key"
    static let severity = Hazard.Severity.danger
    static let summary =
        "ADD FOREIGN KEY without NOT VALID stops the writes of both tables while it looks up every row."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        alterations(["AddConstraint"], statement, script).compactMap { alteration in
            let constraint = alteration.constraint
            guard constraint["contype"].text == "CONSTR_FOREIGN",
                !constraint["skip_validation"].isTrue
            else { return nil }
            let name = Identifier(constraint["conname"].text ?? "NAME").quoted
            let other = RelationName(constraint["pktable"])?.quoted ?? "the other table"
            return finding(
                statement, at: alteration.offset,
                "Nobody can write \(alteration.table.quoted) or \(other) while every row is looked up.",
                lock: .shareRowExclusive,
                instead: """
                    ALTER TABLE \(alteration.table.quoted) ADD CONSTRAINT \(name) FOREIGN KEY (…) REFERENCES \(other) (…) NOT VALID;
                    ALTER TABLE \(alteration.table.quoted) VALIDATE CONSTRAINT \(name);  -- in a later transaction
                    """)
        }
    }
}
