import Migration

/// DROP DATABASE ends everything that is in it.
enum DropDatabase: Rule {
    static let id = "drop-database"
    static let severity = Hazard.Severity.danger
    static let summary =
        "DROP DATABASE ends everything that is in it."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard statement.kind == "DropdbStmt" else { return [] }
        return [
            finding(
                statement, "There is no way back but a backup.",
                instead: "ALTER DATABASE … RENAME TO … keeps it until nobody has missed it.")
        ]
    }
}
