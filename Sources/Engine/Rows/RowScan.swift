import Foundation
import Migration
import Postgres

/// Reads a whole table by block ranges, each sized to a quarter of a second, so that progress shows
/// and a cancel is quick; of a partitioned one each partition that holds rows. Takes ACCESS SHARE.
///
/// Between two ranges it rests where a fill would, but for signals about what is written. In a
/// transaction it rests a few seconds at most, and not at all while others wait for its lock: then it
/// throws `SnapshotGivenUp`.
struct RowScan<Work: RowWork> {
    let work: Work
    let title: String
    let step: StepID
    let context: StepContext
    var isInTransaction = false

    /// Calls `body` with the result of `query` over each range, in order, on one connection.
    func each(
        on connection: Connection, query: (Work, BlockRange) -> SQL,
        body: (QueryResult) throws -> Void
    ) async throws {
        let parts = try await parts(on: connection)
        var view = ProgressView(
            id: step, title: title, table: work.table.quoted, state: .running, done: 0,
            total: parts.reduce(0) { $0 + $1.blocks })
        var meter = RateMeter()
        let began = ContinuousClock.now
        var size = 64
        var told = RestsTold()
        for part in parts {
            var next = 0
            while next < part.blocks {
                try await rest(&told, &view)
                let range = BlockRange(from: next, to: min(part.blocks, next + size))
                let started = ContinuousClock.now
                guard
                    let result = try await read(query(part.work, range), part.work, on: connection)
                else { break }
                let took = (ContinuousClock.now - started) / .milliseconds(1)
                view.rows += try result.rows.first?.optionalInt("rows") ?? 0
                try body(result)
                next = range.to
                let affordable = Double(range.count) * RowScanSize.target / max(took, 0.1)
                size = min(max(1, min(Int(affordable), size * 2)), RowScanSize.largest)
                view.done += range.count
                view.batchMilliseconds = took
                view.batchSize = range.count
                meter.note(
                    at: (ContinuousClock.now - began) / .seconds(1), blocks: view.done,
                    rows: view.rows)
                view.rowsPerSecond = meter.rowsPerSecond
                view.etaSeconds = meter.eta(done: view.done, total: view.total)
                view.etaBasis = meter.basis
                context.control.change { [view] in $0.progress[step] = view }
            }
        }
        view.state = .done
        view.done = view.total
        view.etaSeconds = nil
        context.control.change { [view] in $0.progress[step] = view }
    }

    private func rest(_ told: inout RestsTold, _ view: inout ProgressView) async throws {
        let began = ContinuousClock.now
        try await context.control.checkpoint(.reading) { hold in
            view.pauseReason = hold?.reason
            if hold != nil { (view.rowsPerSecond, view.etaSeconds) = (nil, nil) }
            if told.isNew(hold), let hold { context.emit(hold, step) }
            context.control.change { [view] in $0.progress[step] = view }
            guard isInTransaction, hold != nil else { return }
            // Whatever it rests for.
            if context.control.read(\.waitingForUs) > 0
                || ContinuousClock.now - began > RowScanSize.snapshotPatience
            {
                throw SnapshotGivenUp(told: told)
            }
        }
    }

    /// Nil where the partition was dropped meanwhile. Within a transaction that ends the scan.
    private func read(
        _ query: SQL, _ part: Work, on connection: Connection
    ) async throws -> QueryResult? {
        do {
            return try await connection.query(query)
        } catch let error as ServerError
            where error.sqlState == .undefinedTable && part.whole != nil && !isInTransaction
        {
            return nil
        }
    }

    private func parts(
        on connection: Connection
    ) async throws -> [(work: Work, blocks: Int)] {
        var parts: [(work: Work, blocks: Int)] = []
        for part in try await work.parts(on: connection) {
            let blocks = try await connection.query(
                """
                SELECT pg_catalog.pg_relation_size(\(literal: part.table.quoted)::pg_catalog.regclass)
                  / pg_catalog.current_setting('block_size')::bigint AS blocks
                """
            ).onlyRow().int("blocks")
            parts.append((part, blocks))
        }
        return parts
    }
}

private enum RowScanSize {
    /// Milliseconds.
    static let target: Double = 250
    /// Blocks.
    static let largest = 16384
    /// How long a rest may keep a snapshot.
    static let snapshotPatience = Duration.seconds(5)
}

extension RowWork {
    /// The work on each table that holds rows now.
    func parts(on connection: Connection) async throws -> [Self] {
        guard isPartitioned else { return [self] }
        return try await connection.query(PartitionTree.query(of: table)).rows.compactMap { row in
            try row.bool("is_leaf") ? on(PartitionTree.name(row)) : nil
        }
    }
}
