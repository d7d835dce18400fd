import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

@Suite("Interruptions", .fewAtATime)
struct InterruptionTests {
    /// Slow enough to be met in the middle, and never vacuumed.
    static let slow = Stage.spec.replacing(
        "settings:", with: "settings:\n  backfill: {pause: 30ms, vacuum_every: null}")

    @Test("stopped in the middle of the fill, the next run goes on from the cursor")
    func resumesFromCursor() async throws {
        let stage = try await Stage.make(rows: 20_000)
        let first = try await stage.open(
            stage.request(Self.slow) { $0.approvesEveryGate = true })
        let running = Task { await first.run() }
        try await stage.until(
            "SELECT (SELECT sum(upper(r) - lower(r)) FROM unnest(done) r) >= 64 FROM lockkeeper.backfills"
        )
        try await first.perform(.stop)
        #expect(await running.value == .stopped)
        let cursor = try #require(
            Int(
                try await stage.value(
                    "SELECT (SELECT sum(upper(r) - lower(r)) FROM unnest(done) r) FROM lockkeeper.backfills"
                ) ?? ""))

        let second = try await stage.open(
            stage.request(Stage.spec) {
                $0.approvesEveryGate = true
                $0.until = .backfill
            })
        let events = Task { () -> Int? in
            for await event in second.events where event.kind == .batch {
                if case .int(let done)? = event.fields["done"] { return done }
            }
            return nil
        }
        #expect(await second.run() == .reached(.backfill))
        let done = try #require(await events.value)
        #expect(done >= cursor)
        #expect(try await stage.value("SELECT count(*) FROM orders WHERE status_v2 IS NULL") == "0")
    }

    @Test(
        "a shutdown that a statement hears of before its session ends is a lost connection, and no failed step",
        arguments: ["VALIDATE CONSTRAINT", ": blocks "])
    func shutdownIsNoFailure(statement: String) async throws {
        let stage = try await Stage.make(rows: 200)
        // What a parallel worker that is terminated makes its leader say, once.
        try await stage.run(
            "CREATE SEQUENCE met",
            """
            CREATE FUNCTION trip(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
              IF current_query() LIKE \(literal: "%\(statement)%") AND nextval('met') = 1 THEN
                RAISE EXCEPTION 'terminating connection due to administrator command'
                  USING ERRCODE = '57P01';
              END IF;
              RETURN value;
            END $$
            """)
        let outcome = try await stage.outcome(
            stage.request(
                """
                name: orders-status
                operations:
                  - replace_column:
                      table: orders
                      column: status
                      with: {name: status_v2, type: text, check: "trip(status_v2) <> ''"}
                      up: trip(status)
                      down: status_v2
                      unrepresentable: reject
                settings: {throttle: {replication_lag: null}}
                checklist: []
                """
            ) {
                $0.approvesEveryGate = true
                $0.until = .backfill
            })
        #expect(outcome == .reached(.backfill))
        // It was met.
        #expect(try await stage.value("SELECT last_value > 1 OR is_called FROM met") == "t")
        #expect(
            try await stage.value(
                "SELECT count(*) FROM lockkeeper.events WHERE kind = 'step_failed'") == "0")
    }

    @Test("with the journal dropped under it a run ends and says what to do")
    func journalDropped() async throws {
        let stage = try await Stage.make(rows: 20_000)
        let engine = try await stage.open(
            stage.request(Self.slow) { $0.approvesEveryGate = true })
        let running = Task { await engine.run() }
        try await stage.until(
            "SELECT coalesce(max(rows_filled), 0) > 0 FROM lockkeeper.backfills")
        try await stage.run("DROP SCHEMA lockkeeper CASCADE")
        guard case .failed(let words) = await running.value else {
            Issue.record("it went on")
            return
        }
        #expect(words.contains("The journal was dropped or altered under the run"))
        #expect(words.contains("`lockkeeper doctor` names what is left"))
        #expect(try await stage.value("SELECT count(*) FROM orders") == "20000")
    }

    @Test("its sessions cut again and again, it connects anew and finishes")
    func connectionsCut() async throws {
        let stage = try await Stage.make(rows: 8000)
        let engine = try await stage.open(
            stage.request(Stage.spec) {
                $0.approvesEveryGate = true
                $0.purgesAtOnce = true
            })
        let cutter = Task {
            let connection = try await stage.connect()
            var cuts = 0
            while !Task.isCancelled, cuts < 25 {
                let cut = try await connection.query(
                    """
                    SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity
                     WHERE application_name = 'lockkeeper' AND datname = current_database()
                       AND random() < 0.5
                    """
                ).onlyRow().int("n")
                cuts += cut
                try await Task.sleep(for: .milliseconds(150))
            }
            await connection.close()
            return cuts
        }
        let outcome = await engine.run()
        cutter.cancel()
        #expect(outcome == .finished)
        #expect(try await stage.leftovers() == nil)
        #expect(
            try await stage.value(
                "SELECT count(*) FROM orders WHERE status_v2 IS DISTINCT FROM upper(status_v2)")
                == "0")
        #expect(try await stage.value("SELECT count(*) FROM orders") == "8000")
    }

    @Test("an engine whose token was replaced changes nothing any more")
    func fenced() async throws {
        let stage = try await Stage.make(rows: 20_000)
        let engine = try await stage.open(stage.request(Self.slow) { $0.approvesEveryGate = true })
        let running = Task { await engine.run() }
        try await stage.until("SELECT rows_filled > 0 FROM lockkeeper.backfills")
        try await stage.run("UPDATE lockkeeper.fences SET token = 'somebody else'")
        let filled = try await stage.value("SELECT rows_filled FROM lockkeeper.backfills")
        guard case .failed(let message) = await running.value else {
            Issue.record("the fenced engine did not stop")
            return
        }
        #expect(message.contains("taken this migration over"))
        #expect(try await stage.value("SELECT rows_filled FROM lockkeeper.backfills") == filled)
    }

    @Test("a second engine for the same migration is refused while the first is alive")
    func oneEngine() async throws {
        let stage = try await Stage.make(rows: 100)
        let engine = try await stage.open(stage.request { $0.waits = true })
        let running = Task { await engine.run() }
        try await stage.until("SELECT count(*) > 0 FROM lockkeeper.events WHERE kind = 'gate'")
        await #expect {
            try await stage.open(stage.request())
        } throws: { error in
            guard case OpeningError.refused(let why) = error else { return false }
            return why.contains("An engine runs orders-status")
        }
        try await engine.perform(.stop)
        #expect(await running.value == .stopped)
    }

    @Test("paused, it fills nothing; resumed from another terminal, it goes on")
    func pause() async throws {
        let stage = try await Stage.make(rows: 20_000)
        let engine = try await stage.open(
            stage.request(Self.slow) {
                $0.approvesEveryGate = true
                $0.until = .backfill
            })
        let running = Task { await engine.run() }
        try await stage.until("SELECT rows_filled > 0 FROM lockkeeper.backfills")
        let office = try await Office.open(stage.settings)
        _ = try await office.send(.pause, to: "orders-status")
        #expect(try await office.statuses().first?.state == .paused)
        // The batch in hand may still end; then nothing moves.
        try await stage.until(
            """
            SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'lockkeeper'
              AND datname = current_database() AND query LIKE 'UPDATE%' AND state = 'active')
            """)
        let paused = try await stage.value("SELECT rows_filled FROM lockkeeper.backfills")
        _ = try await office.send(.set(key: "backfill.pause", value: "0ms"), to: "orders-status")
        #expect(try await stage.value("SELECT rows_filled FROM lockkeeper.backfills") == paused)
        _ = try await office.send(.resume, to: "orders-status")
        #expect(await running.value == .reached(.backfill))
        await office.close()
    }

    @Test("a rollback asked for in the middle of the fill turns round at once and leaves nothing")
    func turnsInTheFill() async throws {
        let stage = try await Stage.make(rows: 20_000)
        let before = try await stage.schema()
        let engine = try await stage.open(stage.request(Self.slow) { $0.approvesEveryGate = true })
        let running = Task { await engine.run() }
        try await stage.until("SELECT rows_filled > 0 FROM lockkeeper.backfills")
        let office = try await Office.open(stage.settings)
        _ = try await office.send(.rollBack(to: nil), to: "orders-status")
        await office.close()
        #expect(await running.value == .rolledBack(to: nil))
        #expect(try await stage.schema() == before)
        #expect(try await stage.leftovers() == nil)
    }

    @Test("an interrupted rollback is not gone forward over; the rollback goes on")
    func interruptedRollback() async throws {
        let stage = try await Stage.make(rows: 100)
        let before = try await stage.schema()
        _ = try await stage.outcome(
            stage.request {
                $0.approvesEveryGate = true
                $0.until = .switch
            })
        var request = RunRequest(name: "orders-status")
        request.rollback = .init(to: nil)
        guard case .atGate(let gate) = try await stage.outcome(request) else {
            Issue.record("the rollback did not ask whether somebody still writes the new side")
            return
        }
        #expect(gate.id == "1.undo")
        #expect(
            try await stage.value("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal") == "1")
        await #expect(throws: OpeningError.self) { try await stage.open(stage.request()) }
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(try await stage.schema() == before)
    }
}
