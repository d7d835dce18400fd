import Foundation
import Migration
import Postgres
import Testing

@testable import Engine

/// `keep: true`: what a fill writes over comes back, and nothing that was written later is lost.
@Suite("The rules of kept values", .fewAtATime)
struct KeepRuleTests {
    private static func spec(_ operations: String) -> String {
        """
        name: orders-status
        operations:
        \(operations)
        settings: {throttle: {replication_lag: null}}
        checklist: []
        """
    }

    private static let backfill = spec(
        """
          - backfill:
              table: orders
              set: {note: "'none'", status: "'old'"}
              where: note IS DISTINCT FROM 'none' OR status IS DISTINCT FROM 'old'
              keep: true
        """)

    private static let notNull = spec(
        "  - set_not_null: {table: orders, column: note, up: \"'order ' || id\", keep: true}")

    /// Every row as text, in the order of the key.
    private static let rows: SQL =
        "SELECT md5(string_agg(o::text, ';' ORDER BY id)) FROM orders o"

    private func prepare(rows: Int = 500) async throws -> Stage {
        let stage = try await Stage.make(rows: rows)
        try await stage.run(
            "UPDATE orders SET note = NULL WHERE id % 3 = 0",
            "UPDATE orders SET note = 'none' WHERE id = 7",
            // TOASTed, out of line.
            """
            UPDATE orders SET note = (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 700))
             WHERE id % 50 = 1
            """)
        return stage
    }

    @Test("a backfill's rows are as they were, from Backfill and from the quarantine alike")
    func backfillBack() async throws {
        let stage = try await prepare()
        let before = try await stage.value(Self.rows)
        let schema = try await stage.schema()
        for phase in [Phase.backfill, .contract] {
            #expect(try await stage.advance(to: phase, Self.backfill) == .reached(phase))
            let filled: SQL = "SELECT count(*) FROM orders WHERE note = 'none' AND status = 'old'"
            #expect(try await stage.value(filled) == "500")
            #expect(try await stage.rollBack() == .rolledBack(to: nil))
            #expect(try await stage.value(Self.rows) == before)
            #expect(try await stage.schema() == schema)
            #expect(try await stage.leftovers() == nil)
        }
    }

    @Test(
        "a column that was written since keeps that, the row's other one comes back, and both are said"
    )
    func laterWrites() async throws {
        let stage = try await prepare()
        #expect(try await stage.advance(to: .backfill, Self.backfill) == .reached(.backfill))
        try await stage.run(
            "UPDATE orders SET status = 'late' WHERE id = 5", "DELETE FROM orders WHERE id = 6",
            // Written again with what the fill wrote: nothing tells it from the fill's own.
            "UPDATE orders SET amount = amount + 1, note = 'none' WHERE id = 9")
        let engine = try await stage.open(
            {
                var request = RunRequest(name: "orders-status")
                request.rollback = .init(to: nil)
                request.approvesEveryGate = true
                request.refresh = 0.2
                return request
            }())
        let listener = Task {
            var found: [String] = []
            for await event in engine.events where event.text.contains("values of before") {
                found.append(event.text)
            }
            return found
        }
        #expect(await engine.run() == .rolledBack(to: nil))
        let said = await listener.value
        #expect(
            said.contains {
                $0.contains(
                    "498 rows have their values of before again; 1 were written since and keep what was written (the first: id=5); 1 are gone"
                )
            }, "\(said)")
        #expect(
            try await stage.row("SELECT status, note IS NULL FROM orders WHERE id = 5") == [
                "late", "f",
            ])
        #expect(
            try await stage.row("SELECT status, note FROM orders WHERE id = 9") == ["new", nil])
        #expect(
            try await stage.row("SELECT status, note FROM orders WHERE id = 7") == ["paid", "none"])
    }

    @Test(
        "back to Migrate and forward again the fill keeps anew, and back once more nothing is lost")
    func twice() async throws {
        let stage = try await prepare()
        let before = try await stage.value(Self.rows)
        for _ in 1...2 {
            #expect(try await stage.advance(to: .backfill, Self.backfill) == .reached(.backfill))
            #expect(try await stage.rollBack(to: .migrate) == .rolledBack(to: .migrate))
            #expect(try await stage.value(Self.rows) == before)
        }
        #expect(try await stage.finish(Self.backfill) == .finished)
        #expect(try await stage.value(Self.rows) != before)
        #expect(try await stage.leftovers() == nil)
    }

    @Test(
        "NULLs are NULL again, those of rows that were written meanwhile too; one written as NULL is filled"
    )
    func nulls() async throws {
        let stage = try await prepare()
        let before = try await stage.value(Self.rows)
        let schema = try await stage.schema()
        #expect(try await stage.advance(to: .migrate, Self.notNull) == .reached(.migrate))
        // Moves them, unfilled; they must be filled all the same.
        try await stage.run("UPDATE orders SET amount = amount WHERE id % 2 = 0")
        #expect(
            try await stage.value("SELECT count(*) > 150 FROM orders WHERE note IS NULL") == "t")
        try await stage.run("INSERT INTO orders (id, note) VALUES (9000, NULL)")
        #expect(
            try await stage.value("SELECT note FROM orders WHERE id = 9000") == "order 9000")
        #expect(try await stage.advance(to: .contract, Self.notNull) == .reached(.contract))
        #expect(try await stage.value("SELECT count(*) FROM orders WHERE note IS NULL") == "0")
        await #expect(throws: ServerError.self) {
            try await stage.run("UPDATE orders SET note = NULL WHERE id = 1")
        }
        try await stage.run("DELETE FROM orders WHERE id = 9000")
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(try await stage.value(Self.rows) == before)
        #expect(try await stage.schema() == schema)
        #expect(try await stage.leftovers() == nil)
    }

    @Test("rows that others have locked or change during the fill are kept as they were then")
    func contended() async throws {
        let stage = try await prepare()
        #expect(try await stage.advance(to: .migrate, Self.backfill) == .reached(.migrate))
        let other = try await stage.connect()
        try await other.run("BEGIN", "UPDATE orders SET note = 'mine' WHERE id = 11")
        let run = Task { try await stage.advance(to: .backfill, Self.backfill) }
        try await stage.until("(SELECT rows_filled > 400 FROM lockkeeper.backfills)")
        try await other.run("COMMIT")
        await other.close()
        #expect(try await run.value == .reached(.backfill))
        #expect(try await stage.value("SELECT note FROM orders WHERE id = 11") == "none")
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(try await stage.value("SELECT note FROM orders WHERE id = 11") == "mine")
    }

    @Test("a unique index over columns that are NOT NULL serves where there is no primary key")
    func otherKey() async throws {
        let stage = try await prepare()
        try await stage.run(
            "ALTER TABLE orders DROP CONSTRAINT orders_pkey",
            "ALTER TABLE orders ALTER amount SET NOT NULL",
            "CREATE UNIQUE INDEX by_both ON orders (amount, id)")
        let before = try await stage.value(Self.rows)
        #expect(try await stage.advance(to: .backfill, Self.backfill) == .reached(.backfill))
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(try await stage.value(Self.rows) == before)
    }
}
