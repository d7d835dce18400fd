import Migration
import Postgres

/// One backfill transaction: a range of blocks filled, and the cursor moved over it.
///
/// It waits for a row's lock at most `rowLockWait`, far less than `deadlock_timeout`: so it can't be
/// part of a deadlock that makes the application the victim. What it can't have at once is redone
/// skipping the locked rows, and the range is noted to be visited again.
///
/// It runs where its caller does: on the connection's own queue nothing is handed from thread to thread
/// for it.
struct FillBatch {
    /// Milliseconds.
    static let rowLockWait = 5

    struct Outcome {
        var rows: Int
        /// Rows that others had locked.
        var skipped: Int
        /// On the server, from the statement's arrival to its end.
        var workMilliseconds: Double
    }

    enum Result {
        case done(Outcome)
        /// Somebody has a lock on the whole table, or asks for one.
        case tableLocked
        /// A row that the table's own triggers write was locked for longer than the batch waits.
        case contended
        /// A row that it waited for has moved to another partition.
        case moved
        /// It took several times what a batch should, and was undone.
        case tooSlow
        /// The table has been rewritten since it was measured: its blocks are others now. Or the
        /// partition is none any more.
        case rewritten
    }

    let work: any BatchedWork
    let step: StepID
    /// What the table's cursor is called in the journal.
    let cursor: String
    let context: StepContext
    let connection: Connection
    /// What comes before the range's own statement. A strong lock is waited for by this first touch of
    /// the table, and the rewrite that it may have been for is seen by the second statement: the table
    /// can't change after that.
    private let opening: [SQL]

    init(
        work: any BatchedWork, step: StepID, cursor: String, context: StepContext,
        connection: Connection
    ) {
        self.work = work
        self.step = step
        self.cursor = cursor
        self.context = context
        self.connection = connection
        opening = [
            "LOCK TABLE ONLY \(work.table) IN ROW EXCLUSIVE MODE",
            "SELECT \(FillRecord.filenode(of: work)) AS node, b.relfilenode AS measured FROM lockkeeper.backfills b WHERE b.migration = \(context.migration) AND b.step = \(literal: cursor)",
        ]
    }

    /// - Parameters:
    ///   - patience: how long it waits for a row's lock, milliseconds; stays under a second, PostgreSQL's
    ///     `deadlock_timeout`.
    ///   - limit: how long its statement may take, milliseconds; nil for as long as it needs.
    nonisolated(nonsending) func run(
        _ range: BlockRange, skippingLocked: Bool = false, patience: Int = rowLockWait,
        limit: Int? = nil
    ) async throws -> Result {
        do {
            return try await attempt(
                range, skippingLocked: skippingLocked, patience: patience, limit: limit)
        } catch let error as ServerError
            where error.sqlState == .lockNotAvailable || error.sqlState == .deadlockDetected
        {
            await connection.rollBackIfOpen()
            if error.completedStatements == 0, error.sqlState == .lockNotAvailable {
                return .tableLocked
            }
            // Skipping, only rows that a trigger writes can still be in the way.
            if skippingLocked { return .contended }
            return try await run(range, skippingLocked: true, patience: patience, limit: limit)
        } catch let error as ServerError where error.sqlState == .serializationFailure {
            // A row that the batch waited for has moved to another partition: the application has changed
            // its partition key. Asked again, it is not here any more.
            await connection.rollBackIfOpen()
            return .moved
        } catch let error as ServerError
            where error.sqlState == .undefinedTable && work.whole != nil
            && error.completedStatements == 0
        {
            await connection.rollBackIfOpen()
            return .rewritten
        } catch let error as ServerError where error.sqlState == .queryCanceled && limit != nil {
            await connection.rollBackIfOpen()
            return .tooSlow
        } catch let error as ServerError where !error.endsSession {
            await connection.rollBackIfOpen()
            throw StepFailure(
                "A row in blocks \(range.from) to \(range.to) of \(work.table) can't be \(work.participle): "
                    + "\(error.description). Mend the row or the expression and run again; "
                    + "everything before it is kept.")
        } catch {
            await connection.rollBackIfOpen()
            throw error
        }
    }

    nonisolated(nonsending) private func attempt(
        _ range: BlockRange, skippingLocked: Bool, patience: Int, limit: Int?
    ) async throws -> Result {
        let update = skippingLocked ? work.updateSkippingLocked(range) : work.update(range)
        let statements: [SQL] =
            opening + [
                update,
                """
                SELECT extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp())
                  * 1000::numeric AS work
                """,
            ]
        // In one message with the transaction's beginning: a way to the server less for each batch.
        let results = try await context.fence.begin(
            on: connection, settings(patience, limit),
            comment: "\(context.control.migration) \(step): blocks \(range.from) to \(range.to)",
            then: statements)
        let nodes = try results[1].onlyRow()
        guard try nodes.optionalInt("node") == nodes.int("measured") else {
            await connection.rollBackIfOpen()
            return .rewritten
        }
        let rows = results[2].affectedRows
        let work = try results[3].onlyRow().double("work")
        var skipped = 0
        // Of what is kept a row that just changed was left alone too.
        if skippingLocked || self.work.leavesChangedRows {
            skipped = try await connection.query(self.work.remaining(range)).onlyRow().int(
                "remaining")
        }
        try await connection.run(
            // The cursor's row is shared by the workers, each for the end of its batch.
            "SET LOCAL lock_timeout = '2s'",
            FillRecord.advance(
                cursor, of: context.migration, over: range, rows: rows, hasSkipped: skipped > 0),
            "COMMIT")
        return .done(Outcome(rows: rows, skipped: skipped, workMilliseconds: work))
    }

    /// The commit need not wait for the disk: a crash loses the last batches and their cursor
    /// together, and they are done again.
    private func settings(_ patience: Int, _ limit: Int?) -> [SQL] {
        var settings: [SQL] = [
            "SET LOCAL lock_timeout = \(patience)", "SET LOCAL synchronous_commit = off",
            "SET LOCAL statement_timeout = \(limit ?? 0)",
        ]
        if let setting = work.triggerSetting {
            settings.append(
                "SELECT pg_catalog.set_config('lockkeeper.fill', \(literal: setting), true)")
        }
        return settings
    }
}
