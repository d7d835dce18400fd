import Foundation
import Postgres
import Sandbox

/// The fill against transactions that lock the same few rows all the time, the other way round.
///
/// Among each other the clients go the same way, so that every deadlock would be one with the fill.
struct HotRows {
    struct Result: CustomStringConvertible {
        var transactions = 0
        var errors = 0
        /// As the server counts them, whoever the victim was.
        var deadlocks = 0
        var seconds = 0.0

        var description: String {
            String(
                format: "%d transactions, %d errors, %d deadlocks in %.1f s", transactions, errors,
                deadlocks, seconds)
        }
    }

    let table: BenchTable
    let server: SandboxServer
    private let clients = 4
    private let hot = 40

    init(table: BenchTable, server: SandboxServer) {
        self.table = table
        self.server = server
    }

    func run() async throws -> Result {
        let settings = try await table.copy(on: server)
        let migration = BenchMigration(settings: settings)
        try await migration.run(until: .migrate)
        var writers: [Task<Result, any Error>] = []
        for _ in 0..<clients {
            let connection = try await Connection.open(settings)
            // Soon found: far more than a batch waits for a row, far less than a client would notice.
            try await connection.run("SET deadlock_timeout = '100ms'")
            try await connection.prepare(
                "hot", "UPDATE items SET note = 'hot ' || n WHERE n = $1")
            writers.append(Task { await write(connection) })
        }
        let work: BenchMigration.StepResult
        do {
            work = try await migration.run(until: .backfill, watching: "1.backfill.fill")
        } catch {
            for writer in writers { writer.cancel() }
            throw error
        }
        for writer in writers { writer.cancel() }
        var all = Result(seconds: work.seconds)
        for writer in writers {
            let written = try await writer.value
            all.transactions += written.transactions
            all.errors += written.errors
        }
        // The sessions have ended: what they counted is in the statistics.
        let connection = try await Connection.open(settings)
        all.deadlocks = try await connection.query(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).onlyRow().int("deadlocks")
        await connection.close()
        return all
    }

    /// Transactions of six hot rows, highest first: against the walk.
    private func write(_ connection: Connection) async -> Result {
        var result = Result()
        while !Task.isCancelled {
            let keys = (1...hot).map { $0 * table.rows / (hot + 1) }.shuffled().prefix(6).sorted(
                by: >)
            // In a task of its own: a transaction that was begun is ended, and counted.
            let failed = await Task {
                do {
                    try await connection.run("BEGIN")
                    for key in keys { _ = try await connection.execute(prepared: "hot", [key]) }
                    try await connection.run("COMMIT")
                    return false
                } catch {
                    FileHandle.standardError.write(Data("a hot writer: \(error)\n".utf8))
                    _ = try? await connection.run("ROLLBACK")
                    return true
                }
            }.value
            result.transactions += 1
            if failed { result.errors += 1 }
        }
        await connection.close()
        return result
    }
}
