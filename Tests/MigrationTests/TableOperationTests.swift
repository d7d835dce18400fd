import SQLText
import Testing

@testable import Migration

/// Operations on whole tables, and on an index by its name.
@Suite struct TableOperationTests {
    static let createTable = """
          - create_table:
              table: order_notes
              columns:
                - {name: id, type: bigint, identity: always}
                - {name: order_id, type: bigint, nullable: false}
                - {name: answers, type: bigint, references: {table: order_notes, column: id}}
                - {name: kind, type: text, nullable: false, default: "'remark'", check: kind <> ''}
                - {name: body, type: text, comment: as the customer reads it}
              constraints:
                - {primary_key: [id]}
                - {unique: [order_id, kind], name: one_of_a_kind}
                - {check: "kind <> body", name: says_more}
                - {columns: [order_id], references: {table: orders, columns: [id]}, on_delete: cascade, on_update: set null}
        """

    /// The shop, with rights, dependents and an index that stands alone.
    static var shop: Shop {
        var shop = Shop()
        shop.orders.owner = "keeper"
        shop.orders.columnGrants = [
            "status": [ColumnGrant(grantee: "clerk", privilege: "UPDATE", isGrantable: false)]
        ]
        shop.orders.dependents = [
            DependentFacts(description: "view public.open_orders", columns: ["status"])
        ]
        shop.orders.publications = ["everything"]
        shop.orders.relationNames = ["orders", "orders_pkey", "orders_status_idx"]
        shop.orders.constraints.append(
            ConstraintFacts(
                name: "orders_customer_id_fkey", kind: .foreignKey, columns: ["customer_id"],
                definition: Definition(parts: [
                    .text("FOREIGN KEY ("), .column("customer_id"),
                    .text(") REFERENCES public.customers(id)"),
                ]), references: QualifiedName("public", "customers")))
        shop.orders.triggers = [
            TriggerFacts(
                name: "audit", isBefore: false, isRow: true, onInsert: true, onUpdate: true,
                columns: [], function: "public.audit",
                source: "INSERT INTO log VALUES (TG_TABLE_NAME)",
                isEnabled: true)
        ]
        shop.relation = RelationFacts(
            comment: "what customers asked for",
            grants: [
                TableGrant(grantee: "app", privilege: "SELECT"),
                TableGrant(grantee: "app", privilege: "INSERT"),
                TableGrant(grantee: nil, privilege: "SELECT"),
                TableGrant(grantee: "app", privilege: "UPDATE", isGrantable: true),
            ],
            functionsNaming: ["public.close_day()"],
            sequences: [QualifiedName("public", "orders_id_seq")])
        shop.indexes["orders_lower_idx"] = NamedIndexFacts(
            index: IndexFacts(
                name: QualifiedName("public", "orders_lower_idx"),
                definition: Definition(parts: [
                    .text(
                        "USING btree (lower((status)::text), total) WITH (fillfactor='70') TABLESPACE fast WHERE (total > 0)"
                    )
                ]), isUnique: true, comment: "for the list"),
            table: QualifiedName("public", "orders"), hasExpression: true,
            statisticsTargets: [.init(column: 1, target: 500)],
            onlyCoverOf: ["orders_customer_id_fkey"])
        return shop
    }

    /// Each was run on PostgreSQL 15, there and back.
    @Test(
        "an operation's plan and the way back read as they did when they were run",
        arguments: [
            ("drop-index", "  - drop_index: {name: orders_lower_idx}"),
            ("create-table", createTable),
            ("drop-table", "  - drop_table: {table: orders}"),
            ("rename-table", "  - rename_table: {from: orders, to: Purchases}"),
        ])
    func goldens(_ name: String, operations: String) throws {
        let spec = try Spec.of(operations)
        let facts = Self.shop.facts(for: spec)
        let plan = try Planner.plan(spec, facts)
        try expectGolden(PlanText.render(plan, facts: facts), "\(name).txt")
        try expectGolden(PlanSQL.render(plan), "\(name).sql")
        try expectGolden(PlanSQL.renderUndo(plan), "\(name)-undo.sql")
    }

    @Test("what the view can't do of MERGE is said up to 16 only", arguments: [150_018, 170_002])
    func merge(_ version: Int) throws {
        let spec = try Spec.of("  - rename_table: {from: orders, to: purchases}")
        var shop = Shop()
        shop.server = .init(version: version)
        let plan = try Planner.plan(spec, shop.facts(for: spec))
        let refuses = plan.hazards.first { $0.rule == "view-refuses" }
        #expect(refuses?.message.contains("MERGE") == (version < 170_000))
    }

    @Test("rights that another role gave stay, because they could not be given back as they were")
    func otherGrantors() throws {
        let spec = try Spec.of("  - drop_table: {table: orders}")
        var shop = Self.shop
        shop.relation.otherGrantors = ["clerk"]
        let plan = try Planner.plan(spec, shop.facts(for: spec))
        let sql = plan.steps.flatMap(\.action.statements).map(\.text)
        #expect(!sql.contains { $0.hasPrefix("REVOKE") })
        #expect(plan.hazards.contains { $0.rule == "grants-kept" })
    }

    @Test(
        "what is wrong in a spec is said with its line and column",
        arguments: [
            ("  - create_table: {table: notes, columns: []}", "3:43"),
            (
                "  - create_table:\n      table: notes\n      columns: [{name: a, type: int}, {name: a, type: int}]",
                "5:39"
            ),
            (
                "  - create_table:\n      table: notes\n      columns: [{name: a, type: int}]\n      constraints: [{primary_key: [a]}, {primary_key: [a]}]",
                "6:41"
            ),
            (
                "  - create_table:\n      table: notes\n      columns: [{name: a, type: int}]\n      constraints: [{primary_key: [a], unique: [a]}]",
                "6:21"
            ),
            (
                "  - create_table:\n      table: notes\n      columns: [{name: a, type: int}]\n      constraints: [{unique: [a], on_delete: cascade}]",
                "6:46"
            ),
            (
                "  - create_table:\n      table: notes\n      columns: [{name: a, type: int, identity: always, default: '1'}]",
                "5:65"
            ),
            (
                "  - create_table:\n      table: notes\n      columns: [{name: a, type: int}]\n      constraints: [{columns: [a], references: {table: b, columns: [c, d]}}]",
                "6:48"
            ),
            ("  - rename_table: {from: orders, to: orders}", "3:38"),
            ("  - rename_table: {from: orders, to: a, method: copi}", "3:49"),
            ("  - drop_index: {}", "3:5"),
        ])
    func specErrors(_ operations: String, place: String) {
        let error = #expect(throws: SpecError.self) { try Spec.of(operations) }
        #expect(
            error.map { "\($0.mark.line):\($0.mark.column)" } == place,
            "\(String(describing: error))")
    }

    static let refusals: [RefusalTests.Case] = [
        .init(rule: "missing-index", spec: "  - drop_index: {name: by_nothing}"),
        index("constraint-index") { $0.index.constraint = "one_each" },
        index("replica-identity") { $0.index.isReplicaIdentity = true },
        index("clustered-index") { $0.isClustered = true },
        index("needed-index") { $0.neededBy = ["constraint notes_fk on table public.notes"] },
        index("partition-index") { $0.parent = QualifiedName("public", "all_orders_idx") },
        .init(rule: "not-owner", spec: "  - drop_index: {name: orders_lower_idx}") {
            $0.indexes = shop.indexes
            $0.orders.isOwnedByUs = false
        },
        .init(rule: "needed-table", spec: "  - drop_table: {table: orders}") {
            $0.relation.stopsDrop = ["view public.open_orders"]
        },
        .init(rule: "busy-table", spec: "  - drop_table: {table: orders}", change: busy),
        .init(rule: "subscription", spec: "  - drop_table: {table: orders}") {
            $0.orders.subscriptions = ["from_main"]
        },
        .init(rule: "busy-table", spec: "  - rename_table: {from: orders, to: a}", change: busy),
        .init(rule: "table-exists", spec: "  - rename_table: {from: orders, to: orders_pkey}"),
        .init(rule: "other-schema", spec: "  - rename_table: {from: orders, to: old.orders}"),
        .init(rule: "subscription", spec: "  - rename_table: {from: orders, to: a}") {
            $0.orders.subscriptions = ["from_main"]
        },
        .init(rule: "no-create", spec: "  - rename_table: {from: orders, to: a}") {
            $0.orders.mayCreateInSchema = false
            $0.schemas["public"]?.mayCreate = false
        },
        .init(rule: "no-create", spec: "  - rename_table: {from: orders, to: a}") {
            $0.orders.owner = "keeper"
            $0.relation.ownerMayCreate = false
        },
        .init(rule: "table-exists", spec: creating(table: "orders")),
        .init(rule: "missing-schema", spec: creating(table: "shelf.notes")),
        .init(rule: "no-create", spec: creating()) {
            $0.schemas = ["public": SchemaFacts(mayCreate: false)]
        },
        .init(rule: "no-schema", spec: creating()) {
            $0.session = SessionFacts(
                searchPath: [Identifier("pg_catalog")], timeZone: "UTC", dateStyle: "ISO, MDY")
        },
        .init(rule: "serial-type", spec: creating(column: "{name: id, type: bigserial}")),
        .init(rule: "missing-type", spec: creating(column: "{name: id, type: order_state}")),
        .init(
            rule: "default-reads-row",
            spec: creating(column: "{name: a, type: bigint, default: a}")),
        .init(
            rule: "unresolved-expression", spec: creating("{check: nothing > 1}")
        ) { $0.expressions["nothing > 1"] = ExpressionFacts(error: "no column \"nothing\"") },
        .init(rule: "missing-column", spec: creating("{unique: [nothing]}")),
        .init(
            rule: "index-exists", spec: creating("{unique: [id], name: orders_pkey}")),
        .init(
            rule: "missing-table",
            spec: creating("{columns: [id], references: {table: ordes, columns: [id]}}")),
        .init(
            rule: "no-unique-key",
            spec: creating("{columns: [id], references: {table: orders, columns: [total]}}")),
        .init(
            rule: "operations-overlap",
            spec:
                "  - create_index: {table: orders, columns: [id]}\n  - rename_table: {from: orders, to: a}"
        ),
        .init(
            rule: "operations-overlap",
            spec:
                "  - drop_table: {table: orders}\n  - create_index: {table: orders, columns: [id]}"
        ),
    ]

    @Test("what can't be done safely is refused alone, with a way out", arguments: refusals)
    func refused(_ example: RefusalTests.Case) throws {
        try RefusalTests().refused(example)
    }

    private static func creating(
        _ constraint: String? = nil, table: String = "notes",
        column: String = "{name: id, type: bigint}"
    ) -> String {
        "  - create_table:\n      table: \(table)\n      columns: [\(column)]"
            + (constraint.map { "\n      constraints: [\($0)]" } ?? "")
    }

    private static func index(
        _ rule: String, _ edit: @escaping @Sendable (inout NamedIndexFacts) -> Void
    ) -> RefusalTests.Case {
        .init(rule: rule, spec: "  - drop_index: {name: orders_lower_idx}") {
            $0.indexes = shop.indexes
            edit(&$0.indexes["orders_lower_idx"]!)
        }
    }

    @Sendable private static func busy(_ shop: inout Shop) {
        shop.orders.triggers = [
            TriggerFacts(
                name: "zz_lockkeeper", isBefore: true, isRow: true, onInsert: true, onUpdate: true,
                columns: [], function: "lockkeeper.sync_other_1", source: "", isEnabled: true)
        ]
    }
}
