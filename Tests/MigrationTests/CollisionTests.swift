import SQLText
import Testing

@testable import Migration

/// Operations of one file that depend on each other's results are refused with the reason and the
/// order in which to do them; those that do not are planned.
@Suite struct CollisionTests {
    private static let replace = """
          - replace_column:
              table: orders
              column: status
              with: {name: state, type: text}
              up: status
              down: state
              unrepresentable: reject
        """
    private static let rename = "  - rename_column: {table: orders, from: total, to: sum}"
    private static let toCustomers = "references: {table: customers, columns: [id]}"

    struct Case: Sendable, CustomTestStringConvertible {
        let first: String
        let second: String
        /// What the refusal says.
        let words: String
        var change: @Sendable (inout Shop) -> Void = { _ in }
        var testDescription: String { "\(first.trimmingPrefix { $0 == " " })\n\(second)" }

        init(
            _ first: String, _ second: String, _ words: String,
            _ change: @escaping @Sendable (inout Shop) -> Void = { _ in }
        ) {
            self.first = first.hasPrefix(" ") ? first : "  - " + first
            self.second = second.hasPrefix(" ") ? second : "  - " + second
            self.words = words
            self.change = change
        }
    }

    static let cases: [Case] = [
        // A column that is moved under another operation's feet.
        Case(
            replace, "create_index: {table: orders, columns: [status]}",
            "operation 2 (create_index) works with public.orders.status, which operation 1 (replace_column) replaces"
        ),
        Case(
            replace,
            "create_index: {table: orders, columns: [id], where: status = 'new'}",
            "which operation 1 (replace_column) replaces"),
        Case(
            "create_index: {table: orders, columns: [id], include: [total]}", rename,
            "operation 1 (create_index) works with public.orders.total, which operation 2 (rename_column) renames"
        ),
        Case(
            replace, "add_check: {table: orders, name: a, check: status <> 'x'}",
            "operation 2 (add_check)"),
        Case(replace, "add_unique: {table: orders, columns: [id, status]}", "(add_unique)"),
        Case(
            "drop_column: {table: orders, column: total}",
            "set_not_null: {table: orders, column: total}",
            "operation 2 (set_not_null) works with public.orders.total, which operation 1 (drop_column) drops"
        ),
        Case(
            "change_type: {table: orders, column: total, type: text, unrepresentable: reject}",
            "backfill: {table: orders, set: {total: '1'}, where: total IS NULL}",
            "operation 2 (backfill) works with public.orders.total, which operation 1 (change_type) replaces"
        ),
        Case(
            rename,
            "backfill: {table: orders, set: {customer_id: total}, where: customer_id IS NULL}",
            "operation 2 (backfill) works with public.orders.total"),
        Case(
            rename,
            "add_column: {table: orders, column: {name: a, type: text}, up: total}",
            "operation 2 (add_column) works with public.orders.total"),
        Case(
            replace, "drop_constraint: {table: orders, name: orders_status_check}",
            "operation 2 (drop_constraint) works with public.orders.status"),
        Case(
            "drop_index: {name: orders_status_idx}", replace,
            "operation 1 (drop_index) works with public.orders.status"
        ) {
            $0.indexes = [
                "orders_status_idx": NamedIndexFacts(
                    index: $0.orders.indexes[1], table: $0.orders.name)
            ]
        },
        Case(
            "drop_column: {table: orders, column: customer_id}",
            "add_foreign_key: {table: orders, columns: [customer_id], \(toCustomers)}",
            "operation 2 (add_foreign_key) works with public.orders.customer_id"),
        Case(
            "drop_column: {table: customers, column: legacy_id}",
            "add_foreign_key: {table: orders, columns: [id], references: {table: customers, columns: [legacy_id]}}",
            "operation 2 (add_foreign_key) works with public.customers.legacy_id"
        ) {
            $0.customers.constraints.append(
                ConstraintFacts(
                    name: "one", kind: .unique, columns: ["legacy_id"],
                    definition: Definition(parts: [.text("UNIQUE (legacy_id)")])))
        },
        Case(
            "drop_column: {table: orders, column: status}",
            "drop_column: {table: orders, column: status}",
            "operation 2 (drop_column) works with public.orders.status"),
        // An index over both.
        Case(
            replace, rename,
            "the index \"both\" of public.orders is over columns of both operation 1 (replace_column) and operation 2 (rename_column)"
        ) {
            $0.orders.indexes.append(
                IndexFacts(
                    name: QualifiedName("public", "both"),
                    definition: Definition(parts: [
                        .text("USING btree ("), .column("status"), .text(", "), .column("total"),
                        .text(")"),
                    ])))
        },
        // Values that one gives and the other wants something of.
        Case(
            "backfill: {table: orders, set: {total: '1'}, where: total IS NULL}",
            "set_not_null: {table: orders, column: total}", "depends on the values"),
        Case(
            "add_check: {table: orders, name: a, check: total > 0}",
            "backfill: {table: orders, set: {total: '1'}, where: total IS NULL}",
            "operation 1 (add_check) depends on the values of public.orders.total, which operation 2 (backfill) gives"
        ),
        Case(
            "backfill: {table: orders, set: {total: '1'}, where: total IS NULL}",
            "create_index: {table: orders, columns: [total], unique: true}",
            "operation 2 (create_index) depends on the values"),
        Case(
            "backfill: {table: orders, set: {total: '1'}, where: total IS NULL}",
            "add_unique: {table: orders, columns: [total]}", "depends on the values"),
        Case(
            "backfill: {table: orders, set: {total: '1'}, where: total IS NULL}",
            "add_column: {table: orders, column: {name: a, type: text}, up: total}",
            "operation 2 (add_column) depends on the values"),
        Case(
            "add_foreign_key: {table: orders, columns: [total], references: {table: customers, columns: [id]}, orphans: null}",
            "set_not_null: {table: orders, column: total}", "depends on the values"
        ) { $0.change("total") { $0.type = "bigint" } },
        Case(
            "backfill: {table: orders, set: {status: \"'x'\"}, where: status = 'y'}",
            "drop_constraint: {table: orders, name: orders_status_check}",
            "depends on the values of public.orders.status"
        ) { $0.values["status = 'y'"] = "false" },
        // Keys.
        Case(
            "add_foreign_key: {table: orders, columns: [id], \(toCustomers)}",
            "drop_constraint: {table: customers, name: customers_pkey}",
            "operation 1 (add_foreign_key) needs the key of public.customers.id, which operation 2 (drop_constraint) drops"
        ),
        // Names.
        Case(
            "create_index: {table: orders, columns: [id], name: it}",
            "create_index: {table: orders, columns: [total], name: it}", "both make public.it"),
        Case(
            "create_index: {table: orders, columns: [id, total]}",
            "create_index: {table: orders, columns: [id, total]}",
            "both make public.orders_id_total_idx"),
        Case(
            "add_check: {table: orders, name: a, check: total > 0}",
            "add_check: {table: orders, name: a, check: id > 0}",
            "both make the constraint a of public.orders"),
        Case(
            "add_foreign_key: {table: orders, columns: [customer_id], \(toCustomers)}",
            "add_foreign_key: {table: orders, columns: [customer_id], \(toCustomers)}",
            "both make the constraint orders_customer_id_fkey of public.orders"),
        Case(
            "add_column: {table: orders, column: {name: by, type: bigint, references: {table: customers, column: id}}}",
            "add_check: {table: orders, name: orders_by_fkey, check: total > 0}",
            "both make the constraint orders_by_fkey of public.orders"),
        Case(
            "add_column: {table: orders, column: {name: by, type: bigint, check: by > 0}}",
            "add_check: {table: orders, name: orders_by_check, check: total > 0}",
            "both make the constraint orders_by_check of public.orders"
        ) {
            $0.expressions["by > 0"] = ExpressionFacts(type: "boolean", columns: ["by"])
        },
        Case(
            "add_unique: {table: orders, columns: [total], name: it}",
            "create_index: {table: orders, columns: [id], name: it}", "both make public.it"),
        Case(
            rename, "rename_column: {table: orders, from: placed_at, to: sum}",
            "both make public.orders.sum"),
        Case(
            rename, "add_column: {table: orders, column: {name: sum, type: text}}",
            "both make public.orders.sum"),
        Case(
            replace + "\n      final_name: last",
            "add_column: {table: orders, column: {name: last, type: text}}",
            "both make public.orders.last"),
        Case(
            "rename_table: {from: orders, to: a}", "rename_table: {from: customers, to: a}",
            "both make public.a"),
        Case(
            "create_table: {table: a, columns: [{name: id, type: bigint}]}",
            "rename_table: {from: orders, to: a}", "both make public.a"),
        Case(
            "create_table: {table: a, columns: [{name: id, type: bigint}]}",
            "create_table: {table: a, columns: [{name: id, type: bigint}]}", "both make public.a"),
        Case(
            "drop_constraint: {table: orders, name: orders_status_check}",
            "drop_constraint: {table: orders, name: orders_status_check}",
            "both take the constraint orders_status_check of public.orders away"),
        // Tables.
        Case(
            "rename_table: {from: customers, to: clients}",
            "add_foreign_key: {table: orders, columns: [id], \(toCustomers)}",
            "operation 2 (add_foreign_key) needs public.customers, whose name operation 1 (rename_table) takes away"
        ),
        Case(
            "rename_table: {from: customers, to: clients}",
            "rename_column: {table: orders, from: customer_id, to: client_id}",
            "operation 2 (rename_column) needs public.customers, whose name operation 1 (rename_table) takes away"
        ) {
            $0.orders.constraints.append(
                ConstraintFacts(
                    name: "to_customers", kind: .foreignKey, columns: ["customer_id"],
                    definition: Definition(parts: [
                        .text("FOREIGN KEY ("), .column("customer_id"),
                        .text(") REFERENCES customers(id)"),
                    ]), references: Shop.customers.name, referencedColumns: ["id"]))
        },
        Case(
            "add_column: {table: orders, column: {name: a, type: text}, up: (SELECT c.email FROM customers c WHERE c.id = customer_id)}",
            "drop_table: {table: customers}",
            "operation 1 (add_column) needs public.customers"
        ) {
            $0.expressions["(SELECT c.email FROM customers c WHERE c.id = customer_id)"] =
                ExpressionFacts(type: "text", columns: ["customer_id"], hasSubquery: true)
        },
        // What another operation of the file makes, or takes away.
        Case(
            "add_column: {table: orders, column: {name: channel, type: text}}",
            "create_index: {table: orders, columns: [channel]}",
            "operation 1 (add_column) of this file makes \"channel\" only while it runs"),
        Case(
            "add_column: {table: orders, column: {name: channel, type: text}}",
            "add_check: {table: orders, name: a, check: channel <> ''}",
            "operation 1 (add_column) of this file makes \"channel\""
        ) {
            $0.expressions["channel <> ''"] = ExpressionFacts(
                error: "column \"channel\" does not exist")
        },
        Case(
            "create_table: {table: notes, columns: [{name: id, type: bigint}]}",
            "create_index: {table: notes, columns: [id]}",
            "operation 1 (create_table) of this file makes \"notes\""),
        Case(
            "create_index: {table: notes, columns: [id]}",
            "rename_table: {from: orders, to: notes}",
            "operation 2 (rename_table) of this file makes \"notes\""),
        Case(
            "add_check: {table: orders, name: a, check: total > 0}",
            "drop_constraint: {table: orders, name: a}",
            "operation 1 (add_check) of this file makes \"a\""),
        Case(
            "create_index: {table: orders, columns: [id], name: it}", "drop_index: {name: it}",
            "operation 1 (create_index) of this file makes \"it\""),
        Case(
            "drop_column: {table: orders, column: total}",
            "add_column: {table: orders, column: {name: total, type: text}}",
            "operation 1 (drop_column) of this file takes away \"total\""),
        Case(
            "drop_column: {table: orders, column: total}",
            "rename_column: {table: orders, from: customer_id, to: total}",
            "operation 1 (drop_column) of this file takes away \"total\""
        ) { $0.change("total") { $0.type = "bigint" } },
        Case(
            "drop_constraint: {table: orders, name: orders_status_check}",
            "add_check: {table: orders, name: orders_status_check, check: total > 0}",
            "operation 1 (drop_constraint) of this file takes away \"orders_status_check\""),
    ]

    @Test("they are refused, with what to do, whichever comes first", arguments: cases)
    func refused(_ example: Case) throws {
        let spec = try Spec.of(example.first + "\n" + example.second)
        var shop = Shop()
        example.change(&shop)
        let refusals = #expect(throws: Refusals.self) {
            try Planner.plan(spec, shop.facts(for: spec))
        }
        guard let refusals else { return }
        #expect(refusals.refusals.count == 1, "\(refusals)")
        let refusal = refusals.refusals[0]
        #expect(refusal.message.contains(example.words), "\(refusal.message)")
        #expect(["operations-overlap", "operations-depend"].contains(refusal.rule))
        #expect(refusal.instead.hasSuffix("."))

        let turned = try Spec.of(example.second + "\n" + example.first)
        let others = #expect(throws: Refusals.self) {
            try Planner.plan(turned, shop.facts(for: turned))
        }
        #expect(others?.refusals.map(\.rule) == [refusal.rule])
    }

    @Test(
        "what has nothing to do with each other goes into one file",
        arguments: [
            (replace, rename),
            (replace, "  - add_column: {table: orders, column: {name: a, type: text}, up: total}"),
            (replace, "  - create_index: {table: orders, columns: [total]}"),
            (replace, "  - set_not_null: {table: orders, column: total, up: \"'1'\"}"),
            (
                replace,
                "  - add_check: {table: customers, name: orders_status_check, check: id > 0}"
            ),
            (
                "  - backfill: {table: orders, set: {total: '1'}, where: total IS NULL}",
                "  - create_index: {table: orders, columns: [total]}"
            ),
            (
                "  - add_foreign_key: {table: orders, columns: [customer_id], \(toCustomers)}",
                "  - create_index: {table: orders, columns: [customer_id]}"
            ),
            (rename, "  - drop_column: {table: customers, column: legacy_id}"),
            (rename, "  - drop_constraint: {table: orders, name: orders_status_check}"),
        ])
    func together(_ first: String, _ second: String) throws {
        for text in [first + "\n" + second, second + "\n" + first] {
            let spec = try Spec.of(text)
            let plan = try Planner.plan(spec, Shop().facts(for: spec))
            #expect(plan.operations.count == 2)
        }
    }
}
