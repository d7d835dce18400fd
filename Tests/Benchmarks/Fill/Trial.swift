import Foundation
import Migration
import Postgres
import Sandbox

/// What is measured.
enum Subject: String, CaseIterable {
    case baseline = "no migration"
    /// As the baseline, while a table that nobody else uses is updated: what so much writing costs the
    /// others, who wait for none of its rows. They share cores and WAL with it.
    case elsewhere = "plain UPDATE of another table"
    case plain = "one plain UPDATE"
    case fill = "fill, no VACUUM"
    case fillVacuumed = "fill, VACUUM each 10 %"
    case fillTwoWorkers = "fill, 2 workers"
    case handbook = "handbook loop"
}

struct Measurement {
    var seconds: Double
    var rows: Int
    /// Milliseconds.
    var p99: Double
    /// Of the reads alone, which wait for no row.
    var readsP99: Double
    var worst: Double
    var statements: Int
    var errors: Int
    /// Table size after, as a multiple of the size before.
    var growth: Double
    var walBytes: Double
    /// Of `fillVacuumed`: the comparison of all rows.
    var comparison: ComparisonTrial.Result?

    var rowsPerSecond: Double { seconds > 0 ? Double(rows) / seconds : 0 }

    var oneLine: String {
        String(
            format:
                "%.2f s, %.0f rows/s, p99 %.1f ms, of reads %.1f ms, worst %.1f ms, size × %.2f, WAL %.0f MB",
            seconds, rowsPerSecond, p99, readsP99, worst, growth, walBytes / 1e6)
            + (errors > 0 ? ", \(errors) errors" : "")
            + (comparison.map {
                String(format: ", comparison %.2f s, count(*) %.2f s", $0.seconds, $0.oneProcess)
            } ?? "")
    }
}

/// One measurement on a fresh copy of the database.
struct Trial {
    let subject: Subject
    let table: BenchTable
    let server: SandboxServer
    let clients: Int
    let rate: Double
    let baselineSeconds: Double

    func run() async throws -> Measurement {
        let settings = try await table.copy(on: server)
        let comparison = try await prepare(settings)
        let admin = try await server.connect()
        try await admin.query("CHECKPOINT")
        let before = try await size(settings)
        let wal = try await position(admin)
        let clients = try await Foreground.start(
            clients: clients, rate: rate, rows: table.rows, settings: settings)
        let work: BenchMigration.StepResult
        do { work = try await perform(settings) } catch {
            _ = await clients.stop()
            throw error
        }
        let told = await clients.stop()
        let latencies = told.all
        let after = try await size(settings)
        let written = try await position(admin) - wal
        await admin.close()
        var measurement = Measurement(
            seconds: work.seconds, rows: work.rows, p99: latencies.percentile(99) ?? 0,
            readsP99: told.reads.percentile(99) ?? 0,
            worst: latencies.worst, statements: latencies.count, errors: told.errors,
            growth: after / before, walBytes: written)
        if subject == .fillVacuumed, let comparison {
            measurement.comparison = try await ComparisonTrial(
                comparison: comparison, migration: migration(settings)
            ).run()
        }
        return measurement
    }

    private func migration(_ settings: ConnectionSettings) -> BenchMigration {
        BenchMigration(
            vacuum: subject == .fillVacuumed ? "10%" : "null",
            workers: subject == .fillTwoWorkers ? 2 : 1, settings: settings)
    }

    /// What comes before the clock starts: the column, and for a fill its trigger.
    private func prepare(_ settings: ConnectionSettings) async throws -> Comparison? {
        switch subject {
        case .baseline: return nil
        case .elsewhere:
            let connection = try await Connection.open(settings)
            try await connection.run(
                "CREATE TABLE others (LIKE items INCLUDING ALL)",
                "INSERT INTO others SELECT * FROM items",
                "ALTER TABLE others ADD COLUMN status_v2 varchar(50)")
            try await connection.query("VACUUM (FREEZE, ANALYZE) others")
            await connection.close()
            return nil
        case .plain, .handbook:
            let connection = try await Connection.open(settings)
            try await connection.query("ALTER TABLE items ADD COLUMN status_v2 varchar(50)")
            await connection.close()
            return nil
        case .fill, .fillVacuumed, .fillTwoWorkers:
            let comparison = try await migration(settings).comparison()
            try await migration(settings).run(until: .migrate)
            return comparison
        }
    }

    private func perform(_ settings: ConnectionSettings) async throws -> BenchMigration.StepResult {
        switch subject {
        case .baseline:
            try await Task.sleep(for: .seconds(baselineSeconds))
            return .init(seconds: baselineSeconds)
        case .elsewhere: return try await plain(Identifier("others"), settings)
        case .plain: return try await plain(Identifier("items"), settings)
        case .handbook: return try await handbook(settings)
        case .fill, .fillVacuumed, .fillTwoWorkers:
            return try await migration(settings).run(
                until: .backfill, watching: "1.backfill.fill")
        }
    }

    private func plain(
        _ table: Identifier, _ settings: ConnectionSettings
    ) async throws -> BenchMigration.StepResult {
        let connection = try await Connection.open(settings)
        let began = ContinuousClock.now
        let rows = try await connection.query("UPDATE \(table) SET status_v2 = status").affectedRows
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        await connection.close()
        return .init(seconds: seconds, rows: rows)
    }

    /// What many handbooks write, to the letter of the issue that this benchmark answers.
    private func handbook(_ settings: ConnectionSettings) async throws
        -> BenchMigration.StepResult
    {
        let connection = try await Connection.open(settings)
        let began = ContinuousClock.now
        var rows = 0
        while true {
            let updated = try await connection.query(
                """
                UPDATE items SET status_v2 = status
                 WHERE id IN (SELECT id FROM items WHERE status_v2 IS NULL LIMIT 10000)
                """
            ).affectedRows
            if updated == 0 { break }
            rows += updated
            try await Task.sleep(for: .milliseconds(100))
        }
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        await connection.close()
        return .init(seconds: seconds, rows: rows)
    }

    private func size(_ settings: ConnectionSettings) async throws -> Double {
        let connection = try await Connection.open(settings)
        let bytes = try await connection.query("SELECT pg_relation_size('items') AS bytes")
            .onlyRow().double("bytes")
        await connection.close()
        return bytes
    }

    private func position(_ connection: Connection) async throws -> Double {
        try await connection.query("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS bytes").onlyRow()
            .double("bytes")
    }
}

/// The comparison of all rows against one `SELECT count(*)` with the same expression, without traffic,
/// on the table that a fill has just left.
struct ComparisonTrial {
    struct Result {
        var seconds: Double
        /// Of the SELECT in one process, as the comparison works; the mean of one before and one after.
        var oneProcess: Double
        /// Of the SELECT as the server plans it, parallel workers included.
        var parallel: Double
    }

    let comparison: Comparison
    let migration: BenchMigration

    func run() async throws -> Result {
        let connection = try await Connection.open(migration.settings)
        try await connection.query("SET jit = off")
        // Warm, and with the hint bits written.
        _ = try await count(on: connection, workers: 0)
        let before = try await count(on: connection, workers: 0)
        let step = "1.switch.compare"
        let compared = try await migration.run(until: .switch, watching: step)
        guard compared.seconds > 0 else { throw BenchmarkFailure("\(step) has told no time") }
        let after = try await count(on: connection, workers: 0)
        let parallel = try await count(on: connection, workers: 2)
        await connection.close()
        return Result(
            seconds: compared.seconds, oneProcess: (before + after) / 2, parallel: parallel)
    }

    private func count(on connection: Connection, workers: Int) async throws -> Double {
        try await connection.query("SET max_parallel_workers_per_gather = \(workers)")
        let began = ContinuousClock.now
        try await connection.query(
            "SELECT count(*), count(*) FILTER (WHERE \(comparison.differs)) FROM ONLY \(comparison.table)"
        )
        return (ContinuousClock.now - began) / .seconds(1)
    }
}
