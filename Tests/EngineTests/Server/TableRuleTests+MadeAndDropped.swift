import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

/// What is special about renaming, making and dropping whole tables, and about dropping an index.

extension TableRuleTests {
    // MARK: dropping a table

    @Test("what needs a table is named, each with its kind, before anything is dropped")
    func dependents() async throws {
        let stage = try await Stage.make(rows: 1)
        try await stage.run(
            "CREATE VIEW open_orders AS SELECT id FROM orders",
            "CREATE TABLE notes (order_id bigint REFERENCES orders)",
            "CREATE FUNCTION total(o orders) RETURNS numeric LANGUAGE sql AS 'SELECT o.amount'",
            "CREATE TABLE drawers (id bigint DEFAULT nextval('orders_id_seq'))",
            "CREATE TABLE copies (original orders)",
            // Parts of the table itself, which go with it.
            "CREATE POLICY all_of_it ON orders USING (id > 0)",
            "CREATE STATISTICS together ON status, amount FROM orders",
            "CREATE PUBLICATION outward FOR TABLE orders",
            """
            CREATE TRIGGER same BEFORE UPDATE OF status ON orders FOR EACH ROW
              WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION suppress_redundant_updates_trigger()
            """,
            "CREATE RULE quiet AS ON UPDATE TO orders WHERE NEW.amount < 0 DO INSTEAD NOTHING")
        #expect(
            try await Self.refusal(stage, "drop_table: {table: orders}") == [
                """
                needed-table: public.orders can't be dropped while these need it: \
                column original of table public.copies; \
                constraint notes_order_id_fkey on table public.notes; \
                default value for column id of table public.drawers; \
                function public.total(public.orders); view public.open_orders
                """
            ])
        try await stage.run("DROP TABLE notes, drawers, copies", "DROP VIEW open_orders")
        try await stage.run("DROP FUNCTION total")
        #expect(try await Self.refusal(stage, "drop_table: {table: orders}") == [])
        #expect(try await stage.finish(Self.spec("drop_table: {table: orders}")) == .finished)
        #expect(try await stage.value("SELECT to_regclass('orders')") == nil)
    }

    @Test(
        "in quarantine nobody but the owner has rights on it; what its keys do to its rows is kept")
    func quarantine() async throws {
        let stage = try await Stage.make(rows: 3)
        try await stage.run(
            "CREATE TABLE notes (order_id bigint REFERENCES orders ON DELETE CASCADE, body text)",
            "INSERT INTO notes SELECT id, 'x' FROM orders",
            "GRANT SELECT ON notes TO PUBLIC", "GRANT UPDATE (body) ON notes TO pg_monitor")
        let text = Self.spec("drop_table: {table: notes}")
        #expect(try await stage.advance(to: .contract, text) == .reached(.contract))
        let aside = try await stage.value(
            "SELECT relname FROM pg_class WHERE relname ~ '^lk_.*_notes$'")
        let name = Identifier(try #require(aside))
        #expect(
            try await stage.row(
                """
                SELECT has_table_privilege('pg_monitor', '\(name)', 'SELECT'),
                       has_any_column_privilege('pg_monitor', '\(name)', 'UPDATE')
                """) == ["f", "f"])
        try await stage.run("DELETE FROM orders WHERE id = 2")
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(
            try await stage.row(
                """
                SELECT string_agg(order_id::text, ','), bool_and(has_table_privilege('pg_monitor', 'notes', 'SELECT')),
                       bool_and(has_column_privilege('pg_monitor', 'notes', 'body', 'UPDATE'))
                  FROM notes
                """) == ["1,3", "t", "t"])
    }

    // MARK: making a table

    @Test(
        "rolled back, a new table is put aside with its rows, and another try finds its names free")
    func putAside() async throws {
        let stage = try await Stage.make(rows: 3)
        let text = Self.spec(
            """
            create_table:
                  table: notes
                  columns: [{name: id, type: bigint, identity: always}, {name: order_id, type: bigint}]
                  constraints: [{primary_key: [id], name: notes_key}, {columns: [order_id], references: {table: orders, columns: [id]}}]
            """)
        for round in 1...2 {
            // `--until` keeps the way back.
            #expect(try await stage.advance(to: .switch, text) == .reached(.switch))
            try await stage.run("INSERT INTO notes (order_id) VALUES (1), (2)")
            #expect(try await stage.rollBack() == .rolledBack(to: nil))
            let kept = try await stage.value(
                "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^lk_[0-9a-f]{8}_notes'"
            )
            #expect(kept == "\(round)")
        }
        // Without its foreign keys: the application may delete what the rows reference.
        try await stage.run("DELETE FROM orders")
        let aside = try await stage.value(
            "SELECT min(relname) FROM pg_class WHERE relkind = 'r' AND relname ~ '^lk_'")
        let name = Identifier(try #require(aside))
        #expect(try await stage.value("SELECT count(*) FROM \(name)") == "2")
    }

    @Test(
        "what the server would refuse in a new table is refused before",
        arguments: [
            ("[{name: a, type: int, default: nothing()}]", "unresolved-expression"),
            ("[{name: a, type: int, check: b > 0}]", "unresolved-expression"),
            ("[{name: a, type: int, check: a > 0, default: a}]", "default-reads-row"),
            ("[{name: a, type: boolean, default: '5'}]", "not-assignable"),
            ("[{name: a, type: nothing}]", "missing-type"),
            (
                "[{name: a, type: bigint, references: {table: orders, column: amount}}]",
                "no-unique-key"
            ),
            (
                "[{name: a, type: bigint, references: {table: open_orders, column: id}}]",
                "not-a-table"
            ),
        ])
    func newTableRefusals(_ columns: String, rule: String) async throws {
        let stage = try await Stage.make(rows: 0)
        try await stage.run("CREATE VIEW open_orders AS SELECT * FROM orders")
        let found = try await Self.refusal(
            stage, "create_table: {table: notes, columns: \(columns)}")
        #expect(found.map { String($0.prefix { $0 != ":" }) } == [rule], "\(found)")
    }

    @Test("a name that a type, an index or a view has is taken")
    func takenNames() async throws {
        let stage = try await Stage.make(rows: 0)
        try await stage.run(
            "CREATE TYPE mood AS ENUM ('calm')", "CREATE VIEW open_orders AS SELECT * FROM orders")
        for name in ["mood", "open_orders", "orders_status", "orders_id_seq"] {
            for operation in [
                "rename_table: {from: orders, to: \(name)}",
                "create_table: {table: \(name), columns: [{name: a, type: int}]}",
            ] {
                let found = try await Self.refusal(stage, operation)
                #expect(found.map { $0.hasPrefix("table-exists") } == [true], "\(found)")
            }
        }
        // PostgreSQL's own array type gives way.
        #expect(
            try await Self.refusal(stage, "rename_table: {from: orders, to: _mood}") == [])
    }

    // MARK: dropping an index

    @Test("an index comes back in its tablespace, its predicate where it was")
    func tablespace() async throws {
        let stage = try await Stage.make(rows: 10)
        let space = Identifier("space_" + stage.database)
        let connection = try await stage.connect()
        try await connection.run("SET allow_in_place_tablespaces = on")
        try await connection.run("CREATE TABLESPACE \(space) LOCATION ''")
        await connection.close()
        try await stage.run(
            "CREATE INDEX plain ON orders (note) TABLESPACE \(space)",
            "CREATE INDEX partial ON orders (note) WITH (fillfactor = 80) TABLESPACE \(space) WHERE note <> ' where '"
        )
        let before = try await stage.schema()
        let text = Self.spec("drop_index: {name: plain}").replacing(
            "settings:", with: "  - drop_index: {name: public.partial}\nsettings:")
        #expect(try await stage.advance(to: .contract, text) == .reached(.contract))
        #expect(try await stage.value("SELECT to_regclass('partial')") == nil)
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(try await stage.schema() == before)
        try await stage.run("DROP INDEX plain, partial", "DROP TABLESPACE \(space)")
    }

    @Test("the gate shows the scans of an index, and refusals say what an index is part of")
    func indexGate() async throws {
        let stage = try await Stage.make(rows: 10)
        let connection = try await stage.connect()
        try await connection.run("SET enable_seqscan = off")
        try await connection.query("SELECT * FROM orders WHERE status = 'paid'")
        try await connection.query("SELECT pg_stat_force_next_flush()")
        await connection.close()
        let outcome = try await stage.outcome(
            stage.request(Self.spec("drop_index: {name: orders_status}")))
        guard case .atGate(let gate) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        let findings = gate.evidence.first?.findings ?? []
        #expect(findings.count == 1 && findings[0].hasPrefix("1 scans since"), "\(findings)")
        try await stage.run(
            "CREATE TABLE keys (a int NOT NULL, b int, c int)",
            "CREATE UNIQUE INDEX by_a ON keys (a)",
            "CREATE UNIQUE INDEX by_b ON keys (b)", "CREATE INDEX by_c ON keys (c)",
            "CREATE TABLE users (b int REFERENCES keys (b))",
            "ALTER TABLE keys REPLICA IDENTITY USING INDEX by_a", "ALTER TABLE keys CLUSTER ON by_c"
        )
        for (name, rule) in [
            ("orders_pkey", "constraint-index"), ("by_a", "replica-identity"),
            ("by_b", "needed-index"), ("by_c", "clustered-index"), ("by_d", "missing-index"),
        ] {
            let found = try await Self.refusal(stage, "drop_index: {name: \(name)}")
            #expect(found.map { $0.hasPrefix(rule) } == [true], "\(found)")
        }
    }

    @Test("an index that alone covers a foreign key is named so")
    func covers() async throws {
        let stage = try await Stage.make(
            of: "CREATE TABLE a (x int, y int, PRIMARY KEY (x, y))",
            """
            CREATE TABLE b (x int, y int, z int, CONSTRAINT "Key" FOREIGN KEY (x, y) REFERENCES a)
            """,
            "CREATE INDEX whole ON b (y, x, z)", "CREATE INDEX part ON b (x, y) WHERE z > 0",
            "CREATE INDEX first ON b (x)")
        func hazards(_ name: String) async throws -> [String] {
            let (plan, _) = try await Engine.plan(
                Spec.parse(text: Self.spec("drop_index: {name: \(name)}"), file: "x.yaml"),
                stage.settings)
            return plan.hazards.filter { $0.rule == "foreign-key-without-index" }.map(\.message)
        }
        #expect(try await hazards("whole").map { $0.contains("\"Key\"") } == [true])
        #expect(try await hazards("part").isEmpty)
        #expect(try await hazards("first").isEmpty)
        try await stage.run("CREATE INDEX other ON b (x, y)")
        #expect(try await hazards("whole").isEmpty)
    }
}
