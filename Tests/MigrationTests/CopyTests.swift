import SQLText
import Testing

@testable import Migration

/// What a new column is given of what the old one has: run on PostgreSQL 15, there and back, where
/// `pg_dump` afterwards saw the schema as it was before.
@Suite struct CopyTests {
    static let items = TableFacts(
        name: QualifiedName("public", "items"), oid: 16_600, kind: .table, owner: "deployer",
        isOwnedByUs: true, heapBytes: 8192, totalBytes: 16_384, estimatedRows: 100,
        columns: [
            ColumnFacts(name: "id", number: 1, type: "bigint", isNotNull: true),
            ColumnFacts(
                name: "code", number: 2, type: "integer", isNotNull: true, defaultText: "1",
                comment: "it's \\ a code", statisticsTarget: 500),
            ColumnFacts(name: "part", number: 3, type: "integer"),
        ],
        indexes: [
            IndexFacts(
                name: QualifiedName("public", "items_pkey"),
                definition: Definition(parts: [.text("USING btree ("), .column("id"), .text(")")]),
                isUnique: true, isPrimary: true, constraint: "items_pkey"),
            IndexFacts(
                name: QualifiedName("public", "items_code_part_key"),
                definition: Definition(parts: [
                    .text("USING btree ("), .column("code"), .text(", "), .column("part"),
                    .text(")"),
                ]), isUnique: true, constraint: "items_code_part_key"),
            IndexFacts(
                name: QualifiedName("public", "some idx"),
                definition: Definition(parts: [
                    .text("USING btree ("), .column("part"), .text(") INCLUDE ("),
                    .column("code"), .text(") WHERE ("), .column("code"), .text(" > 0)"),
                ])),
            IndexFacts(
                name: QualifiedName("public", "items_broken"),
                definition: Definition(parts: [
                    .text("USING btree ("), .column("code"), .text(")"),
                ]), isValid: false),
        ],
        constraints: [
            ConstraintFacts(
                name: "items_pkey", kind: .primaryKey, columns: ["id"],
                definition: Definition(parts: [
                    .text("PRIMARY KEY ("), .column("id"), .text(")"),
                ])),
            ConstraintFacts(
                name: "items_code_part_key", kind: .unique, columns: ["code", "part"],
                definition: Definition(parts: [
                    .text("UNIQUE ("), .column("code"), .text(", "), .column("part"),
                    .text(") DEFERRABLE INITIALLY DEFERRED"),
                ]), isDeferrable: true),
            ConstraintFacts(
                name: "items_code_fkey", kind: .foreignKey, columns: ["code"],
                definition: Definition(parts: [
                    .text("FOREIGN KEY ("), .column("code"),
                    .text(") REFERENCES codes(id) ON DELETE CASCADE"),
                ]), references: QualifiedName("public", "codes")),
            ConstraintFacts(
                name: "positive", kind: .check, columns: ["code", "part"],
                definition: Definition(parts: [
                    .text("CHECK (("), .column("code"), .text(" > 0 OR "), .column("part"),
                    .text(" IS NULL)) NOT VALID"),
                ]), isValidated: false),
        ],
        triggers: [
            TriggerFacts(
                name: "stamp", isBefore: true, isRow: true, onInsert: true, onUpdate: true,
                columns: [], function: "public.stamp()",
                source: "BEGIN NEW.code := NEW.code; RETURN NEW; END", isEnabled: true),
            TriggerFacts(
                name: "tell", isBefore: false, isRow: true, onInsert: false, onUpdate: true,
                columns: ["code"], function: "public.stamp()", source: "BEGIN RETURN NEW; END",
                isEnabled: true),
        ], hasRowSecurity: true, publications: ["everything"],
        dependents: [DependentFacts(description: "view open_items", columns: ["code"])],
        columnGrants: [
            "code": [
                ColumnGrant(grantee: "clerk", privilege: "SELECT", isGrantable: true),
                ColumnGrant(grantee: nil, privilege: "UPDATE", isGrantable: false),
            ]
        ],
        statistics: [
            StatisticsFacts(
                name: QualifiedName("public", "items_code_stats"),
                definition: Definition(parts: [
                    .text("(ndistinct) ON "), .column("code"), .text(", "), .column("part"),
                ]))
        ])

    private func plan(
        _ operation: String, _ change: (inout Shop) -> Void = { _ in }
    ) throws -> (Plan, Facts) {
        let spec = try Spec.parse(text: "name: codes\noperations:\n\(operation)", file: "c.yaml")
        var shop = Shop()
        shop.orders = Self.items
        change(&shop)
        let facts = shop.facts(for: spec)
        return (try Planner.plan(spec, facts), facts)
    }

    @Test("what was copied has the comments and statistics targets of what it is a copy of")
    func properties() throws {
        let (plan, _) = try plan(
            """
              - replace_column:
                  table: items
                  column: code
                  with: {name: code_v2, type: bigint}
                  up: code
                  down: code_v2
                  unrepresentable: reject
            """
        ) { shop in
            for place in shop.orders.indexes.indices where place > 0 {
                shop.orders.indexes[place].comment = "index \(place)"
                shop.orders.indexes[place].statisticsTargets = [.init(column: 2, target: 70)]
            }
            for place in shop.orders.constraints.indices where place > 0 {
                shop.orders.constraints[place].comment = "constraint \(place)"
            }
            shop.orders.statistics[0].comment = "both"
            shop.orders.statistics[0].target = 90
        }
        let step = try #require(plan.step("1.backfill.properties"))
        let given = step.action.statements.map(\.text).filter {
            !$0.contains("GRANT") && !$0.contains("COLUMN code_v2") && !$0.contains("items.code_v2")
        }
        #expect(
            given == [
                "COMMENT ON CONSTRAINT items_code_v2_part_key ON public.items IS 'constraint 1'",
                "ALTER INDEX public.items_code_v2_part_key ALTER COLUMN 2 SET STATISTICS 70",
                "COMMENT ON INDEX public.items_code_v2_part_key IS 'index 1'",
                "ALTER INDEX public.\"some idx_code_v2\" ALTER COLUMN 2 SET STATISTICS 70",
                "COMMENT ON INDEX public.\"some idx_code_v2\" IS 'index 2'",
                "COMMENT ON CONSTRAINT positive_code_v2 ON public.items IS 'constraint 3'",
                "COMMENT ON CONSTRAINT items_code_v2_fkey ON public.items IS 'constraint 2'",
                "ALTER STATISTICS public.items_code_v2_stats SET STATISTICS 90",
                "COMMENT ON STATISTICS public.items_code_v2_stats IS 'both'",
            ])
    }

    @Test("indexes, constraints, grants and statistics are copied, and the hazards said")
    func everything() throws {
        let (plan, facts) = try plan(
            """
              - replace_column:
                  table: items
                  column: code
                  with: {name: code_v2, type: bigint, check: code_v2 < 1000}
                  up: code
                  down: code_v2
                  unrepresentable: reject
                  final_name: code
            """)
        try expectGolden(PlanText.render(plan, facts: facts), "copies.txt")
        try expectGolden(PlanSQL.render(plan), "copies.sql")
        try expectGolden(PlanSQL.renderUndo(plan), "copies-undo.sql")
        let evidence = plan.gates.flatMap(\.evidence).map { "-- \($0.title)\n\($0.query.text);" }
        try expectGolden(evidence.joined(separator: "\n\n") + "\n", "copies-evidence.sql")
    }

    @Test("without down the old side's NOT NULL goes at the switch, and the plan says what is lost")
    func withoutDown() throws {
        let (plan, facts) = try plan(
            """
              - replace_column:
                  table: items
                  column: code
                  with: {name: label, type: text, nullable: true}
                  up: "'c' || code"
            """
        ) { shop in
            shop.expressions["(label > 0 OR part IS NULL)"] = ExpressionFacts(
                error: "operator does not exist: text > integer")
            shop.values["'c' || code"] = "c1"
            shop.orders.constraints.removeAll { $0.kind == .foreignKey }
        }
        try expectGolden(PlanText.render(plan, facts: facts), "without-down.txt")
        try expectGolden(PlanSQL.render(plan), "without-down.sql")
        try expectGolden(PlanSQL.renderUndo(plan), "without-down-undo.sql")
        #expect(plan.step("1.switch.drop-old-not-null") != nil)
        #expect(plan.hazards.contains { $0.rule == "old-unique" && $0.severity == .danger })
        #expect(plan.operations[0].keeps.contains { $0.contains("is lost by a rollback") })
    }

    @Test("names stay within 63 bytes and apart, and ours sorts behind every other trigger's")
    func names() {
        let long = String(repeating: "ü", count: 31)
        let taken: Set = ["a_b_idx", "a_c_idx"]
        #expect(
            OurNames.copy(of: "a_b_idx", replacing: "b", with: "c", taken: taken) == "a_c_idx_2")
        #expect(OurNames.copy(of: "x", replacing: "b", with: "c", taken: []) == "x_c")
        #expect(OurNames.copy(of: "ab_idx", replacing: "b", with: "c", taken: []) == "ab_idx_c")
        let cut = OurNames.copy(of: long, replacing: "b", with: long, taken: [])
        #expect(Identifier(cut).isWithinLimit)
        for other in ["", "a", "zzzz", "~", "~~~", "é", "\u{10FFFD}", "\u{10FFFF}"] {
            let ours = OurNames.syncTrigger("a-migration", 12, behind: [other])
            #expect(ours.isWithinLimit)
            #expect(Array(other.utf8).lexicographicallyPrecedes(Array(ours.name.utf8)), "\(other)")
        }
        let migration = String(repeating: "m", count: 40)
        #expect(OurNames.syncFunction(migration, 123).name.isWithinLimit)
        let items = Self.items
        #expect(OurNames.quarantine(migration, items, column: long).isWithinLimit)
        #expect(OurNames.notNullCheck(migration, items.name, column: long).isWithinLimit)
    }
}
