import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

@Suite("Locks of a running application", .fewAtATime)
struct LockTests {
    @Test(
        "behind an old reader it does not queue: it shows who is in the way, and goes on when they are gone"
    )
    func looksFirst() async throws {
        let stage = try await Stage.make(rows: 100)
        let reader = try await stage.connect()
        try await reader.run("BEGIN", "SELECT count(*) FROM orders")
        let engine = try await stage.open(stage.request { $0.until = .expand })
        let waits = Task { () -> [EngineEvent] in
            var all: [EngineEvent] = []
            for await event in engine.events where event.kind == .lockWait { all.append(event) }
            return all
        }
        let running = Task { await engine.run() }
        // Long enough to be older than the budget, then for a while: our request is never seen.
        let probe = try await stage.connect()
        try await stage.until(
            "SELECT count(*) > 0 FROM lockkeeper.events WHERE kind = 'lock_wait'")
        for _ in 0..<40 {
            let queued = try await probe.query(
                "SELECT count(*) AS n FROM pg_locks WHERE NOT granted AND relation = 'orders'::regclass"
            ).onlyRow().int("n")
            #expect(queued == 0)
        }
        await probe.close()
        try await reader.run("COMMIT")
        await reader.close()
        #expect(await running.value == .reached(.expand))
        let first = try #require(await waits.value.first)
        guard case .array(let blockers)? = first.fields["blockers"],
            case .object(let blocker)? = blockers.first
        else {
            Issue.record("no blocker was named: \(first)")
            return
        }
        #expect(blocker["state"] == .string("idle in transaction"))
        #expect(blocker["lock"] == .string("ACCESS SHARE"))
    }

    @Test("a prepared transaction is named as the culprit")
    func prepared() async throws {
        let server = try await SandboxServer.start(
            .init(fsync: false, settings: ["max_prepared_transactions": "5"]))
        let stage = try await Stage.make(on: server, rows: 100)
        let other = try await stage.connect()
        try await other.run(
            "BEGIN", "UPDATE orders SET amount = 1 WHERE id = 1",
            "PREPARE TRANSACTION 'left behind'")
        let engine = try await stage.open(stage.request { $0.until = .expand })
        let running = Task { await engine.run() }
        try await stage.until(
            "SELECT bool_or(text LIKE '%prepared transaction left behind%') FROM lockkeeper.events WHERE kind = 'lock_wait'"
        )
        try await other.run("ROLLBACK PREPARED 'left behind'")
        #expect(await running.value == .reached(.expand))
        await other.close()
        await server.stop()
    }

    @Test(
        "an autovacuum of the table gives way and nobody waits for long", .timeLimit(.minutes(10)))
    func autovacuum() async throws {
        let server = try await SandboxServer.start(
            .init(
                fsync: false,
                settings: [
                    "autovacuum_naptime": "1s", "autovacuum_vacuum_cost_delay": "100ms",
                    "autovacuum_vacuum_cost_limit": "1",
                ]))
        let stage = try await Stage.make(on: server, rows: 20_000)
        try await stage.run(
            "ALTER TABLE orders SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)",
            "UPDATE orders SET amount = amount + 1")
        try await stage.until(
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE 'autovacuum: VACUUM%orders%'"
        )
        let engine = try await stage.open(stage.request { $0.until = .expand })
        // One that does not give way holds the engine for as long as it lasts.
        let patience = Task {
            try await Task.sleep(for: .seconds(30))
            try await engine.perform(.stop)
        }
        #expect(await engine.run() == .reached(.expand))
        patience.cancel()
        let worst = try await stage.value(
            "SELECT coalesce(worst_wait_ms, 0) < 100 FROM lockkeeper.migrations")
        #expect(worst == "t")
        await server.stop()
    }

    @Test(
        "a row that the application has locked holds nobody up: it is skipped, then visited again")
    func skipsLockedRows() async throws {
        let stage = try await Stage.make(rows: 3000)
        let writer = try await stage.connect()
        #expect(
            try await stage.outcome(stage.request { $0.until = .migrate }) == .reached(.migrate))
        try await writer.run("BEGIN", "UPDATE orders SET amount = -1 WHERE id = 1500")
        let engine = try await stage.open(stage.request { $0.until = .backfill })
        let running = Task { await engine.run() }
        try await stage.until(
            "SELECT isempty(skipped) = false AND (SELECT sum(upper(r) - lower(r)) FROM unnest(done) r) = blocks FROM lockkeeper.backfills"
        )
        #expect(try await stage.value("SELECT count(*) FROM orders WHERE status_v2 IS NULL") == "1")
        try await writer.run("ROLLBACK")
        #expect(await running.value == .reached(.backfill))
        #expect(try await stage.value("SELECT count(*) FROM orders WHERE status_v2 IS NULL") == "0")
        await writer.close()
    }

    @Test("a statement that overruns the stall budget with its lock is undone, and says so")
    func overrun() async throws {
        let stage = try await Stage.make(rows: 100)
        let text = """
            name: slow
            operations:
              - sql: {phase: expand, up: "ALTER TABLE orders ALTER note TYPE text USING note || pg_sleep(0.02)::text", down: "SELECT 1"}
            checklist: []
            """
        guard case .failed(let message) = try await stage.outcome(stage.request(text)) else {
            Issue.record("it held its lock longer than the budget")
            return
        }
        #expect(message.contains("stall_budget"))
    }

    @Test("the table rewritten in the middle of the fill is walked anew")
    func rewritten() async throws {
        let stage = try await Stage.make(rows: 20_000)
        let engine = try await stage.open(
            stage.request(InterruptionTests.slow) { $0.until = .backfill })
        let running = Task { await engine.run() }
        try await stage.until("SELECT rows_filled > 0 FROM lockkeeper.backfills")
        try await stage.run("CLUSTER orders USING orders_status")
        let office = try await Office.open(stage.settings)
        _ = try await office.send(.set(key: "backfill.pause", value: "0ms"), to: "orders-status")
        await office.close()
        #expect(await running.value == .reached(.backfill))
        #expect(try await stage.value("SELECT count(*) FROM orders WHERE status_v2 IS NULL") == "0")
    }
}
