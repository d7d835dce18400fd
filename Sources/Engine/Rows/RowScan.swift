import Foundation
import Migration
import Postgres

/// Reads a whole table by block ranges, each sized to a quarter of a second, so that progress shows
/// and a cancel is quick. Takes ACCESS SHARE.
struct RowScan {
    let table: QualifiedName
    let title: String
    let step: StepID
    let context: StepContext

    private static let target: Double = 250
    private static let largest = 16384

    /// Calls `body` with the result of `query` over each range, in order, on one connection.
    func each(
        on connection: Connection, query: (BlockRange) -> SQL,
        body: (BlockRange, QueryResult) throws -> Void
    ) async throws {
        let total = try await connection.query(
            """
            SELECT pg_catalog.pg_relation_size(\(literal: table.quoted)::pg_catalog.regclass)
              / pg_catalog.current_setting('block_size')::bigint AS blocks
            """
        ).onlyRow().int("blocks")
        var view = ProgressView(
            id: step, title: title, table: table.quoted, state: .running, done: 0, total: total)
        var meter = RateMeter()
        let began = ContinuousClock.now
        var size = 64
        var next = 0
        while next < total {
            try Task.checkCancellation()
            let range = BlockRange(from: next, to: min(total, next + size))
            let started = ContinuousClock.now
            let result = try await connection.query(query(range))
            let took = (ContinuousClock.now - started) / .milliseconds(1)
            view.rows += try result.rows.first?.optionalInt("rows") ?? 0
            try body(range, result)
            next = range.to
            let affordable = Double(range.count) * Self.target / max(took, 0.1)
            size = min(max(1, min(Int(affordable), size * 2)), Self.largest)
            view.done = next
            view.batchMilliseconds = took
            view.batchSize = range.count
            meter.note(
                at: (ContinuousClock.now - began) / .seconds(1), blocks: next, rows: view.rows)
            view.rowsPerSecond = meter.rowsPerSecond
            view.etaSeconds = meter.eta(done: next, total: total)
            view.etaBasis = meter.basis
            context.control.change { [view] in $0.progress[step] = view }
        }
        view.state = .done
        view.done = total
        view.etaSeconds = nil
        context.control.change { [view] in $0.progress[step] = view }
    }
}
