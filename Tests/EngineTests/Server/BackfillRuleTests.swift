import Foundation
import Migration
import Postgres
import Sandbox
import Synchronization
import Testing

@testable import Engine

/// DESIGN.md, "Backfill".
@Suite("The rules of the backfill", .serialized, .fewAtATime)
struct BackfillRuleTests {
    private static func spec(_ settings: String) -> String {
        Stage.spec.replacing("settings:", with: "settings:\n  \(settings)")
    }

    private func unequal(_ stage: Stage) async throws -> String? {
        try await stage.value(
            "SELECT count(*) FROM orders WHERE status_v2 IS DISTINCT FROM upper(status)")
    }

    @Test("the extent is read under the trigger's lock: what is written before that is filled")
    func extent() async throws {
        let stage = try await Stage.make(rows: 10)
        #expect(try await stage.advance(to: .expand) == .reached(.expand))
        // A writer that the look does not see is in the middle of a transaction when Migrate asks for
        // its lock, and writes most of its rows, in new blocks, while the request waits.
        let writer = try await stage.connect()
        try await writer.run("BEGIN", "INSERT INTO orders (status) VALUES ('first')")
        let engine = try await stage.open(
            stage.request(Self.spec("stall_budget: 5s")) {
                $0.approvesEveryGate = true
                $0.until = .backfill
            })
        let pid = Int(writer.backendPID)
        await engine.control.change { $0.ownPIDs.insert(pid) }
        let running = Task { await engine.run() }
        try await stage.until(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'orders'::regclass AND NOT granted)"
        )
        try await writer.run(
            "INSERT INTO orders (status, note) SELECT 'late', repeat('x', 500) FROM generate_series(1, 500)",
            "COMMIT")
        await writer.close()
        #expect(await running.value == .reached(.backfill))
        #expect(try await unequal(stage) == "0")
    }

    @Test("it is in no deadlock with transactions that lock the same rows the other way round")
    func neverDeadlocks() async throws {
        let stage = try await Stage.make(rows: 4000)
        // The trigger first: for its lock the engine would wait until none of these is about.
        #expect(try await stage.advance(to: .migrate) == .reached(.migrate))
        let engine = try await stage.open(
            stage.request(Self.spec("backfill: {batch: 20ms, pause: 1ms}")) {
                $0.approvesEveryGate = true
                $0.until = .backfill
            })
        let seed = UInt64.random(in: 0...999_999)
        let applications = (UInt64(0)..<3).map { number in
            Task { () -> Int in
                var random = SeededRandom(seed &+ number)
                var deadlocks = 0
                let connection = try await stage.connect()
                // Far more than a batch waits, far less than a second, so that the test is quick.
                try await connection.run("SET deadlock_timeout = '100ms'")
                while !Task.isCancelled {
                    // Highest first, against the walk; among each other they all go the same way.
                    var id = 4000 - Int.random(in: 0...50, using: &random)
                    do {
                        try await connection.run("BEGIN")
                        while id > 0 {
                            try await connection.run(
                                "UPDATE orders SET amount = amount + 1 WHERE id = \(id)")
                            id -= Int.random(in: 1...120, using: &random)
                        }
                        try await connection.run("COMMIT")
                    } catch let error as ServerError where error.sqlState == .deadlockDetected {
                        deadlocks += 1
                        await connection.rollBackIfOpen()
                    } catch ConnectionError.cancelled {
                        break
                    }
                }
                await connection.close()
                return deadlocks
            }
        }
        let outcome = await engine.run()
        for application in applications { application.cancel() }
        for application in applications {
            #expect(try await application.value == 0, "seed \(seed)")
        }
        #expect(outcome == .reached(.backfill))
        #expect(try await unequal(stage) == "0")
    }

    @Test("VACUUM on the way bounds the table's growth")
    func bloat() async throws {
        func growth(_ vacuum: String) async throws -> Double {
            let stage = try await Stage.make(rows: 60_000)
            #expect(try await stage.advance(to: .migrate) == .reached(.migrate))
            let before = try #require(
                Double(try await stage.value("SELECT pg_table_size('orders')") ?? ""))
            let text = Self.spec("backfill: {batch: 20ms, vacuum_every: \(vacuum)}")
            #expect(try await stage.advance(to: .backfill, text) == .reached(.backfill))
            #expect(try await unequal(stage) == "0")
            let after = try #require(
                Double(try await stage.value("SELECT pg_table_size('orders')") ?? ""))
            return after / before
        }
        // Where an autovacuum comes in between, a VACUUM of ours is left out.
        #expect(try await growth("10%") < 1.5)
        #expect(try await growth("null") > 1.8)
    }

    @Test(
        "the user's query holds it, when it says so and when it can't be asked, and lets it go on",
        .timeLimit(.minutes(10)))
    func throttleQuery() async throws {
        let stage = try await Stage.make(rows: 2000)
        try await stage.run("CREATE TABLE busy (so boolean)", "INSERT INTO busy VALUES (true)")
        #expect(try await stage.advance(to: .migrate) == .reached(.migrate))
        let text = Stage.spec.replacing(
            "replication_lag: null", with: "replication_lag: null, query: SELECT so FROM busy")
        let engine = try await stage.open(
            stage.request(text) {
                $0.approvesEveryGate = true
                $0.until = .backfill
            })
        let running = Task { await engine.run() }
        func throttled(_ words: String) -> SQL {
            """
            SELECT EXISTS (SELECT FROM lockkeeper.events
                            WHERE kind = 'throttled' AND text LIKE \(literal: "%\(words)%"))
            """
        }
        try await stage.until(throttled("says to hold"))
        #expect(try await stage.value("SELECT rows_filled FROM lockkeeper.backfills") == "0")
        let office = try await Office.open(stage.settings)
        _ = try await office.send(
            .set(key: "throttle.query", value: "SELECT nonsense"), to: "orders-status")
        try await stage.until {
            await engine.current.progress.first?.pauseReason?.contains("can't be asked") == true
        }
        #expect(try await stage.value("SELECT rows_filled FROM lockkeeper.backfills") == "0")
        try await stage.run("UPDATE busy SET so = false")
        _ = try await office.send(
            .set(key: "throttle.query", value: "SELECT so FROM busy"), to: "orders-status")
        await office.close()
        #expect(await running.value == .reached(.backfill))
    }

    @Test("workers and batch size change while it runs", .timeLimit(.minutes(10)))
    func liveSettings() async throws {
        let stage = try await Stage.make(rows: 40_000)
        #expect(try await stage.advance(to: .migrate) == .reached(.migrate))
        let engine = try await stage.open(
            stage.request(Self.spec("backfill: {pause: 20ms, vacuum_every: null}")) {
                $0.approvesEveryGate = true
                $0.until = .backfill
            })
        let sizes = Mutex<[Int]>([])
        let listening = Task {
            var last = 0
            for await event in engine.events where event.kind == .batch {
                guard case .int(let done)? = event.fields["done"] else { continue }
                sizes.withLock { $0.append(done - last) }
                last = done
            }
        }
        let running = Task { await engine.run() }
        try await stage.until("SELECT rows_filled > 0 FROM lockkeeper.backfills")
        let busy: SQL = """
            SELECT count(*) FROM pg_stat_activity
             WHERE application_name = 'lockkeeper' AND datname = current_database()
               AND query LIKE '%int8multirange%COMMIT%' AND state = 'idle'
            """
        try await stage.until("(\(busy)) = 1")
        try await engine.perform(.set(key: "backfill.workers", value: "3"))
        try await stage.until("(\(busy)) = 3")
        try await engine.perform(.set(key: "backfill.workers", value: "1"))
        try await stage.until("(\(busy)) = 1")
        try await engine.perform(.set(key: "backfill.batch", value: "1ms"))
        let count = sizes.withLock(\.count)
        try await stage.until { sizes.withLock { $0.count >= count + 3 } }
        guard sizes.withLock({ $0.count >= count + 3 }) else { return }
        #expect(sizes.withLock { $0[count + 2] } <= 4)
        try await engine.perform(.set(key: "backfill.pause", value: "0ms"))
        try await engine.perform(.set(key: "backfill.batch", value: "100ms"))
        #expect(await running.value == .reached(.backfill))
        await listening.value
        #expect(try await unequal(stage) == "0")
    }

    /// A backfill that no trigger helps.
    private static func notes(pause: String) -> String {
        """
        name: orders-status
        operations:
          - backfill:
              table: orders
              set: {note: "'filled'"}
              where: note IS DISTINCT FROM 'filled'
        settings:
          backfill: {pause: \(pause), vacuum_every: null}
          throttle: {replication_lag: null}
        checklist: []
        """
    }

    @Test("without a trigger, rows that move past the walk are met in another pass")
    func movedRows() async throws {
        let stage = try await Stage.make(rows: 8000)
        let engine = try await stage.open(stage.request(Self.notes(pause: "20ms")))
        let running = Task { await engine.run() }
        try await stage.until("SELECT rows_filled > 0 FROM lockkeeper.backfills")
        // Moves the last rows, which are not filled yet, behind the extent that is walked.
        try await stage.run("UPDATE orders SET amount = amount + 1 WHERE id > 7000")
        #expect(await running.value == .finished)
        #expect(
            try await stage.value(
                "SELECT count(*) FROM orders WHERE note IS DISTINCT FROM 'filled'")
                == "0")
    }

    @Test("rows that are written anew with every pass are said, and once that stops it ends")
    func writtenAnew() async throws {
        let stage = try await Stage.make(rows: 300)
        let engine = try await stage.open(stage.request(Self.notes(pause: "30ms")))
        let running = Task { await engine.run() }
        let writer = try await stage.connect()
        let said: SQL =
            "SELECT count(*) AS n FROM lockkeeper.events WHERE text LIKE '%Something goes on writing them%'"
        let deadline = ContinuousClock.now + .seconds(60)
        while try await writer.query(said).onlyRow().int("n") == 0 {
            try #require(ContinuousClock.now < deadline, "nothing was said")
            try await writer.query(
                "UPDATE orders SET note = NULL WHERE id = 7 AND note IS NOT NULL")
        }
        await writer.close()
        #expect(await running.value == .finished)
    }
}
