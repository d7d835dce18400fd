import Foundation
import Migration
import Postgres
import Testing

@testable import Engine

/// What is special about renaming a table by a copy: no row is lost between the batches and the
/// triggers, and of what belongs to the table nothing is.
@Suite("The rules of a copied table", .fewAtATime)
struct CopyRuleTests {
    static let spec = TableRuleTests.spec(
        "rename_table: {from: orders, to: purchases, method: copy}")

    /// The copy, once the plan is in the journal.
    static func copy(_ stage: Stage) async throws -> SQL {
        SQL(
            writtenByUser: try #require(
                await stage.value(
                    "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relname ~ '^lk_[0-9a-f]{8}_(purchases|orders)$'"
                )))
    }

    /// Rows of either table that the other has not, by their images.
    static func difference(_ stage: Stage, _ table: SQL = "orders") async throws -> String? {
        let copy = try await copy(stage)
        return try await stage.value(
            """
            SELECT count(*) FROM \(table) o FULL JOIN \(copy) c ON o.id = c.id
             WHERE o.id IS NULL OR c.id IS NULL OR o::text <> c::text
            """)
    }

    /// The batch over the first blocks, as the frozen plan has it.
    static func batch(_ stage: Stage) async throws -> SQL {
        let (plan, _) = try await Engine.plan(
            Spec.parse(text: spec, file: "x.yaml"), stage.settings)
        guard case .copyRows(let copy)? = plan.step("1.backfill.copy")?.action else {
            throw DecodingFailure(message: "the plan has no copy")
        }
        return copy.update(BlockRange(from: 0, to: 1000))
    }

    // MARK: between a batch and a writer

    @Test(
        "a row that is deleted while a batch has read it waits for the batch, and is not in the copy"
    )
    func deletedMeanwhile() async throws {
        let stage = try await Stage.make(rows: 100)
        let update = try await Self.batch(stage)
        #expect(try await stage.advance(to: .migrate, Self.spec) == .reached(.migrate))
        let filler = try await stage.connect()
        try await filler.run("BEGIN", update)
        let deleting = Task { try await stage.run("DELETE FROM orders WHERE id = 7") }
        try await stage.until(
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        try await filler.run("COMMIT")
        await filler.close()
        try await deleting.value
        #expect(try await Self.difference(stage) == "0")
    }

    @Test(
        "of a row that a writer has, a batch that skips takes nothing, and finds it still to be done"
    )
    func skipped() async throws {
        let stage = try await Stage.make(rows: 100)
        let (plan, _) = try await Engine.plan(
            Spec.parse(text: Self.spec, file: "x.yaml"), stage.settings)
        guard case .copyRows(let copy)? = plan.step("1.backfill.copy")?.action else {
            Issue.record("the plan has no copy")
            return
        }
        #expect(try await stage.advance(to: .migrate, Self.spec) == .reached(.migrate))
        let range = BlockRange(from: 0, to: 1000)
        let writer = try await stage.connect()
        try await writer.run(
            "BEGIN", "UPDATE orders SET note = 'held' WHERE id = 7",
            "DELETE FROM orders WHERE id = 8")
        let filler = try await stage.connect()
        try await filler.run("SET lock_timeout = '2s'")
        let done = try await filler.query(copy.updateSkippingLocked(range))
        #expect(done.affectedRows == 98)
        let left = try await filler.query(copy.remaining(range)).onlyRow().int("remaining")
        #expect(left == 2)
        try await writer.run("ROLLBACK")
        try await filler.query(copy.updateSkippingLocked(range))
        #expect(try await filler.query(copy.remaining(range)).onlyRow().int("remaining") == 0)
        await writer.close()
        await filler.close()
        #expect(try await Self.difference(stage) == "0")
    }

    @Test(
        "a writer whose snapshot is older than the batch gets 40001, and leaves no row behind",
        arguments: ["REPEATABLE READ", "SERIALIZABLE"],
        ["DELETE FROM orders WHERE id = 7", "UPDATE orders SET note = 'late' WHERE id = 7"])
    func oldSnapshot(_ level: String, _ statement: String) async throws {
        let stage = try await Stage.make(rows: 100)
        let update = try await Self.batch(stage)
        #expect(try await stage.advance(to: .migrate, Self.spec) == .reached(.migrate))
        let writer = try await stage.connect()
        try await writer.run(
            "BEGIN ISOLATION LEVEL \(SQL(writtenByUser: level))", "SELECT count(*) FROM pg_class")
        try await stage.run(update)
        let error = await #expect(throws: ServerError.self) {
            try await writer.run(SQL(writtenByUser: statement))
        }
        #expect(error?.sqlState.rawValue == "40001")
        try await writer.run("ROLLBACK")
        // One that begins now is not in anybody's way.
        try await writer.run(
            "BEGIN ISOLATION LEVEL \(SQL(writtenByUser: level))", SQL(writtenByUser: statement),
            "COMMIT")
        await writer.close()
        #expect(try await Self.difference(stage) == "0")
    }

    @Test(
        "a row that the same transaction has written twice, or moved, is copied as it is in the end"
    )
    func writtenTwice() async throws {
        let stage = try await Stage.make(rows: 20)
        try await stage.run(
            """
            CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              IF pg_trigger_depth() = 1 THEN
                UPDATE orders SET note = 'again ' || NEW.id WHERE id IN (NEW.id, NEW.id + 1, NEW.id - 1);
              END IF;
              RETURN NULL;
            END $$
            """,
            "CREATE TRIGGER again AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION again()"
        )
        #expect(try await stage.advance(to: .backfill, Self.spec) == .reached(.backfill))
        let connection = try await stage.connect()
        try await connection.run(
            "UPDATE orders SET amount = amount + 1", "INSERT INTO orders (id) VALUES (500), (501)",
            "UPDATE orders SET id = id + 1000 WHERE id < 5",
            "BEGIN", "DELETE FROM orders WHERE id = 10", "INSERT INTO orders (id) VALUES (10)",
            "UPDATE orders SET id = 11000 WHERE id = 10", "DELETE FROM orders WHERE id = 11",
            "COMMIT", "BEGIN", "UPDATE orders SET note = 'lost'", "ROLLBACK",
            "INSERT INTO orders (id, note) VALUES (12, 'x') ON CONFLICT (id) DO NOTHING",
            "INSERT INTO orders (id) VALUES (13) ON CONFLICT (id) DO UPDATE SET note = 'upserted'")
        await connection.close()
        #expect(try await Self.difference(stage) == "0")
        #expect(try await stage.finish(Self.spec) == .finished)
        #expect(
            try await stage.value("SELECT note FROM purchases WHERE id = 13") == "again 13")
    }

    @Test("keys that one statement moves up by one take no other unique column's value twice")
    func movedUp() async throws {
        let stage = try await Stage.make(rows: 0)
        try await stage.run(
            "CREATE UNIQUE INDEX orders_note ON orders (note)",
            "INSERT INTO orders (id, note) SELECT 100 - g, 'n' || g FROM generate_series(1, 20) g")
        #expect(try await stage.advance(to: .backfill, Self.spec) == .reached(.backfill))
        try await stage.run("UPDATE orders SET id = id + 1")
        #expect(try await Self.difference(stage) == "0")
        #expect(try await stage.advance(to: .switch, Self.spec) == .reached(.switch))
        try await stage.run("UPDATE orders SET id = id + 1")
        #expect(try await Self.difference(stage, "purchases") == "0")
        #expect(try await stage.value("SELECT max(id) FROM purchases") == "101")
    }

    @Test("TRUNCATE empties both, before the swap and after it")
    func truncated() async throws {
        let stage = try await Stage.make(rows: 50)
        #expect(try await stage.advance(to: .backfill, Self.spec) == .reached(.backfill))
        try await stage.run("TRUNCATE orders", "INSERT INTO orders DEFAULT VALUES")
        #expect(try await Self.difference(stage) == "0")
        #expect(try await stage.advance(to: .switch, Self.spec) == .reached(.switch))
        try await stage.run("TRUNCATE purchases", "INSERT INTO orders DEFAULT VALUES")
        #expect(try await Self.difference(stage, "purchases") == "0")
        #expect(try await stage.value("SELECT count(*) FROM purchases") == "1")
    }

    // MARK: what goes on

    @Test("stopped in the middle of the copy, it goes on from the cursor")
    func resumes() async throws {
        let stage = try await Stage.make(rows: 20_000)
        let slow = Self.spec.replacing(
            "settings: {", with: "settings: {backfill: {pause: 30ms}, ")
        let first = try await stage.open(stage.request(slow) { $0.approvesEveryGate = true })
        let running = Task { await first.run() }
        try await stage.until(
            "SELECT (SELECT sum(upper(r) - lower(r)) FROM unnest(done) r) >= 64 FROM lockkeeper.backfills"
        )
        let view = await first.current.progress.first { $0.id == "1.backfill.copy" }
        #expect(view.map { $0.total > 64 && $0.done >= 0 } == true)
        #expect(view?.title.hasPrefix("copy the rows to lk_") == true)
        try await first.perform(.stop)
        #expect(await running.value == .stopped)
        let done = try await stage.value("SELECT rows_filled FROM lockkeeper.backfills")
        #expect(try await stage.value("SELECT count(*) FROM \(Self.copy(stage))") == done)
        #expect(try await stage.advance(to: .backfill, Self.spec) == .reached(.backfill))
        #expect(try await stage.value("SELECT rows_filled FROM lockkeeper.backfills") == "20000")
        #expect(try await Self.difference(stage) == "0")
    }

    @Test("its sessions cut again and again, it connects anew and finishes")
    func connectionsCut() async throws {
        let stage = try await Stage.make(rows: 20_000)
        let engine = try await stage.open(
            stage.request(Self.spec) {
                $0.approvesEveryGate = true
                $0.purgesAtOnce = true
            })
        let cutter = Task {
            let connection = try await stage.connect()
            for _ in 0..<25 where !Task.isCancelled {
                try await connection.query(
                    """
                    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                     WHERE application_name = 'lockkeeper' AND datname = current_database()
                       AND random() < 0.3 AND pid <> pg_backend_pid()
                    """)
                try await Task.sleep(for: .milliseconds(150))
            }
            await connection.close()
        }
        #expect(await engine.run() == .finished)
        cutter.cancel()
        #expect(try await stage.leftovers() == nil)
        #expect(try await stage.value("SELECT count(*) FROM purchases") == "20000")
    }

    @Test("undone to before the triggers and run again, the copy begins empty")
    func again() async throws {
        let stage = try await Stage.make(rows: 50)
        #expect(try await stage.advance(to: .backfill, Self.spec) == .reached(.backfill))
        #expect(try await stage.rollBack(to: .expand) == .rolledBack(to: .expand))
        try await stage.run(
            "UPDATE orders SET note = 'alone' WHERE id = 1", "DELETE FROM orders WHERE id = 2")
        #expect(try await stage.advance(to: .backfill, Self.spec) == .reached(.backfill))
        #expect(try await Self.difference(stage) == "0")
    }

    @Test(
        "swapped, swapped back and swapped again, every write and the sequence go on",
        arguments: ["BY DEFAULT", "ALWAYS"])
    func thereAndBack(_ identity: String) async throws {
        let stage = try await Stage.make(rows: 50)
        try await stage.run(
            "ALTER TABLE orders ALTER id SET GENERATED \(SQL(writtenByUser: identity))")
        #expect(try await stage.advance(to: .switch, Self.spec) == .reached(.switch))
        try await stage.run("INSERT INTO orders DEFAULT VALUES")
        #expect(try await stage.rollBack(to: .backfill) == .rolledBack(to: .backfill))
        try await stage.run("INSERT INTO orders DEFAULT VALUES")
        #expect(try await Self.difference(stage) == "0")
        #expect(try await stage.advance(to: .switch, Self.spec) == .reached(.switch))
        try await stage.run(
            "INSERT INTO purchases DEFAULT VALUES", "INSERT INTO orders DEFAULT VALUES")
        #expect(try await Self.difference(stage, "purchases") == "0")
        #expect(
            try await stage.row("SELECT count(*), max(id), count(DISTINCT id) FROM purchases")
                == ["54", "54", "54"])
    }

    @Test("a row that is written past the triggers stops the swap, and is named")
    func differs() async throws {
        let stage = try await Stage.make(rows: 50)
        #expect(try await stage.advance(to: .backfill, Self.spec) == .reached(.backfill))
        let copy = try await Self.copy(stage)
        try await stage.run(
            "UPDATE \(copy) SET note = 'other' WHERE id = 7", "DELETE FROM \(copy) WHERE id = 8",
            "INSERT INTO \(copy) (id) VALUES (9000)")
        guard case .failed(let message) = try await stage.advance(to: .switch, Self.spec) else {
            Issue.record("it went on")
            return
        }
        #expect(
            message.contains("of 50 rows 1 are missing and 1 differ, and 1 are too many"),
            "\(message)")
        for fault in ["id=7 (different)", "id=8 (missing)", "id=9000 (too many)"] {
            #expect(message.contains(fault), "\(message)")
        }
    }
}
