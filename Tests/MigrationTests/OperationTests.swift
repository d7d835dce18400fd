import SQLText
import Testing

@testable import Migration

@Suite struct OperationTests {
    /// Each was run on PostgreSQL 15, there and back, over `Shop.orders`.
    @Test(
        "an operation's plan and the way back read as they did when they were run",
        arguments: [
            (
                "add-column",
                """
                  - add_column:
                      table: orders
                      column: {name: channel, type: text, nullable: false, default: "'web'", check: channel <> '', comment: where it came from}
                """
            ),
            (
                "add-column-filled",
                """
                  - add_column:
                      table: orders
                      column: {name: label, type: text, nullable: false, check: label <> ''}
                      up: status || '-' || id
                  - add_column:
                      table: orders
                      column: {name: token, type: uuid, nullable: false, default: gen_random_uuid()}
                """
            ),
            ("rename-column", "  - rename_column: {table: orders, from: status, to: state}"),
            ("drop-column", "  - drop_column: {table: orders, column: customer_id}"),
            (
                "change-type-in-place",
                "  - change_type: {table: orders, column: status, type: varchar(50)}"
            ),
            (
                "change-type-replaced",
                "  - change_type: {table: orders, column: customer_id, type: integer}"
            ),
            (
                "application-writes",
                """
                  - replace_column:
                      table: orders
                      column: status
                      with: {name: status_v2, type: varchar(50)}
                      up: status
                      down: status_v2
                      writes: application
                """
            ),
            (
                "create-index",
                """
                  - create_index:
                      table: orders
                      columns: [customer_id, {expression: lower(status), order: desc, nulls: last, opclass: text_pattern_ops}]
                      include: [total]
                      with: {fillfactor: 80}
                      where: total > 0
                  - create_index: {table: orders, columns: [id, status], unique: true, name: Orders Key}
                """
            ),
            (
                "backfill",
                """
                  - backfill:
                      table: orders
                      set: {total: customer_id * 2, placed_at: "now()"}
                      where: total IS NULL AND (status = 'new' OR id > 5)
                """
            ),
            (
                "forgo-rollback",
                """
                  - replace_column:
                      table: orders
                      column: status
                      with: {name: label, type: text}
                      up: status
                      down: label
                      unrepresentable: forgo_rollback
                """
            ),
            (
                "sql",
                """
                  - sql:
                      phase: expand
                      up: CREATE TABLE order_notes (id bigint);
                      down: DROP TABLE order_notes
                  - sql:
                      phase: contract
                      transaction: false
                      up: VACUUM orders
                      done: SELECT false
                """
            ),
        ])
    func goldens(_ name: String, operations: String) throws {
        let spec = try Spec.of(operations)
        var shop = Shop()
        shop.expressions["gen_random_uuid()"] = ExpressionFacts(type: "uuid", isVolatile: true)
        let facts = shop.facts(for: spec)
        let plan = try Planner.plan(spec, facts)
        try expectGolden(PlanText.render(plan, facts: facts), "\(name).txt")
        try expectGolden(PlanSQL.render(plan), "\(name).sql")
        try expectGolden(PlanSQL.renderUndo(plan), "\(name)-undo.sql")
    }

    @Test(
        "a backfill whose end is proven is planned, any other refused",
        arguments: [
            ("total IS NULL", "customer_id * 2", true),
            ("total is  null and id > 5", "customer_id * 2", true),
            ("(total IS NULL) AND (id > 5 OR id < 2)", "customer_id * 2", true),
            ("\"total\" IS NULL", "customer_id * 2", true),
            ("total IS NULL OR id > 5", "customer_id * 2", false),
            ("NOT (total IS NULL AND id > 5)", "customer_id * 2", false),
            ("id BETWEEN 1 AND total IS NULL", "customer_id * 2", false),
            ("status = 'total IS NULL'", "customer_id * 2", false),
            (
                "total IS DISTINCT FROM (customer_id::numeric(10,2))", "customer_id::numeric(10,2)",
                true
            ),
            ("total IS DISTINCT FROM customer_id * 1.001", "customer_id * 1.001", false),
            ("total IS DISTINCT FROM total + 1", "total + 1", false),
            ("total < 5", "customer_id", false),
            ("total < 5", "7", true),
        ])
    func proofs(_ condition: String, expression: String, isProven: Bool) throws {
        let spec = try Spec.of(
            "  - backfill: {table: orders, set: {total: \"\(expression)\"}, where: '\(condition.replacing("'", with: "''"))'}"
        )
        var shop = Shop()
        shop.expressions["customer_id * 1.001"] = ExpressionFacts(
            type: "numeric", columns: ["customer_id"])
        shop.expressions["7"] = ExpressionFacts(type: "integer")
        shop.values["total < 5"] = expression == "7" ? "false" : nil
        if isProven {
            let plan = try Planner.plan(spec, shop.facts(for: spec))
            #expect(plan.steps.map(\.id) == ["1.backfill.fill"])
        } else {
            let refusals = #expect(throws: Refusals.self) {
                try Planner.plan(spec, shop.facts(for: spec))
            }
            #expect(refusals?.refusals.map(\.rule) == ["endless-backfill"])
        }
    }
}
