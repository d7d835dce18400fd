import ArgumentParser
import Engine
import Foundation
import Migration
import Postgres
import Sandbox

/// The fill against one plain UPDATE of the same table, as ratios of rows a second in one run.
///
/// Each measurement works on a fresh copy of one database, after a checkpoint, under the same traffic
/// of short reads and updates at a fixed rate; the measurements take turns, and medians are printed.
@main
struct FillBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fill-benchmark",
        abstract:
            "Rows a second of Lockkeeper's fill against one plain UPDATE, and what clients notice.")

    @Option(help: "Rows of the table.") var rows = 1_000_000
    @Option(help: "Runs of each measurement; medians are printed.") var runs = 3
    @Option(help: "Clients of the foreground traffic.") var clients = 4
    @Option(help: "Statements a second of each client.") var rate = 50.0
    @Flag(help: "A random UUID as primary key instead of a sequence.") var uuid = false

    func run() async throws {
        let server = try await SandboxServer.start(
            .init(settings: [
                "shared_buffers": "512MB", "max_wal_size": "8GB", "checkpoint_timeout": "30min",
            ]))
        do {
            try await BenchTable(rows: rows, uuid: uuid).make(on: server)
            var results: [Subject: [Measurement]] = [:]
            for run in 1...runs {
                for subject in Subject.allCases {
                    let trial = Trial(
                        subject: subject, server: server, clients: clients, rate: rate, rows: rows)
                    let measured = try await trial.run(number: run)
                    results[subject, default: []].append(measured)
                    note("run \(run) of \(runs), \(subject.rawValue): \(measured.oneLine)")
                }
            }
            print(Report(results: results, rows: rows, uuid: uuid).text)
            await server.stop()
        } catch {
            await server.stop()
            throw error
        }
    }

    private func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}

/// What is measured.
enum Subject: String, CaseIterable {
    case baseline = "no migration"
    case plain = "one plain UPDATE"
    case fill = "fill, no VACUUM"
    case fillVacuumed = "fill, VACUUM each 10 %"
    case fillTwoWorkers = "fill, 2 workers"
}

struct Measurement {
    var seconds: Double
    var rows: Int
    /// Milliseconds.
    var p99: Double
    var worst: Double
    var statements: Int
    /// Table size after, as a multiple of the size before.
    var growth: Double
    var walBytes: Double

    var rowsPerSecond: Double { seconds > 0 ? Double(rows) / seconds : 0 }

    var oneLine: String {
        String(
            format: "%.2f s, %.0f rows/s, p99 %.1f ms, worst %.1f ms, size × %.2f", seconds,
            rowsPerSecond, p99, worst, growth)
    }
}

/// The database that every trial gets a copy of: 200-byte rows, three indexes, fillfactor 100.
struct BenchTable {
    static let template = "bench_template"
    let rows: Int
    let uuid: Bool

    func make(on server: SandboxServer) async throws {
        _ = try await server.makeDatabase(Self.template)
        let connection = try await server.connect(database: Self.template)
        let key: SQL = uuid ? "uuid DEFAULT gen_random_uuid()" : "bigint"
        let value: SQL = uuid ? "gen_random_uuid()" : "n"
        try await connection.run(
            """
            CREATE TABLE items (
              id \(key), n bigint NOT NULL, status varchar(20), amount numeric, note text)
            """,
            """
            INSERT INTO items SELECT \(value), n, 'status ' || n % 10, n, repeat('x', 140)
              FROM generate_series(1, \(rows)) n
            """)
        try await connection.run("ALTER TABLE items ADD PRIMARY KEY (id)")
        try await connection.run("CREATE UNIQUE INDEX items_n ON items (n)")
        try await connection.run("CREATE INDEX items_amount ON items (amount)")
        try await connection.query("VACUUM (FREEZE, ANALYZE) items")
        await connection.close()
    }
}
