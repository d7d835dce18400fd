import Conformance
import Foundation
import Logging
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

/// A database of its own on the shared sandbox server, with an orders table, and engines for it.
struct Stage: Sendable {
    let server: SandboxServer
    let database: String
    /// Whom engines and the application's clients connect as; the superuser where nothing is said.
    var engineUser = SandboxServer.superuser
    var clientUser = SandboxServer.superuser
    /// Schemas that are none of the application's.
    var foreignSchemas = ["lockkeeper"]

    static let spec = """
        name: orders-status
        operations:
          - replace_column:
              table: orders
              column: status
              with: {name: status_v2, type: varchar(50)}
              up: upper(status)
              down: lower(status_v2)
              unrepresentable: reject
        settings:
          throttle: {replication_lag: null}
        checklist: []
        """

    static func make(rows: Int = 2000) async throws -> Stage {
        try await make(on: SandboxServer.shared(), rows: rows)
    }

    static func make(on server: SandboxServer, rows: Int) async throws -> Stage {
        let stage = Stage(server: server, database: try await server.makeDatabase())
        for statement in Orders.table { try await stage.run(statement) }
        try await stage.run(
            """
            INSERT INTO orders (status, amount, note)
            SELECT (ARRAY['new', 'paid', 'sent'])[1 + n % 3], n, repeat('x', 120)
              FROM generate_series(1, \(rows)) n
            """, "ANALYZE orders")
        return stage
    }

    /// A database with these tables instead of the orders.
    static func make(of statements: SQL...) async throws -> Stage {
        let server = try await SandboxServer.shared()
        let stage = Stage(server: server, database: try await server.makeDatabase())
        for statement in statements { try await stage.run(statement) }
        return stage
    }

    var settings: ConnectionSettings { server.settings(database: database) }
    var clientSettings: ConnectionSettings {
        server.settings(database: database, user: clientUser)
    }

    func connect() async throws -> Connection { try await Connection.open(settings) }

    func run(_ statements: SQL...) async throws {
        let connection = try await connect()
        for statement in statements { try await connection.query(statement) }
        await connection.close()
    }

    func value(_ query: SQL) async throws -> String? {
        let connection = try await connect()
        let value = try await connection.query(query).onlyRow().values.first ?? nil
        await connection.close()
        return value
    }

    /// The only row of a query.
    func row(_ query: SQL) async throws -> [String?] {
        let connection = try await connect()
        let values = try await connection.query(query).onlyRow().values
        await connection.close()
        return values
    }

    /// Up to the end of a phase, every gate on the way approved.
    func advance(to phase: Phase, _ text: String = Stage.spec) async throws -> Outcome {
        try await outcome(
            request(text) {
                $0.approvesEveryGate = true
                $0.until = phase
            })
    }

    /// What `pg_dump --schema-only` prints of the application's own schema.
    func schema() async throws -> String {
        try await server.pgDump(
            schemaOnly: true, database: database, excludeSchemas: foreignSchemas)
    }

    func request(_ text: String = Stage.spec, _ change: (inout RunRequest) -> Void = { _ in })
        throws
        -> RunRequest
    {
        let spec = try Spec.parse(text: text, file: "orders-status.yaml")
        var request = RunRequest(name: spec.name)
        request.spec = spec
        request.specText = text
        request.specFile = "orders-status.yaml"
        request.refresh = 0.2
        change(&request)
        return request
    }

    func open(_ request: RunRequest) async throws -> Engine {
        try await Engine.open(
            request, server.settings(database: database, user: engineUser))
    }

    func outcome(_ request: RunRequest) async throws -> Outcome { try await open(request).run() }

    /// Through every gate to the purge.
    func finish(_ text: String = Stage.spec) async throws -> Outcome {
        try await outcome(
            request(text) {
                $0.approvesEveryGate = true
                $0.purgesAtOnce = true
            })
    }

    func rollBack(to phase: Phase? = nil) async throws -> Outcome {
        var request = RunRequest(name: "orders-status")
        request.rollback = .init(to: phase)
        request.approvesEveryGate = true
        request.refresh = 0.2
        return try await outcome(request)
    }

    /// Triggers, functions, indexes and columns of ours that are left in the application's schema.
    ///
    /// A session that has just been closed is gone a moment later: it is given five seconds.
    func leftovers() async throws -> String? {
        let deadline = ContinuousClock.now + .seconds(5)
        while let found = try await findLeftovers() {
            if ContinuousClock.now > deadline { return found }
            try await Task.sleep(for: .milliseconds(50))
        }
        return nil
    }

    private func findLeftovers() async throws -> String? { try await value(Orders.leftovers) }

    /// Waits for a condition, at most a minute.
    func until(
        _ condition: () async throws -> Bool, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while try await !condition() {
            if ContinuousClock.now > deadline {
                Issue.record("this did not come true", sourceLocation: sourceLocation)
                return
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Waits for a condition of the database's, at most a minute.
    func until(_ condition: SQL, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let connection = try await connect()
        let deadline = ContinuousClock.now + .seconds(60)
        while try await connection.query("SELECT (\(condition)) AS met").onlyRow().optional("met")
            != "t"
        {
            if ContinuousClock.now > deadline {
                Issue.record("this did not come true: \(condition)", sourceLocation: sourceLocation)
                break
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        await connection.close()
    }
}
