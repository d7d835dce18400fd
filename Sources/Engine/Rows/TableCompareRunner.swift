import Migration
import Postgres

/// Compares two tables that are kept in step, row by row and both ways, in one snapshot.
struct TableCompareRunner {
    let comparison: TableComparison
    let step: StepID
    let context: StepContext

    private static let examples = 5

    func run() async throws {
        try await context.sessions.with { connection in
            do {
                let snapshot = OneSnapshot(table: comparison.table, step: step, context: context)
                let found = try await snapshot.read(on: connection) {
                    try await counts(on: connection)
                }
                if found.faults > 0 {
                    let examples = try await connection.query(
                        comparison.examples(limit: Self.examples)
                    ).rows.map {
                        FoundRow(key: try $0.string("key"), values: try $0.string("fault"))
                    }
                    let first = examples.map { "\($0.key) (\($0.values))" }.joined(separator: "; ")
                    await connection.rollBackIfOpen()
                    throw StepFailure(
                        "\(comparison.copy) is not what \(comparison.table) is: of \(found.rows) rows "
                            + "\(found.missing) are missing and \(found.different) differ, and "
                            + "\(found.extra) are too many. The first: \(first). "
                            + "Something writes past the sync trigger; mend the rows, then run again.",
                        rows: examples)
                }
                try await connection.run("COMMIT")
                context.emit(
                    .statement, step,
                    "\(found.rows) rows of \(comparison.table) compared with \(comparison.copy), none differs",
                    ["rows": .int(found.rows), "different": .int(0)])
            } catch let error as ServerError where !error.endsSession {
                await connection.rollBackIfOpen()
                throw StepFailure(
                    "The comparison of \(comparison.table) with \(comparison.copy) stopped: \(error.description)"
                )
            }
            try await context.noteDone(step, on: connection)
        }
    }

    private struct Counts {
        var rows = 0
        var missing = 0
        var different = 0
        var extra = 0

        var faults: Int { missing + different + extra }
    }

    private func counts(on connection: Connection) async throws -> Counts {
        var counts = Counts()
        try await scan(comparison.table, "compare every row with \(comparison.copy.name)").each(
            on: connection, query: { comparison.differing($1) },
            body: { result in
                let row = try result.onlyRow()
                counts.rows += try row.int("rows")
                counts.missing += try row.int("missing")
                counts.different += try row.int("different")
            })
        try await scan(comparison.copy, "look for rows that only \(comparison.copy.name) has").each(
            on: connection, query: { comparison.extra($1) },
            body: { result in counts.extra += try result.onlyRow().int("extra") })
        return counts
    }

    /// One of the two, read for itself.
    private struct Side: RowWork {
        let table: QualifiedName
        var whole: QualifiedName?
        var leaves: [QualifiedName]?

        func on(_ partition: QualifiedName) -> Side { self }
    }

    private func scan(_ table: QualifiedName, _ title: String) -> RowScan<Side> {
        RowScan(
            work: Side(table: table), title: title, step: step, context: context,
            isInTransaction: true)
    }
}
