import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

/// What is special about renaming, making and dropping whole tables, and about dropping an index.
@Suite("The rules of whole tables", .fewAtATime)
struct TableRuleTests {
    static func spec(_ operation: String) -> String {
        """
        name: orders-status
        operations:
          - \(operation)
        settings: {throttle: {replication_lag: null}}
        checklist: []
        """
    }

    private static let rename = spec("rename_table: {from: orders, to: purchases}")

    static func refusal(_ stage: Stage, _ operation: String) async throws -> [String] {
        do {
            _ = try await Engine.plan(
                Spec.parse(text: spec(operation), file: "x.yaml"), stage.settings)
            return []
        } catch let error as Refusals {
            return error.refusals.map { "\($0.rule): \($0.message)" }
        }
    }

    // MARK: the view

    @Test(
        "through the old name rows are written and read as before",
        arguments: [
            ("INSERT INTO orders DEFAULT VALUES RETURNING status, amount", "new,0"),
            (
                "INSERT INTO orders (id, status) VALUES (7000, DEFAULT) RETURNING id, status",
                "7000,new"
            ),
            (
                "WITH w AS (INSERT INTO orders (note) VALUES ('a'), ('b') RETURNING status) SELECT count(*), min(status) FROM w",
                "2,new"
            ),
            (
                "INSERT INTO orders (id, note) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET note = EXCLUDED.note || orders.id RETURNING note",
                "x1"
            ),
            (
                "WITH w AS (INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO NOTHING RETURNING id) SELECT count(*) FROM w",
                "0"
            ),
            (
                "WITH w AS (INSERT INTO orders (id) VALUES (1) ON CONFLICT DO NOTHING RETURNING id) SELECT count(*) FROM w",
                "0"
            ),
            ("UPDATE orders o SET amount = 5 WHERE id = 2 RETURNING o.id, amount", "2,5"),
            ("DELETE FROM orders WHERE id = 3 RETURNING id", "3"),
            ("SELECT id FROM orders WHERE id = 4 FOR UPDATE", "4"),
            ("SELECT id FROM orders WHERE id = 5 FOR NO KEY UPDATE SKIP LOCKED", "5"),
            ("SELECT nextval('orders_id_seq') > 0", "t"),
            ("SELECT (orders).status FROM orders WHERE id = 6", "new"),
        ])
    func throughTheView(_ statement: String, gives: String) async throws {
        let stage = try await Stage.make(rows: 10)
        try await stage.run("UPDATE orders SET status = 'new' WHERE id = 6")
        #expect(try await stage.advance(to: .expand, Self.rename) == .reached(.expand))
        let values = try await stage.row(SQL(writtenByUser: statement)).map { $0 ?? "NULL" }
        #expect(values.joined(separator: ",") == gives)
    }

    @Test(
        "what the plan says that a view refuses, it refuses",
        arguments: [
            "COPY orders (id) FROM STDIN", "COPY orders TO STDOUT", "TRUNCATE orders",
            "INSERT INTO orders (id) VALUES (1) ON CONFLICT ON CONSTRAINT orders_pkey DO NOTHING",
            "CREATE INDEX ON orders (amount)", "ALTER TABLE orders ADD COLUMN more int",
            "CREATE TABLE more (id bigint REFERENCES orders (id))",
            "SELECT * FROM orders TABLESAMPLE SYSTEM (10)", "SELECT xmin FROM orders",
            "SELECT ctid FROM orders", "SELECT tableoid FROM orders",
            "SELECT id, note FROM orders GROUP BY id",
            "CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "DO $$ DECLARE c CURSOR FOR SELECT * FROM orders; BEGIN OPEN c; MOVE c; UPDATE orders SET amount = 1 WHERE CURRENT OF c; END $$",
        ])
    func refusedByTheView(_ statement: String) async throws {
        let stage = try await Stage.make(rows: 10)
        #expect(try await stage.advance(to: .expand, Self.rename) == .reached(.expand))
        await #expect(throws: ServerError.self) {
            try await stage.run(SQL(writtenByUser: statement))
        }
    }

    @Test("MERGE goes through the view from 17 on, and the sequence is not found through it")
    func versionsOfViews() async throws {
        let stage = try await Stage.make(rows: 10)
        #expect(try await stage.advance(to: .expand, Self.rename) == .reached(.expand))
        let merge: SQL =
            "MERGE INTO orders USING (VALUES (1)) v(n) ON id = n WHEN MATCHED THEN UPDATE SET amount = 77"
        if try await stage.connect().serverVersion >= 170_000 {
            try await stage.run(merge)
        } else {
            await #expect(throws: ServerError.self) { try await stage.run(merge) }
        }
        #expect(try await stage.value("SELECT pg_get_serial_sequence('orders', 'id')") == nil)
    }

    @Test("rights and row security hold for a role under either name")
    func rights() async throws {
        let stage = try await Stage.make(rows: 10)
        let clerk = Identifier("clerk_" + stage.database)
        try await stage.run(
            "CREATE ROLE \(clerk)", "GRANT SELECT, INSERT ON orders TO \(clerk)",
            "GRANT UPDATE (note) ON orders TO \(clerk)",
            "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY few ON orders TO \(clerk) USING (id <= 3) WITH CHECK (status = 'new')")
        #expect(try await stage.advance(to: .expand, Self.rename) == .reached(.expand))
        let connection = try await stage.connect()
        try await connection.run("SET ROLE \(clerk)")
        for name: SQL in ["orders", "purchases"] {
            let seen = try await connection.query("SELECT count(*) AS n FROM \(name)").onlyRow()
            #expect(try seen.int("n") == 3)
            let updated = try await connection.query(
                "UPDATE \(name) SET note = 'mine' WHERE id > 2 RETURNING id")
            #expect(try updated.rows.map { try $0.int("id") } == [3])
            try await connection.query("INSERT INTO \(name) (status) VALUES ('new')")
            let upserted = try await connection.query(
                """
                INSERT INTO \(name) (id, status) VALUES (3, 'new')
                  ON CONFLICT (id) DO UPDATE SET note = 'again ' || EXCLUDED.id RETURNING note
                """
            ).onlyRow()
            #expect(try upserted.string("note") == "again 3")
            for forbidden: SQL in [
                // Of a row that the policy hides, and of a column that it may not change.
                """
                INSERT INTO \(name) (id, status) VALUES (5, 'new')
                  ON CONFLICT (id) DO UPDATE SET note = 'not mine'
                """,
                """
                INSERT INTO \(name) (id, status) VALUES (3, 'new')
                  ON CONFLICT (id) DO UPDATE SET amount = 1
                """,
                "INSERT INTO \(name) (status) VALUES ('paid')", "DELETE FROM \(name)",
                "UPDATE \(name) SET amount = 1",
            ] {
                let error = await #expect(throws: ServerError.self) {
                    try await connection.query(forbidden)
                }
                #expect(error?.sqlState == .insufficientPrivilege, "\(forbidden)")
            }
        }
        await connection.close()
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        try await stage.run("DROP OWNED BY \(clerk)", "DROP ROLE \(clerk)")
    }

    @Test("the way back waits for a reader of the view without stalling those that come after it")
    func readerInTheWay() async throws {
        let stage = try await Stage.make(rows: 10)
        #expect(try await stage.advance(to: .expand, Self.rename) == .reached(.expand))
        let reader = try await stage.connect()
        try await reader.run("BEGIN", "SELECT count(*) FROM orders")
        let running = Task { try await stage.rollBack() }
        try await stage.until(
            "SELECT EXISTS (SELECT FROM lockkeeper.steps WHERE step = '1.expand.rename.rename' AND state = 'running')"
        )
        for _ in 0..<20 {
            let began = ContinuousClock.now
            try await stage.run("UPDATE orders SET amount = amount + 1 WHERE id = 1")
            #expect(ContinuousClock.now - began < .seconds(2))
        }
        #expect(
            try await stage.value("SELECT relkind FROM pg_class WHERE oid = 'orders'::regclass")
                == "v")
        try await reader.run("COMMIT")
        await reader.close()
        #expect(try await running.value == .rolledBack(to: nil))
        #expect(try await stage.value("SELECT amount::int FROM orders WHERE id = 1") == "21")
    }

    // MARK: locks

    @Test(
        "each step takes the locks that its plan shows",
        arguments: [
            "rename_table: {from: orders, to: purchases}", "drop_table: {table: notes}",
            "create_table: {table: lines, columns: [{name: id, type: bigint, references: {table: orders, column: id}}]}",
        ])
    func locks(_ operation: String) async throws {
        let stage = try await Stage.make(rows: 1)
        try await stage.run(
            "CREATE TABLE notes (id bigint REFERENCES orders)", "GRANT SELECT ON notes TO PUBLIC")
        let (plan, _) = try await Engine.plan(
            Spec.parse(text: Self.spec(operation), file: "x.yaml"), stage.settings)
        let steps = plan.steps.map { ($0.id, $0.action) }
        let undo = plan.steps.reversed().flatMap { $0.undo.map { ($0.id, $0.action) } }
        // The purge can't be undone; all else goes there and back.
        let forward = steps.filter { !$0.0.hasSuffix("purge") }
        for (id, action) in forward + undo + steps {
            guard case .transaction(let transaction) = action else { continue }
            let taken = try await strongLocks(of: transaction, stage)
            let shown = transaction.locks.filter(\.mode.stallsApplication)
                .map { "\($0.table) \($0.mode.rawValue)" }
            #expect(taken == shown.sorted(), "\(id)")
        }
    }

    /// The locks that stall an application, on what was there before the transaction.
    private func strongLocks(
        of action: TransactionAction, _ stage: Stage
    ) async throws -> [String] {
        let connection = try await stage.connect()
        try await connection.run(
            """
            CREATE TEMP TABLE before AS
              SELECT c.oid, n.nspname || '.' || c.relname AS name FROM pg_class c
                JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE c.relkind IN ('r', 'v') AND n.nspname = 'public'
            """, "BEGIN")
        try await connection.run(action.statements.map(\.sql))
        let rows = try await connection.query(
            """
            SELECT b.name, max(l.mode) AS mode FROM pg_locks l JOIN before b ON b.oid = l.relation
             WHERE l.pid = pg_backend_pid()
               AND l.mode IN ('AccessExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock', 'ExclusiveLock')
             GROUP BY b.name, l.mode
            """
        ).rows
        try await connection.run("COMMIT")
        await connection.close()
        var strongest: [String: LockMode] = [:]
        for row in rows {
            let mode = try #require(LockMode(catalogName: try row.string("mode")))
            let name = try row.string("name")
            strongest[name] = max(strongest[name] ?? mode, mode)
        }
        return strongest.map { "\($0.key) \($0.value.rawValue)" }.sorted()
    }
}
