import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

/// DESIGN.md, "Look at standbys too" and the throttle, with a standby that streams.
@Suite("The rules of standbys", .serialized, .fewAtATime)
struct StandbyRuleTests {
    private func spec(_ settings: String) -> String {
        Stage.spec.replacing("throttle: {replication_lag: null}", with: settings)
    }

    /// Slow enough that a throttle meets the fill in its middle.
    private let slowFill = "backfill: {batch: 5ms, pause: 20ms, vacuum_every: null}"

    @Test(
        "a replica whose replay stands still holds the fill with reason, limit and value, and lets it go on",
        .timeLimit(.minutes(10)))
    func replayPaused() async throws {
        let pair = try await StandbyPair.make(rows: 40_000)
        let stage = pair.stage
        // Some twenty batches: more than the two seconds that the replica is behind.
        let text = spec("throttle: {replication_lag: 2s}\n  \(slowFill)")
            .replacing("pause: 20ms", with: "pause: 500ms")
        #expect(try await stage.advance(to: .migrate, text) == .reached(.migrate))
        try await pair.onStandby("SELECT pg_wal_replay_pause()")
        let engine = try await stage.open(
            stage.request(text) {
                $0.approvesEveryGate = true
                $0.until = .backfill
            })
        let events = Stage.listen(engine)
        let running = Task { await engine.run() }
        try await stage.expectHeld(engine, "replica standby1 is")
        #expect(
            try await stage.value("SELECT rows_filled < 40000 FROM lockkeeper.backfills") == "t")
        try await pair.onStandby("SELECT pg_wal_replay_resume()")
        #expect(await running.value == .reached(.backfill))
        let holds = Stage.throttled("replication_lag standby1", in: await events.value)
        let first = try #require(holds.first)
        guard case .double(let value)? = first.fields["value"] else {
            Issue.record("no value: \(first)")
            return
        }
        #expect(value > 2)
        #expect(first.fields["limit"] == .double(2))
        #expect(first.text.contains("limit 2 s"))
        // Told once, however long it lasted: it does not flutter.
        #expect(holds.count == 1)
        let filled = "SELECT count(*) AS n FROM orders WHERE status_v2 = upper(status)" as SQL
        try await stage.until {
            let reader = try await pair.standby.connect(database: stage.database)
            let rows = try await reader.query(filled).onlyRow().int("n")
            await reader.close()
            return rows == 40_000
        }
        await pair.stop()
    }

    @Test(
        "a replica whose lag the role may not see holds the fill and says so",
        .timeLimit(.minutes(10)))
    func unreadable() async throws {
        let pair = try await StandbyPair.make(rows: 2000)
        let stage = pair.stage
        try await stage.run(
            "CREATE ROLE migrator LOGIN", "ALTER TABLE orders OWNER TO migrator",
            "GRANT CREATE ON SCHEMA public TO migrator",
            "GRANT CREATE ON DATABASE \(Identifier(stage.database)) TO migrator")
        let text = spec("throttle: {replication_lag: 2s}")
        func open(until phase: Phase) async throws -> Engine {
            try await Engine.open(
                stage.request(text) {
                    $0.approvesEveryGate = true
                    $0.until = phase
                }, pair.primary.settings(database: stage.database, user: "migrator"))
        }
        #expect(try await open(until: .migrate).run() == .reached(.migrate))
        let engine = try await open(until: .backfill)
        let events = Stage.listen(engine)
        let running = Task { await engine.run() }
        try await stage.expectHeld(engine, "can't be read")
        #expect(try await stage.value("SELECT rows_filled FROM lockkeeper.backfills") == "0")
        try await stage.run("GRANT pg_monitor TO migrator")
        #expect(await running.value == .reached(.backfill))
        let hold = Stage.throttled("replication_lag standby1", in: await events.value).first
        #expect(hold?.fields["value"] == .null)
        #expect(hold?.fields["limit"] == .double(2))
        await pair.stop()
    }

    @Test(
        "while a query on a standby holds up the replay of a lock, the standby gets no further one",
        .timeLimit(.minutes(10)))
    func queryOnStandby() async throws {
        let pair = try await StandbyPair.make(
            rows: 500, standbySettings: ["max_standby_streaming_delay": "-1"])
        let stage = pair.stage
        let text = """
            name: orders-status
            operations:
              - add_column: {table: orders, column: {name: first, type: text}}
              - add_column: {table: orders, column: {name: second, type: text}}
            settings: {throttle: {replication_lag: 1s}}
            checklist: []
            """
        let reader = try await pair.standby.connect(database: stage.database)
        try await reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM orders")
        let engine = try await stage.open(stage.request(text))
        let events = Stage.listen(engine)
        let running = Task { await engine.run() }
        try await stage.until { await engine.current.lockRequest?.standby != nil }
        let request = await engine.current.lockRequest
        #expect(request?.attempt == 0)
        #expect(request?.standby?.contains("replica standby1") == true)
        // The first went out: what a query on the standby reads is not to be known from here.
        #expect(
            try await stage.row(
                """
                SELECT count(*) FILTER (WHERE attname = 'first'), count(*) FILTER (WHERE attname = 'second')
                  FROM pg_attribute WHERE attrelid = 'orders'::regclass
                """) == ["1", "0"])
        try await reader.run("COMMIT")
        await reader.close()
        #expect(await running.value == .finished)
        let wait = await events.value.first { $0.kind == .lockWait }
        #expect(wait?.text.contains("replica standby1") == true, "\(String(describing: wait))")
        guard case .string(let said)? = wait?.fields["standby"] else {
            Issue.record("the event names no standby: \(String(describing: wait))")
            return
        }
        #expect(said.contains("replica standby1"))
        await pair.stop()
    }

    @Test(
        "under remote_apply a strong lock is let go while a standby's query still holds up its replay",
        .timeLimit(.minutes(10)))
    func remoteApply() async throws {
        let pair = try await StandbyPair.make(
            rows: 500, standbySettings: ["max_standby_streaming_delay": "-1"])
        let stage = pair.stage
        let reader = try await pair.standby.connect(database: stage.database)
        try await reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM orders")
        try await stage.run(
            "ALTER DATABASE \(Identifier(stage.database)) SET synchronous_commit = remote_apply",
            "ALTER SYSTEM SET synchronous_standby_names = 'standby1'", "SELECT pg_reload_conf()")
        try await stage.until(
            "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
        let engine = try await stage.open(stage.request { $0.until = .expand })
        let running = Task { await engine.run() }
        // Committed for everybody, and so without its lock, while the standby can't replay it.
        try await stage.until(
            "SELECT count(*) = 1 FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'status_v2'"
        )
        #expect(
            try await stage.value(
                "SELECT bool_or(replay_lsn < pg_current_wal_lsn()) FROM pg_stat_replication") == "t"
        )
        try await reader.run("COMMIT")
        await reader.close()
        #expect(await running.value == .reached(.expand))
        await pair.stop()
    }

    @Test("a plan names a standby, and what is known of the queries on it")
    func inThePlan() async throws {
        let pair = try await StandbyPair.make(
            rows: 100,
            standbySettings: ["hot_standby_feedback": "on", "wal_receiver_status_interval": "1s"])
        let stage = pair.stage
        func hazard() async throws -> String? {
            let (plan, _) = try await Engine.plan(
                Spec.parse(text: Stage.spec, file: "x.yaml"), stage.settings)
            return plan.hazards.first { $0.rule == "replica-queries" }?.message
        }
        let reader = try await pair.standby.connect(database: stage.database)
        try await reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM orders")
        for _ in 0..<5 { try await stage.run("UPDATE orders SET amount = amount + 1 WHERE id = 1") }
        try await stage.until("SELECT bool_or(age(backend_xmin) >= 5) FROM pg_stat_replication")
        let known = try await hazard()
        #expect(known?.contains("Its oldest query has seen nothing of the last") == true)
        #expect(known?.contains("standby1") == true)
        await reader.close()
        try await pair.onStandby("ALTER SYSTEM SET hot_standby_feedback = off")
        try await pair.onStandby("SELECT pg_reload_conf()")
        await pair.stop()
    }
}
