import Migration

/// A concurrent index build under lock_timeout gives up on an old transaction and leaves an INVALID index.
enum ConcurrentWithLockTimeout: Rule {
    static let id = "concurrent-with-lock-timeout"
    static let severity = Hazard.Severity.warning
    static let summary =
        "A concurrent index build under lock_timeout gives up on an old transaction and leaves an INVALID index."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard ["IndexStmt", "ReindexStmt"].contains(statement.kind),
            statement.reading.kind.hasSuffix("CONCURRENTLY"), statement.context.hasLockTimeout
        else { return [] }
        return [
            finding(
                statement,
                "It waits for every older transaction, on other tables too; the waiting stops nobody, but lock_timeout ends it.",
                lock: .shareUpdateExclusive,
                instead: "SET lock_timeout = 0; before it, or the operation create_index.")
        ]
    }
}
