import SQLText
import Testing

@testable import Migration

/// NOT NULL as PostgreSQL 18 has it: a constraint with a name, added NOT VALID and then proven.
@Suite struct NotNullTests {
    private static var shop: Shop {
        var shop = Shop()
        shop.server = ServerFacts(
            version: 180_004, database: "shop", user: "deployer", isSuperuser: false,
            isInRecovery: false, blockSize: 8192)
        shop.orders.constraints += [
            ConstraintFacts(
                name: "status_given", kind: .notNull, columns: ["status"],
                definition: Definition(parts: [.text("NOT NULL "), .column("status")]),
                comment: "always known"),
            ConstraintFacts(
                name: "orders_customer_id_not_null", kind: .notNull, columns: ["customer_id"],
                definition: Definition(parts: [.text("NOT NULL "), .column("customer_id")])),
        ]
        return shop
    }

    /// Each was run on PostgreSQL 18, there and back.
    @Test(
        "on 18 an operation's plan and the way back have no detour by a check",
        arguments: [
            (
                "not-null-18",
                """
                  - set_not_null: {table: orders, column: total}
                  - set_not_null: {table: orders, column: placed_at, up: "coalesce(placed_at, now())"}
                  - add_column: {table: orders, column: {name: label, type: text, nullable: false}, up: "'x'"}
                  - drop_column: {table: orders, column: customer_id}
                """
            ),
            (
                "replace-column-18",
                """
                  - replace_column:
                      table: orders
                      column: status
                      with: {name: state, type: text}
                      up: status
                      down: state
                      unrepresentable: reject
                      final_name: status
                """
            ),
        ])
    func goldens(_ name: String, operations: String) throws {
        let spec = try Spec.of(operations)
        let facts = Self.shop.facts(for: spec)
        let plan = try Planner.plan(spec, facts)
        try expectGolden(PlanText.render(plan, facts: facts), "\(name).txt")
        try expectGolden(PlanSQL.render(plan), "\(name).sql")
        try expectGolden(PlanSQL.renderUndo(plan), "\(name)-undo.sql")
        #expect(!PlanSQL.render(plan).contains("IS NOT NULL) NOT VALID"))
    }

    /// As PostgreSQL 18 named them for ALTER COLUMN … SET NOT NULL.
    @Test(
        "the constraint's name is the server's own",
        arguments: [
            ("t", "a", "t_a_not_null"),
            (
                "t", "Odd Nämé, very long indeed so that it has to be cut in the mi",
                "t_Odd Nämé, very long indeed so that it has to be cu_not_null"
            ),
        ])
    func names(_ table: String, _ column: String, _ name: String) {
        var facts = Shop.orders
        facts.name = QualifiedName("public", table)
        #expect(NotNull.defaultName(of: column, in: facts).name == name)
        facts.constraints.append(
            ConstraintFacts(
                name: name, kind: .check, columns: [], definition: Definition(parts: [])))
        let next = NotNull.defaultName(of: column, in: facts)
        #expect(next.name != name)
        #expect(next.isWithinLimit)
    }
}
