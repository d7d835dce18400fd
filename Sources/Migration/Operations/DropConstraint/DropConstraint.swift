import SQLText

/// `drop_constraint`: Contract.
///
/// Going back adds it again from its definition, the way it would be added to a live table: rows that
/// break it are named first, then it holds for new rows, then it is proven; a key's index is built
/// concurrently. So what can't be built that way is refused.
struct DropConstraint: Operation {
    static let key = "drop_constraint"
    static let fields = ["table", "name"]

    let table: TableReference
    let name: String
    let source: Fields

    init(_ fields: Fields) throws(SpecError) {
        source = fields
        table = try fields.table()
        name = try fields.identifier("name")
    }

    var questions: Questions {
        var questions = Questions()
        questions.tables = [table.text]
        return questions
    }

    func questions(knowing facts: Facts) -> Questions {
        var questions = Questions()
        if let other = found(in: facts.tables[table.text])?.references {
            questions.tables = [other.quoted]
        }
        return questions
    }

    private func found(in table: TableFacts?) -> ConstraintFacts? {
        table?.constraints.first { $0.name == name }
    }

    // MARK: The plan

    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan {
        var refusals = RefusalList(file: context.file)
        let judged = TableJudgement(
            context: context, reference: table, mark: source.mark("table"),
            partitioned: .works
        ).table(&refusals)
        let constraint = judged.flatMap { judgeConstraint(context, $0, &refusals) }
        guard let judged, let constraint else {
            throw Refusals(file: context.file, refusals: refusals.refusals)
        }
        try refusals.throwIfAny()
        let tables = Set([judged.name] + [constraint.references].compactMap { $0 }).sorted()
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: Self.key,
                title: "drop \(Identifier(name)) of \(judged.name)", tables: tables,
                keeps: [
                    "The definition of \(Identifier(name)): it is added again. Rows written since that break it are listed, and must be mended first."
                ]),
            steps: steps(context, judged, constraint), hazards: hazards(judged, constraint))
    }

    private func steps(
        _ context: PlanContext, _ facts: TableFacts, _ constraint: ConstraintFacts
    ) -> [Step] {
        var maker = StepMaker(number: context.number, table: facts.name)
        let name = Identifier(name)
        if constraint.isKey {
            maker.add(
                .contract, "gate", "wait until nothing relies on \(name)",
                .gate(
                    Gate(
                        id: "\(context.number).contract",
                        text:
                            "No version of the application relies on \(name) of \(facts.name): no ON CONFLICT, no query that needs its index",
                        evidence: GateEvidence(table: facts.name, column: name).usedByApplication
                            + [GateEvidence.upserts(into: facts.name)])))
        }
        maker.add(
            .contract, "drop", "drop the constraint \(name)",
            maker.removal(of: name, references: constraint.references),
            undo: ConstraintRestoration(
                table: facts, constraint: constraint, maker: maker,
                isReferencePartitioned: constraint.references.flatMap {
                    context.facts.tables[$0.quoted]?.isPartitioned
                } ?? false
            ).undo)
        return maker.steps
    }

    // MARK: What speaks against it

    private func judgeConstraint(
        _ context: PlanContext, _ facts: TableFacts, _ refusals: inout RefusalList
    ) -> ConstraintFacts? {
        let mark = source.mark("name")
        guard let constraint = found(in: facts) else {
            let names = facts.constraints.map(\.name)
            let near = Suggestion.didYouMean(name, among: names)
            refusals.refuse(
                "missing-constraint", "\(facts.name) has no constraint \"\(name)\"",
                instead: near.map { $0.prefix(1).uppercased() + $0.dropFirst() }
                    ?? (names.isEmpty
                        ? "It has none." : "It has \(names.joined(separator: ", "))."),
                at: mark)
            return nil
        }
        switch constraint.kind {
        case .check: break
        case .foreignKey: judgeReferenced(context, facts, constraint, mark, &refusals)
        case .unique, .primaryKey: judgeKey(facts, constraint, mark, &refusals)
        case .exclusion:
            refusals.refuse(
                "exclusion-constraint",
                "\(name) excludes by an index that can't be built again while the application writes",
                instead: "Drop it by a \"sql\" operation, which has no way back.", at: mark)
        case .notNull:
            refusals.refuse(
                "not-null-constraint", "\(name) is a NOT NULL, which this version does not drop",
                instead:
                    "Use a \"sql\" operation: ALTER TABLE … ALTER COLUMN … DROP NOT NULL.",
                at: mark)
        case .trigger:
            refusals.refuse(
                "constraint-trigger", "\(name) is a constraint trigger",
                instead: "Drop it by a \"sql\" operation: DROP TRIGGER.", at: mark)
        }
        return constraint
    }

    private func judgeReferenced(
        _ context: PlanContext, _ facts: TableFacts, _ constraint: ConstraintFacts,
        _ mark: SourceMark, _ refusals: inout RefusalList
    ) {
        guard let references = constraint.references else { return }
        facts.refuseForeignKey(context, at: mark, isDropped: true, &refusals)
        let other = context.facts.tables[references.quoted]
        guard let other, other.kind == .table || other.isPartitioned, !other.isPartition else {
            refusals.refuse(
                "unreferenceable-table",
                "\(name) references \(references), which is no ordinary table",
                instead: "Drop it by a \"sql\" operation, in a quiet hour.", at: mark)
            return
        }
    }

    private func judgeKey(
        _ facts: TableFacts, _ constraint: ConstraintFacts, _ mark: SourceMark,
        _ refusals: inout RefusalList
    ) {
        if facts.isPartitioned {
            refusals.refuse(
                "partitioned-table",
                "\(facts.name) is partitioned: a rollback could not make \(name) of indexes that were built concurrently on each partition",
                instead: "Drop it by a \"sql\" operation, which has no way back.", at: mark)
        }
        for reference in facts.referencedBy
        where Set(reference.columns) == Set(constraint.columns) {
            refusals.refuse(
                "referenced-key",
                "foreign key \(reference.constraint) of \(reference.table) references \(name)",
                instead: "Drop that foreign key first.", at: mark)
        }
        let isPublished = constraint.kind == .primaryKey && !facts.publications.isEmpty
        let index = facts.indexes.first { $0.constraint == name }
        if isPublished || index?.isReplicaIdentity == true {
            refusals.refuse(
                "replica-identity",
                "by \(name) \(isPublished ? facts.publications.joined(separator: ", ") : "logical replication") names the rows of \(facts.name): without it UPDATE and DELETE fail",
                instead: "Choose another one first (ALTER TABLE … REPLICA IDENTITY …).", at: mark)
        }
    }

    // MARK: Hazards

    private func hazards(_ facts: TableFacts, _ constraint: ConstraintFacts) -> [Hazard] {
        let name = Identifier(name)
        var hazards = [
            Hazard(
                rule: "looser-table", severity: .note,
                message:
                    "Once \(name) is dropped nothing refuses rows of \(facts.name) that break it, and each of them stands in the way back."
            )
        ]
        if constraint.isKey {
            hazards.append(
                Hazard(
                    rule: "index-dropped", severity: .warning,
                    message:
                        "The index of \(name) goes with it: queries that use it read all of \(facts.name), and ON CONFLICT (\(constraint.columns.joined(separator: ", "))) is an error.",
                    safeWay:
                        "Build another index first (create_index), a unique one for ON CONFLICT."
                ))
        }
        let text = constraint.definition.sql().text
        if constraint.kind == .foreignKey,
            ["CASCADE", "SET NULL", "SET DEFAULT"].contains(where: { text.contains($0) })
        {
            hazards.append(
                Hazard(
                    rule: "action-dropped", severity: .warning,
                    message:
                        "\(name) acts on rows (\(text)): once it is dropped a DELETE or UPDATE there leaves them as they are.",
                    safeWay: "Let the application do it before Contract."))
        }
        return hazards
    }
}

extension ConstraintFacts {
    /// It rests on a unique index.
    var isKey: Bool { kind == .unique || kind == .primaryKey }
}

extension DropConstraint {
    var specNames: SpecNames { SpecNames(taken: [name]) }

    func footprint(_ facts: Facts) -> Footprint {
        var footprint = Footprint()
        guard let table = facts.tables[table.text], let constraint = found(in: table) else {
            return footprint
        }
        // It goes in Contract only: until then it is asked of what others write.
        footprint.reads = [
            table.name: constraint.definition.columns.union(constraint.columns)
        ]
        footprint.drops = [.constraint(name, of: table.name)]
        if constraint.isKey { footprint.keysDropped = [table.name: Set(constraint.columns)] }
        footprint.tables = Set([constraint.references].compactMap { $0 })
        return footprint
    }
}
