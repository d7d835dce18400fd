import Migration
import Postgres

/// Compares both sides of every row, in one snapshot: a row that moves while it runs is met once.
struct CompareRunner {
    let comparison: Comparison
    let step: StepID
    let context: StepContext

    private static let examples = 5

    func run() async throws {
        try await context.sessions.with { connection in
            do {
                let snapshot = OneSnapshot(table: comparison.table, step: step, context: context)
                let (rows, different, forgone) = try await snapshot.read(on: connection) {
                    try await counts(on: connection)
                }
                if forgone > 0, let query = comparison.forgoneExamples(limit: Self.examples) {
                    let found = try await examples(query, on: connection)
                    context.emit(
                        .statement, step,
                        "\(forgone) of \(rows) rows of \(comparison.table) have a value that the old side can't hold: a rollback gives them up. The first: \(found.map { "\($0.key) (\($0.values))" }.joined(separator: "; "))",
                        ["rows": .int(rows), "forgone": .int(forgone)])
                }
                if different > 0 {
                    let found = try await examples(
                        comparison.examples(limit: Self.examples), on: connection)
                    let first = found.map { "\($0.key) (\($0.values))" }.joined(separator: "; ")
                    await connection.rollBackIfOpen()
                    throw StepFailure(
                        "\(different) of \(rows) rows of \(comparison.table) differ between the sides. "
                            + "The first: \(first). Something writes past the sync trigger, or "
                            + "attached a partition that holds them; mend the rows, then run again.",
                        rows: found)
                }
                try await connection.run("COMMIT")
                context.emit(
                    .statement, step, "\(rows) rows of \(comparison.table) compared, none differs",
                    ["rows": .int(rows), "different": .int(0)])
            } catch let error as ServerError where !error.endsSession {
                await connection.rollBackIfOpen()
                throw StepFailure(
                    "The comparison of \(comparison.table) stopped: \(error.description)")
            }
            try await context.noteDone(step, on: connection)
        }
    }

    private func counts(
        on connection: Connection
    ) async throws -> (rows: Int, different: Int, forgone: Int) {
        var counts = (rows: 0, different: 0, forgone: 0)
        let scan = RowScan(
            work: comparison, title: "compare both sides of every row", step: step,
            context: context, isInTransaction: true)
        try await scan.each(
            on: connection, query: { $0.query($1) },
            body: { result in
                let row = try result.onlyRow()
                counts.rows += try row.int("rows")
                counts.different += try row.int("different")
                if comparison.forgone != nil { counts.forgone += try row.int("forgone") }
            })
        return counts
    }

    private func examples(_ query: SQL, on connection: Connection) async throws
        -> [FoundRow]
    {
        try await connection.query(query).rows.map {
            FoundRow(key: try $0.string("key"), values: try $0.string("row"))
        }
    }
}
