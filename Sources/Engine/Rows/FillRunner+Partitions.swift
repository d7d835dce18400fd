import Migration
import Postgres

/// A fill of a partitioned table: each partition that holds rows is a table with a cursor of its own.
///
/// With our trigger in place a row that moves to another partition is filled on its way: changing the
/// partition key fires the trigger for the UPDATE, and once more for the INSERT that it becomes.
/// (Measured on 15 to 18.) So each partition is walked once, in whatever order. What was attached
/// after the trigger was made may hold rows that it never saw: the partitions are listed again until
/// all of them are walked. Without a trigger a row can move past the walk to another partition as
/// within one, so a pass goes over all of them.
extension FillRunner {
    func fillPartitions(_ tally: FillTally, on connection: Connection) async throws {
        while true {
            let parts = try await work.parts(on: connection)
            let known = try await FillRecord.loadAll(step, of: context.migration, on: connection)
            let cursors = parts.map { FillRecord.cursor(step, of: $0.table) }
            let pass = cursors.compactMap { known[$0]?.pass }.max() ?? 1
            var hasWalked = false
            for (part, cursor) in zip(parts, cursors) {
                let runner = FillRunner(work: part, step: step, cursor: cursor, context: context)
                let others = known.filter { $0.key != cursor && cursors.contains($0.key) }
                if try await runner.walkOnce(
                    pass: pass, tally, others: Array(others.values), on: connection)
                {
                    hasWalked = true
                }
            }
            // What was walked is looked at once more, beside what has come meanwhile.
            if hasWalked { continue }
            if work.walk == .physical { return }
            let filled = cursors.compactMap { known[$0]?.rowsInPass }.reduce(0, +)
            if filled == 0 { return }
            for (part, cursor) in zip(parts, cursors) {
                let runner = FillRunner(work: part, step: step, cursor: cursor, context: context)
                _ = try await runner.begin(pass: pass + 1, on: connection)
            }
        }
    }

    /// Walks what is left of the partition in this pass; false where nothing is.
    private func walkOnce(
        pass: Int, _ tally: FillTally, others: [FillRecord], on connection: Connection
    ) async throws -> Bool {
        let known = try await FillRecord.load(cursor, of: context.migration, on: connection)
        guard let record = try await begin(pass: pass, on: connection) else { return false }
        if record.left.isEmpty, record.skipped.isEmpty { return known == nil }
        tally.begin(record, others: others)
        try await walk(RangeQueue(record.left), tally)
        try await revisit(tally, on: connection)
        return true
    }
}
