import Migration
import SQLText

/// An integer primary key ends at 2,147,483,647, and widening it rewrites the table.
enum IntPrimaryKey: Rule {
    static let id = "int-primary-key"
    static let severity = Hazard.Severity.note
    static let summary =
        "An integer primary key ends at 2,147,483,647, and widening it rewrites the table."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        statement.definedConstraints.filter { $0.type == "CONSTR_PRIMARY" }.compactMap { key in
            guard key.columns.count == 1, let column = key.columns.first,
                let type = script.schema.type(of: column, in: key.table),
                ["int4", "int2"].contains(type.name)
            else { return nil }
            return finding(
                statement, at: statement.offset(key.node),
                "\(Identifier(column).quoted) is \(type.shown).",
                instead:
                    "bigint from the start; on a table in use, the operation replace_column.")
        }
    }
}
