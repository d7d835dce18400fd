import SQLText
import Testing

@testable import Migration

@Suite struct ColumnHazardTests {
    @Test("what stops the purge of a dropped column is told from what goes with it")
    func dropped() throws {
        let spec = try Spec.of("  - drop_column: {table: orders, column: customer_id}")
        var shop = Shop()
        shop.orders.dependents = [
            DependentFacts(description: "view paid", columns: ["customer_id"]),
            DependentFacts(description: "sequence numbers", columns: ["customer_id"]),
        ]
        let found = try Planner.plan(spec, shop.facts(for: spec)).hazards.map {
            "\($0.rule): \($0.message)"
        }
        #expect(found.contains("dependent: view paid depends on customer_id and stops the purge."))
        #expect(found.contains("goes-with-column: sequence numbers goes with customer_id."))
    }
}
