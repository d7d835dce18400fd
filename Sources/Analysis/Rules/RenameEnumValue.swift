import Migration
import SQLText

/// RENAME VALUE of an enumeration breaks every running version that says the old value.
enum RenameEnumValue: Rule {
    static let id = "rename-enum-value"
    static let severity = Hazard.Severity.danger
    static let summary =
        "RENAME VALUE of an enumeration breaks every running version that says the old value."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard statement.kind == "AlterEnumStmt", let old = statement.node["oldVal"].text else {
            return []
        }
        return [
            finding(
                statement,
                "At the commit, statements that say \(SQL.literal(old)) are errors, and rows show the new word to code that does not know it.",
                instead:
                    "ALTER TYPE … ADD VALUE the new word, let every version understand both, then change the rows in batches (operation backfill)."
            )
        ]
    }
}
