import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

@Suite("Turning back, pausing and purging", .fewAtATime)
struct TurningBackTests {
    @Test("a rollback whose connection is lost on the way to turning does not go forward")
    func lostBeforeTheTurn() async throws {
        let stage = try await Stage.make(rows: 100)
        let before = try await stage.schema()
        _ = try await stage.outcome(stage.request { $0.until = .backfill })
        let lock = try await stage.connect()
        try await lock.run("BEGIN", "LOCK TABLE lockkeeper.migrations IN SHARE MODE")
        let rollback = Task { try await stage.rollBack() }
        try await stage.until(
            """
            SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity
             WHERE datname = current_database() AND query LIKE '%SET direction%'
               AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()
            """)
        try await lock.run("ROLLBACK")
        await lock.close()
        #expect(try await rollback.value == .rolledBack(to: nil))
        #expect(try await stage.schema() == before)
    }

    @Test("a purge that was confirmed for one run is not for the next")
    func purgeIsOfOneRun() async throws {
        let stage = try await Stage.make(rows: 100)
        let first = try await stage.outcome(
            stage.request {
                $0.approvesEveryGate = true
                $0.purgesAtOnce = true
                $0.until = .expand
            })
        #expect(first == .reached(.expand))
        guard
            case .quarantined(let until) = try await stage.outcome(
                stage.request { $0.approvesEveryGate = true })
        else {
            Issue.record("it was purged without the word of whoever ran it")
            return
        }
        #expect(until != nil)
    }

    @Test("a command that its engine did not take is not obeyed by the next one")
    func staleCommand() async throws {
        let stage = try await Stage.make(rows: 100)
        _ = try await stage.outcome(stage.request { $0.until = .expand })
        try await stage.run(
            """
            INSERT INTO lockkeeper.commands (migration, action, os_user, host)
            SELECT id, '{"rollBack":{}}', 'somebody', 'elsewhere' FROM lockkeeper.migrations
            """)
        let outcome = try await stage.outcome(stage.request { $0.until = .migrate })
        #expect(outcome == .reached(.migrate))
        #expect(
            try await stage.value("SELECT refusal LIKE 'withdrawn%' FROM lockkeeper.commands")
                == "t")
    }

    @Test("a rollback that goes on goes where it is asked to, or says that it can't")
    func resumedElsewhere() async throws {
        let stage = try await Stage.make(rows: 100)
        _ = try await stage.outcome(
            stage.request {
                $0.approvesEveryGate = true
                $0.until = .switch
            })
        var request = RunRequest(name: "orders-status")
        request.rollback = .init(to: nil)
        guard case .atGate = try await stage.outcome(request) else {
            Issue.record("it did not stop at its gate")
            return
        }
        // Everything after Migrate is undone by now.
        guard case .refused(let why) = try await stage.outcome(to: .backfill) else {
            Issue.record("it went further back than it was asked to")
            return
        }
        #expect(why.contains("already rolled back further"))
        #expect(try await stage.rollBack(to: .migrate) == .rolledBack(to: .migrate))
        #expect(
            try await stage.value("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal") == "1")
    }

    @Test("rolled back to the end of a phase, status says that it rests there and what to type")
    func restsAfterRollback() async throws {
        let stage = try await Stage.make(rows: 100)
        _ = try await stage.advance(to: .backfill)
        let office = try await Office.open(stage.settings)
        let before = try #require(try await office.statuses().first)
        #expect(before.sentence.hasPrefix("No engine runs it; `lockkeeper run orders-status.yaml`"))
        #expect(try await stage.rollBack(to: .migrate) == .rolledBack(to: .migrate))
        let resting = try #require(try await office.statuses().first)
        #expect(
            resting.sentence.hasPrefix(
                "Rolled back to the end of Migrate and rests there; `lockkeeper run orders-status.yaml` goes on at 1.backfill."
            ))
        #expect(resting.next == "lockkeeper run orders-status.yaml")
        _ = try await stage.advance(to: .backfill)
        let after = try #require(try await office.statuses().first)
        #expect(after.sentence.hasPrefix("No engine runs it"))
        await office.close()
    }

    @Test("nothing is rolled back where nothing has been done")
    func nothingToUndo() async throws {
        let stage = try await Stage.make(rows: 10)
        _ = try await stage.outcome(stage.request { $0.until = .expand })
        guard case .refused(let why) = try await stage.outcome(to: .switch) else {
            Issue.record("it said that it rolled back")
            return
        }
        #expect(why == "Nothing after Switch has been done.")
    }

    @Test("an index of another table that has the name is neither taken for ours nor dropped")
    func strangersIndex() async throws {
        let stage = try await Stage.make(rows: 100)
        _ = try await stage.outcome(stage.request { $0.until = .migrate })
        try await stage.run(
            "CREATE TABLE other (a int)", "CREATE INDEX orders_status_v2 ON other (a)")
        guard
            case .failed(let why) = try await stage.outcome(stage.request { $0.until = .backfill })
        else {
            Issue.record("it took the other table's index for its own")
            return
        }
        #expect(why.contains("an index of another table"))
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(
            try await stage.value("SELECT count(*) FROM pg_indexes WHERE tablename = 'other'")
                == "1")
    }

    @Test("a name that is taken anywhere in the schema is not planned for a copy")
    func takenName() async throws {
        let stage = try await Stage.make(rows: 100)
        try await stage.run(
            "CREATE TABLE other (a int)", "CREATE INDEX orders_status_v2 ON other (a)")
        #expect(try await stage.finish() == .finished)
        #expect(
            try await stage.value(
                "SELECT count(*) FROM pg_indexes WHERE tablename = 'orders' AND indexdef LIKE '%(status_v2)'"
            )
                == "1")
    }

    @Test("with the sync trigger gone the rollback still comes to its end")
    func triggerGone() async throws {
        let stage = try await Stage.make(rows: 100)
        let before = try await stage.schema()
        _ = try await stage.outcome(stage.request { $0.until = .backfill })
        let name = try await stage.value(
            "SELECT quote_ident(tgname) FROM pg_trigger WHERE NOT tgisinternal")
        try await stage.run("DROP TRIGGER \(Identifier(name ?? "")) ON orders")
        guard case .failed = try await stage.outcome(stage.request()) else {
            Issue.record("it went on without its trigger")
            return
        }
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(try await stage.schema() == before)
    }

    @Test("paused with no engine, run says so and rests, and a rollback goes through")
    func paused() async throws {
        let stage = try await Stage.make(rows: 100)
        _ = try await stage.outcome(stage.request { $0.until = .migrate })
        let office = try await Office.open(stage.settings)
        _ = try await office.send(.pause, to: "orders-status")
        await office.close()
        guard case .atRest(let why) = try await stage.outcome(stage.request()) else {
            Issue.record("it neither went on nor said why not")
            return
        }
        #expect(why.contains("lockkeeper resume orders-status"))
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
    }

    @Test("paused while it waits for a lock, it does not ask for it")
    func pausedAtALock() async throws {
        let stage = try await Stage.make(rows: 100)
        let reader = try await stage.connect()
        try await reader.run("BEGIN", "SELECT count(*) FROM orders")
        let engine = try await stage.open(stage.request { $0.until = .expand })
        let running = Task { await engine.run() }
        try await stage.until("SELECT count(*) > 0 FROM lockkeeper.events WHERE kind = 'lock_wait'")
        try await engine.perform(.pause)
        try await reader.run("COMMIT")
        await reader.close()
        // Two looks later it would have been done.
        try await Task.sleep(for: .milliseconds(800))
        #expect(
            try await stage.value(
                "SELECT count(*) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'status_v2'"
            )
                == "0")
        try await engine.perform(.resume)
        #expect(await running.value == .reached(.expand))
    }

    @Test("the engine's own session cut in a fill, it is heard again before the fill ends")
    func controlCut() async throws {
        let stage = try await Stage.make(rows: 20_000)
        let engine = try await stage.open(
            stage.request(InterruptionTests.slow) { $0.approvesEveryGate = true })
        let running = Task { await engine.run() }
        try await stage.until("SELECT rows_filled > 0 FROM lockkeeper.backfills")
        try await stage.run("SELECT pg_terminate_backend(backend_pid) FROM lockkeeper.engines")
        try await stage.until(
            """
            SELECT EXISTS (SELECT FROM pg_locks l JOIN lockkeeper.engines e ON e.backend_pid = l.pid
              WHERE l.locktype = 'advisory' AND l.granted)
            """)
        let office = try await Office.open(stage.settings)
        _ = try await office.send(.rollBack(to: nil), to: "orders-status")
        await office.close()
        #expect(await running.value == .rolledBack(to: nil))
    }
}

extension Stage {
    fileprivate func outcome(to phase: Phase) async throws -> Outcome {
        var request = RunRequest(name: "orders-status")
        request.rollback = .init(to: phase)
        request.approvesEveryGate = true
        return try await outcome(request)
    }
}
