import Migration
import Postgres

/// Evaluates the spec's expressions over every row before anything is changed.
struct ProbeRunner {
    let probe: Probe
    let step: StepID
    let context: StepContext

    /// Rows named in a message.
    private static let examples = 5

    func run() async throws {
        try await context.control.whilePaused()
        try await context.sessions.with { connection in
            var violations = [Int](repeating: 0, count: probe.violations.count)
            let scan = RowScan(
                work: probe, title: "read every row before anything changes", step: step,
                context: context)
            var current = (part: probe, range: BlockRange(from: 0, to: 0))
            do {
                try await scan.each(
                    on: connection,
                    query: { part, range in
                        current = (part, range)
                        return part.query(range)
                    },
                    body: { result in
                        let row = try result.onlyRow()
                        for index in violations.indices {
                            violations[index] += try row.int("v\(index + 1)")
                        }
                    })
            } catch let error as ServerError where !error.endsSession {
                throw StepFailure(
                    try await raised(error, by: current.part, in: current.range, on: connection))
            }
            if let index = violations.firstIndex(where: { $0 > 0 }) {
                throw StepFailure(
                    try await violated(probe.violations[index], violations[index], on: connection))
            }
            try await context.noteDone(step, on: connection)
        }
    }

    private func violated(
        _ violation: Probe.Labelled, _ count: Int, on connection: Connection
    ) async throws -> String {
        let keys = try await connection.query(
            probe.examples(of: violation, limit: Self.examples)
        ).rows.map { try $0.string("key") }
        return "\(count) rows of \(probe.table): \(violation.label). The first: "
            + keys.joined(separator: "; ") + ". "
            + (probe.advice ?? "Mend them or the expression; nothing was changed.")
    }

    /// Finds the first row of a range on which an expression raises, by halving.
    private func raised(
        _ error: ServerError, by probe: Probe, in range: BlockRange, on connection: Connection
    ) async throws -> String {
        var range = range
        while range.count > 1 {
            let middle = range.from + range.count / 2
            let lower = BlockRange(from: range.from, to: middle)
            range =
                try await raises(probe, lower, on: connection)
                ? lower : BlockRange(from: middle, to: range.to)
        }
        let key = try await firstRaising(probe, in: range, on: connection) ?? "blocks \(range.from)"
        return "An expression raises an error on the row \(key) of \(probe.table): "
            + "\(error.description) Mend the row or the expression; nothing was changed."
    }

    private func raises(
        _ probe: Probe, _ range: BlockRange, on connection: Connection
    ) async throws -> Bool {
        do {
            try await connection.query(probe.query(range))
            return false
        } catch is ServerError {
            return true
        }
    }

    private func firstRaising(
        _ probe: Probe, in range: BlockRange, on connection: Connection
    ) async throws -> String? {
        let rows = try await connection.query(probe.rows(in: range)).rows
        for row in rows {
            let place = try row.string("place")
            do {
                try await connection.query(probe.query(at: place))
            } catch is ServerError {
                return try row.string("key")
            }
        }
        return nil
    }
}
