import Foundation
import Migration
import Postgres
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
}

extension Engine {
    /// The gate that waits.
    fileprivate var gate: GateView? {
        if case .gate(let gate) = current.waiting { gate } else { nil }
    }
}
