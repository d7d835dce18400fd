import Migration

/// ADD COLUMN … NOT NULL without a default fails on a table with rows and scans an empty one.
enum AddColumnNotNull: Rule {
    static let id = "add-column-not-null"
    static let severity = Hazard.Severity.danger
    static let summary =
        "ADD COLUMN … NOT NULL without a default fails on a table with rows and scans an empty one."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        alterations(["AddColumn"], statement, script).compactMap { alteration in
            let constraints = alteration.column["constraints"].items.map { $0.cast("Constraint") }
            let types = Set(constraints.compactMap { $0["contype"].text })
            let fills: Set<String> = ["CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED"]
            guard types.contains("CONSTR_NOTNULL"), types.isDisjoint(with: fills),
                ColumnType(alteration.column["typeName"])?.isSerial != true
            else { return nil }
            return finding(
                statement, at: alteration.offset,
                "Rows that are there have no value for it, and versions of the application that do not know the column can't insert.",
                lock: .accessExclusive,
                instead:
                    "Give it a constant default (ADD COLUMN … DEFAULT … NOT NULL touches no row), or let the operation add_column with \"up\" fill it in batches before it becomes NOT NULL."
            )
        }
    }
}
