import Engine
import Foundation
import Migration
import Postgres
import Sandbox

/// One measurement on a fresh copy of the database.
struct Trial {
    let subject: Subject
    let server: SandboxServer
    let clients: Int
    let rate: Double
    let rows: Int

    func run(number: Int) async throws -> Measurement {
        let database = "trial"
        let admin = try await server.connect()
        try await admin.query("DROP DATABASE IF EXISTS \(Identifier(database)) WITH (FORCE)")
        try await admin.query(
            "CREATE DATABASE \(Identifier(database)) TEMPLATE \(Identifier(BenchTable.template)) STRATEGY file_copy"
        )
        let settings = server.settings(database: database)
        try await prepare(settings)
        try await admin.query("CHECKPOINT")
        let before = try await size(settings)
        let wal = try await position(admin)
        let clients = try await Foreground.start(
            clients: clients, rate: rate, rows: rows, settings: settings)
        let work: (seconds: Double, rows: Int)
        do { work = try await perform(settings) } catch {
            _ = await clients.stop()
            throw error
        }
        let latencies = await clients.stop()
        let after = try await size(settings)
        let written = try await position(admin) - wal
        await admin.close()
        return Measurement(
            seconds: work.seconds, rows: work.rows, p99: latencies.percentile(99) ?? 0,
            worst: latencies.worst, statements: latencies.count, growth: after / before,
            walBytes: written)
    }

    /// What comes before the clock starts: the column, and for a fill its trigger.
    private func prepare(_ settings: ConnectionSettings) async throws {
        switch subject {
        case .baseline: break
        case .plain:
            let connection = try await Connection.open(settings)
            try await connection.query("ALTER TABLE items ADD COLUMN status_v2 varchar(50)")
            await connection.close()
        case .fill, .fillVacuumed, .fillTwoWorkers:
            try expect(
                await Engine.open(request(until: .migrate), settings).run(), .reached(.migrate))
        }
    }

    private func perform(_ settings: ConnectionSettings) async throws -> (
        seconds: Double, rows: Int
    ) {
        switch subject {
        case .baseline:
            try await Task.sleep(for: .seconds(5))
            return (5, 0)
        case .plain:
            let connection = try await Connection.open(settings)
            let began = ContinuousClock.now
            let updated = try await connection.query("UPDATE items SET status_v2 = status")
                .affectedRows
            let seconds = (ContinuousClock.now - began) / .seconds(1)
            await connection.close()
            return (seconds, updated)
        case .fill, .fillVacuumed, .fillTwoWorkers:
            return try await fill(settings)
        }
    }

    /// The fill's own step, from its start to its end.
    private func fill(_ settings: ConnectionSettings) async throws -> (seconds: Double, rows: Int) {
        let engine = try await Engine.open(request(until: .backfill), settings)
        let reading = Task { () -> (Double, Int) in
            var rows = 0
            var seconds = 0.0
            for await event in engine.events where event.step == "1.backfill.fill" {
                if event.kind == .batch, case .int(let count)? = event.fields["rows"] {
                    rows = count
                }
                if event.kind == .stepFinished, case .double(let took)? = event.fields["seconds"] {
                    seconds = took
                }
            }
            return (seconds, rows)
        }
        try expect(await engine.run(), .reached(.backfill))
        let (seconds, rows) = await reading.value
        return (seconds, rows)
    }

    private func request(until phase: Phase) throws -> RunRequest {
        let vacuum = subject == .fillVacuumed ? "10%" : "null"
        let workers = subject == .fillTwoWorkers ? 2 : 1
        let text = """
            name: bench
            operations:
              - replace_column:
                  table: items
                  column: status
                  with: {name: status_v2, type: varchar(50)}
                  up: status
                  down: status_v2
                  unrepresentable: reject
            settings:
              backfill: {vacuum_every: \(vacuum), workers: \(workers)}
            checklist: []
            """
        let spec = try Spec.parse(text: text, file: "bench.yaml")
        var request = RunRequest(name: spec.name)
        request.spec = spec
        request.specText = text
        request.specFile = "bench.yaml"
        request.until = phase
        return request
    }

    private func expect(_ outcome: Outcome, _ wanted: Outcome) throws {
        guard outcome == wanted else {
            throw BenchmarkFailure("the migration ended with \(outcome)")
        }
    }

    private func size(_ settings: ConnectionSettings) async throws -> Double {
        let connection = try await Connection.open(settings)
        let bytes = try await connection.query("SELECT pg_relation_size('items') AS bytes")
            .onlyRow()
            .double("bytes")
        await connection.close()
        return bytes
    }

    private func position(_ connection: Connection) async throws -> Double {
        try await connection.query("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS bytes").onlyRow()
            .double("bytes")
    }
}

struct BenchmarkFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
