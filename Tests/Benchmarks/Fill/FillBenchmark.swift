import ArgumentParser
import Foundation
import Sandbox

/// The fill against one plain UPDATE and the handbook's loop, and what clients notice of each, as
/// ratios with the bound that each has to reach.
@main
struct FillBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fill-benchmark",
        abstract: "Lockkeeper's fill against one plain UPDATE and the handbook's loop.",
        subcommands: [FillTable.self, OneFill.self], defaultSubcommand: FillTable.self)
}

/// Measures and prints the table.
///
/// Each measurement works on a fresh copy of one database, after a checkpoint, under the same traffic
/// of short reads and updates at a fixed rate. The measurements of a run take turns; a ratio is that of
/// two measurements of one run, and the medians of the runs are printed.
struct FillTable: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "table", abstract: "Measures everything and prints one table.")

    @Option(help: "Rows of the table.") var rows = 1_000_000
    @Option(help: "Rows of the large table, measured once; 0 leaves it out.") var largeRows =
        10_000_000
    @Option(help: "Rows of the small table, for the client's memory.") var smallRows = 100_000
    @Option(help: "Runs of each measurement; medians are printed.") var runs = 3
    @Option(help: "Clients of the foreground traffic.") var clients = 4
    @Option(help: "Statements a second of each client.") var rate = 50.0
    @Option(help: "Seconds of the measurement without a migration.") var baselineSeconds = 10.0
    @Flag(help: "A random UUID as primary key instead of a sequence.") var uuid = false

    func run() async throws {
        let server = try await SandboxServer.start(
            .init(settings: [
                "shared_buffers": "512MB", "max_wal_size": "24GB", "min_wal_size": "24GB",
                "checkpoint_timeout": "30min",
            ]))
        do {
            try await measure(on: server)
            await server.stop()
        } catch {
            await server.stop()
            throw error
        }
    }

    private func measure(on server: SandboxServer) async throws {
        var report = Report(rows: rows, largeRows: largeRows, smallRows: smallRows, uuid: uuid)
        let table = BenchTable(rows: rows, uuid: uuid)
        try await makeSegments(on: server)
        try await table.make(on: server)
        for run in 1...runs {
            var measured: [Subject: Measurement] = [:]
            for subject in Subject.allCases {
                let trial = Trial(
                    subject: subject, table: table, server: server, clients: clients, rate: rate,
                    baselineSeconds: baselineSeconds)
                let result = try await trial.run()
                measured[subject] = result
                note("run \(run) of \(runs), \(subject.rawValue): \(result.oneLine)")
            }
            report.runs.append(measured)
        }
        report.hotRows = try await HotRows(table: table, server: server).run()
        note("hot rows: \(report.hotRows.map { "\($0)" } ?? "")")
        let small = BenchTable(rows: smallRows, uuid: uuid)
        try await small.make(on: server)
        report.small = try await OneFill.measure(small, on: server)
        note("\(smallRows) rows, in a process of its own: \(report.small.map { "\($0)" } ?? "")")
        if largeRows > 0 {
            let large = BenchTable(rows: largeRows, uuid: uuid)
            // Both in a process of their own, one right after the other.
            report.usual = try await OneFill.measure(table, on: server)
            try await large.make(on: server)
            report.large = try await OneFill.measure(large, on: server)
            note("\(rows) rows, in a process of its own: \(report.usual.map { "\($0)" } ?? "")")
            note(
                "\(largeRows) rows, in a process of its own: \(report.large.map { "\($0)" } ?? "")")
        }
        print(report.text)
    }

    /// WAL segments for all that is to come, to be used again as on a server that has run for a while:
    /// whoever writes into new ones pays for making them.
    private func makeSegments(on server: SandboxServer) async throws {
        let bytesPerRow = 1000
        let segments = max(rows, largeRows) * bytesPerRow / (16 << 20) + 64
        let connection = try await server.connect()
        for _ in 0..<segments {
            try await connection.query("SELECT pg_logical_emit_message(false, 'segment', '')")
            try await connection.query("SELECT pg_switch_wal()")
        }
        try await connection.query("CHECKPOINT")
        await connection.close()
    }

    private func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}

struct BenchmarkFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
