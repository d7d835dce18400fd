import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

/// Concurrent builds, which can't be part of a transaction: the catalogue decides.
@Suite("The rules of index builds", .fewAtATime)
struct IndexRuleTests {
    private static func spec(_ fields: String) -> String {
        """
        name: orders-status
        operations:
          - create_index: {table: orders, name: by_amount, \(fields)}
        settings: {throttle: {replication_lag: null}}
        checklist: []
        """
    }

    private static let valid: SQL =
        "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('by_amount')"

    @Test("an INVALID index that a build has left behind is dropped and built anew")
    func leftover() async throws {
        let stage = try await Stage.make(rows: 100)
        try await stage.run("INSERT INTO orders (amount) VALUES (1)")
        await #expect(throws: ServerError.self) {
            try await stage.run("CREATE UNIQUE INDEX CONCURRENTLY by_amount ON orders (amount)")
        }
        #expect(try await stage.value(Self.valid) == "f")
        #expect(try await stage.finish(Self.spec("columns: [amount]")) == .finished)
        #expect(try await stage.value(Self.valid) == "t")
    }

    @Test(
        "a unique index that meets a duplicate names it and leaves no INVALID one; mended, it goes on"
    )
    func duplicate() async throws {
        let stage = try await Stage.make(rows: 100)
        let text = Self.spec("columns: [amount], unique: true")
        try await stage.run("INSERT INTO orders (id, amount) VALUES (900, 7)")
        guard case .failed(let message) = try await stage.finish(text) else {
            Issue.record("a unique index over duplicates")
            return
        }
        #expect(message.contains("(amount)=(7)"))
        #expect(try await stage.value("SELECT to_regclass('by_amount')") == nil)
        try await stage.run("DELETE FROM orders WHERE id = 900")
        #expect(try await stage.finish(text) == .finished)
        #expect(try await stage.value(Self.valid) == "t")
    }

    @Test(
        "a build that goes on for a client that is gone is waited for, not dropped under its hands")
    func orphan() async throws {
        let stage = try await Stage.make(rows: 100)
        // The build waits for this transaction, which has a row of the table.
        let old = try await stage.connect()
        try await old.run("BEGIN", "UPDATE orders SET amount = amount WHERE id = 1")
        let builder = Task {
            try await stage.run("CREATE INDEX CONCURRENTLY by_amount ON orders (amount)")
        }
        try await stage.until("SELECT to_regclass('by_amount') IS NOT NULL")
        let built = try await stage.value("SELECT to_regclass('by_amount')::oid")
        let engine = try await stage.open(
            stage.request(Self.spec("columns: [amount]")) { $0.approvesEveryGate = true })
        let running = Task { await engine.run() }
        try await stage.until(
            """
            SELECT EXISTS (SELECT FROM lockkeeper.steps
                            WHERE step = '1.expand.index' AND state = 'running')
              AND (SELECT count(*) FROM pg_stat_activity
                    WHERE application_name = 'lockkeeper' AND datname = current_database()
                      AND query ~ 'pg_stat_progress_create_index p' AND state = 'idle') > 0
            """)
        try await old.run("COMMIT")
        try await builder.value
        #expect(await running.value == .finished)
        await old.close()
        #expect(try await stage.value("SELECT to_regclass('by_amount')::oid") == built)
        #expect(try await stage.value(Self.valid) == "t")
    }

    @Test("a build waits for an old transaction as long as that lasts, and stalls nobody meanwhile")
    func patient() async throws {
        let stage = try await Stage.make(rows: 100)
        try await stage.run("CREATE TABLE other (id int)")
        let old = try await stage.connect()
        try await old.run("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM other")
        let running = Task { try await stage.finish(Self.spec("columns: [amount]")) }
        try await stage.until(
            """
            SELECT EXISTS (SELECT FROM pg_stat_progress_create_index
                            WHERE datname = current_database() AND phase LIKE 'waiting for old snap%')
            """)
        let began = ContinuousClock.now
        while ContinuousClock.now - began < .milliseconds(600) {
            try await stage.run("UPDATE orders SET amount = amount + 1 WHERE id = 1")
        }
        #expect(try await stage.value(Self.valid) == "f")
        try await old.run("COMMIT")
        #expect(try await running.value == .finished)
        await old.close()
        #expect(try await stage.value(Self.valid) == "t")
    }

    @Test("stopped in the middle of a build, it leaves no INVALID index")
    func stopped() async throws {
        let stage = try await Stage.make(rows: 100)
        let old = try await stage.connect()
        try await old.run("BEGIN", "UPDATE orders SET amount = amount WHERE id = 1")
        let engine = try await stage.open(stage.request(Self.spec("columns: [amount]")))
        let running = Task { await engine.run() }
        try await stage.until("SELECT to_regclass('by_amount') IS NOT NULL")
        try await engine.perform(.stop)
        // DROP INDEX CONCURRENTLY waits for the same transaction.
        try await stage.until(
            """
            SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'DROP INDEX CONCURRENTLY%'
                            AND datname = current_database() AND wait_event_type = 'Lock')
            """)
        try await old.run("COMMIT")
        #expect(await running.value == .stopped)
        await old.close()
        #expect(try await stage.value("SELECT to_regclass('by_amount')") == nil)
        #expect(try await stage.finish(Self.spec("columns: [amount]")) == .finished)
    }
}
