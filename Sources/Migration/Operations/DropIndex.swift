import SQLText

/// `drop_index`: Contract, concurrently, behind a gate.
///
/// An index can't be put out of sight: the planner uses it under any name. So what is kept through
/// the quarantine is its definition, by which a rollback builds it again, and the purge lets go of
/// that alone.
struct DropIndex: Operation {
    static let key = "drop_index"
    static let fields = ["name"]

    let name: TableReference
    let source: Fields

    init(_ fields: Fields) throws(SpecError) {
        source = fields
        name = try fields.table("name")
    }

    // MARK: What is asked of the server

    var questions: Questions {
        var questions = Questions()
        questions.indexes = [name.text]
        return questions
    }

    func questions(knowing facts: Facts) -> Questions {
        var questions = Questions()
        if let table = facts.indexes[name.text]?.table {
            questions.tables = [table.specText]
        }
        return questions
    }

    // MARK: The plan

    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan {
        var refusals = RefusalList(file: context.file)
        guard let judged = judge(context, &refusals), refusals.refusals.isEmpty else {
            throw Refusals(file: context.file, refusals: refusals.refusals)
        }
        let (facts, table) = judged
        let index = facts.index.name
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: Self.key,
                title: "drop index \(index) of \(table.name)", tables: [table.name],
                keeps: [
                    "Until the purge: the definition of \(index.name), by which a rollback builds it again; it holds nothing of its own."
                        + (facts.index.isUnique
                            ? " Duplicates written since are named then, and must be mended first."
                            : "")
                ]), steps: steps(context, facts, table), hazards: hazards(facts, table))
    }

    private func steps(
        _ context: PlanContext, _ facts: NamedIndexFacts, _ table: TableFacts
    ) -> [Step] {
        let index = facts.index.name
        var maker = StepMaker(number: context.number, table: table.name)
        maker.add(
            .contract, "gate", "wait until nothing needs index \(index.name)",
            .gate(
                Gate(
                    id: "\(context.number).contract",
                    text: "Nothing needs index \(index) any more",
                    evidence: IndexEvidence(
                        index: index, version: context.facts.server.version
                    ).all)))
        if facts.isPartitioned {
            let build = PartitionedIndexBuild(
                table: table, index: index, isUnique: facts.index.isUnique,
                definition: facts.index.definition.sql(), known: facts.partitionParts)
            maker.add(
                .contract, "drop", "drop index \(index.name) and those of every partition",
                .dropPartitionedIndex(PartitionedIndexDrop(build)),
                undo: [
                    .init(
                        "build", "build index \(index.name) on every partition again",
                        .buildPartitionedIndex(build))
                ] + properties(facts))
        } else {
            let drop: SQL = "DROP INDEX CONCURRENTLY IF EXISTS \(index)"
            maker.add(
                .contract, "drop", "drop index \(index.name)",
                .dropIndex(IndexDrop(table: table.name, index: index, drop: drop)),
                undo: rebuild(facts, drop) + properties(facts))
        }
        maker.add(
            .contract, "wait", "keep the definition of \(index.name) for the quarantine",
            .quarantine)
        maker.add(
            .contract, "purge", "let go of the definition of \(index.name)",
            .transaction(TransactionAction([])), isPointOfNoReturn: true)
        return maker.steps
    }

    private func rebuild(_ facts: NamedIndexFacts, _ drop: SQL) -> [StepMaker.Undo] {
        let (index, table) = (facts.index.name, facts.table)
        let unique: SQL = facts.index.isUnique ? "UNIQUE INDEX" : "INDEX"
        return [
            .init(
                "build", "build index \(index.name) again",
                .buildIndex(
                    IndexBuild(
                        table: table, index: index, isUnique: facts.index.isUnique,
                        create:
                            "CREATE \(unique) CONCURRENTLY \(index.name) ON \(table) \(facts.index.definition.sql())",
                        drop: drop)))
        ]
    }

    private func properties(_ facts: NamedIndexFacts) -> [StepMaker.Undo] {
        let (index, table) = (facts.index.name, facts.table)
        var undo: [StepMaker.Undo] = []
        // On the index alone: no statement of the application's waits for it.
        let update = [TableLock(index, .shareUpdateExclusive)]
        var properties = facts.statisticsTargets.map {
            Statement(
                "ALTER INDEX \(index) ALTER COLUMN \($0.column) SET STATISTICS \($0.target)",
                locks: update)
        }
        if let comment = facts.index.comment {
            properties.append(
                Statement("COMMENT ON INDEX \(index) IS \(literal: comment)", locks: update))
        }
        for part in facts.parts {
            let own = [TableLock(part.index, .shareUpdateExclusive)]
            properties += part.statisticsTargets.map {
                Statement(
                    "ALTER INDEX \(part.index) ALTER COLUMN \($0.column) SET STATISTICS \($0.target)",
                    locks: own)
            }
            if let comment = part.comment {
                properties.append(
                    Statement(
                        "COMMENT ON INDEX \(part.index) IS \(literal: comment)", locks: own))
            }
        }
        if !properties.isEmpty {
            undo.append(
                .init(
                    "properties", "give \(index.name) its comment and statistics targets back",
                    .transaction(TransactionAction(properties))))
        }
        if facts.hasExpression {
            undo.append(
                .init(
                    "analyze", "gather the statistics of what \(index.name) indexes",
                    .ddl(["ANALYZE \(table)"], on: table, .shareUpdateExclusive)))
        }
        return undo
    }

    // MARK: What speaks against it

    private func judge(
        _ context: PlanContext, _ refusals: inout RefusalList
    ) -> (NamedIndexFacts, TableFacts)? {
        let mark = source.mark("name")
        guard let facts = context.facts.indexes[name.text] else {
            refusals.refuse(
                "missing-index",
                "there is no index \"\(name.text)\" in database \(context.facts.server.database)",
                instead:
                    "Correct the name, or write it with its schema; both are taken literally.",
                at: mark)
            return nil
        }
        let known = refusals.refusals.count
        refuse(facts, &refusals)
        // What the index is part of says more than what its table is.
        guard refusals.refusals.count == known else { return nil }
        let table = TableJudgement(
            context: context, reference: TableReference(facts.table.specText), mark: mark,
            partitioned: .works
        ).table(&refusals)
        return table.map { (facts, $0) }
    }

    private func refuse(_ facts: NamedIndexFacts, _ refusals: inout RefusalList) {
        let (index, mark) = (facts.index.name, source.mark("name"))
        if let parent = facts.parent {
            refusals.refuse(
                "partition-index",
                "\(index) is attached to \(parent), the index of a partitioned table, and goes only with it",
                instead: "Name that one: drop_index: {name: \(parent.specText)}.", at: mark)
        } else if facts.isPartitioned, !facts.index.isValid {
            refusals.refuse(
                "partition-index",
                "\(index) is INVALID: not every partition has its index, and a rollback could not leave it so",
                instead: "Drop it by a \"sql\" operation, in a quiet moment: DROP INDEX \(index).",
                at: mark)
        } else if let constraint = facts.index.constraint {
            refusals.refuse(
                "constraint-index",
                "\(index) serves the constraint \(Identifier(constraint)) of \(facts.table), and goes only with it",
                instead:
                    "Use drop_constraint: {table: \(facts.table.specText), name: \(constraint)}.",
                at: mark)
        } else if facts.index.isReplicaIdentity {
            refusals.refuse(
                "replica-identity",
                "\(index) is the replica identity of \(facts.table): without it logical replication refuses its updates and deletes",
                instead:
                    "Choose another first: ALTER TABLE \(facts.table) REPLICA IDENTITY DEFAULT, or USING INDEX another.",
                at: mark)
        } else if facts.isClustered {
            refusals.refuse(
                "clustered-index",
                "\(facts.table) is clustered on \(index), which a rollback would not bring back",
                instead: "Take that away first: ALTER TABLE \(facts.table) SET WITHOUT CLUSTER.",
                at: mark)
        } else if !facts.neededBy.isEmpty {
            refusals.refuse(
                "needed-index",
                "\(index) can't be dropped while these need it: \(facts.neededBy.joined(separator: "; "))",
                instead:
                    "Drop those first; a foreign key with drop_constraint, in a spec of its own.",
                at: mark)
        }
    }

    private func hazards(_ facts: NamedIndexFacts, _ table: TableFacts) -> [Hazard] {
        let index = facts.index.name
        var hazards = [
            facts.isPartitioned
                ? .partitionedDrop(table, when: "The drop")
                : Hazard(
                    rule: "index-waits", severity: .note,
                    message:
                        "A concurrent drop waits for every older transaction that uses \(table.name); it stalls nobody meanwhile."
                )
        ]
        if facts.index.isUnique {
            hazards.append(
                Hazard(
                    rule: "unique-index", severity: .danger,
                    message:
                        "\(index) is what refuses duplicates, and what INSERT … ON CONFLICT over its columns rests on: without it the one lets duplicates in and the other raises an error.",
                    safeWay: "Build the unique index that takes its place first (create_index)."))
        }
        if !facts.onlyCoverOf.isEmpty {
            hazards.append(
                Hazard(
                    rule: "foreign-key-without-index", severity: .warning,
                    message:
                        "No other index covers \(facts.onlyCoverOf.joined(separator: ", ")) of \(table.name): each delete and each change of a key in the referenced table will read all of \(table.name).",
                    safeWay: "Build another index that begins with those columns first."))
        }
        return hazards
    }
}

extension DropIndex {
    var specNames: SpecNames { SpecNames(taken: [name.name.name]) }

    func footprint(_ facts: Facts) -> Footprint {
        var footprint = Footprint()
        guard let named = facts.indexes[name.text] else { return footprint }
        // The index by itself was read without its table's columns.
        let own = facts.tables[named.table.specText]?.indexes.first { $0.name == named.index.name }
        footprint.names = [named.table: own?.definition.columns ?? []]
        footprint.drops = [.relation(named.index.name)]
        if named.index.isUnique {
            footprint.reads = footprint.names
            footprint.keysDropped = footprint.names
        }
        return footprint
    }
}
