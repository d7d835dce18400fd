import Migration
import Postgres

/// Looks for duplicates or orphans, and stops the run where there are any, with how many and which.
struct ViolatorRunner {
    let search: ViolatorSearch
    let step: StepID
    let context: StepContext

    func run() async throws {
        try await context.control.whilePaused()
        try await context.sessions.with { connection in
            context.emit(.statement, step, search.query.text)
            do {
                if let message = try await search.message(on: connection) {
                    throw StepFailure(message)
                }
            } catch let error as ServerError where !error.endsSession {
                throw StepFailure(
                    "The search in \(search.table) stopped: \(error.description). It changed nothing."
                )
            }
            try await context.noteDone(step, on: connection)
        }
    }
}

extension ViolatorSearch {
    /// What it finds and what to do about it; nil where it finds nothing.
    func message(on connection: Connection) async throws -> String? {
        let rows = try await connection.query(query).rows
        guard let first = rows.first else { return nil }
        let findings = try rows.map { try $0.string("finding") }.joined(separator: "; ")
        return "\(try first.int("violators")) \(found). The first: \(findings). \(advice)"
    }
}
