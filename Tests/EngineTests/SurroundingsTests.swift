import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

@Suite("What goes on around the tables", .fewAtATime)
struct SurroundingsTests {
    @Test("open transactions, slots and the disk are read from the server")
    func everything() async throws {
        let server = try await SandboxServer.start(
            .init(settings: ["max_prepared_transactions": "2"]))
        do {
            try await look(server)
            await server.stop()
        } catch {
            await server.stop()
            throw error
        }
    }

    private func look(_ server: SandboxServer) async throws {
        let stage = try await Stage.make(on: server, rows: 100)
        let reporter = try await Connection.open(
            stage.settings.adding([("application_name", "reporting")]))
        try await reporter.run("BEGIN", "SELECT count(*) FROM orders")
        try await stage.run("SELECT pg_create_physical_replication_slot('unread', true)")
        let bank = try await stage.connect()
        try await bank.run(
            "BEGIN", "UPDATE orders SET amount = 1 WHERE id = 1", "PREPARE TRANSACTION 'transfer 7'"
        )
        await bank.close()
        try await stage.run("VACUUM (FREEZE) orders")

        let spec = try Spec.parse(text: Stage.spec, file: "orders-status.yaml")
        let (_, facts) = try await Engine.plan(spec, stage.settings)
        let connection = try await stage.connect()
        let found = try await SurroundingsReader(
            settings: stage.settings, facts: facts, connection: connection, longTransaction: 0
        ).read()
        let session = try #require(found.transactions.first { $0.pid != nil })
        #expect(session.pid == Int(reporter.backendPID))
        #expect(session.who.contains("reporting, idle in transaction"))
        #expect(found.transactions.contains { $0.prepared == "transfer 7" })
        #expect(found.slots.map(\.name) == ["unread"])
        #expect(found.slots.first?.isActive == false)
        #expect(found.dueForFreeze.isEmpty)
        #expect(found.missingRights.isEmpty)
        #expect((found.freeBytes ?? 0) > 0)
        // A minute is what a plan speaks of.
        #expect(facts.surroundings.transactions.isEmpty)
        try await connection.query("ROLLBACK PREPARED 'transfer 7'")
        await connection.close()
        await reporter.close()
    }
}
