import Conformance
import Foundation
import Migration
import Postgres
import Sandbox
import Synchronization
import Testing

@testable import Engine

/// DESIGN.md, "Running: nothing twice, nothing lost".
@Suite("The rules of running", .fewAtATime)
struct RunningRuleTests {
    private func finish(
        _ stage: Stage, by tap: Wiretap, _ text: String = Stage.spec, until: Phase? = nil
    ) async throws -> Outcome {
        let request = try stage.request(text) {
            $0.approvesEveryGate = true
            $0.purgesAtOnce = until == nil
            $0.until = until
        }
        return try await Engine.open(request, tap.settings(database: stage.database)).run()
    }

    @Test("a backend ended between the statements and the journal's row leaves neither")
    func killedBeforeJournal() async throws {
        let stage = try await Stage.make(rows: 50)
        let engine = try await stage.open(
            stage.request {
                $0.approvesEveryGate = true
                $0.until = .contract
            })
        // Every second time that a step's row is to say that it is done its session ends instead: what
        // the step did must be gone with it, or doing it again fails.
        try await stage.run(
            "CREATE SEQUENCE lockkeeper.kills",
            """
            CREATE FUNCTION lockkeeper.kill() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              IF nextval('lockkeeper.kills') % 2 = 1 THEN
                PERFORM pg_terminate_backend(pg_backend_pid());
              END IF;
              RETURN NEW;
            END $$
            """,
            """
            CREATE TRIGGER kill AFTER INSERT OR UPDATE ON lockkeeper.steps FOR EACH ROW
              WHEN (NEW.state = 'done') EXECUTE FUNCTION lockkeeper.kill()
            """)
        #expect(await engine.run() == .reached(.contract))
        let steps = try await stage.value(
            "SELECT count(*) FROM lockkeeper.steps WHERE state = 'done'")
        let kills = try await stage.value("SELECT last_value / 2 FROM lockkeeper.kills")
        #expect(try #require(Int(kills ?? "")) >= #require(Int(steps ?? "")))
        try await stage.run(
            "DROP TRIGGER kill ON lockkeeper.steps", "DROP FUNCTION lockkeeper.kill()",
            "DROP SEQUENCE lockkeeper.kills")
        #expect(try await stage.finish() == .finished)
        #expect(try await stage.leftovers() == nil)
        #expect(
            try await stage.value("SELECT count(*) FROM lockkeeper.steps WHERE state <> 'done'")
                == "0")
    }

    @Test(
        "an acknowledgement lost after COMMIT: it connects anew, reads the row, and does nothing twice"
    )
    func lostAcknowledgement() async throws {
        let stage = try await Stage.make(rows: 200)
        let seed = UInt64.random(in: 0...999_999)
        let random = Mutex(SeededRandom(seed))
        let begun = Once()
        let tap = try Wiretap(stage.server) { text in
            guard text.contains("COMMIT"), begun.hasHappened else { return .pass }
            return random.withLock { Bool.random(using: &$0) } ? .loseAnswer : .pass
        }
        defer { tap.close() }
        let request = try stage.request {
            $0.approvesEveryGate = true
            $0.purgesAtOnce = true
        }
        let engine = try await Engine.open(request, tap.settings(database: stage.database))
        _ = begun.take()
        #expect(await engine.run() == .finished, "seed \(seed)")
        #expect(try await stage.value("SELECT rows_filled FROM lockkeeper.backfills") == "200")
        #expect(try await stage.leftovers() == nil, "seed \(seed)")
        #expect(try await stage.value("SELECT count(*) FROM orders WHERE status_v2 IS NULL") == "0")
    }

    @Test("a step whose backend is still at work when the connection is lost is not begun again")
    func stillAtWork() async throws {
        let stage = try await Stage.make(of: "CREATE TABLE log (at timestamptz)")
        let lost = Once()
        let tap = try Wiretap(stage.server, unnoticed: 3) { text in
            text.contains("pg_sleep") && text.contains("COMMIT")
                && lost.take() ? .loseAnswer : .pass
        }
        defer { tap.close() }
        let text = """
            name: orders-status
            operations:
              - sql:
                  phase: expand
                  up: INSERT INTO log SELECT clock_timestamp() FROM (SELECT pg_sleep(1.2)) AS rest
                  down: DELETE FROM log
            settings: {throttle: {replication_lag: null}}
            checklist: []
            """
        let outcome = try await finish(stage, by: tap, text, until: .expand)
        #expect(outcome == .reached(.expand))
        #expect(lost.hasHappened)
        #expect(try await stage.value("SELECT count(*) FROM log") == "1")
    }

    @Test("outside a transaction the user's query decides after a lost answer")
    func outsideTransaction() async throws {
        let stage = try await Stage.make(rows: 50)
        let lost = Once()
        let tap = try Wiretap(stage.server) { text in
            text.hasPrefix("CREATE INDEX CONCURRENTLY")
                && lost.take() ? .loseAnswer : .pass
        }
        defer { tap.close() }
        let text = """
            name: orders-status
            operations:
              - sql:
                  phase: expand
                  up: CREATE INDEX CONCURRENTLY by_amount ON orders (amount)
                  down: DROP INDEX CONCURRENTLY by_amount
                  transaction: false
                  done: SELECT to_regclass('by_amount') IS NOT NULL
            settings: {throttle: {replication_lag: null}}
            checklist: []
            """
        let outcome = try await finish(stage, by: tap, text, until: .expand)
        #expect(outcome == .reached(.expand))
        #expect(lost.hasHappened)
        #expect(
            try await stage.value(
                "SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_amount'::regclass") == "t")
    }

    @Test("a batch commits together with its cursor")
    func batchWithCursor() async throws {
        let stage = try await Stage.make(rows: 8000)
        #expect(try await stage.advance(to: .migrate) == .reached(.migrate))
        try await stage.run(
            "CREATE SEQUENCE kills",
            """
            CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              IF nextval('kills') % 3 = 0 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
              RETURN NEW;
            END $$
            """,
            """
            CREATE TRIGGER kill BEFORE UPDATE ON lockkeeper.backfills
              FOR EACH ROW EXECUTE FUNCTION kill()
            """)
        #expect(try await stage.advance(to: .backfill) == .reached(.backfill))
        #expect(Int(try await stage.value("SELECT last_value FROM kills") ?? "") ?? 0 > 5)
        #expect(try await stage.value("SELECT rows_filled FROM lockkeeper.backfills") == "8000")
    }

    @Test("its sessions ended at random moments, it finishes", arguments: 0..<2)
    func endedAtRandom(_ round: UInt64) async throws {
        let seed = UInt64.random(in: 0...999_999) &+ round
        let stage = try await Stage.make(rows: 3000)
        let engine = try await stage.open(
            stage.request {
                $0.approvesEveryGate = true
                $0.purgesAtOnce = true
            })
        let cutter = Task {
            var random = SeededRandom(seed)
            let connection = try await stage.connect()
            for _ in 0..<12 where !Task.isCancelled {
                try await Task.sleep(for: .milliseconds(Int.random(in: 1...400, using: &random)))
                let pids = try await connection.query(
                    """
                    SELECT pid FROM pg_stat_activity
                     WHERE application_name = 'lockkeeper' AND datname = current_database()
                       AND pid <> pg_backend_pid() ORDER BY pid
                    """
                ).rows.map { try $0.int("pid") }
                guard let pid = pids.randomElement(using: &random) else { continue }
                try await connection.query("SELECT pg_terminate_backend(\(pid))")
            }
            await connection.close()
        }
        let outcome = await engine.run()
        cutter.cancel()
        try? await cutter.value
        #expect(outcome == .finished, "seed \(seed)")
        #expect(try await stage.leftovers() == nil, "seed \(seed)")
        #expect(try await stage.value("SELECT count(*) FROM orders WHERE status_v2 IS NULL") == "0")
    }

    @Test("frozen in the middle of a step, it holds no lock that stalls, and soon none at all")
    func frozen() async throws {
        let stage = try await Stage.make(rows: 50)
        let tap = try Wiretap(stage.server) { $0.contains("ADD COLUMN") ? .hold : .pass }
        defer { tap.close() }
        let running = Task { try await finish(stage, by: tap, until: .expand) }
        while !tap.isHolding { try await Task.sleep(for: .milliseconds(5)) }
        let strong = try await stage.value(
            """
            SELECT string_agg(DISTINCT mode, ', ') FROM pg_locks
             WHERE relation = 'orders'::regclass AND granted
               AND mode NOT IN ('AccessShareLock', 'ShareUpdateExclusiveLock')
            """)
        #expect(strong == nil)
        try await stage.until(
            """
            NOT EXISTS (SELECT FROM pg_locks WHERE relation = 'orders'::regclass
                          AND mode <> 'AccessShareLock')
            """)
        tap.release()
        #expect(try await running.value == .reached(.expand))
    }

    @Test(
        "each session ends itself when it is idle in a transaction, and looks whether its client is there"
    )
    func sessionSettings() async throws {
        let stage = try await Stage.make(rows: 1)
        let engine = try await stage.open(stage.request { $0.waits = true })
        let shown = try await engine.sessions.with { connection in
            try await connection.query(
                """
                SELECT current_setting('idle_in_transaction_session_timeout') AS idle,
                       current_setting('client_connection_check_interval') AS check,
                       current_setting('lock_timeout') AS lock, current_setting('row_security') AS rows
                """
            ).onlyRow().values
        }
        #expect(shown == ["1s", "1s", "0", "off"])
        let running = Task { await engine.run() }
        try await stage.until("SELECT count(*) > 0 FROM lockkeeper.events WHERE kind = 'gate'")
        try await engine.perform(.stop)
        #expect(await running.value == .stopped)
    }

    @Test("a new engine's token waits for the transaction in hand")
    func fenceWaits() async throws {
        let stage = try await Stage.make(rows: 1)
        let engine = try await stage.open(stage.request { $0.waits = true })
        let (old, new) = (try await stage.connect(), try await stage.connect())
        try await engine.fence.begin(on: old)
        await #expect {
            try await new.run(
                "SET lock_timeout = '50ms'", "UPDATE lockkeeper.fences SET token = 'new'")
        } throws: { error in
            (error as? ServerError)?.sqlState == .lockNotAvailable
        }
        try await old.run("COMMIT")
        try await new.run("UPDATE lockkeeper.fences SET token = 'new'")
        await #expect(throws: Fenced.self) { try await engine.fence.begin(on: old) }
        #expect(await !old.isInTransaction)
        await old.close()
        await new.close()
        await engine.leave()
    }

    @Test("its heart beats, and a second engine never waits for the lock")
    func heartbeat() async throws {
        let stage = try await Stage.make(rows: 1)
        let engine = try await stage.open(stage.request { $0.waits = true })
        let running = Task { await engine.run() }
        try await stage.until("SELECT count(*) > 0 FROM lockkeeper.events WHERE kind = 'gate'")
        let beat = try await stage.value("SELECT heartbeat_at FROM lockkeeper.engines") ?? ""
        try await stage.until("SELECT heartbeat_at > \(literal: beat) FROM lockkeeper.engines")
        let second = Task { try await stage.open(stage.request()) }
        for _ in 0..<20 {
            let waiting = try await stage.value(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            #expect(waiting == "0")
        }
        try await engine.perform(.stop)
        #expect(await running.value == .stopped)
        let next = try await second.value
        await next.leave()
    }
}
