import Migration

/// DROP INDEX without CONCURRENTLY waits for ACCESS EXCLUSIVE on the table, and everybody behind it.
enum DropIndexNotConcurrent: Rule {
    static let id = "drop-index-not-concurrent"
    static let severity = Hazard.Severity.warning
    static let summary =
        "DROP INDEX without CONCURRENTLY waits for ACCESS EXCLUSIVE on the table, and everybody behind it."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard statement.kind == "DropStmt", statement.node["removeType"].text == "OBJECT_INDEX",
            !statement.node["concurrent"].isTrue
        else { return [] }
        let names = statement.node["objects"].items.compactMap {
            RelationName(parts: $0.cast("List")["items"].names)
        }
        guard let index = names.first(where: { !script.createsIndex($0.name) }) else { return [] }
        return [
            finding(
                statement,
                "It is brief once it has its lock, but while it waits for a running statement, everybody who wants the table waits behind it.",
                lock: .accessExclusive,
                instead: "DROP INDEX CONCURRENTLY \(index.quoted);  -- outside a transaction")
        ]
    }
}
