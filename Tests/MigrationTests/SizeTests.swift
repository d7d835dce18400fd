import SQLText
import Testing

@testable import Migration

/// What size does to a plan: the time of each step and the hazards, as one page.
@Suite struct SizeTests {
    private static let operations = [
        "- add_column: {table: orders, column: {name: state, type: text, nullable: false}, up: status}",
        "- drop_column: {table: orders, column: total}",
        "- rename_column: {table: orders, from: total, to: amount}",
        "- replace_column: {table: orders, column: status, with: {name: status_v2, type: varchar(50)}, up: status, down: status_v2, unrepresentable: reject}",
        "- change_type: {table: orders, column: total, type: bigint, unrepresentable: reject}",
        "- set_not_null: {table: orders, column: total}",
        "- add_foreign_key: {table: orders, columns: [customer_id], references: {table: customers, columns: [id]}}",
        "- add_check: {table: orders, name: total_positive, check: total >= 0}",
        "- add_unique: {table: orders, columns: [customer_id, placed_at]}",
        "- drop_constraint: {table: orders, name: orders_status_check}",
        "- create_index: {table: orders, columns: [placed_at]}",
        "- drop_index: {name: orders_status_idx}",
        "- rename_table: {from: orders, to: purchases}",
        "- create_table: {table: notes, columns: [{name: id, type: bigint}]}",
        "- drop_table: {table: orders}",
        "- backfill: {table: orders, set: {total: customer_id * 2}, where: total IS NULL}",
        "- sql: {phase: expand, up: \"COMMENT ON TABLE orders IS 'all'\", down: COMMENT ON TABLE orders IS NULL}",
    ]

    @Test("every operation on an empty, a small and a large table")
    func sizes() throws {
        var page = ""
        for operation in Self.operations {
            let spec = try Spec.of("  " + operation)
            page += "\(operation)\n"
            for (rows, blocks) in [(0, 0), (10_000, 100), (200_000_000, 2_500_000)] {
                let facts = Self.shop(rows: rows, blocks: blocks).facts(for: spec)
                page += Self.summary(try Planner.plan(spec, facts), rows)
            }
            page += "\n"
        }
        try expectGolden(page, "sizes.txt")
    }

    private static func shop(rows: Int, blocks: Int) -> Shop {
        var shop = Shop()
        shop.orders.heapBytes = blocks * 8192
        shop.orders.totalBytes = blocks * 8192 * 3 / 2
        shop.orders.estimatedRows = rows
        shop.indexes["orders_status_idx"] = NamedIndexFacts(
            index: shop.orders.indexes[1], table: shop.orders.name)
        return shop
    }

    private static func summary(_ plan: Plan, _ rows: Int) -> String {
        let timed = plan.steps.filter { $0.action.scans != nil }.map {
            "    \($0.id)  \($0.estimate?.seconds.map(Numerals.duration) ?? "?")\n"
        }
        let hazards = Set(plan.hazards.map { "\($0.severity.rawValue) \($0.rule)" }).sorted()
        return "  \(Numerals.grouped(rows)) rows\n" + timed.joined()
            + (hazards.isEmpty ? "" : "    hazards: \(hazards.joined(separator: ", "))\n")
    }
}
