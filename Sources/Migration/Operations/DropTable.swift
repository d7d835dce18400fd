import SQLText

/// `drop_table`: Contract. Behind a gate the table gets a name that no application uses and loses
/// everybody's rights but its owner's; the purge drops it.
struct DropTable: Operation {
    static let key = "drop_table"
    static let fields = ["table"]

    let table: TableReference
    let source: Fields

    init(_ fields: Fields) throws(SpecError) {
        source = fields
        table = try fields.table()
    }

    // MARK: What is asked of the server

    var questions: Questions {
        var questions = Questions()
        questions.tables = [table.text]
        questions.relations = [table.text]
        return questions
    }

    func questions(knowing facts: Facts) -> Questions {
        var questions = Questions()
        guard let table = facts.tables[table.text] else { return questions }
        questions.tables = Set(table.constraints.compactMap(\.references).map(\.specText))
        return questions
    }

    // MARK: The plan

    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan {
        var refusals = RefusalList(file: context.file)
        let mark = source.mark("table")
        let judged = TableJudgement(
            context: context, reference: table, mark: mark,
            partitioned: .refused(
                "the quarantine would take away its name and rights, and leave those of its partitions",
                instead:
                    "Detach and drop its partitions in \"sql\" operations first: ALTER TABLE … DETACH PARTITION … CONCURRENTLY."
            )
        )
        .table(&refusals)
        guard let judged else { throw Refusals(file: context.file, refusals: refusals.refusals) }
        let relation = context.facts.relations[table.text] ?? RelationFacts()
        judge(judged, relation, at: mark, &refusals)
        try refusals.throwIfAny()
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: Self.key, title: "drop table \(judged.name)",
                tables: [judged.name],
                keeps: [
                    "Until the purge: the table as it was at the quarantine, its rows and rights. What its foreign keys do to its rows meanwhile is kept as well."
                ]), steps: steps(context, judged, relation),
            hazards: hazards(judged, relation),
            claimed: [judged.name])
    }

    private func steps(
        _ context: PlanContext, _ table: TableFacts, _ relation: RelationFacts
    ) -> [Step] {
        var maker = StepMaker(number: context.number, table: table.name)
        let evidence = TableEvidence(table: table.name, version: context.facts.server.version)
        maker.add(
            .contract, "gate", "wait until nothing names \(table.name)",
            evidence.nothingNamesIt(
                "\(context.number).contract",
                and: [
                    evidence.counters, evidence.dependents,
                    TableEvidence.standbys(of: table.name.quoted),
                ]))
        let aside = OurNames.quarantine(
            context.migration, table.name, taken: table.relationNames)
        addQuarantine(of: table, relation, as: aside, &maker)
        maker.add(
            .contract, "wait", "keep \(table.name) as \(aside.name) for the quarantine",
            .quarantine)
        let referenced = table.constraints.compactMap(\.references).filter { $0 != table.name }
        maker.add(
            .contract, "purge", "drop \(aside.name), what was \(table.name), for good",
            .transaction(
                TransactionAction([
                    // A foreign key takes the lock on the table that it references too.
                    Statement(
                        "DROP TABLE \(aside)",
                        locks: Set(referenced + [aside]).sorted()
                            .map { TableLock($0, .accessExclusive) })
                ])), isPointOfNoReturn: true)
        return maker.steps
    }

    private func addQuarantine(
        of table: TableFacts, _ relation: RelationFacts, as aside: QualifiedName,
        _ maker: inout StepMaker
    ) {
        let grants = TableGrants(table: table, relation: relation)
        let takesRights = grants.canBeGivenBack
        var statements = [
            Statement(
                "ALTER TABLE \(table.name) RENAME TO \(aside.name)",
                locks: [TableLock(table.name, .accessExclusive)])
        ]
        var back = [
            Statement(
                "ALTER TABLE \(aside) RENAME TO \(table.name.name)",
                locks: [TableLock(aside, .accessExclusive)])
        ]
        if takesRights {
            statements += grants.revoke(on: aside).map { Statement($0) }
            back += grants.grant(on: table.name).map { Statement($0) }
        }
        maker.add(
            .contract, "quarantine", "quarantine \(table.name) as \(aside.name)",
            .transaction(TransactionAction(statements)),
            undo: [
                .init(
                    "restore", "give \(table.name) its name and rights back",
                    .transaction(TransactionAction(back)))
            ])
    }

    // MARK: What speaks against it

    private func judge(
        _ table: TableFacts, _ relation: RelationFacts, at mark: SourceMark,
        _ refusals: inout RefusalList
    ) {
        table.refuseIfBusy(at: mark, &refusals)
        if !relation.stopsDrop.isEmpty {
            refusals.refuse(
                "needed-table",
                "\(table.name) can't be dropped while these need it: \(relation.stopsDrop.joined(separator: "; "))",
                instead:
                    "Drop or change those first, in a spec of their own (drop_constraint for foreign keys, sql for views and functions).",
                at: mark)
        }
        if !table.subscriptions.isEmpty {
            refusals.refuse(
                "subscription",
                "\(table.name) is written by subscription \(table.subscriptions.joined(separator: ", ")), which would stop",
                instead: "Take the table out of the publication there first.", at: mark)
        }
    }

    private func hazards(_ table: TableFacts, _ relation: RelationFacts) -> [Hazard] {
        var hazards: [Hazard] = []
        let refusing = table.constraints.filter { $0.kind == .foreignKey && $0.refusesDeletes }
        if !refusing.isEmpty {
            let keys = refusing.map { key in
                let other = key.references.map { " (to \($0))" } ?? ""
                return Identifier(key.name).quoted + other
            }
            hazards.append(
                Hazard(
                    rule: "foreign-key-in-quarantine", severity: .warning,
                    message:
                        "Until the purge \(keys.joined(separator: ", ")) still refuses to delete what rows of \(table.name) reference.",
                    safeWay:
                        "Where the application deletes such rows, drop the foreign key first, in a spec of its own."
                ))
        }
        if !relation.functionsNaming.isEmpty {
            hazards.append(
                Hazard(
                    rule: "named-by-functions", severity: .warning,
                    message:
                        "These functions name \(table.name.name) in their text and will raise an error if they still use it: \(relation.functionsNaming.joined(separator: ", ")).",
                    safeWay: "Change them first."))
        }
        if !table.publications.isEmpty {
            hazards.append(
                Hazard(
                    rule: "publication", severity: .warning,
                    message:
                        "\(table.name) is published by \(table.publications.joined(separator: ", ")): a write to it in quarantine, such as a cascade's, goes out under its new name and stops subscribers.",
                    safeWay: "Take it out of the publication first."))
        }
        if !TableGrants(table: table, relation: relation).canBeGivenBack {
            hazards.append(
                Hazard(
                    rule: "grants-kept", severity: .note,
                    message:
                        "Rights on \(table.name) were given by \(relation.otherGrantors.joined(separator: ", ")) and could not be given back as they were: the quarantine takes the name away and leaves all rights."
                ))
        }
        return hazards
    }
}

extension ConstraintFacts {
    /// Whether the foreign key refuses deletes of what it references, rather than following them.
    fileprivate var refusesDeletes: Bool {
        let text = definition.sql().text
        return !["CASCADE", "SET NULL", "SET DEFAULT"].contains {
            text.contains(" ON DELETE \($0)")
        }
    }
}

extension DropTable {
    var specNames: SpecNames { SpecNames(taken: [table.name.name]) }

    func footprint(_ facts: Facts) -> Footprint {
        var footprint = Footprint()
        if let name = facts.tables[table.text]?.name { footprint.drops = [.relation(name)] }
        return footprint
    }
}
