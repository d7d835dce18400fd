import Migration
import SQLText

/// DROP COLUMN breaks every running version that names the column, and its values are gone.
enum DropColumn: Rule {
    static let id = "drop-column"
    static let severity = Hazard.Severity.danger
    static let summary =
        "DROP COLUMN breaks every running version that names the column, and its values are gone."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        alterations(["DropColumn"], statement, script).compactMap { alteration in
            let column = alteration.node["name"].text ?? ""
            // Nobody uses what this very file added.
            let added = script.schema[alteration.table].added[column] ?? statement.index
            guard added >= statement.index else { return nil }
            return finding(
                statement, at: alteration.offset,
                "Statements that say \(Identifier(column).quoted), and prepared SELECT *, are errors from then on; there is no way back but a backup.",
                lock: .accessExclusive,
                instead:
                    "Where another column takes its place, use the operation replace_column: it keeps the old one in quarantine until you purge it. Otherwise retire every version that names it first, and silence this rule with that reason."
            )
        }
    }
}
