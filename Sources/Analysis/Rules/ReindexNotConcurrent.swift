import Migration

/// REINDEX without CONCURRENTLY stops writes of the table, and reads that would use the index.
enum ReindexNotConcurrent: Rule {
    static let id = "reindex-not-concurrent"
    static let severity = Hazard.Severity.danger
    static let summary =
        "REINDEX without CONCURRENTLY stops writes of the table, and reads that would use the index."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard statement.kind == "ReindexStmt",
            !statement.reading.kind.hasSuffix("CONCURRENTLY")
        else { return [] }
        if statement.node["kind"].text == "REINDEX_OBJECT_TABLE", let table = statement.relation,
            !script.isLive(table, for: statement)
        {
            return []
        }
        return [
            finding(
                statement, "Writers of the table wait, and so do readers that want the index.",
                lock: .accessExclusive,
                instead: "REINDEX … CONCURRENTLY, outside a transaction.")
        ]
    }
}
