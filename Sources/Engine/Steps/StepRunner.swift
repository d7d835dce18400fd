import Migration
import Postgres

/// Carries out one step or undo step, whatever its kind, and notes it as done in the journal.
struct StepRunner {
    let id: StepID
    let action: StepAction
    let context: StepContext

    func run() async throws {
        switch action {
        case .transaction(let action):
            try await TransactionRunner(action: action, step: id, context: context).run()
        case .buildIndex(let build):
            try await IndexRunner(step: id, context: context).build(build)
        case .dropIndex(let drop):
            try await IndexRunner(step: id, context: context).drop(drop)
        case .buildPartitionedIndex(let build):
            try await PartitionedIndexRunner(step: id, context: context).build(build)
        case .dropPartitionedIndex(let drop):
            try await PartitionedIndexRunner(step: id, context: context).drop(drop)
        case .probe(let probe):
            try await ProbeRunner(probe: probe, step: id, context: context).run()
        case .findViolators(let search):
            try await ViolatorRunner(search: search, step: id, context: context).run()
        case .fill(let fill):
            try await FillRunner(work: fill, step: id, context: context).run()
        case .copyRows(let copy):
            try await FillRunner(work: copy, step: id, context: context).run()
        case .compare(let comparison):
            try await CompareRunner(comparison: comparison, step: id, context: context).run()
        case .compareTables(let comparison):
            try await TableCompareRunner(comparison: comparison, step: id, context: context).run()
        case .outsideTransaction(let outside):
            try await runOutside(outside)
        case .checkTrigger(let check):
            try await runCheck(check)
        case .gate, .quarantine:
            // The course passes these by what was said, and never runs them.
            throw StepFailure("\(id) waits for a person; `lockkeeper advance` passes it.")
        }
    }

    /// A statement of the user's that can't be in a transaction: their `done` query decides.
    private func runOutside(_ outside: OutsideTransaction) async throws {
        try await context.sessions.with { connection in
            do {
                if try await !isDone(outside, on: connection) {
                    context.emit(.statement, id, outside.statement.sql.text)
                    try await context.fence.check(on: connection)
                    try await connection.run(outside.statement.sql)
                    guard try await isDone(outside, on: connection) else {
                        throw StepFailure(
                            "The statement ran and its `done` query still says no: \(outside.done). "
                                + "Look at the database and mend one of them.")
                    }
                }
            } catch let error as ServerError where !error.endsSession {
                throw StepFailure(error.description)
            }
            try await context.noteDone(id, on: connection)
        }
    }

    private func isDone(_ outside: OutsideTransaction, on connection: Connection) async throws
        -> Bool
    {
        let result = try await connection.query(outside.done)
        guard result.rows.count == 1, result.columns.count == 1,
            let value = result.rows.first?.values.first
        else {
            throw StepFailure(
                "The `done` query must give one row with one boolean: \(outside.done)")
        }
        return value == "t"
    }

    /// Our trigger is there, fires always, and last: a BEFORE trigger behind it undoes the sync. One of
    /// another operation of ours does not: no two of them touch the same column. On each partition, too:
    /// those are what fires.
    private func runCheck(_ check: TriggerCheck) async throws {
        try await context.sessions.with { connection in
            let row = try await connection.query(
                """
                WITH RECURSIVE \(PartitionTree.tree(of: check.table))
                SELECT coalesce(bool_and(EXISTS (
                         SELECT FROM pg_catalog.pg_trigger t
                          WHERE t.tgrelid = tree.oid AND t.tgname = $1 AND t.tgenabled = 'A')), false)
                         AS there,
                       (SELECT min(t.tgname::text) FROM pg_catalog.pg_trigger t
                          JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
                         WHERE t.tgrelid IN (SELECT oid FROM tree)
                           AND t.tgname::text COLLATE "C" > $1::text COLLATE "C"
                           AND t.tgtype & 3 = 3 AND NOT t.tgisinternal AND t.tgenabled <> 'D'
                           AND p.pronamespace <> 'lockkeeper'::pg_catalog.regnamespace) AS behind
                  FROM tree
                """, check.trigger.name
            ).onlyRow()
            guard try row.bool("there") else {
                throw StepFailure(
                    "The sync trigger \(check.trigger) on \(check.table) is gone or disabled, so the "
                        + "sides may differ. `lockkeeper rollback NAME --to expand` and running again makes it "
                        + "anew; `lockkeeper rollback NAME` goes back.")
            }
            if check.isLast, let behind = try row.optional("behind") {
                throw StepFailure(
                    "The trigger \(Identifier(behind)) on \(check.table) fires after the sync trigger "
                        + "\(check.trigger) and can undo what it does. Rename it so that it sorts "
                        + "before, then run again.")
            }
            try await context.noteDone(id, on: connection)
        }
    }
}
