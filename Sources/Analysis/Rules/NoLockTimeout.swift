import Migration

/// A strong lock is asked for without lock_timeout: while it waits, everybody waits behind it.
enum NoLockTimeout: Rule {
    static let id = "no-lock-timeout"
    static let severity = Hazard.Severity.warning
    static let summary =
        "A strong lock is asked for without lock_timeout: while it waits, everybody waits behind it."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard !statement.context.hasLockTimeout, !statement.context.isRunByUs,
            statement.index == script.firstUnboundedLock,
            let lock = script.strongLocks(statement).first
        else { return [] }
        return [
            finding(
                statement,
                "One long query on \(lock.table.quoted) is enough: this waits for it, and the whole application behind this. (Said once a file.)",
                lock: lock.mode,
                instead:
                    "SET lock_timeout = '100ms'; before it, and try again when it gives up; Lockkeeper's operations do both."
            )
        ]
    }
}
