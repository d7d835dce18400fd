import Monitor

extension Blocker {
    init(_ holder: LockHolder) {
        self.init(
            pid: holder.pid, user: holder.user, application: holder.application,
            state: holder.condition, ageSeconds: holder.transactionAge, lock: holder.mode,
            query: holder.query)
    }
}

extension LockRequestView {
    /// `waits for ACCESS EXCLUSIVE on public.orders (try 2): pid 7341, …`
    var sentence: String {
        let first = blockers.first.map { blocker in
            let who = blocker.pid == 0 ? blocker.state : "pid \(blocker.pid) (\(blocker.state))"
            let age = blocker.ageSeconds.map { ", \(Int($0)) s in its transaction" } ?? ""
            let more = blockers.count > 1 ? " and \(blockers.count - 1) more" : ""
            return "\(who)\(age)\(more) is in the way"
        }
        let when = attempt == 0 ? "not asked yet" : "try \(attempt)"
        return "\(lock) on \(table), \(when): "
            + (first ?? standby ?? "not to be had within \(budgetMilliseconds) ms")
    }

    var fields: [String: JSONValue] {
        [
            "lock": .string(lock), "table": .string(table), "try": .int(attempt),
            "budget_ms": .int(budgetMilliseconds),
            "blockers": .array(
                blockers.map {
                    .object([
                        "pid": .int($0.pid), "user": JSONValue($0.user),
                        "application": .string($0.application), "state": .string($0.state),
                        "age_seconds": JSONValue($0.ageSeconds), "lock": .string($0.lock),
                        "query": JSONValue($0.query),
                    ])
                }),
            "queued": .array(queued.map { .int($0) }), "standby": JSONValue(standby),
        ]
    }
}

extension LockHolder {
    /// What it is or does, in PostgreSQL's words.
    var condition: String {
        if let prepared { return "prepared transaction \(prepared)" }
        if preventsWraparound { return "autovacuum to prevent wraparound" }
        if isAutovacuum { return "autovacuum" }
        return state ?? "state not visible: GRANT pg_read_all_stats shows it"
    }
}
