import Migration

/// CREATE INDEX without CONCURRENTLY stops every write of the table until the index is built.
enum IndexNotConcurrent: Rule {
    static let id = "index-not-concurrent"
    static let severity = Hazard.Severity.danger
    static let summary =
        "CREATE INDEX without CONCURRENTLY stops every write of the table until the index is built."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard statement.kind == "IndexStmt", !statement.node["concurrent"].isTrue,
            let table = statement.relation, script.isLive(table, for: statement)
        else { return [] }
        // On a partitioned table, ONLY makes an entry in the catalogue and builds nothing.
        let isOnly = !statement.node["relation"]["inh"].isTrue
        return [
            finding(
                statement, severity: isOnly ? .warning : .danger,
                isOnly
                    ? "If \(table.quoted) is not partitioned, nobody can write it until the index is built."
                    : "Nobody can write \(table.quoted) until the index is built.",
                lock: .share,
                instead:
                    "CREATE INDEX CONCURRENTLY …, outside a transaction; or the operation create_index, which also clears an INVALID leftover away."
            )
        ]
    }
}
