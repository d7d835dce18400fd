import Conformance
import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

/// An index of a partitioned table: what a partition that is there, comes or goes is given.
@Suite("The rules of partitioned index builds", .fewAtATime)
struct PartitionedIndexTests {
    private static func spec(_ fields: String = "columns: [amount]") -> String {
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

    /// Partitions that hold rows and have no valid index attached to the parent's.
    private static let missing: SQL = """
        SELECT string_agg(t.relid::text, ', ') FROM pg_partition_tree('orders') t
         WHERE t.isleaf AND NOT EXISTS (
               SELECT FROM pg_index i JOIN pg_partition_tree('by_amount') x ON x.relid = i.indexrelid
                WHERE i.indrelid = t.relid AND i.indisvalid)
        """

    private func stage() async throws -> Stage {
        let stage = try await Stage.make(rows: 0)
        for statement in Variant.partitioning { try await stage.run(statement) }
        return stage
    }

    @Test("an INVALID index that a build has left on a partition is dropped and built anew")
    func leftover() async throws {
        let stage = try await stage()
        try await stage.run("UPDATE orders SET amount = 1 WHERE id < 3")
        await #expect(throws: ServerError.self) {
            try await stage.run(
                "CREATE UNIQUE INDEX CONCURRENTLY orders_first_by_amount ON orders_first (amount)")
        }
        #expect(try await stage.finish(Self.spec()) == .finished)
        #expect(try await stage.value(Self.valid) == "t")
        #expect(try await stage.value(Self.missing) == nil)
    }

    @Test("partitions that are made, attached, detached and dropped while it builds")
    func comeAndGo() async throws {
        let stage = try await stage()
        // While its index is built no partition can be made: that takes ACCESS EXCLUSIVE on it.
        try await stage.run("DROP TABLE \"Orders, the rest\"", "CREATE TABLE other (id int)")
        // The build on the first partition waits for this transaction.
        let old = try await stage.connect()
        try await old.run("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM other")
        let running = Task { try await stage.finish(Self.spec()) }
        try await stage.until(
            """
            EXISTS (SELECT FROM pg_stat_progress_create_index
                     WHERE datname = current_database() AND phase LIKE 'waiting for%')
            """)
        try await stage.run(
            "CREATE TABLE made PARTITION OF orders FOR VALUES FROM (500000) TO (600000)",
            "CREATE TABLE attached (LIKE orders INCLUDING ALL)",
            "INSERT INTO attached (id) VALUES (600001)",
            "ALTER TABLE orders ATTACH PARTITION attached FOR VALUES FROM (600000) TO (700000)",
            "ALTER TABLE orders_middle DETACH PARTITION orders_middle_0",
            "DROP TABLE orders_middle_1")
        try await old.run("COMMIT")
        #expect(try await running.value == .finished)
        await old.close()
        #expect(try await stage.value(Self.valid) == "t")
        #expect(try await stage.value(Self.missing) == nil)
        #expect(
            try await stage.value(
                "SELECT count(*) FROM pg_index WHERE indrelid = 'orders_middle_0'::regclass") == "2"
        )
    }

    @Test(
        "a partition that was there before the index, and that the plan does not know, has it too")
    func unplanned() async throws {
        let stage = try await stage()
        let text = Self.spec() + "\n"
        let request = try stage.request(text)
        let engine = try await stage.open(request)
        try await stage.run(
            "CREATE TABLE later PARTITION OF orders FOR VALUES FROM (500000) TO (600000) PARTITION BY LIST (id)",
            "CREATE TABLE later_one PARTITION OF later FOR VALUES IN (500001)")
        #expect(await engine.run() == .finished)
        #expect(try await stage.value(Self.valid) == "t")
        #expect(try await stage.value(Self.missing) == nil)
        #expect(
            try await stage.value("SELECT to_regclass('later_one_by_amount') IS NOT NULL") == "t")
    }

    @Test("a duplicate in one partition is named; undone, nothing is left of the others' either")
    func duplicate() async throws {
        let stage = try await Stage.make(
            of: "CREATE TABLE orders (id int, k int) PARTITION BY LIST (k)",
            "CREATE TABLE one PARTITION OF orders FOR VALUES IN (1)",
            "CREATE TABLE two PARTITION OF orders FOR VALUES IN (2)",
            "INSERT INTO orders VALUES (7, 1), (7, 2), (7, 2)")
        let before = try await stage.schema()
        let text = Self.spec("columns: [id, k], unique: true")
        guard case .failed(let message) = try await stage.finish(text) else {
            Issue.record("a unique index over duplicates")
            return
        }
        #expect(message.contains("(id, k)=(7, 2)") && message.contains("public.two"))
        #expect(try await stage.value("SELECT to_regclass('two_by_amount')") == nil)
        #expect(try await stage.value("SELECT to_regclass('one_by_amount')") == "one_by_amount")
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(try await stage.schema() == before)
    }
}
