import Foundation
import Migration
import Monitor
import Postgres

/// Runs a step's statements in one transaction together with its journal row: exactly once,
/// whatever dies.
struct TransactionRunner {
    let action: TransactionAction
    let step: StepID
    let context: StepContext
    /// False where the step goes on after it: the catalogue then tells what is done.
    var isWholeStep = true

    func run() async throws {
        for statement in action.statements {
            context.emit(.statement, step, statement.sql.text)
        }
        try await context.sessions.with { connection in
            if action.stallsApplication {
                try await context.sessions.with { eye in
                    try await acquireAndRun(on: connection, watchedBy: eye)
                }
            } else {
                try await runPatiently(on: connection)
            }
        }
    }

    /// Statements whose locks no ordinary statement waits for (VALIDATE, ANALYZE): they may wait and
    /// scan as long as they need.
    private func runPatiently(on connection: Connection) async throws {
        try await context.fence.begin(on: connection)
        do {
            try await connection.inTransactionMessage(
                action.statements.map(\.sql) + ending)
        } catch let error as ServerError where !error.endsSession {
            throw StepFailure(try await explained(error, on: connection))
        }
    }

    /// The server names a row that breaks a constraint only sometimes; the step knows how to ask which.
    private func explained(_ error: ServerError, on connection: Connection) async throws -> String {
        guard error.sqlState.conditionClass == "23", let search = action.violators else {
            return error.description
        }
        await connection.rollBackIfOpen()
        return try await search.message(on: connection) ?? error.description
    }

    /// What ends the transaction: the extents of fills that begin here, and the journal's row.
    private var ending: [SQL] {
        context.plan.fills(action.measures).map {
            FillRecord.measure($0.work, $0.step, of: context.migration)
        }
            + (isWholeStep ? [Journal.note(.done, step: step, of: context.migration)] : [])
            + ["COMMIT"]
    }

    // MARK: locks that stall the application

    private func acquireAndRun(on connection: Connection, watchedBy eye: Connection) async throws {
        var acquisition = LockAcquisition(seed: UInt64.random(in: .min ... .max))
        let since = Date()
        defer { context.control.change { $0.lockRequest = nil } }
        var next = acquisition.begin()
        var overruns = 0
        while true {
            try Task.checkCancellation()
            let budget = Duration.milliseconds(context.control.settings.stallBudgetMilliseconds)
            switch next {
            case .look:
                try await context.control.whilePaused()
                let holders = try await holders(on: connection)
                let standby = try await standbys.reasonToWait(on: connection)
                next = acquisition.looked(holders, standby: standby, budget: budget)
                // A standby that streams has the lock of the step before in a moment.
                let isWorthTelling = standby == nil || -since.timeIntervalSinceNow > 1
                if case .rest = next, isWorthTelling {
                    report(acquisition, since: since, isQueued: false)
                }
            case .rest(let duration):
                try await Task.sleep(for: duration)
                next = .look
            case .ask:
                report(acquisition, since: since, isQueued: true)
                let waits = Task { try await behindUs(at: budget * 0.8, of: budget, seenBy: eye) }
                let (answer, queued) = try await ask(on: connection, budget: budget)
                if answer == .done { waits.cancel() }
                let seen = await waits.result
                switch answer {
                case .done:
                    try await standbys.noteCommit(on: connection)
                    return
                case .refused: break
                case .overrun(let statement):
                    // The first time the locks may have taken most of the budget.
                    overruns += 1
                    if overruns > mostOverruns { throw overran(statement, budget) }
                }
                var behind: [Int] = []
                if case .success(let waits) = seen {
                    behind = waits.map(\.pid)
                    if let wait = waits.map(\.milliseconds).max() { context.control.noteWait(wait) }
                }
                next = acquisition.refused(after: queued)
                report(acquisition, since: since, isQueued: false, behind: behind)
            }
        }
    }

    private var standbys: StandbyWatch {
        StandbyWatch(action: action, control: context.control)
    }

    /// Statements that scan or rewrite will not be quicker the next time. Many that only change the
    /// catalogue (the swap of a copied table has some sixty) may meet a busy moment.
    private var mostOverruns: Int {
        action.scans == nil && !action.rewrites ? max(1, action.statements.count / 10) : 1
    }

    private enum Answer: Equatable {
        case done
        /// The locks could not be had in time; nothing is left of the try.
        case refused
        /// The locks were had, and then the budget ended in this statement; nothing is left either.
        case overrun(String)
    }

    /// One try: one message, so that a strong lock is never held while we think, freeze or die. All
    /// of it together takes at most the budget: both timeouts count each statement apart (manual,
    /// "statement_timeout"; seen: three statements of 60 ms stalled the application 190 ms under a
    /// budget of 100), so each is given what the ones before it have left.
    ///
    /// Returns also how long it was in the queue for a lock that stalls the application.
    private func ask(on connection: Connection, budget: Duration) async throws -> (Answer, Duration)
    {
        let milliseconds = Int(budget / .milliseconds(1))
        // Before the transaction: the count is true even of a try that is refused.
        try await context.fence.run(
            [Journal.countTry(step: step, of: context.migration)], on: connection)
        do {
            try await context.fence.begin(
                on: connection,
                ["SET LOCAL lock_timeout = '3s'", "SET LOCAL statement_timeout = '5s'"])
            try await connection.run(displacing)
        } catch let error as ServerError where error.isLockRefusal {
            await connection.rollBackIfOpen()
            return (.refused, .zero)
        }
        let before: [SQL] = [
            "SET LOCAL lock_timeout = \(milliseconds)",
            // A standby that replays ACCESS EXCLUSIVE waits for its own queries; with remote_apply
            // our COMMIT would wait for it, with the lock held here.
            "SET LOCAL synchronous_commit = local",
        ]
        let statements = strongLocks + action.statements.map(\.sql) + [waitersBehindUs]
        let timed = statements.flatMap { [timeLeft(of: milliseconds), $0] }
        let began = ContinuousClock.now
        do {
            let results = try await connection.inTransactionMessage(before + timed + ending)
            let seen = results[before.count + timed.count - 1].rows.first
            if let wait = try seen?.optionalDouble("worst") { context.control.noteWait(wait) }
            return (.done, ContinuousClock.now - began)
        } catch let error as ServerError where error.isLockRefusal {
            let number = (error.completedStatements - before.count) / 2 - strongLocks.count
            let queued = ContinuousClock.now - began
            guard number >= 0, error.sqlState == .queryCanceled else { return (.refused, queued) }
            let isOurs = action.statements.indices.contains(number)
            return (
                .overrun(isOurs ? action.statements[number].sql.text : "the journal's row"), queued
            )
        } catch let error as ServerError where !error.endsSession {
            throw StepFailure(try await explained(error, on: connection))
        }
    }

    private func overran(_ statement: String, _ budget: Duration) -> StepFailure {
        StepFailure(
            "This ran longer than stall_budget (\(Int(budget / .milliseconds(1))) ms, all statements "
                + "of the step together) with its lock held, and was undone: \(statement). Raise "
                + "settings.stall_budget (`lockkeeper set NAME stall_budget=…`), or choose a form "
                + "that neither scans nor rewrites.")
    }

    /// Views first, then tables in their global order, then sequences, before the statements take
    /// them in theirs.
    private var strongLocks: [SQL] {
        let strong = action.locks.filter { $0.mode.stallsApplication }
        let sequences = strong.filter { action.sequences.contains($0.table) }
        let tables = strong.filter { isTable($0.table) }
        return strong.filter { action.views.contains($0.table) }.map {
            lock(ownerOf: $0.table, "v")
        }
            + (tables.isEmpty ? [] : [lock(tables)])
            + sequences.map {
                $0.mode == .accessExclusive
                    ? lock(ownerOf: $0.table, "S") : lock(columnOf: $0.table)
            }
    }

    /// SHARE ROW EXCLUSIVE on a sequence: that it belongs to the column to which it belongs is the
    /// ALTER SEQUENCE that changes nothing.
    private func lock(columnOf sequence: QualifiedName) -> SQL {
        SQL.block(
            """
            DECLARE
              holder text := (
                SELECT pg_catalog.format('%s.%I', a.attrelid::pg_catalog.regclass, a.attname)
                  FROM pg_catalog.pg_depend d
                  JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                 WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.deptype = 'a'
                   AND d.objid = pg_catalog.to_regclass(\(literal: sequence.quoted))::pg_catalog.oid);
            BEGIN
              IF holder IS NOT NULL THEN
                EXECUTE pg_catalog.format('ALTER SEQUENCE %s OWNED BY %s', \(literal: sequence.quoted), holder);
              END IF;
            END
            """)
    }

    private func isTable(_ name: QualifiedName) -> Bool {
        !action.views.contains(name) && !action.sequences.contains(name)
    }

    /// ACCESS EXCLUSIVE on a view alone, or on a sequence. LOCK TABLE would lock the tables beneath a
    /// view as well, and takes no sequence (manual, "LOCK"); an owner that stays who it was is the
    /// ALTER TABLE that changes nothing.
    private func lock(ownerOf relation: QualifiedName, _ kind: SQL) -> SQL {
        SQL.block(
            """
            DECLARE
              owner text := (SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class
                              WHERE oid = pg_catalog.to_regclass(\(literal: relation.quoted))::pg_catalog.oid AND relkind = '\(kind)');
            BEGIN
              IF owner IS NOT NULL THEN
                EXECUTE pg_catalog.format('ALTER TABLE %s OWNER TO %I', \(literal: relation.quoted), owner);
              END IF;
            END
            """)
    }

    /// Locks tables, in their order, where our role may: of one that a foreign key only references it
    /// need not have the right, and the statement itself then takes the lock; as it does of an index,
    /// which LOCK TABLE can't. A partition that is gone needs no lock.
    ///
    /// One statement: of a table with hundreds of partitions the messages alone would take the budget.
    private func lock(_ locks: [TableLock]) -> SQL {
        let wanted = locks.enumerated().map { place, lock in
            "(\(place), pg_catalog.to_regclass(\(literal: lock.table.quoted))::pg_catalog.oid, \(literal: lock.mode.rawValue))"
                as SQL
        }
        return SQL.block(
            """
            DECLARE wanted record; BEGIN
              FOR wanted IN
                SELECT c.oid::pg_catalog.regclass AS name, w.mode
                  FROM (VALUES \(wanted.joined(separator: ", "))) w(place, oid, mode)
                  JOIN pg_catalog.pg_class c ON c.oid = w.oid AND c.relkind IN ('r', 'p', 'v')
                 WHERE pg_catalog.has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')
                 ORDER BY w.place
              LOOP
                EXECUTE pg_catalog.format('LOCK TABLE ONLY %s IN %s MODE', wanted.name, wanted.mode);
              END LOOP;
            END
            """)
    }

    /// Gives the next statement what is left of the budget since this message arrived.
    private func timeLeft(of milliseconds: Int) -> SQL {
        """
        SELECT pg_catalog.set_config('statement_timeout', greatest(1, pg_catalog.ceil(
          \(milliseconds)::numeric - 1000::numeric * extract(epoch FROM pg_catalog.clock_timestamp()
            - pg_catalog.statement_timestamp())))::text, true)
        """
    }

    /// SHARE UPDATE EXCLUSIVE on every table that we may lock so: it ends an autovacuum of it after
    /// `deadlock_timeout` and keeps the next one out, and no ordinary statement waits for it. Of an index
    /// its table's: a VACUUM of that has the index locked too.
    private var displacing: [SQL] {
        let relations = action.locks.filter {
            $0.mode.stallsApplication && isTable($0.table)
        }
        guard !relations.isEmpty else { return [] }
        let wanted = relations.enumerated().map { place, lock in
            "(\(place), pg_catalog.to_regclass(\(literal: lock.table.quoted))::pg_catalog.oid)"
                as SQL
        }
        return [
            SQL.block(
                """
                DECLARE wanted record; BEGIN
                  FOR wanted IN
                    SELECT coalesce(i.indrelid, w.oid)::pg_catalog.regclass AS name
                      FROM (VALUES \(wanted.joined(separator: ", "))) w(place, oid)
                      LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = w.oid
                     WHERE pg_catalog.has_table_privilege(
                             coalesce(i.indrelid, w.oid), 'UPDATE, DELETE, TRUNCATE')
                     ORDER BY w.place
                  LOOP
                    EXECUTE pg_catalog.format(
                      'LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', wanted.name);
                  END LOOP;
                END
                """)
        ]
    }

    /// How long the oldest session waits behind the locks that this transaction holds, milliseconds.
    private var waitersBehindUs: SQL {
        let tables = action.locks.map {
            "pg_catalog.to_regclass(\(literal: $0.table.quoted))::pg_catalog.oid" as SQL
        }
        .joined(separator: ", ")
        let ours = context.control.read(\.ownPIDs).sorted().map { "\($0)" as SQL }.joined(
            separator: ", ")
        return """
            SELECT extract(epoch FROM max(pg_catalog.clock_timestamp() - waitstart)) * 1000::numeric AS worst
              FROM pg_catalog.pg_locks
             WHERE NOT granted AND relation = ANY (ARRAY[\(tables)]::oid[])
               AND pid <> ALL (ARRAY[\(ours)]::int[])
            """
    }

    private struct Wait: Sendable {
        let pid: Int
        let milliseconds: Double
    }

    /// Who waits behind our request, and for how long they will have when its budget ends, as another
    /// session sees it shortly before. Those that were in the queue before us do not wait for us.
    private func behindUs(at moment: Duration, of budget: Duration, seenBy eye: Connection)
        async throws -> [Wait]
    {
        try await Task.sleep(for: moment)
        let queued = try await LockLook.queued(
            behind: context.control.read(\.ownPIDs), on: eye)
        let (rest, most) = ((budget - moment) / .milliseconds(1), budget / .milliseconds(1))
        return queued.map {
            Wait(pid: $0.pid, milliseconds: min(($0.waitAge ?? 0) * 1000 + rest, most))
        }
    }

    private func holders(on connection: Connection) async throws -> [LockHolder] {
        try await LockLook.look(
            on: connection,
            wanted: action.locks.filter { $0.mode.stallsApplication }
                .map { WantedLock(table: $0.table, mode: $0.mode.rawValue) },
            ours: context.control.read(\.ownPIDs)
        ).holders
    }

    private func report(
        _ acquisition: LockAcquisition, since: Date, isQueued: Bool, behind: [Int] = []
    ) {
        guard let strongest = action.locks.max(by: { $0.mode < $1.mode }) else { return }
        let control = context.control
        let queued = control.read { state in
            Set(state.picture?.waits(behind: state.ownPIDs).map(\.pid) ?? []).union(behind).sorted()
        }
        let request = LockRequestView(
            step: step, lock: strongest.mode.rawValue, table: strongest.table.quoted,
            attempt: acquisition.attempts,
            budgetMilliseconds: control.settings.stallBudgetMilliseconds,
            since: since, isQueued: isQueued,
            blockers: acquisition.blockers.map(Blocker.init), queued: queued,
            standby: acquisition.standby)
        let before = control.read(\.lockRequest)
        control.change { $0.lockRequest = request }
        guard
            before?.attempt != request.attempt
                || before?.blockers.map(\.pid) != request.blockers.map(\.pid)
                || (before?.standby == nil) != (request.standby == nil) || !behind.isEmpty
        else { return }
        // The first try usually succeeds at once: no line for that.
        if isQueued && acquisition.attempts <= 1 { return }
        context.emit(.lockWait, step, request.sentence, request.fields)
    }
}

extension ServerError {
    /// The locks were not to be had in time. Where both timeouts tie, the server says 57014.
    var isLockRefusal: Bool {
        sqlState == .lockNotAvailable || sqlState == .queryCanceled || sqlState == .deadlockDetected
    }
}
