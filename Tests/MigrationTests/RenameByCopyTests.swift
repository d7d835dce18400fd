import SQLText
import Testing

@testable import Migration

/// `rename_table` with `method: copy`: its plan, and the tables of which no complete copy is made.
@Suite struct RenameByCopyTests {
    private static let spec = "  - rename_table: {from: orders, to: Purchases, method: copy}"

    /// The shop with one of everything that belongs to a table.
    private static var shop: Shop {
        var shop = TableOperationTests.shop
        shop.orders.publications = []
        shop.orders.hasRowSecurity = true
        shop.orders.columns[0].generation = .identityAlways
        shop.orders.columns[3].statisticsTarget = 500
        shop.orders.indexes[1].comment = "for the list"
        shop.orders.constraints.append(
            ConstraintFacts(
                name: "total_known", kind: .check, columns: ["total"],
                definition: Definition(parts: [
                    .text("CHECK (("), .column("total"), .text(" > 0)) NOT VALID"),
                ]), isValidated: false, comment: "old orders had none"))
        shop.orders.statistics = [
            StatisticsFacts(
                name: QualifiedName("public", "orders_related"),
                definition: Definition(parts: [
                    .text("(dependencies) ON "), .column("status"), .text(", "), .column("total"),
                ]))
        ]
        shop.relation.stopsDrop = ["constraint notes_fk on table public.\"Notes\""]
        shop.copied = CopiedTableFacts(
            tablespace: "fast", storageOptions: ["fillfactor=70"],
            columnOptions: ["total": ["n_distinct=-0.5"]],
            replicaIdentity: .index("orders_pkey"), clusteredOn: "orders_status_idx",
            policies: [
                PolicyFacts(
                    name: "own", definition: "AS PERMISSIVE FOR ALL TO app USING ((total > 0))",
                    comment: "none of others")
            ],
            triggers: [
                CopiedTrigger(
                    name: "audit",
                    definition:
                        "CREATE TRIGGER audit AFTER UPDATE ON public.orders FOR EACH ROW EXECUTE FUNCTION audit()",
                    mode: .always, comment: "for the auditors"),
                CopiedTrigger(
                    name: "resting",
                    definition:
                        "CREATE TRIGGER resting AFTER INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION audit()",
                    mode: .disabled),
            ],
            sequences: [
                OwnedSequence(
                    name: QualifiedName("public", "orders_id_seq"), column: "id", isIdentity: true,
                    cache: 10, comment: "numbers",
                    grants: [TableGrant(grantee: "app", privilege: "USAGE")]),
                OwnedSequence(
                    name: QualifiedName("public", "orders_customer_id_seq"), column: "customer_id",
                    isIdentity: false),
            ],
            incoming: [
                IncomingKey(
                    table: QualifiedName("public", "Notes"), constraint: "notes_fk",
                    definition: "FOREIGN KEY (order_id) REFERENCES orders(id) ON DELETE CASCADE",
                    comment: "whose")
            ], indexTargets: [IndexTarget(index: "orders_status_idx", column: 1, target: 99)])
        return shop
    }

    @Test("its plan and the way back read as they did when they were run")
    func golden() throws {
        let spec = try Spec.of(Self.spec)
        let facts = Self.shop.facts(for: spec)
        let plan = try Planner.plan(spec, facts)
        try expectGolden(PlanText.render(plan, facts: facts), "rename-table-copy.txt")
        try expectGolden(PlanSQL.render(plan), "rename-table-copy.sql")
        try expectGolden(PlanSQL.renderUndo(plan), "rename-table-copy-undo.sql")
    }

    private static func refusal(
        _ rule: String, _ change: @escaping @Sendable (inout Shop) -> Void
    ) -> RefusalTests.Case {
        .init(rule: rule, spec: "  - rename_table: {from: orders, to: a, method: copy}") {
            change(&$0)
        }
    }

    private static func constraint(
        _ kind: ConstraintFacts.Kind, _ text: String, isValidated: Bool = true,
        isDeferrable: Bool = false
    ) -> ConstraintFacts {
        ConstraintFacts(
            name: "odd", kind: kind, columns: ["total"],
            definition: Definition(parts: [.text(text)]), isValidated: isValidated,
            isDeferrable: isDeferrable)
    }

    private static let refusals: [RefusalTests.Case] = [
        refusal("no-key") { $0.orders.constraints.removeFirst() },
        refusal("not-copied") { $0.copied.obstacles = ["has a rule (RULE no_delete)"] },
        refusal("exclusion") {
            $0.orders.constraints.append(
                constraint(.exclusion, "EXCLUDE USING gist (total WITH &&)"))
        },
        refusal("deferrable-key") {
            $0.orders.constraints.append(
                constraint(.unique, "UNIQUE (total) DEFERRABLE", isDeferrable: true))
        },
        refusal("not-proven") {
            $0.orders.constraints.append(
                constraint(.notNull, "NOT NULL total NOT VALID", isValidated: false))
        },
        refusal("not-enforced") {
            $0.orders.constraints.append(
                constraint(.check, "CHECK ((total > 0)) NOT ENFORCED", isValidated: false))
        },
        refusal("publication") { $0.orders.publications = ["everything"] },
        refusal("subscription") { $0.orders.subscriptions = ["from_main"] },
        refusal("needed-table") { $0.relation.stopsDrop = ["view public.open_orders"] },
        refusal("forced-row-security") { $0.orders.forcesRowSecurity = true },
        refusal("not-owner") {
            $0.copied.incoming = [
                IncomingKey(
                    table: QualifiedName("public", "notes"), constraint: "notes_fk",
                    definition: "FOREIGN KEY (order_id) REFERENCES orders(id)", isOurs: false)
            ]
        },
        refusal("no-references") {
            $0.copied.notReferenceable = [QualifiedName("public", "customers")]
        },
        refusal("no-execute") {
            $0.copied.triggers = [
                CopiedTrigger(name: "audit", definition: "CREATE TRIGGER", mayExecute: false)
            ]
        },
        refusal("other-grantors") { $0.relation.otherGrantors = ["clerk"] },
        refusal("busy-table") {
            $0.orders.triggers = [
                TriggerFacts(
                    name: "zz_lockkeeper", isBefore: true, isRow: true, onInsert: true,
                    onUpdate: true, columns: [], function: "lockkeeper.sync_other_1", source: "",
                    isEnabled: true)
            ]
        },
    ]

    @Test(
        "a table of which no complete copy is made is refused, with a way out", arguments: refusals)
    func refused(_ example: RefusalTests.Case) throws {
        try RefusalTests().refused(example)
    }

    @Test(
        "a unique constraint of NOT NULL columns stands in for a primary key; one of others does not"
    )
    func keys() throws {
        let spec = try Spec.of(Self.spec)
        var shop = Shop()
        shop.orders.constraints[0].kind = .unique
        let plan = try Planner.plan(spec, shop.facts(for: spec))
        let sql = plan.steps.flatMap(\.action.statements).map(\.text).joined(separator: "\n")
        #expect(sql.contains("UNIQUE USING INDEX"))
        shop.orders.columns[0].isNotNull = false
        let facts = shop.facts(for: spec)
        let refusals = #expect(throws: Refusals.self) { try Planner.plan(spec, facts) }
        #expect(refusals?.refusals.map(\.rule) == ["no-key"])
    }

    @Test("a table at the other end of a foreign key must not lose its name in the same spec")
    func neighbours() throws {
        let spec = try Spec.of(
            Self.spec + "\n  - rename_table: {from: customers, to: clients}")
        var shop = Self.shop
        shop.relation.stopsDrop = []
        shop.copied.incoming = []
        let facts = shop.facts(for: spec)
        let refusals = #expect(throws: Refusals.self) { try Planner.plan(spec, facts) }
        #expect(refusals?.refusals.map(\.rule) == ["operations-overlap"])
    }

    @Test("who owns a table of row security that binds its owner copies it as a superuser only")
    func forced() throws {
        let spec = try Spec.of(Self.spec)
        var shop = Shop()
        shop.orders.hasRowSecurity = true
        shop.orders.forcesRowSecurity = true
        shop.server = ServerFacts(
            version: 150_018, database: "shop", user: "deployer", isSuperuser: true,
            isInRecovery: false, blockSize: 8192)
        let plan = try Planner.plan(spec, shop.facts(for: spec))
        let swap = plan.step("1.switch.swap")?.action.statements.map(\.text) ?? []
        #expect(swap.contains("ALTER TABLE public.orders FORCE ROW LEVEL SECURITY"))
    }

    @Test("an AFTER ROW trigger beside a second unique index is a danger of its own, and is named")
    func triggerAndUnique() throws {
        var shop = Self.shop
        shop.orders.triggers = [
            TriggerFacts(
                name: "tombstone", isBefore: false, isRow: true, onInsert: false, onUpdate: true,
                columns: [], function: "tomb", source: "", isEnabled: true)
        ]
        let rules = { (shop: Shop) in
            let spec = try Spec.of(Self.spec)
            return try Planner.plan(spec, shop.facts(for: spec)).hazards.map(\.rule)
        }
        #expect(try !rules(shop).contains("copy-trigger-unique"))
        shop.orders.indexes[1].isUnique = true
        #expect(try rules(shop).contains("copy-trigger-unique"))
    }
}
