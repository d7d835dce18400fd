import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

/// What a gate that waits for a person shows for and against passing it.
@Suite("A gate that waits", .fewAtATime)
struct GateTests {
    private static let spec = TableRuleTests.spec(
        """
        replace_column:
              table: orders
              column: status
              with: {name: state, type: text}
              up: status
              writes: application
        """)

    /// An engine that comes to the gate of Migrate and stays there.
    private static func comeToGate(
        _ stage: Stage, _ body: (Engine) async throws -> Void
    ) async throws {
        let engine = try await stage.open(stage.request(spec) { $0.waits = true })
        async let outcome = engine.run()
        try await stage.until { await engine.gate?.id == "1.migrate" }
        try await body(engine)
        try await engine.perform(.stop)
        #expect(await outcome == .stopped)
    }

    @Test("counts what was written since it opened, again and again")
    func changedRows() async throws {
        let stage = try await Stage.make(rows: 50)
        try await Self.comeToGate(stage) { engine in
            try await stage.until("EXISTS (SELECT FROM lockkeeper.events WHERE kind = 'gate')")
            let first = try #require(await engine.gate?.evidence.first)
            #expect(first.findings.isEmpty && first.basis == "0 changed rows", "\(first)")
            // Versions that write the old side alone, both, and the new one wrongly.
            try await stage.run("UPDATE orders SET status = 'sent' WHERE id <= 7")
            try await stage.until {
                await engine.gate?.evidence.first?.findings
                    == ["7 of 7 changed rows: 7 unset, 0 different"]
            }
            try await stage.run("UPDATE orders SET state = status WHERE id <= 5")
            try await stage.run("UPDATE orders SET state = 'lost' WHERE id = 6")
            try await stage.until {
                await engine.gate?.evidence.first?.findings
                    == ["2 of 7 changed rows: 1 unset, 1 different"]
            }
            try await stage.run("UPDATE orders SET state = status WHERE id <= 7")
            try await stage.until {
                await engine.gate?.evidence.first?.nothing == "none (7 changed rows)"
            }
        }
        // The next engine reckons from when the gate opened first.
        try await Self.comeToGate(stage) { engine in
            try await stage.until { await engine.gate?.askedAt != nil }
            #expect(await engine.gate?.evidence.first?.basis == "7 changed rows")
        }
    }

    @Test("takes the time for which it was waited at, also where another engine passes it")
    func waitedFor() async throws {
        let stage = try await Stage.make(rows: 50)
        try await Self.comeToGate(stage) { _ in
            try await stage.until("EXISTS (SELECT FROM lockkeeper.events WHERE kind = 'gate')")
        }
        let next = try stage.request(Self.spec) { $0.approvedGates = ["1.migrate"] }
        _ = try await stage.open(next).run()
        #expect(
            try await stage.value(
                """
                SELECT s.started_at = (SELECT min(e.at) FROM lockkeeper.events e WHERE e.kind = 'gate' AND e.step = s.step)
                       AND s.started_at < s.finished_at
                  FROM lockkeeper.steps s JOIN lockkeeper.approvals a ON a.subject = '1.migrate'
                 WHERE s.step = (SELECT e.step FROM lockkeeper.events e WHERE e.kind = 'gate' LIMIT 1)
                """) == "t")
    }

    @Test("is told of once its evidence is there, and heard meanwhile")
    func evidenceIsLate() async throws {
        let stage = try await Stage.make(rows: 50)
        #expect(
            try await stage.advance(to: .expand, Self.spec) == .reached(.expand))
        let lock = try await stage.connect()
        try await lock.run("BEGIN", "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        try await Self.comeToGate(stage) { engine in
            #expect(await engine.gate?.askedAt == nil)
            try await lock.run("ROLLBACK")
            try await stage.until { await engine.gate?.askedAt != nil }
            #expect(await engine.gate?.evidence.isEmpty == false)
        }
        await lock.close()
    }

    @Test("before a column is dropped shows what names it, indexes too")
    func droppedColumn() async throws {
        let stage = try await Stage.make(rows: 5)
        try await stage.run(
            "CREATE INDEX paid ON orders (id) WHERE note = 'paid'",
            "CREATE INDEX upper_note ON orders (upper(note))",
            "CREATE INDEX beside ON orders (id) INCLUDE (note)",
            "CREATE INDEX of_others ON orders (amount) WHERE status = 'note'",
            "CREATE VIEW notes AS SELECT note FROM orders",
            "CREATE FUNCTION noted() RETURNS text LANGUAGE sql AS 'SELECT note FROM orders LIMIT 1'"
        )
        let outcome = try await stage.outcome(
            stage.request(TableRuleTests.spec("drop_column: {table: orders, column: note}")) {
                $0.approvedGates = ["1.migrate"]
            })
        guard case .atGate(let gate) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(
            Set(gate.evidence.flatMap(\.findings)) == [
                "index paid", "index upper_note", "index beside", "view notes", "function noted()",
            ], "\(gate.evidence)")
    }

    @Test("counts an application's statements, none of ours, and says which it can't see")
    func statements() async throws {
        var options = SandboxServer.Options.quick
        options.settings["shared_preload_libraries"] = "pg_stat_statements"
        let server = try await SandboxServer.start(options)
        do {
            try await statements(on: server)
            await server.stop()
        } catch {
            await server.stop()
            throw error
        }
    }

    private func statements(on server: SandboxServer) async throws {
        let stage = try await Stage.make(on: server, rows: 20)
        try await stage.run(
            "CREATE SCHEMA statistics",
            "CREATE EXTENSION pg_stat_statements SCHEMA statistics", "CREATE ROLE watcher LOGIN",
            "GRANT USAGE ON SCHEMA statistics TO watcher")
        let (plan, _) = try await Engine.plan(
            Spec.parse(text: Stage.spec, file: "x.yaml"), stage.settings)
        let shop = try await Connection.open(stage.settings.adding([("application_name", "shop")]))
        for id in 1...2 {
            try await shop.query("UPDATE orders SET status = 'sent' WHERE id = \(id)")
        }
        let outcome = try await stage.outcome(stage.request { $0.approvedGates = ["1.switch"] })
        guard case .atGate(let gate) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(gate.id == "1.contract")
        #expect(
            gate.evidence.map(\.findings).prefix(2) == [
                ["pid \(shop.backendPID) (shop): UPDATE orders SET status = 'sent' WHERE id = 2"],
                ["2 calls: UPDATE orders SET status = $1 WHERE id = $2"],
            ])

        // A session of a run is opened only where its engine has its lock.
        try await shop.query("SELECT pg_advisory_lock(\(JournalSchema.advisoryClass), 1)")
        let asked = try #require(plan.steps.compactMap(\.gate).first { $0.id == gate.id })
        let look = await GateLook(
            at: asked,
            SessionFactory(
                settings: server.settings(database: stage.database, user: "watcher"),
                facts: plan.session,
                control: EngineControl(migration: "x", settings: Settings()), migration: 1))
        for view in look.views.prefix(2) {
            #expect(view.findings.isEmpty)
            #expect(
                view.unavailable?.hasSuffix(
                    "hidden from watcher: GRANT pg_read_all_stats TO watcher") == true, "\(view)")
        }
        await shop.close()
    }
}

extension Step {
    fileprivate var gate: Gate? {
        if case .gate(let gate) = action { gate } else { nil }
    }
}

extension Engine {
    /// The gate that waits.
    fileprivate var gate: GateView? {
        if case .gate(let gate) = current.waiting { gate } else { nil }
    }
}
