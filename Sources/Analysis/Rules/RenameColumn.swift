import Migration
import SQLText

/// RENAME of a column breaks every running version of the application that says the old name.
enum RenameColumn: Rule {
    static let id = "rename-column"
    static let severity = Hazard.Severity.danger
    static let summary =
        "RENAME of a column breaks every running version of the application that says the old name."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard statement.kind == "RenameStmt",
            statement.node["renameType"].text == "OBJECT_COLUMN",
            ["OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_FOREIGN_TABLE"].contains(
                statement.node["relationType"].text),
            let table = statement.relation, script.isLive(table, for: statement)
        else { return [] }
        let old = Identifier(statement.node["subname"].text ?? "").quoted
        let new = Identifier(statement.node["newname"].text ?? "").quoted
        return [
            finding(
                statement,
                "At the commit, statements that say \(old) are errors; code that says \(new) can't be out before it.",
                lock: .accessExclusive,
                instead:
                    "Use the operation replace_column with {name: \(new)}: both names hold the same values until no version says \(old)."
            )
        ]
    }
}
