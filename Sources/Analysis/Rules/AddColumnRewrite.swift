import Migration
import SQLText

/// ADD COLUMN with a volatile default, serial, identity or STORED rewrites the whole table.
enum AddColumnRewrite: Rule {
    static let id = "add-column-rewrite"
    static let severity = Hazard.Severity.danger
    static let summary =
        "ADD COLUMN with a volatile default, serial, identity or STORED rewrites the whole table."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        alterations(["AddColumn"], statement, script).compactMap { alteration in
            guard let cause = cause(alteration.column, statement, script) else { return nil }
            let name = alteration.column["colname"].text ?? ""
            return finding(
                statement, at: alteration.offset,
                "\(cause) writes every row of \(alteration.table.quoted) anew; nobody can read or write the table until it is done.",
                lock: .accessExclusive,
                instead:
                    "Add the column without it, give it the default for new rows, and fill the old ones in batches: the operation add_column with \"up\" does it. As SQL: ALTER TABLE \(alteration.table.quoted) ADD COLUMN \(Identifier(name).quoted) TYPE; then ALTER COLUMN … SET DEFAULT …; then the operation backfill."
            )
        }
    }

    private static func cause(
        _ column: ParseNode, _ statement: ScriptStatement, _ script: Script
    ) -> String? {
        if ColumnType(column["typeName"])?.isSerial == true { return "A serial column" }
        for entry in column["constraints"].items {
            let constraint = entry.cast("Constraint")
            switch constraint["contype"].text {
            case "CONSTR_IDENTITY": return "An identity column"
            case "CONSTR_GENERATED": return "A generated column that is stored"
            case "CONSTR_DEFAULT":
                if StatementReading.mayBeVolatile(constraint["raw_expr"]) {
                    return "A default that may differ from row to row"
                }
            default: continue
            }
        }
        return nil
    }
}
