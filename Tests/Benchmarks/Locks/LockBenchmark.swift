import ArgumentParser
import Foundation
import Sandbox

/// The worst statement of the application during every DDL step of every operation.
///
/// Each operation goes all the way, its purge included, twice: with an autovacuum on the table and hot
/// rows that clients write, and with a reader beside that who comes back again and again for up to a
/// second and a half. Against that stands the first strong lock of each operation, asked for as
/// handbooks do: `lock_timeout = 500ms`, three tries.
@main
struct LockBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lock-benchmark",
        abstract: "What clients wait while Lockkeeper asks for its locks, operation by operation.")

    @Option(help: "Rows of the table.") var rows = 20_000
    @Option(help: "stall_budget, milliseconds.") var budget = 100
    @Option(help: "Only operations whose name contains this.") var only: String?

    func run() async throws {
        let server = try await SandboxServer.start(
            .init(settings: [
                "shared_buffers": "256MB", "max_wal_size": "8GB", "checkpoint_timeout": "30min",
                "autovacuum_naptime": "1s", "autovacuum_vacuum_cost_delay": "100ms",
                "autovacuum_vacuum_cost_limit": "1", "log_lock_waits": "off",
            ]))
        do {
            var report = Report(rows: rows, budget: budget)
            let ground = Ground(server: server, rows: rows, budget: budget)
            try await ground.make()
            report.baseline = try await ground.withoutMigration()
            note("no migration: \(report.baseline.oneLine)")
            for operation in Operation.all where only.map(operation.name.contains) ?? true {
                var line = Report.Line(name: operation.name)
                line.autovacuum = try await ground.migrate(operation, besideReader: false)
                note("\(operation.name), autovacuum: \(line.autovacuum.oneLine)")
                line.everything = try await ground.migrate(operation, besideReader: true)
                note("\(operation.name), reader too: \(line.everything.oneLine)")
                line.plain = try await ground.plainly(operation)
                note("\(operation.name), lock_timeout: \(line.plain.map(\.oneLine) ?? "no lock")")
                report.lines.append(line)
            }
            print(report.text)
            await server.stop()
        } catch {
            await server.stop()
            throw error
        }
    }

    private func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}

struct BenchmarkFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
