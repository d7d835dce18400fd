import Engine
import Foundation
import Migration
import Postgres
import Sandbox

/// The table that every trial gets a copy of: 200-byte rows, three indexes, fillfactor 100.
struct BenchTable {
    let rows: Int
    let uuid: Bool

    private var template: String { "bench_\(rows)" }

    func make(on server: SandboxServer) async throws {
        _ = try await server.makeDatabase(template)
        let connection = try await server.connect(database: template)
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

    /// Drops the copy before and makes a new one.
    func copy(on server: SandboxServer) async throws -> ConnectionSettings {
        let admin = try await server.connect()
        try await admin.query("DROP DATABASE IF EXISTS trial WITH (FORCE)")
        try await admin.query(
            "CREATE DATABASE trial TEMPLATE \(Identifier(template)) STRATEGY file_copy")
        await admin.close()
        return server.settings(database: "trial")
    }
}

/// The migration whose fill is measured.
struct BenchMigration {
    var vacuum = "null"
    var workers = 1
    let settings: ConnectionSettings

    private var text: String {
        """
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
    }

    /// What the sides of a row are compared by.
    func comparison() async throws -> Comparison {
        let (plan, _) = try await Engine.plan(Spec.parse(text: text, file: "bench.yaml"), settings)
        for step in plan.steps {
            if case .compare(let comparison) = step.action { return comparison }
        }
        throw BenchmarkFailure("the plan compares nothing")
    }

    struct StepResult: Sendable {
        var seconds = 0.0
        var rows = 0
    }

    /// Runs to the end of a phase; returns how long this step took, and the rows that it told of.
    @discardableResult
    func run(until phase: Phase, watching step: StepID? = nil) async throws -> StepResult {
        let spec = try Spec.parse(text: text, file: "bench.yaml")
        var request = RunRequest(name: spec.name)
        request.spec = spec
        request.specText = text
        request.specFile = "bench.yaml"
        request.until = phase
        request.approvesEveryGate = true
        let engine = try await Engine.open(request, settings)
        let reading = Task { () -> StepResult in
            var result = StepResult()
            for await event in engine.events where event.step == step {
                if case .int(let count)? = event.fields["rows"] { result.rows = count }
                if event.kind == .stepFinished, case .double(let took)? = event.fields["seconds"] {
                    result.seconds = took
                }
            }
            return result
        }
        let outcome = await engine.run()
        guard outcome == .reached(phase) else {
            throw BenchmarkFailure("the migration ended with \(outcome)")
        }
        return await reading.value
    }
}
