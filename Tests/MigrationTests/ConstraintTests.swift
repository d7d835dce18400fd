import SQLText
import Testing

@testable import Migration

/// Plans, refusals and hazards of the operations on constraints.
@Suite struct ConstraintTests {
    /// An orders table with every kind of constraint.
    private static var shop: Shop {
        var shop = Shop()
        shop.expressions["total > 0"] = ExpressionFacts(type: "boolean", columns: ["total"])
        shop.expressions["(SELECT c.id FROM customers c WHERE c.legacy_id = orders.id)"] =
            ExpressionFacts(type: "bigint", columns: ["id"], hasSubquery: true)
        shop.orders.constraints += [
            ConstraintFacts(
                name: "orders_customer", kind: .foreignKey, columns: ["customer_id"],
                definition: Definition(parts: [
                    .text("FOREIGN KEY ("), .column("customer_id"),
                    .text(") REFERENCES customers(id) ON DELETE CASCADE"),
                ]), references: Shop.customers.name, referencedColumns: ["id"],
                comment: "who ordered"),
            ConstraintFacts(
                name: "orders_total_key", kind: .unique, columns: ["total", "placed_at"],
                definition: Definition(parts: [
                    .text("UNIQUE ("), .column("total"), .text(", "), .column("placed_at"),
                    .text(") DEFERRABLE INITIALLY DEFERRED"),
                ]), isDeferrable: true),
            ConstraintFacts(
                name: "total_unproven", kind: .check, columns: ["total"],
                definition: Definition(parts: [
                    .text("CHECK (("), .column("total"), .text(" < 9)) NOT VALID"),
                ]), isValidated: false),
        ]
        shop.orders.indexes.append(
            IndexFacts(
                name: QualifiedName("public", "orders_total_key"),
                definition: Definition(parts: [
                    .text("USING btree ("), .column("total"), .text(", "), .column("placed_at"),
                    .text(")"),
                ]), isUnique: true, constraint: "orders_total_key"))
        return shop
    }

    /// Each was run on PostgreSQL 15, there and back.
    @Test(
        "an operation's plan and the way back read as they did when they were run",
        arguments: [
            (
                "add-check",
                "  - add_check: {table: orders, name: total_positive, check: total > 0}"
            ),
            (
                "set-not-null",
                """
                  - set_not_null: {table: orders, column: total}
                  - set_not_null: {table: orders, column: placed_at, up: "coalesce(placed_at, now())"}
                """
            ),
            (
                "add-foreign-key",
                """
                  - add_foreign_key:
                      table: orders
                      columns: [customer_id, total]
                      references: {table: customers, columns: [id, legacy_id]}
                      on_delete: cascade
                      orphans: null
                  - add_foreign_key:
                      table: orders
                      columns: [id]
                      references: {table: customers, columns: [id]}
                      name: Order Customer
                """
            ),
            (
                "add-foreign-key-filled",
                """
                  - add_foreign_key:
                      table: orders
                      columns: [buyer]
                      references: {table: customers, columns: [id]}
                      new_column: {name: buyer, type: bigint}
                      up: (SELECT c.id FROM customers c WHERE c.legacy_id = orders.id)
                      on_delete: set null
                """
            ),
            (
                "set-not-null-keep",
                "  - set_not_null: {table: orders, column: total, up: '0', keep: true}"
            ),
            ("add-unique", "  - add_unique: {table: orders, columns: [customer_id, status]}"),
            (
                "drop-constraint",
                """
                  - drop_constraint: {table: orders, name: orders_status_check}
                  - drop_constraint: {table: orders, name: orders_customer}
                  - drop_constraint: {table: orders, name: orders_total_key}
                  - drop_constraint: {table: orders, name: orders_pkey}
                  - drop_constraint: {table: orders, name: total_unproven}
                """
            ),
        ])
    func goldens(_ name: String, operations: String) throws {
        let spec = try Spec.of(operations)
        var shop = Self.shop
        if name == "add-foreign-key" {
            shop.customers.columns[2].type = "numeric"
            shop.customers.constraints.append(
                ConstraintFacts(
                    name: "customers_both", kind: .unique, columns: ["legacy_id", "id"],
                    definition: Definition(parts: [.text("UNIQUE (legacy_id, id)")])))
        }
        let facts = shop.facts(for: spec)
        let plan = try Planner.plan(spec, facts)
        try expectGolden(PlanText.render(plan, facts: facts), "\(name).txt")
        try expectGolden(PlanSQL.render(plan), "\(name).sql")
        try expectGolden(PlanSQL.renderUndo(plan), "\(name)-undo.sql")
    }

    // MARK: Refusals

    struct Case: Sendable, CustomTestStringConvertible {
        let rule: String
        let spec: String
        var change: @Sendable (inout Shop) -> Void = { _ in }

        init(
            _ rule: String, _ spec: String,
            _ change: @escaping @Sendable (inout Shop) -> Void = { _ in }
        ) {
            self.rule = rule
            self.spec = "  - " + spec
            self.change = change
        }

        var testDescription: String { "\(rule): \(spec)" }
    }

    private static let toCustomers = "references: {table: customers, columns: [id]}"

    static let cases: [Case] = [
        Case(
            "constraint-exists",
            "add_check: {table: orders, name: orders_status_check, check: total > 0}"),
        Case("not-a-condition", "add_check: {table: orders, name: a, check: total}"),
        Case("volatile-expression", "add_check: {table: orders, name: a, check: total > 0}") {
            $0.expressions["total > 0"]?.isVolatile = true
        },
        Case("subquery-in-sync", "add_check: {table: orders, name: a, check: total > 0}") {
            $0.expressions["total > 0"]?.hasSubquery = true
        },
        Case("busy-column", "add_check: {table: orders, name: a, check: total > 0}") {
            $0.keepInStep("total")
        },
        Case("missing-column", "set_not_null: {table: orders, column: totl}"),
        Case("already-not-null", "set_not_null: {table: orders, column: id}"),
        Case("already-not-null", "set_not_null: {table: orders, column: id}") {
            $0.orders.constraints.append(
                ConstraintFacts(
                    name: "id_not_null", kind: .notNull, columns: ["id"],
                    definition: Definition(parts: [.text("NOT NULL id")]), isValidated: false))
        },
        Case("no-row-key", "set_not_null: {table: orders, column: total, up: '0', keep: true}") {
            $0.orders.constraints = []
            // Neither a partial one, nor one that lets NULL in, nor one over an expression.
            $0.orders.indexes = [
                "USING btree (id) WHERE (id > 0)", "USING btree (total)", "USING btree (abs(id))",
            ]
            .enumerated().map { number, text in
                IndexFacts(
                    name: QualifiedName("public", "unique\(number)"),
                    definition: Self.definition(text, ["id", "total"]), isUnique: true)
            }
        },
        Case("generated-column", "set_not_null: {table: orders, column: total, up: '0'}") {
            $0.change("total") { $0.generation = .stored }
        },
        Case("subscription", "set_not_null: {table: orders, column: total, up: '0'}") {
            $0.orders.subscriptions = ["from_main"]
        },
        Case("busy-column", "set_not_null: {table: orders, column: total}") {
            $0.keepInStep("total")
        },
        Case(
            "missing-table",
            "add_foreign_key: {table: orders, columns: [id], references: {table: clients, columns: [id]}}"
        ),
        Case(
            "missing-column",
            "add_foreign_key: {table: orders, columns: [buyer], \(toCustomers)}"),
        Case(
            "missing-column",
            "add_foreign_key: {table: orders, columns: [id], references: {table: customers, columns: [ident]}}"
        ),
        Case(
            "repeated-column",
            "add_foreign_key: {table: orders, columns: [id, id], references: {table: customers, columns: [id, legacy_id]}}"
        ) {
            $0.customers.constraints[0].columns = ["id", "legacy_id"]
        },
        Case(
            "no-unique-key",
            "add_foreign_key: {table: orders, columns: [id], references: {table: customers, columns: [legacy_id]}}"
        ),
        Case("no-unique-key", "add_foreign_key: {table: orders, columns: [id], \(toCustomers)}") {
            $0.customers.constraints[0].isDeferrable = true
        },
        Case(
            "unreferenceable-table",
            "add_foreign_key: {table: orders, columns: [id], \(toCustomers)}"
        ) { $0.customers.kind = .view },
        Case(
            "foreign-key-type", "add_foreign_key: {table: orders, columns: [total], \(toCustomers)}"
        ),
        Case(
            "foreign-key-type",
            "add_foreign_key: {table: orders, columns: [status], \(toCustomers)}"
        ) {
            $0.expressions["status = NULL::bigint"] = ExpressionFacts(
                error: "operator does not exist: character varying = bigint")
        },
        Case(
            "orphans-not-null",
            "add_foreign_key: {table: orders, columns: [customer_id], \(toCustomers), orphans: null}"
        ),
        Case(
            "column-exists",
            "add_foreign_key: {table: orders, columns: [total], \(toCustomers), new_column: {name: total, type: bigint}}"
        ),
        Case(
            "up-reads-new",
            "add_foreign_key: {table: orders, columns: [buyer], \(toCustomers), new_column: {name: buyer, type: bigint}, up: buyer + 1}"
        ),
        Case(
            "constraint-exists",
            "add_foreign_key: {table: orders, columns: [id], \(toCustomers), name: orders_pkey}"),
        Case("already-unique", "add_unique: {table: orders, columns: [id]}"),
        Case("missing-column", "add_unique: {table: orders, columns: [id, ident]}"),
        Case(
            "name-taken", "add_unique: {table: orders, columns: [total], name: orders_status_idx}"),
        Case("no-equality", "add_unique: {table: orders, columns: [total]}") {
            $0.expressions["total = NULL::numeric(10,2)"] = ExpressionFacts(
                error: "operator does not exist: json = json")
        },
        Case("missing-constraint", "drop_constraint: {table: orders, name: orders_staus_check}"),
        Case("referenced-key", "drop_constraint: {table: orders, name: orders_pkey}") {
            $0.orders.referencedBy = [
                ForeignReference(
                    table: QualifiedName("public", "notes"), constraint: "notes_fk", columns: ["id"]
                )
            ]
        },
        Case("replica-identity", "drop_constraint: {table: orders, name: orders_pkey}") {
            $0.orders.publications = ["everything"]
        },
        Case("unreferenceable-table", "drop_constraint: {table: orders, name: orders_customer}") {
            $0.customers.kind = .view
        },
        Case("exclusion-constraint", "drop_constraint: {table: orders, name: no_overlap}") {
            $0.orders.constraints.append(
                ConstraintFacts(
                    name: "no_overlap", kind: .exclusion, columns: ["status"],
                    definition: Definition(parts: [.text("EXCLUDE USING gist (status WITH =)")])))
        },
    ]

    @Test("what can't be done safely is refused alone, with a way out", arguments: cases)
    func refused(_ example: Case) throws {
        let spec = try Spec.of(example.spec)
        var shop = Self.shop
        example.change(&shop)
        let refusals = #expect(throws: Refusals.self) {
            try Planner.plan(spec, shop.facts(for: spec))
        }
        guard let refusals else { return }
        #expect(Set(refusals.refusals.map(\.rule)) == [example.rule], "\(refusals)")
        for refusal in refusals.refusals {
            #expect(refusal.instead.hasSuffix(".") || refusal.instead.hasSuffix("?"))
            #expect(refusal.mark.line > 0)
        }
    }

    @Test(
        "a spec that contradicts itself is an error at its place",
        arguments: [
            ("add_foreign_key: {table: a, columns: [], \(toCustomers)}", "\"columns\" is empty"),
            ("add_foreign_key: {table: a, columns: [b, c], \(toCustomers)}", "can't reference 1"),
            (
                "add_foreign_key: {table: a, columns: [b], \(toCustomers), new_column: {name: c, type: int}}",
                "does not name the new column \"c\""
            ),
            (
                "add_foreign_key: {table: a, columns: [b], \(toCustomers), up: c}",
                "\"up\" fills \"new_column\""
            ),
            (
                "add_foreign_key: {table: a, columns: [b], \(toCustomers), on_delete: drop}",
                "must be one of no action, restrict"
            ),
            (
                "add_foreign_key: {table: a, columns: [b], \(toCustomers), orphans: drop}",
                "must be one of fail, null"
            ),
            (
                "add_foreign_key: {table: a, columns: [b], \(toCustomers), new_column: {name: b, type: int}, up: c, orphans: null}",
                "let \"up\" give NULL"
            ),
            ("add_unique: {table: a, columns: []}", "\"columns\" is empty"),
            ("add_check: {table: a, check: b > 0}", "needs \"name\""),
            ("set_not_null: {table: a, column: b, keep: true}", "without \"up\""),
        ])
    func contradictions(_ operation: String, message: String) throws {
        let error = #expect(throws: SpecError.self) { try Spec.of("  - " + operation) }
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
        #expect(error?.mark.line == 3)
    }

    // MARK: Hazards

    @Test(
        "a foreign key whose columns no index covers is told the operation that builds one",
        arguments: [
            ("USING btree (customer_id)", true), ("USING btree (customer_id, status)", true),
            ("USING btree (customer_id DESC NULLS LAST, status)", true),
            ("USING btree (status, customer_id)", false),
            ("USING btree (customer_id) WHERE (total > 0)", false),
            ("USING btree (lower(customer_id))", false),
            ("USING btree (status) INCLUDE (customer_id)", false),
        ])
    func covering(_ index: String, isCovering: Bool) throws {
        var shop = Self.shop
        shop.orders.indexes.append(
            IndexFacts(
                name: QualifiedName("public", "by_customer"),
                definition: Self.definition(index, ["customer_id", "status", "total"])))
        let spec = try Spec.of(
            "  - add_foreign_key: {table: orders, columns: [customer_id], \(Self.toCustomers)}")
        let plan = try Planner.plan(spec, shop.facts(for: spec))
        let hazard = plan.hazards.first { $0.rule == "foreign-key-without-index" }
        #expect((hazard == nil) == isCovering)
        guard let hazard else { return }
        let offered = "create_index: {table: orders, columns: [customer_id]}"
        #expect(hazard.safeWay?.contains(offered) == true)
        #expect(try Spec.of("  - " + offered).operations.count == 1)
    }

    @Test("the index that is offered is a line to paste, whatever the names hold")
    func offered() throws {
        var shop = Self.shop
        let odd = "It's: a, [key] #1"
        shop.orders.columns.append(ColumnFacts(name: odd, number: 9, type: "bigint"))
        shop.orders.columns.append(ColumnFacts(name: "no", number: 10, type: "integer"))
        shop.customers.constraints.append(
            ConstraintFacts(
                name: "both", kind: .unique, columns: ["id", "legacy_id"],
                definition: Definition(parts: [.text("UNIQUE (id, legacy_id)")])))
        let spec = try Spec.of(
            """
              - add_foreign_key:
                  table: orders
                  columns: ["\(odd)", "no"]
                  references: {table: customers, columns: [id, legacy_id]}
            """)
        let plan = try Planner.plan(spec, shop.facts(for: spec))
        let way = try #require(
            plan.hazards.first { $0.rule == "foreign-key-without-index" }?.safeWay)
        let start = try #require(way.range(of: "- create_index"))
        let end = try #require(way.range(of: "}\"."))
        let line = way[start.lowerBound..<end.lowerBound] + "}"
        let pasted = try Spec.of("  " + line)
        #expect(try Planner.plan(pasted, shop.facts(for: pasted)).operations.count == 1)
        #expect(line.contains("'It''s: a, [key] #1', 'no'"))
    }

    /// The text with the columns that it names, as the catalogue's reader finds them.
    private static func definition(_ text: String, _ columns: [String]) -> Definition {
        var parts: [Definition.Part] = []
        var plain = ""
        var word = ""
        func endWord() {
            if columns.contains(word) {
                parts += [.text(plain), .column(word)]
                plain = ""
            } else {
                plain += word
            }
            word = ""
        }
        for letter in text {
            if letter.isLetter || letter == "_" {
                word.append(letter)
            } else {
                endWord()
                plain.append(letter)
            }
        }
        endWord()
        return Definition(parts: parts + [.text(plain)])
    }

    @Test("a foreign key that sets NULL where none may be is a danger")
    func setNull() throws {
        let spec = try Spec.of(
            "  - add_foreign_key: {table: orders, columns: [customer_id], \(Self.toCustomers), on_delete: set null}"
        )
        let plan = try Planner.plan(spec, Self.shop.facts(for: spec))
        #expect(plan.hazards.first?.rule == "set-null-of-not-null")
    }

    @Test("a table that references itself is locked once")
    func itself() throws {
        let spec = try Spec.of(
            "  - add_foreign_key: {table: orders, columns: [customer_id], references: {table: public.orders, columns: [id]}}"
        )
        let plan = try Planner.plan(spec, Self.shop.facts(for: spec))
        let locks = plan.steps.map { $0.action.locks.map(\.mode) }
        #expect(locks == [[.accessShare], [.shareRowExclusive], [.shareUpdateExclusive]])
    }
}

extension Shop {
    /// As if another migration kept the column in step.
    fileprivate mutating func keepInStep(_ column: String) {
        orders.triggers = [
            TriggerFacts(
                name: "zz", isBefore: true, isRow: true, onInsert: true, onUpdate: true,
                columns: [], function: "lockkeeper.sync_other_1",
                source: "lk_new.\"\(column)\" := 'x'", isEnabled: true)
        ]
    }
}
