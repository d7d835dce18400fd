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
