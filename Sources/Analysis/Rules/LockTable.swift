import Migration

/// LOCK TABLE in a strong mode holds up the application until the transaction ends.
enum LockTable: Rule {
    static let id = "lock-table"
    static let severity = Hazard.Severity.warning
    static let summary =
        "LOCK TABLE in a strong mode holds up the application until the transaction ends."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard statement.kind == "LockStmt" else { return [] }
        return script.strongLocks(statement).prefix(1).map { table, mode in
            finding(
                statement,
                "Statements on \(table.quoted) wait until this transaction ends, whatever it does meanwhile.",
                lock: mode,
                instead:
                    "Let each statement take the lock that it needs, in a transaction of its own with a short lock_timeout; to keep two migrations apart: SELECT pg_advisory_xact_lock(1);"
            )
        }
    }
}
