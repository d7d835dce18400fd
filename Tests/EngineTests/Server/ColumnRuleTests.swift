import Migration
import Postgres
import Testing

@testable import Engine

/// What the operations on a column do beside what every operation must do.
@Suite("Columns that are dropped or get another type", .fewAtATime)
struct ColumnRuleTests {
    private static func spec(_ operation: String) -> String {
        """
        name: orders-status
        operations:
          - \(operation)
        settings:
          throttle: {replication_lag: null}
        checklist: []
        """
    }

    /// Why it failed; empty where it did not.
    private static func reason(_ outcome: Outcome) -> String {
        if case .failed(let reason) = outcome { reason } else { "" }
    }

    /// The gate at which it waits.
    private static func gate(_ outcome: Outcome) -> String? {
        if case .atGate(let gate) = outcome { gate.id } else { nil }
    }

    @Test(
        "a dropped column's NOT NULL goes first, and comes back once the rows without a value are mended"
    )
    func notNullComesBack() async throws {
        let stage = try await Stage.make(rows: 50)
        try await stage.run("ALTER TABLE orders ALTER status DROP DEFAULT")
        let before = try await stage.schema()
        let text = Self.spec("drop_column: {table: orders, column: status}")

        let asked = try await stage.outcome(stage.request(text))
        #expect(Self.gate(asked) == "1.migrate", "\(asked)")
        // A version that does not write the column inserts already: its release comes before the gate.
        try await stage.run("INSERT INTO orders (id, note) VALUES (900, 'x'), (901, 'y')")
        #expect(try await stage.advance(to: .contract, text) == .reached(.contract))
        #expect(try await !stage.schema().contains(" status character"))

        let failed = Self.reason(try await stage.rollBack())
        #expect(failed.contains("2 rows of public.orders: status is NULL"), "\(failed)")
        #expect(failed.contains("id=900; id=901"), "\(failed)")
        // The name is back, and nothing refuses a write of either version.
        try await stage.run(
            "INSERT INTO orders (id, note) VALUES (902, 'z')",
            "UPDATE orders SET status = 'new' WHERE status IS NULL")
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(try await stage.schema() == before)
        #expect(try await stage.leftovers() == nil)
    }

    @Test("a narrower type: the rows that don't fit are listed, and nothing has changed")
    func narrowing() async throws {
        let stage = try await Stage.make(rows: 50)
        try await stage.run(
            "UPDATE orders SET amount = 1e6 WHERE id = 7",
            "UPDATE orders SET amount = 1.005 WHERE id = 9",
            "UPDATE orders SET note = repeat('y', 121) WHERE id IN (3, 5)")
        let before = try await stage.schema()
        for (operation, wanted) in [
            (
                "change_type: {table: orders, column: amount, type: 'numeric(6,2)'}",
                ["1 rows of public.orders", "id=7"]
            ),
            (
                "change_type: {table: orders, column: note, type: varchar(120)}",
                ["2 rows of public.orders", "id=3; id=5"]
            ),
        ] {
            let failed = Self.reason(try await stage.finish(Self.spec(operation)))
            for words in wanted { #expect(failed.contains(words), "\(failed)") }
            #expect(try await stage.schema() == before)
            var back = RunRequest(name: "orders-status")
            back.rollback = .init(to: nil)
            back.approvesEveryGate = true
            _ = try await stage.outcome(back)
        }
    }

    @Test("a replaced type ends in the old name, and only behind the gate that says so")
    func finalName() async throws {
        let stage = try await Stage.make(rows: 50)
        let text = Self.spec(
            "change_type: {table: orders, column: status, type: varchar(9), unrepresentable: reject}"
        )
        let waiting = try await stage.outcome(
            stage.request(text) {
                $0.approvedGates = ["1.switch", "1.contract"]
                $0.purgesAtOnce = true
            })
        #expect(Self.gate(waiting) == "1.final_name", "\(waiting)")
        #expect(try await stage.schema().contains("status_new character varying(9)"))
        #expect(try await stage.finish(text) == .finished)
        let schema = try await stage.schema()
        #expect(schema.contains(" status character varying(9) DEFAULT 'new'"))
        #expect(schema.contains("INDEX orders_status ON"))
        #expect(schema.contains("COLUMN public.orders.status IS 'where it stands'"))
        #expect(!schema.contains("status_new"))
        #expect(try await stage.leftovers() == nil)
    }

    @Test("a change in place reads no row and keeps every file, checks and long values included")
    func readsNothing() async throws {
        let stage = try await Stage.make(rows: 50)
        try await stage.run(
            "ALTER TABLE orders ADD CONSTRAINT known CHECK (status <> '')",
            "CREATE UNIQUE INDEX by_both ON orders (status DESC, id) INCLUDE (amount)",
            "CREATE INDEX by_hash ON orders USING hash (status)")
        let (plan, _) = try await Engine.plan(
            Spec.parse(
                text: Self.spec("change_type: {table: orders, column: status, type: text}"),
                file: "x.yaml"), stage.settings)
        let step = try #require(plan.steps.first { $0.id == "1.expand.change-type" })
        #expect(try await Self.cost(of: step.action.statements, on: stage) == ["t", "0"])
        // Without taking the check out, PostgreSQL reads every row: so the look can fail.
        let plain: [SQL] = ["ALTER TABLE orders ALTER status TYPE text"]
        #expect(try await Self.cost(of: plain, on: stage) == ["t", "1"])
        let narrow: [SQL] = ["ALTER TABLE orders ALTER status TYPE varchar(9)"]
        #expect(try await Self.cost(of: narrow, on: stage)[0] == "f")
    }

    /// Whether the table, its TOAST table and their indexes keep their files, and how often the table is
    /// read through.
    private static func cost(of statements: [SQL], on stage: Stage) async throws -> [String?] {
        // By name: an index that is kept gets another oid over the same file.
        let files: SQL = """
            SELECT string_agg(c.relname || ' ' || pg_relation_filenode(c.oid), ',' ORDER BY c.relname)
              FROM pg_class c, pg_class t
             WHERE t.oid = 'orders'::regclass AND (c.oid IN (t.oid, t.reltoastrelid)
                   OR c.oid IN (SELECT indexrelid FROM pg_index
                                 WHERE indrelid IN (t.oid, t.reltoastrelid)))
            """
        let connection = try await stage.connect()
        try await connection.query("BEGIN")
        let before = try await connection.query(files).onlyRow().values
        for statement in statements { try await connection.query(statement) }
        let after = try await connection.query(files).onlyRow().values
        let scans = try await connection.query(
            "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relid = 'orders'::regclass"
        ).onlyRow().values
        try await connection.query("ROLLBACK")
        await connection.close()
        return [before == after ? "t" : "f"] + scans
    }
}
