import Migration

/// REFRESH MATERIALIZED VIEW without CONCURRENTLY lets nobody read the view until its query is done.
enum RefreshNotConcurrent: Rule {
    static let id = "refresh-not-concurrent"
    static let severity = Hazard.Severity.danger
    static let summary =
        "REFRESH MATERIALIZED VIEW without CONCURRENTLY lets nobody read the view until its query is done."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard statement.kind == "RefreshMatViewStmt", !statement.node["concurrent"].isTrue,
            let view = statement.relation, script.isLive(view, for: statement)
        else { return [] }
        return [
            finding(
                statement,
                "Whoever reads \(view.quoted) waits until its whole query has run.",
                lock: .accessExclusive,
                instead:
                    "REFRESH MATERIALIZED VIEW CONCURRENTLY \(view.quoted);  -- it needs a unique index without WHERE"
            )
        ]
    }
}
