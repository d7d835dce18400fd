import Monitor
import Postgres
import Sandbox
import Testing

/// A database of its own and the sessions on it, closed at the end of a test.
struct Clients {
    let server: SandboxServer
    let database: String

    static func make(on server: SandboxServer? = nil) async throws -> Clients {
        let server = if let server { server } else { try await SandboxServer.shared() }
        let clients = Clients(server: server, database: try await server.makeDatabase())
        let connection = try await clients.connect()
        try await connection.run(
            "CREATE TABLE orders (id int PRIMARY KEY, v text)",
            "INSERT INTO orders SELECT g, 'x' FROM generate_series(1, 100) g")
        await connection.close()
        return clients
    }

    func connect(user: String = SandboxServer.superuser) async throws -> Connection {
        try await server.connect(database: database, user: user)
    }

    func watch(user: String = SandboxServer.superuser) -> ServerWatch {
        ServerWatch(settings: ConnectionSettings(dsn: server.dsn(database: database, user: user)))
    }
}

extension Connection {
    nonisolated var pid: Int { Int(backendPID) }

    /// Sends statements and does not wait for them.
    nonisolated func start(_ statements: SQL...) -> Task<Void, any Error> {
        Task { _ = try await run(statements) }
    }
}

/// Asks again until the answer meets the condition; records an issue after twenty seconds.
func eventually<Value: Sendable>(
    _ ask: () async throws -> Value, until condition: (Value) -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws -> Value {
    let deadline = ContinuousClock.now + .seconds(20)
    while true {
        let value = try await ask()
        if condition(value) { return value }
        guard ContinuousClock.now < deadline else {
            Issue.record("not met in time: \(value)", sourceLocation: sourceLocation)
            return value
        }
        try await Task.sleep(for: .milliseconds(10))
    }
}
