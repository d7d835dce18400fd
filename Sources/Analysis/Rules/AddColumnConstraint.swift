import Migration

/// ADD COLUMN with CHECK, UNIQUE, PRIMARY KEY, or REFERENCES and a default reads the whole table under its lock.
enum AddColumnConstraint: Rule {
    static let id = "add-column-constraint"
    static let severity = Hazard.Severity.danger
    static let summary =
        "ADD COLUMN with CHECK, UNIQUE, PRIMARY KEY, or REFERENCES and a default reads the whole table under its lock."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        alterations(["AddColumn"], statement, script).flatMap { alteration in
            let constraints = alteration.column["constraints"].items.map { $0.cast("Constraint") }
            let hasDefault = constraints.contains { $0["contype"].text == "CONSTR_DEFAULT" }
            return constraints.compactMap { constraint -> Finding? in
                guard let work = work(constraint, hasDefault: hasDefault) else { return nil }
                return finding(
                    statement, at: statement.offset(constraint),
                    "\(work) while nobody can read or write \(alteration.table.quoted).",
                    lock: .accessExclusive,
                    instead:
                        "Add the column alone, then the constraint: a CHECK or foreign key as NOT VALID and VALIDATE CONSTRAINT in a later transaction, a unique key from an index that was built CONCURRENTLY. The operation add_column does it with \"check\" and \"references\"."
                )
            }
        }
    }

    private static func work(_ constraint: ParseNode, hasDefault: Bool) -> String? {
        switch constraint["contype"].text {
        case "CONSTR_CHECK": "Every row is checked"
        case "CONSTR_UNIQUE", "CONSTR_PRIMARY": "An index is built"
        case "CONSTR_FOREIGN" where hasDefault: "Every row is looked up in the other table"
        default: nil
        }
    }
}
