import Migration

/// DROP of a table or view breaks every running version that names it, and its rows are gone.
enum DropTable: Rule {
    static let id = "drop-table"
    static let severity = Hazard.Severity.danger
    static let summary =
        "DROP of a table or view breaks every running version that names it, and its rows are gone."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard statement.kind == "DropStmt",
            ["OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"].contains(
                statement.node["removeType"].text)
        else { return [] }
        return statement.node["objects"].items.compactMap { entry in
            guard let table = RelationName(parts: entry.cast("List")["items"].names),
                script.isLive(table, for: statement)
            else { return nil }
            return finding(
                statement,
                "Statements that say \(table.quoted) are errors from then on; tables that its foreign keys point to are locked as well.",
                lock: .accessExclusive,
                instead:
                    "ALTER TABLE … RENAME it out of the way first, wait until nothing has missed it, and drop it then; silence this rule with that reason."
            )
        }
    }
}
