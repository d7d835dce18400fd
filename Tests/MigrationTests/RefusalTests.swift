import SQLText
import Testing

@testable import Migration

@Suite struct RefusalTests {
    /// One thing that is wrong with the shop or the spec, and how the refusal is called.
    struct Case: Sendable, CustomTestStringConvertible {
        let rule: String
        var spec = Self.replacement()
        var change: @Sendable (inout Shop) -> Void = { _ in }

        var testDescription: String { rule }

        static func replacement(
            table: String = "orders", column: String = "status",
            with: String =
                "{name: status_v2, type: text}", up: String = "status", down: String = "status_v2",
            rest: String = "unrepresentable: reject"
        ) -> String {
            """
              - replace_column:
                  table: \(table)
                  column: \(column)
                  with: \(with)
                  up: \(up)
                  down: \(down)
                  \(rest)
            """
        }
    }

    static let cases: [Case] = [
        Case(rule: "missing-table", spec: Case.replacement(table: "oders")),
        Case(rule: "missing-column", spec: Case.replacement(column: "statsu")),
        Case(
            rule: "missing-type",
            spec: Case.replacement(with: "{name: status_v2, type: order_state}")),
        Case(rule: "domain-type") {
            $0.types["text"] = TypeFacts(canonical: "word", isDomain: true)
        },
        Case(
            rule: "column-exists",
            spec: Case.replacement(with: "{name: total, type: text}", down: "total")),
        Case(
            rule: "column-exists",
            spec: Case.replacement(rest: "unrepresentable: reject\n      final_name: total")),
        Case(rule: "not-owner") { $0.orders.isOwnedByUs = false },
        Case(rule: "not-a-table") { $0.orders.kind = .view },
        Case(rule: "partition") { $0.orders.isPartition = true },
        Case(rule: "inherited-table") {
            $0.orders.inheritedBy = [QualifiedName("public", "old_orders")]
        },
        Case(rule: "subscription") { $0.orders.subscriptions = ["from_main"] },
        Case(rule: "generated-column") { $0.change("status") { $0.generation = .stored } },
        Case(rule: "identity-column") {
            $0.change("status") { $0.generation = .identityByDefault }
        },
        Case(rule: "volatile-default") {
            $0.change("status") {
                $0.defaultText = "random()::text"
                $0.defaultIsVolatile = true
            }
        },
        Case(rule: "primary-key", spec: Case.replacement(column: "id", up: "id")),
        Case(rule: "referenced-key") {
            $0.orders.referencedBy = [
                ForeignReference(
                    table: QualifiedName("public", "notes"), constraint: "notes_fk",
                    columns: ["status"])
            ]
        },
        Case(rule: "foreign-key-type") {
            $0.orders.constraints.append(
                ConstraintFacts(
                    name: "orders_status_fkey", kind: .foreignKey, columns: ["status"],
                    definition: Definition(parts: [
                        .text("FOREIGN KEY ("), .column("status"), .text(") REFERENCES states(id)"),
                    ]), references: QualifiedName("public", "states")))
            $0.expressions["status_v2 = NULL::character varying(20)"] = ExpressionFacts(
                error: "operator does not exist")
        },
        Case(rule: "replica-identity") { $0.orders.indexes[1].isReplicaIdentity = true },
        Case(rule: "exclusion-constraint") {
            $0.orders.constraints.append(
                ConstraintFacts(
                    name: "no_overlap", kind: .exclusion, columns: ["status"],
                    definition: Definition(parts: [
                        .text("EXCLUDE USING gist ("), .column("status"), .text(" WITH =)"),
                    ])))
        },
        Case(rule: "busy-column") {
            $0.orders.triggers = [
                TriggerFacts(
                    name: "zz", isBefore: true, isRow: true, onInsert: true, onUpdate: true,
                    columns: [], function: "lockkeeper.sync_other_1",
                    source: "lk_new.\"status\" := 'x'", isEnabled: true)
            ]
        },
        Case(rule: "unresolved-expression") {
            $0.expressions["status"] = ExpressionFacts(error: "column \"status\" does not exist")
        },
        Case(rule: "not-one-row") {
            $0.expressions["status"] = ExpressionFacts(
                columns: ["status"], isNotScalar: "it has an aggregate function")
        },
        Case(rule: "subquery-in-sync") {
            $0.expressions["status"] = ExpressionFacts(columns: ["status"], hasSubquery: true)
        },
        Case(rule: "volatile-expression") {
            $0.expressions["status"] = ExpressionFacts(columns: ["status"], isVolatile: true)
        },
        Case(rule: "not-executable") {
            $0.expressions["status"] = ExpressionFacts(
                columns: ["status"], notExecutable: ["map(text) by clerk"])
        },
        Case(rule: "not-assignable") {
            $0.expressions["status"] = ExpressionFacts(
                type: "point", isAssignable: false, columns: ["status"])
        },
        Case(rule: "generated-input", spec: Case.replacement(up: "status || total")) {
            $0.change("total") { $0.generation = .stored }
        },
        Case(rule: "up-without-old", spec: Case.replacement(up: "total")),
        Case(rule: "up-reads-new", spec: Case.replacement(up: "status || status_v2")),
        Case(rule: "down-without-new", spec: Case.replacement(down: "'x'")),
        Case(
            rule: "side-overlap",
            spec: Case.replacement(up: "status || total", down: "status_v2 || total")),
        Case(rule: "unrepresentable", spec: Case.replacement(rest: "writes: trigger")),
        Case(
            rule: "forgo-rollback",
            spec: Case.replacement(rest: "unrepresentable: forgo_rollback")
        ) { shop in
            shop.types["character varying(20)"] = TypeFacts(
                canonical: "character varying(20)", isDomain: true)
        },
        // The new one may be NULL there, and a check of the old one says what it may be.
        Case(
            rule: "forgo-rollback",
            spec: Case.replacement(rest: "unrepresentable: forgo_rollback")
        ) { shop in
            shop.change("status") { $0.isNotNull = false }
        },
        Case(
            rule: "forgo-rollback",
            spec: Case.replacement(rest: "unrepresentable: forgo_rollback")
        ) { shop in
            shop.change("status") {
                $0.defaultText = nil
                $0.isNotNull = true
            }
        },
        Case(
            rule: "forgo-rollback",
            spec: Case.replacement(rest: "unrepresentable: forgo_rollback")
        ) { shop in
            shop.orders.indexes.append(
                IndexFacts(
                    name: QualifiedName("public", "one_each"),
                    definition: Definition(parts: [
                        .text("USING btree ("), .column("status"), .text(")"),
                    ]), isUnique: true))
        },
        Case(
            rule: "forgo-rollback",
            spec: Case.replacement(rest: "unrepresentable: forgo_rollback")
        ) { shop in
            shop.orders.constraints.append(
                ConstraintFacts(
                    name: "both", kind: .check, columns: ["status", "total"],
                    definition: Definition(parts: [
                        .text("CHECK ((("), .column("status"), .text(" <> '') OR ("),
                        .column("total"), .text(" > 0)))"),
                    ])))
        },
        Case(
            rule: "domain-type", spec: "  - rename_column: {table: orders, from: status, to: state}"
        ) { $0.types["character varying(20)"] = TypeFacts(canonical: "word", isDomain: true) },
        Case(
            rule: "missing-column",
            spec: "  - rename_column: {table: orders, from: statsu, to: state}"),
        Case(
            rule: "column-exists",
            spec: "  - rename_column: {table: orders, from: customer_id, to: id}"),
        Case(rule: "missing-column", spec: "  - drop_column: {table: orders, column: statsu}"),
        Case(rule: "primary-key", spec: "  - drop_column: {table: orders, column: id}"),
        Case(rule: "generated-dependent", spec: "  - drop_column: {table: orders, column: total}") {
            $0.orders.dependents = [
                DependentFacts(
                    description: "generated column tax of table orders", columns: ["total"])
            ]
        },
        Case(rule: "default-in-unique", spec: "  - drop_column: {table: orders, column: status}") {
            $0.orders.indexes[1].isUnique = true
        },
        Case(
            rule: "check-refuses-default", spec: "  - drop_column: {table: orders, column: status}"
        ) { $0.values["((status)::text <> ''::text)"] = "false" },
        Case(
            rule: "same-type",
            spec: "  - change_type: {table: orders, column: total, type: 'numeric(10,2)'}"),
        Case(
            rule: "not-in-place",
            spec:
                "  - change_type: {table: orders, column: total, type: 'numeric(10,3)', method: in_place}"
        ),
        Case(
            rule: "no-cast",
            spec:
                "  - change_type: {table: orders, column: status, type: uuid, unrepresentable: reject}"
        ) { $0.expressions["status"] = ExpressionFacts(isAssignable: false, columns: ["status"]) },
        Case(
            rule: "default-image",
            spec: Case.replacement(with: "{name: status_v2, type: text, default: \"'old'\"}")),
        Case(
            rule: "default-image", spec: Case.replacement(up: "upper(status)")
        ) { $0.expressions["'new'::character varying"] = ExpressionFacts(isStable: true) },
        Case(
            rule: "index-exists",
            spec: "  - create_index: {table: orders, columns: [id], name: orders_status_idx}"),
        Case(rule: "missing-column", spec: "  - create_index: {table: orders, columns: [ident]}"),
        Case(
            rule: "not-immutable",
            spec: "  - create_index: {table: orders, columns: [{expression: lower(status)}]}"
        ) { $0.expressions["lower(status)"] = ExpressionFacts(isStable: true) },
        Case(
            rule: "column-exists",
            spec: "  - add_column: {table: orders, column: {name: total, type: text}}"),
        Case(
            rule: "default-reads-row",
            spec: "  - add_column: {table: orders, column: {name: a, type: text, default: status}}"),
        Case(
            rule: "no-row-key",
            spec:
                "  - backfill: {table: orders, set: {total: '1'}, where: total IS NULL, keep: true}"
        ) {
            $0.orders.constraints = []
            $0.orders.indexes = []
        },
        Case(
            rule: "primary-key",
            spec: "  - backfill: {table: orders, set: {id: '1'}, where: id IS NULL}"),
        Case(rule: "several-statements", spec: "  - sql: {phase: expand, up: A; B}") {
            $0.statements["A; B"] = StatementFacts(kind: "SELECT", count: 2)
        },
        Case(rule: "refuses-transaction", spec: "  - sql: {phase: expand, up: VACUUM}") {
            $0.statements["VACUUM"] = StatementFacts(kind: "VACUUM", refusesTransaction: true)
        },
        Case(rule: "unparsed-statement", spec: "  - sql: {phase: expand, up: SELEC}") {
            $0.statements["SELEC"] = StatementFacts(error: "syntax error", kind: "")
        },
        Case(rule: "server-version") { $0.server = .init(version: 140_010) },
        Case(rule: "standby") { $0.server = .init(isInRecovery: true) },
        Case(
            rule: "operations-overlap",
            spec: Case.replacement() + "\n"
                + Case.replacement(with: "{name: status_v3, type: text}", down: "status_v3")),
        Case(rule: "unknown-gate", spec: Case.replacement() + "\ngates: {1.swich: x}"),
    ]

    @Test("what can't be done safely is refused alone, with a way out", arguments: cases)
    func refused(_ example: Case) throws {
        let spec = try Spec.of(example.spec)
        var shop = Shop()
        example.change(&shop)
        let refusals = #expect(throws: Refusals.self) {
            try Planner.plan(spec, shop.facts(for: spec))
        }
        guard let refusals else { return }
        #expect(Set(refusals.refusals.map(\.rule)) == [example.rule], "\(refusals)")
        for refusal in refusals.refusals {
            #expect(
                refusal.instead.hasSuffix(".") || refusal.instead.hasSuffix(";")
                    || refusal.instead.hasSuffix("?"))
            #expect(refusal.mark.line > 0)
        }
    }

    @Test("everything that is wrong is said at once, each at its place")
    func together() throws {
        let spec = try Spec.of(
            Case.replacement(column: "stats", with: "{name: total, type: order_state}")
                + "\n  - create_index: {table: orderz, columns: [id]}")
        let refusals = #expect(throws: Refusals.self) {
            try Planner.plan(spec, Shop().facts(for: spec))
        }
        let found = refusals?.refusals.map { "\($0.mark.line) \($0.rule)" }
        #expect(
            found == ["5 missing-column", "6 column-exists", "6 missing-type", "10 missing-table"])
        #expect(refusals?.description.contains("Did you mean \"status\"?") == true)
    }

    @Test("a misspelt gate is told those that there are")
    func gates() throws {
        let spec = try Spec.of(
            Case.replacement(), "gates: {1.undo: a, 1.switch: b, 1.final_name: c}")
        let refusals = #expect(throws: Refusals.self) {
            try Planner.plan(spec, Shop().facts(for: spec))
        }
        #expect(refusals?.refusals.map(\.instead) == ["It has 1.undo, 1.switch, 1.contract."])
    }

    @Test("the spec's words stand in every gate of that id")
    func wording() throws {
        let spec = try Spec.of(
            Case.replacement(), "gates: {1.undo: {text: Ask Ada, approvals: 2}, 1.switch: Go}")
        let plan = try Planner.plan(spec, Shop().facts(for: spec))
        let undo = plan.steps.flatMap(\.undo).compactMap { step -> Gate? in
            if case .gate(let gate) = step.action { gate } else { nil }
        }
        #expect(undo.map(\.text) == ["Ask Ada", "Ask Ada"])
        #expect(undo.map(\.approvals) == [2, 2])
        #expect(plan.gates.first?.text == "Go")
    }
}

extension Shop {
    mutating func change(_ column: String, _ edit: (inout ColumnFacts) -> Void) {
        for index in orders.columns.indices where orders.columns[index].name == column {
            edit(&orders.columns[index])
        }
    }
}

extension ServerFacts {
    init(version: Int = 150_018, isInRecovery: Bool = false) {
        self.init(
            version: version, database: "shop", user: "deployer", isSuperuser: false,
            isInRecovery: isInRecovery, blockSize: 8192)
    }
}
