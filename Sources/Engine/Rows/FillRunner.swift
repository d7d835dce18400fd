import Foundation
import Migration
import Postgres

/// Walks a table and fills or copies its rows, each batch committed together with its cursor.
///
/// `.physical`: our trigger is in place, so every row version written after the extent was measured
/// is filled already; the blocks below it are walked once. Without a trigger (`.key`, `.repeated`)
/// a row can move past the walk: passes over all blocks are repeated until one fills nothing. (A walk
/// along a key would read an index and still miss rows inserted behind it.)
struct FillRunner {
    let work: any BatchedWork
    let step: StepID
    /// What the table's cursor is called in the journal.
    let cursor: String
    let context: StepContext

    /// Rows that moved past a walk are met in the next pass or two; more of them are written anew.
    private static let patientPasses = 4

    init(work: any BatchedWork, step: StepID, cursor: String? = nil, context: StepContext) {
        self.work = work
        self.step = step
        self.cursor = cursor ?? step
        self.context = context
    }

    func run() async throws {
        let tally = FillTally(step: step, work: work, context: context)
        try await context.sessions.with { connection in
            if work.isPartitioned {
                try await fillPartitions(tally, on: connection)
            } else {
                repeat {
                    guard let record = try await begin(on: connection) else { break }
                    tally.begin(record)
                    try await walk(RangeQueue(record.left), tally)
                    try await revisit(tally, on: connection)
                } while try await !isComplete(on: connection)
            }
            tally.finish()
            try await tellEnd(on: connection)
            try await context.noteDone(step, on: connection)
        }
    }

    /// The cursor, made where there is none, and begun anew where the table was rewritten (VACUUM
    /// FULL, CLUSTER) since it was measured, or was measured for a pass before. Nil for a partition
    /// that is gone.
    func begin(pass: Int = 1, on connection: Connection) async throws -> FillRecord? {
        guard let node = try await filenode(on: connection) else { return nil }
        if let record = try await FillRecord.load(cursor, of: context.migration, on: connection),
            record.relfilenode == node, record.pass >= pass
        {
            return record
        }
        do {
            try await measure(pass: pass, on: connection)
        } catch let error as ServerError
            where error.sqlState == .undefinedTable && work.whole != nil
        {
            await connection.rollBackIfOpen()
            return nil
        }
        guard let record = try await FillRecord.load(cursor, of: context.migration, on: connection)
        else { throw DecodingFailure(message: "the cursor of \(cursor) is not in the journal") }
        return record
    }

    func filenode(on connection: Connection) async throws -> Int? {
        try await connection.query("SELECT \(FillRecord.filenode(of: work)) AS node").onlyRow()
            .optionalInt("node")
    }

    private func measure(pass: Int, on connection: Connection) async throws {
        if pass > Self.patientPasses {
            context.emit(
                .throttled, step,
                "Pass \(pass) over \(work.table): each one so far found rows to be \(work.participle). Something goes on writing them; it ends when that stops.",
                ["signal": .string("rows written meanwhile"), "value": .int(pass), "limit": .null])
        }
        try await context.fence.begin(on: connection)
        try await connection.inTransactionMessage([
            FillRecord.measure(work, cursor, of: context.migration, pass: pass), "COMMIT",
        ])
    }

    /// Whether nothing is left; else the next pass is prepared.
    private func isComplete(on connection: Connection) async throws -> Bool {
        guard let record = try await FillRecord.load(cursor, of: context.migration, on: connection)
        else { return false }
        if try await filenode(on: connection) != record.relfilenode { return false }
        if work.walk == .physical { return true }
        if record.rowsInPass == 0, try await !isAnyLeft(on: connection) { return true }
        try await measure(pass: record.pass + 1, on: connection)
        return false
    }

    private func isAnyLeft(on connection: Connection) async throws -> Bool {
        guard let question = work.endQuestion else { return false }
        return try await connection.query(question).onlyRow().bool("is_any_left")
    }

    private func tellEnd(on connection: Connection) async throws {
        guard let closing = work.closing else { return }
        for row in try await connection.query(closing).rows {
            context.emit(.statement, step, "\(work.table): \(try row.string("finding"))")
        }
    }

    // MARK: workers

    /// As many workers as the settings say at each moment, until every block has been handed out.
    func walk(_ queue: RangeQueue, _ tally: FillTally) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var running = 0
            while true {
                let wanted = queue.isEmpty ? 0 : max(1, context.control.settings.backfill.workers)
                while running < wanted {
                    group.addTask { try await fill(queue, tally, ofWorkers: wanted) }
                    running += 1
                }
                guard running > 0 else { return }
                try await group.next()
                running -= 1
            }
        }
    }

    private func fill(_ queue: RangeQueue, _ tally: FillTally, ofWorkers workers: Int) async throws
    {
        try await context.sessions.with { connection in
            try await fill(queue, tally, ofWorkers: workers, on: connection)
        }
    }

    /// On the connection's queue from batch to batch: dozens come a second.
    private func fill(
        _ queue: RangeQueue, _ tally: FillTally, ofWorkers workers: Int,
        on connection: isolated Connection
    ) async throws {
        let batch = FillBatch(
            work: work, step: step, cursor: cursor, context: context, connection: connection)
        while context.control.settings.backfill.workers == workers {
            try await context.control.checkpoint(.writing, tally.hold)
            guard let range = queue.take(tally.nextBlocks) else { return }
            switch try await batch.run(
                range, patience: tally.patience, limit: tally.limit(for: range))
            {
            case .done(let outcome):
                tally.finished(range, outcome)
                tally.hold(nil)
            case .tooSlow:
                queue.giveBack(range)
                tally.gaveUp(range, contended: false)
            case .moved: queue.giveBack(range)
            case .contended:
                queue.giveBack(range)
                tally.gaveUp(range, contended: true)
                tally.hold(.contended(work.table))
            case .tableLocked:
                queue.giveBack(range)
                tally.hold(.tableLocked(work.table))
                try await Task.sleep(for: .milliseconds(200))
                tally.hold(nil)
            case .rewritten:
                queue.clear()
                return
            }
            try await vacuum(tally, on: connection)
            let pause = context.control.settings.backfill.pauseMilliseconds
            if pause > 0 { try await Task.sleep(for: .milliseconds(pause)) }
        }
    }

    // MARK: rows that others had locked

    /// Visits skipped ranges again until none is left. A row is released filled (its writer fired
    /// our trigger), or unfilled and free.
    func revisit(_ tally: FillTally, on connection: Connection) async throws {
        let batch = FillBatch(
            work: work, step: step, cursor: cursor, context: context, connection: connection)
        while true {
            let record = try await FillRecord.load(cursor, of: context.migration, on: connection)
            guard let record, !record.skipped.isEmpty else { return }
            let queue = RangeQueue(record.skipped)
            while let range = queue.take(tally.nextBlocks) {
                try await context.control.checkpoint(.writing, tally.hold)
                switch try await batch.run(range, skippingLocked: true, patience: tally.patience) {
                case .done(let outcome):
                    tally.revisited(outcome)
                    if outcome.skipped > 0 {
                        tally.hold(.rowsLocked(outcome.skipped, work.table))
                        try await Task.sleep(for: .milliseconds(100))
                    }
                case .contended, .tooSlow:
                    tally.gaveUp(range, contended: true)
                    tally.hold(.contended(work.table))
                    try await Task.sleep(for: .milliseconds(100))
                case .tableLocked: try await Task.sleep(for: .milliseconds(200))
                // Still noted as skipped: it is met again.
                case .moved: continue
                case .rewritten: return
                }
            }
            tally.hold(nil)
        }
    }

    // MARK: bloat

    /// Tables smaller than this are not vacuumed on the way: 8 MB.
    private static let smallTable = 1024

    /// VACUUM after each share of the table that the settings name, so that new row versions take
    /// the place of old ones: measured 2.06 times the table's size without, 1.16 with ten. Takes
    /// SHARE UPDATE EXCLUSIVE, and only if it is free: where somebody else vacuums, there is no need.
    nonisolated(nonsending) private func vacuum(_ tally: FillTally, on connection: Connection)
        async throws
    {
        guard work.writesTable,
            let percent = context.control.settings.backfill.vacuumEveryPercent,
            let due = tally.takeVacuum(everyPercent: percent, smallest: Self.smallTable)
        else { return }
        tally.note(vacuuming: true)
        defer { tally.note(vacuuming: false) }
        // No parallel workers: the operator has said how many sessions may work.
        try await connection.run("VACUUM (TRUNCATE off, SKIP_LOCKED, PARALLEL 0) \(work.table)")
        try await connection.run(FillRecord.noteVacuum(cursor, of: context.migration, at: due))
    }
}
