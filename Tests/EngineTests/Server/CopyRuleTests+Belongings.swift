import Foundation
import Migration
import Postgres
import Testing

@testable import Engine

/// What belongs to a copied table: its columns, sequences and names while the copy runs, the rights
/// to it, and what can't be copied.
extension CopyRuleTests {
    // MARK: what belongs to it

    @Test(
        "a table that is altered after it was copied is not swapped",
        arguments: [
            ("ALTER TABLE orders ADD more int", "ALTER TABLE orders DROP more", "column more"),
            (
                "ALTER TABLE orders ALTER note SET DEFAULT 'x'",
                "ALTER TABLE orders ALTER note DROP DEFAULT", "column note"
            ),
            ("CREATE INDEX more ON orders (note)", "DROP INDEX more", "index more"),
            (
                "ALTER TABLE orders ADD CONSTRAINT more CHECK (id > 0)",
                "ALTER TABLE orders DROP CONSTRAINT more", "constraint more"
            ),
            (
                "CREATE POLICY more ON orders USING (true)", "DROP POLICY more ON orders",
                "policy more"
            ),
        ])
    func altered(_ change: String, _ back: String, what: String) async throws {
        let stage = try await Stage.make(rows: 20)
        #expect(try await stage.advance(to: .backfill, Self.spec) == .reached(.backfill))
        try await stage.run(SQL(writtenByUser: change))
        guard case .failed(let message) = try await stage.advance(to: .switch, Self.spec) else {
            Issue.record("it went on")
            return
        }
        #expect(message.contains("has been altered since it was copied: \(what)"), "\(message)")
        #expect(try await stage.value("SELECT to_regclass('purchases')") == nil)
        try await stage.run(SQL(writtenByUser: back))
        #expect(try await stage.finish(Self.spec) == .finished)
    }

    @Test(
        "a session that has drawn from a sequence alone is waited for, and shown",
        arguments: ["orders_id_seq", "orders_counter_seq"])
    func sequences(_ sequence: String) async throws {
        let stage = try await Stage.make(rows: 20)
        try await stage.run("ALTER TABLE orders ADD counter serial")
        #expect(try await stage.advance(to: .backfill, Self.spec) == .reached(.backfill))
        let drawing = try await stage.connect()
        try await drawing.run("BEGIN", "SELECT nextval(\(literal: sequence))")
        let swapping = Task { try await stage.advance(to: .switch, Self.spec) }
        try await stage.until(
            """
            EXISTS (SELECT FROM lockkeeper.events WHERE kind = 'lock_wait'
              AND text LIKE '%pid \(Int(drawing.backendPID)) %')
            """)
        #expect(try await stage.value("SELECT to_regclass('purchases')") == nil)
        try await drawing.run("COMMIT")
        await drawing.close()
        #expect(try await swapping.value == .reached(.switch))
        let drawn = try await stage.row(
            "INSERT INTO orders DEFAULT VALUES RETURNING id, counter")
        #expect(drawn == (sequence == "orders_id_seq" ? ["22", "21"] : ["21", "22"]))
    }

    @Test("names may be anything, in the table, its columns, its indexes and its policies")
    func oddNames() async throws {
        let stage = try await Stage.make(
            of:
                """
                CREATE TABLE "O'dd $lk$ ""T" (
                  "new" int, "if" int GENERATED ALWAYS AS IDENTITY, "Lk_From" text DEFAULT 'it''s',
                  "old" text CHECK ("old" <> ''), PRIMARY KEY ("if", "new"))
                """,
            "CREATE INDEX \"I'dx\" ON \"O'dd $lk$ \"\"T\" (\"old\")",
            """
            CREATE POLICY "p'o" ON "O'dd $lk$ ""T" USING (EXISTS (
              SELECT FROM pg_roles r WHERE r.rolname = "O'dd $lk$ ""T"."old"))
            """,
            "INSERT INTO \"O'dd $lk$ \"\"T\" (\"new\", \"old\") SELECT n, n FROM generate_series(1, 50) n"
        )
        let before = try await stage.schema()
        let text = TableRuleTests.spec(
            #"rename_table: {from: 'O''dd $lk$ "T', to: 'N''ew "T', method: copy}"#)
        #expect(try await stage.advance(to: .switch, text) == .reached(.switch))
        let connection = try await stage.connect()
        for table in ["\"O'dd $lk$ \"\"T\"", "\"N'ew \"\"T\""] as [SQL] {
            try await connection.run(
                "INSERT INTO \(table) (\"new\", \"old\") VALUES (7, 'x')",
                "UPDATE \(table) SET \"new\" = 8, \"old\" = 'y' WHERE \"old\" = 'x'",
                "DELETE FROM \(table) WHERE \"new\" = 3")
        }
        await connection.close()
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(
            try await stage.row(
                "SELECT count(*), count(*) FILTER (WHERE \"new\" = 8), max(\"if\") FROM \"O'dd $lk$ \"\"T\""
            ) == ["51", "3", "52"])
        #expect(try await stage.schema() == before)
        #expect(try await stage.leftovers() == nil)
    }

    // MARK: rights

    @Test("who may write the old table writes both, without a right on the one that follows")
    func rights() async throws {
        let stage = try await Stage.make(rows: 20)
        let connection = try await stage.connect()
        try await connection.run(
            "GRANT USAGE ON SCHEMA public TO pg_monitor",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO pg_read_all_settings",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO pg_monitor",
            "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY cheap ON orders TO pg_monitor USING (amount < 100)")
        func write(_ table: SQL, _ id: Int) async throws {
            try await connection.run(
                "SET ROLE pg_monitor", "INSERT INTO \(table) (id, amount) VALUES (\(id), 1)",
                "UPDATE \(table) SET note = 'mine' WHERE id = \(id)",
                "UPDATE \(table) SET note = 'mine' WHERE id = 3",
                "DELETE FROM \(table) WHERE id = \(id - 1000)", "RESET ROLE")
            await #expect(throws: ServerError.self) {
                try await connection.run(
                    "SET ROLE pg_monitor", "INSERT INTO \(table) (id, amount) VALUES (99, 100)")
            }
            try await connection.run("RESET ROLE")
        }
        #expect(try await stage.advance(to: .backfill, Self.spec) == .reached(.backfill))
        try await write("orders", 1005)
        #expect(try await Self.difference(stage) == "0")
        #expect(
            try await stage.value(
                "SELECT relacl FROM pg_class WHERE oid = '\(Self.copy(stage))'::regclass"
            ).map { $0.contains("pg_") } != true)
        #expect(try await stage.advance(to: .switch, Self.spec) == .reached(.switch))
        try await write("orders", 1006)
        try await write("purchases", 1007)
        #expect(try await Self.difference(stage, "purchases") == "0")
        #expect(
            try await stage.value(
                "SELECT has_table_privilege('pg_monitor', '\(Self.copy(stage))', 'SELECT')")
                == "f")
        // Nobody can make a trigger of the function and write the other table with its owner's rights.
        #expect(
            try await stage.value(
                """
                SELECT bool_or(has_function_privilege('pg_monitor', oid, 'EXECUTE'))
                  FROM pg_proc WHERE pronamespace = 'lockkeeper'::regnamespace AND proname ~ '^sync_'
                """) == "f")
        await connection.close()
    }

    // MARK: what is refused, on a server

    @Test(
        "what can't be copied is found in the catalogue",
        arguments: [
            ("ALTER TABLE orders DROP CONSTRAINT orders_pkey", "no-key"),
            ("ALTER TABLE orders SET UNLOGGED", "not-copied"),
            (
                "CREATE RULE nothing AS ON DELETE TO orders WHERE OLD.id < 0 DO INSTEAD NOTHING",
                "not-copied"
            ),
            (
                "CREATE TABLE parts (id bigint REFERENCES orders, n int) PARTITION BY LIST (n)",
                "not-copied"
            ),
            (
                "CREATE TABLE parts (n bigint PRIMARY KEY) PARTITION BY RANGE (n); ALTER TABLE orders ADD part bigint REFERENCES parts",
                "not-copied"
            ),
            (
                "CREATE STATISTICS s ON status, amount FROM orders; ALTER STATISTICS s SET STATISTICS 50",
                "not-copied"
            ),
            ("ALTER TABLE orders ADD CONSTRAINT x EXCLUDE (note WITH =)", "exclusion"),
            ("ALTER TABLE orders ADD CONSTRAINT x UNIQUE (note) DEFERRABLE", "deferrable-key"),
            ("CREATE VIEW open_orders AS SELECT id FROM orders", "needed-table"),
            (
                "CREATE TABLE beside (n bigint DEFAULT nextval('orders_id_seq'))", "needed-table"
            ),
            ("CREATE PUBLICATION published FOR TABLE orders", "publication"),
            ("CREATE PUBLICATION published FOR TABLES IN SCHEMA public", "publication"),
        ])
    func refused(_ setup: String, rule: String) async throws {
        let stage = try await Stage.make(rows: 1)
        let connection = try await stage.connect()
        for statement in setup.split(separator: "; ") {
            try await connection.query(SQL(writtenByUser: String(statement)))
        }
        await connection.close()
        let found = try await TableRuleTests.refusal(
            stage, "rename_table: {from: orders, to: purchases, method: copy}")
        #expect(found.count == 1 && found.allSatisfy { $0.hasPrefix("\(rule):") }, "\(found)")
    }
}
