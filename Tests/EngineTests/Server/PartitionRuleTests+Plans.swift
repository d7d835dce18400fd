import Foundation
import Migration
import Postgres
import Testing

@testable import Engine

/// What is refused of a partitioned table, and foreign keys from and to it.
extension PartitionRuleTests {
    /// Through Contract and all the way back; its last operation keeps the way back open.
    private func thereAndBack(_ stage: Stage, _ operations: String, of referencing: SQL)
        async throws
    {
        let before = try await stage.schema()
        let text = """
            name: orders-status
            operations:
            \(operations)
              - drop_column: {table: orders, column: status}
            checklist: []
            """
        #expect(try await stage.advance(to: .contract, text) == .reached(.contract))
        #expect(
            try await stage.value(
                """
                SELECT bool_and(convalidated) FROM pg_constraint
                 WHERE conname LIKE 'fk%' AND contype = 'f' AND conrelid IN (
                       SELECT oid FROM pg_class WHERE oid = \(literal: referencing.text)::regclass
                        UNION SELECT relid FROM pg_partition_tree(\(literal: referencing.text)))
                """) == "t")
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(try await stage.schema() == before)
    }

    @Test("a foreign key of a partitioned table: refused before 18, there and back from 18 on")
    func foreignKey() async throws {
        let stage = try await stage()
        try await stage.run(
            "CREATE TABLE regions (name text PRIMARY KEY)",
            "INSERT INTO regions VALUES ('a'), ('b'), ('c')",
            "ALTER TABLE orders ADD COLUMN former text",
            "UPDATE orders SET former = CASE WHEN id % 2 = 0 THEN 'nowhere' ELSE region END")
        let operations = """
              - add_foreign_key: {table: orders, columns: [region], references: {table: regions, columns: [name]}, name: fk}
              - add_foreign_key: {table: orders, columns: [former], references: {table: regions, columns: [name]}, name: fk_former, orphans: null}
            """
        guard try await Int(stage.value("SHOW server_version_num") ?? "") ?? 0 >= 180_000 else {
            let text = "name: orders-status\noperations:\n\(operations)\nchecklist: []\n"
            let error = try await #require(throws: Refusals.self) {
                try await Engine.plan(Spec.parse(text: text, file: "x.yaml"), stage.settings)
            }
            #expect(
                error.refusals.map(\.rule) == ["partition-foreign-key", "partition-foreign-key"])
            return
        }
        try await thereAndBack(stage, operations, of: "orders")
        #expect(try await stage.value("SELECT count(*) FROM orders WHERE former IS NULL") == "450")
    }

    @Test(
        "a foreign key that references a partitioned table: its orphans are looked for in every partition"
    )
    func referenced() async throws {
        let stage = try await stage()
        try await stage.run(
            "CREATE TABLE notes (id int PRIMARY KEY, order_id int, region text)",
            "INSERT INTO notes SELECT id, id, region FROM orders WHERE id < 50",
            "INSERT INTO notes VALUES (100, 1000, 'a')",
            "CREATE TABLE old_notes (order_id int, region text, CONSTRAINT fk_old FOREIGN KEY (order_id, region) REFERENCES orders)",
            "INSERT INTO old_notes SELECT id, region FROM orders WHERE id < 50")
        let add =
            "  - add_foreign_key: {table: notes, columns: [order_id, region], references: {table: orders, columns: [id, region]}, name: fk}"
        let text = "name: orders-status\noperations:\n\(add)\nchecklist: []\n"
        let (plan, _) = try await Engine.plan(
            Spec.parse(text: text, file: "x.yaml"), stage.settings)
        #expect(
            plan.step("1.backfill.foreign-key")?.action.locks.map(\.table.name.name)
                == ["orders", "b", "a", "b_one", "b_two", "notes"])
        guard case .failed(let message) = try await stage.finish(text) else {
            Issue.record("an orphan")
            return
        }
        #expect(message.hasPrefix("1 rows of public.notes have a value"), "\(message)")
        try await stage.run("DELETE FROM notes WHERE id = 100")
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        try await thereAndBack(
            stage, "\(add)\n  - drop_constraint: {table: old_notes, name: fk_old}", of: "notes")
    }

    @Test("what a partition has of its own stops a replacement that would not copy it")
    func own() async throws {
        let stage = try await stage()
        try await stage.run(
            "CREATE INDEX a_status ON a (lower(status))",
            "ALTER TABLE b_one ADD CONSTRAINT said CHECK (status <> 'no')",
            "ALTER TABLE b_two ALTER status SET DEFAULT 'other'",
            "ALTER TABLE b_one ALTER status SET NOT NULL")
        let error = try await #require(throws: Refusals.self) {
            try await Engine.plan(Spec.parse(text: Self.spec, file: "x.yaml"), stage.settings)
        }
        #expect(error.refusals.allSatisfy { $0.rule == "partition-own" })
        #expect(error.refusals.count == 4)
        for own in [
            "index a_status of the partition public.a ",
            "constraint said of the partition public.b_one ",
            "the default of status of the partition public.b_two ",
            "NOT NULL of status of the partition public.b_one ",
        ] {
            #expect(error.refusals.contains { $0.message.hasPrefix(own) }, "\(own)")
        }
    }

    @Test("a view of one partition that names the column is told in the plan")
    func viewOfPartition() async throws {
        let stage = try await stage()
        try await stage.run("CREATE VIEW seen AS SELECT status FROM b_one")
        let (plan, _) = try await Engine.plan(
            Spec.parse(text: Self.spec, file: "x.yaml"), stage.settings)
        #expect(
            plan.hazards.contains { $0.message.hasPrefix("view public.seen depends on status") })
    }

    @Test(
        "a partition by itself, one that another server has, and what is temporary are refused",
        arguments: [
            ("a", "partition"), ("foreign_one", "foreign-partition"), ("passing", "missing-table"),
        ])
    func refused(_ table: String, rule: String) async throws {
        let stage = try await stage()
        try await stage.run(
            "CREATE FOREIGN DATA WRAPPER elsewhere",
            "CREATE SERVER far FOREIGN DATA WRAPPER elsewhere",
            "CREATE TABLE foreign_one (id int, status text) PARTITION BY LIST (id)",
            "CREATE FOREIGN TABLE far_one PARTITION OF foreign_one DEFAULT SERVER far")
        let other = try await stage.connect()
        try await other.run(
            "CREATE TEMPORARY TABLE passing (id int, status text) PARTITION BY LIST (id)",
            "CREATE TEMPORARY TABLE passing_one PARTITION OF passing DEFAULT")
        let text = Self.spec.replacing("table: orders", with: "table: \(table)")
        let error = try await #require(throws: Refusals.self) {
            try await Engine.plan(Spec.parse(text: text, file: "x.yaml"), stage.settings)
        }
        await other.close()
        #expect(error.refusals.map(\.rule) == [rule])
    }
}
