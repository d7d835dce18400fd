import SQLText
import Testing

@testable import Migration

/// Operations on a table with two levels of partitions.
@Suite struct PartitionTests {
    /// Orders by year, one of them by hash of the id, and a default.
    static var shop: Shop {
        var shop = Shop()
        let orders = shop.orders.name
        let year = QualifiedName("public", "orders_2026")
        shop.orders.kind = .partitionedTable
        shop.orders.partitionKey = ["id"]
        shop.orders.partitions = [
            PartitionFacts(name: QualifiedName("public", "Rest of orders"), parent: orders),
            PartitionFacts(
                name: QualifiedName("archive", "orders_2025"), parent: orders,
                heapBytes: 70_000_000, estimatedRows: 900_000),
            PartitionFacts(
                name: year, parent: orders, kind: .partitionedTable, partitionKey: ["id"]),
            PartitionFacts(
                name: QualifiedName("public", "orders_2026_0"), parent: year, level: 2,
                heapBytes: 6_472_320, estimatedRows: 100_000),
            PartitionFacts(
                name: QualifiedName("public", "orders_2026_1"), parent: year, level: 2),
        ]
        let definition = Definition(parts: [.text("USING btree (status)")])
        shop.indexes["orders_status_idx"] = NamedIndexFacts(
            index: IndexFacts(
                name: QualifiedName("public", "orders_status_idx"), definition: definition),
            table: orders, isPartitioned: true)
        shop.indexes["orders_status_idx"]?.parts = shop.orders.partitions.map {
            PartitionIndexFacts(
                index: QualifiedName(
                    schema: $0.name.schema, name: Identifier("\($0.name.name.name)_status_idx")),
                partition: $0.name, parent: $0.parent, isLeaf: $0.isLeaf,
                definition: definition,
                comment: $0.name.schema.name == "archive" ? "cold" : nil)
        }
        return shop
    }

    /// Each was run on PostgreSQL 15 to 18, there and back.
    @Test(
        "an operation's plan and the way back read as they did when they were run",
        arguments: [
            (
                "partitioned-create-index",
                "  - create_index: {table: orders, columns: [customer_id, id], unique: true}"
            ),
            (
                "partitioned-replace-column",
                """
                  - replace_column:
                      table: orders
                      column: status
                      with: {name: status_v2, type: varchar(50)}
                      up: upper(status)
                      down: lower(status_v2)
                      unrepresentable: reject
                """
            ),
            ("partitioned-drop-index", "  - drop_index: {name: orders_status_idx}"),
        ])
    func goldens(_ name: String, operations: String) throws {
        let spec = try Spec.of(operations)
        let facts = Self.shop.facts(for: spec)
        let plan = try Planner.plan(spec, facts)
        try expectGolden(PlanText.render(plan, facts: facts), "\(name).txt")
        try expectGolden(PlanSQL.renderUndo(plan), "\(name)-undo.sql")
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let rule: String
        let spec: String
        var change: @Sendable (inout Shop) -> Void = { _ in }

        var testDescription: String { "\(rule): \(spec)" }
    }

    static let index = "  - create_index: {table: orders, columns: [status], name: by_status}"

    @Test(
        "what can't be done to a partitioned table is refused by its own reason",
        arguments: [
            Case(
                rule: "partition-key",
                spec: "  - create_index: {table: orders, columns: [status], unique: true}"),
            Case(
                rule: "partition-key",
                spec: "  - create_index: {table: orders, columns: [status, id], unique: true}"
            ) { $0.orders.partitions[2].partitionKey = ["id", "total"] },
            Case(
                rule: "partition-key",
                spec: "  - create_index: {table: orders, columns: [status, id], unique: true}"
            ) { $0.orders.hasKeyExpression = true },
            Case(rule: "foreign-partition", spec: index) {
                $0.orders.partitions[1].kind = .foreignTable
            },
            Case(rule: "not-owner", spec: index) { $0.orders.partitions[3].isOwnedByUs = false },
            Case(rule: "no-create", spec: index) {
                $0.orders.partitions[1].mayCreateInSchema = false
            },
            Case(rule: "index-exists", spec: index) {
                $0.orders.indexes.append(
                    IndexFacts(
                        name: QualifiedName("public", "by_status"),
                        definition: Definition(parts: []), isValid: false))
            },
            Case(rule: "partition-index", spec: "  - drop_index: {name: orders_status_idx}") {
                $0.indexes["orders_status_idx"]?.index.isValid = false
            },
            Case(rule: "partition-index", spec: "  - drop_index: {name: orders_status_idx}") {
                $0.indexes["orders_status_idx"]?.parent = QualifiedName("public", "above")
            },
            Case(rule: "partition", spec: index) { $0.orders.isPartition = true },
            Case(rule: "inherited-table", spec: index) { $0.orders.inherits = true },
            Case(rule: "partitioned-table", spec: "  - drop_table: {table: orders}"),
            Case(
                rule: "partitioned-table",
                spec: "  - add_unique: {table: orders, columns: [id, status]}"),
            Case(
                rule: "partitioned-table",
                spec: "  - drop_constraint: {table: orders, name: orders_pkey}"),
            Case(
                rule: "partition-key",
                spec: "  - rename_column: {table: orders, from: total, to: sum}"
            ) { $0.orders.partitions[2].partitionKey = ["total"] },
            Case(
                rule: "partition-key",
                spec: "  - drop_column: {table: orders, column: placed_at}"
            ) { $0.orders.partitionKey = ["placed_at"] },
            Case(
                rule: "partition-key",
                spec: "  - set_not_null: {table: orders, column: total, up: '0'}"
            ) { $0.orders.partitionKey = ["total"] },
            Case(
                rule: "partition-key",
                spec:
                    "  - backfill: {table: orders, set: {total: '0'}, where: total IS NULL}"
            ) { $0.orders.partitionKey = ["total"] },
            Case(
                rule: "partition-own",
                spec: "  - rename_column: {table: orders, from: total, to: sum}"
            ) {
                $0.orders.partitions[1].own = [
                    .init(description: "index orders_2025_total", columns: ["total"])
                ]
            },
            Case(
                rule: "partition-unique",
                spec: "  - rename_column: {table: orders, from: total, to: sum}"
            ) { $0.orders.constraints.append(key(.unique, ["id", "total"])) },
            Case(
                rule: "partition-foreign-key",
                spec: "  - rename_column: {table: orders, from: customer_id, to: buyer}"
            ) { $0.orders.constraints.append(key(.foreignKey, ["customer_id"])) },
            Case(
                rule: "partition-foreign-key",
                spec: "  - drop_constraint: {table: orders, name: a_key}"
            ) { $0.orders.constraints.append(key(.foreignKey, ["customer_id"])) },
            Case(rule: "partition-foreign-key", spec: foreignKey),
            Case(
                rule: "partition-foreign-key",
                spec:
                    "  - add_column: {table: orders, column: {name: buyer, type: bigint, references: {table: customers, column: id}}}"
            ),
            Case(
                rule: "not-in-place",
                spec:
                    "  - change_type: {table: orders, column: status, type: varchar(50), method: in_place}"
            ),
        ])
    func refused(_ refused: Case) throws {
        var shop = Self.shop
        refused.change(&shop)
        let spec = try Spec.of(refused.spec)
        let error = #expect(throws: Refusals.self) {
            try Planner.plan(spec, shop.facts(for: spec))
        }
        #expect(error?.refusals.map(\.rule) == [refused.rule])
    }

    static let foreignKey = """
          - add_foreign_key: {table: orders, columns: [customer_id], references: {table: customers, columns: [id]}}
        """

    static func key(_ kind: ConstraintFacts.Kind, _ columns: [String]) -> ConstraintFacts {
        ConstraintFacts(
            name: "a_key", kind: kind, columns: columns,
            definition: Definition(
                parts: [.text("\(kind.rawValue) (")] + columns.map { .column($0) } + [.text(")")]),
            references: kind == .foreignKey ? QualifiedName("public", "customers") : nil)
    }

    @Test(
        "from PostgreSQL 18 on a foreign key is added NOT VALID, and its locks are on every partition"
    )
    func foreignKeyOf18() throws {
        var shop = Self.shop
        shop.server = .init(version: 180_004)
        let spec = try Spec.of(Self.foreignKey)
        let plan = try Planner.plan(spec, shop.facts(for: spec))
        let add = try #require(plan.step("1.backfill.foreign-key"))
        let tables =
            [shop.orders.name, QualifiedName("public", "orders_2026")]
            + [shop.customers.name] + shop.orders.partitions.filter(\.isLeaf).map(\.name)
        #expect(Set(add.action.locks.map(\.table)) == Set(tables))
        // Parents first, as the application's statements lock them.
        #expect(add.action.locks.prefix(2).map(\.table) == Array(tables.prefix(2)))
        #expect(add.action.locks.allSatisfy { $0.mode == .shareRowExclusive })
        let search = try #require(plan.step("1.migrate.orphans"))
        #expect(Set(search.action.locks.map(\.table)) == Set(tables))
    }

    @Test("the name of a partition's index is the same each time, and fits")
    func names() {
        let index = QualifiedName("public", "by_status")
        let short = QualifiedName("archive", "orders_2025")
        #expect(
            PartitionedIndexBuild.index(of: short, as: index)
                == QualifiedName("archive", "orders_2025_by_status"))
        let long = QualifiedName("public", String(repeating: "ü", count: 30))
        let name = PartitionedIndexBuild.index(of: long, as: index)
        #expect(name.name.isWithinLimit && name == PartitionedIndexBuild.index(of: long, as: index))
        #expect(
            name != PartitionedIndexBuild.index(of: long, as: QualifiedName("public", "by_total")))
    }
}
