import SQLText

/// `method: copy`: a complete copy of the table takes its place, and a view its name.
///
/// Only one of the two tables is ever written by the application, the other follows by trigger: two
/// tables that are written both ways deadlock it. So until the swap the copy has an interim name that
/// no application uses, and nobody's rights but its owner's; from the swap on the old table has.
///
/// What belongs to the table that is written belongs to that one alone, and changes over in the swap:
/// foreign keys out and in, the user's triggers, policies, rights, identity. The table that follows
/// gets nothing but rows that the other one has accepted. (With a cascading foreign key of its own, a
/// DELETE of the referenced row would lock the two tables' rows in another order than an UPDATE does.)
///
/// The definitions that name the table itself (policies with subqueries, triggers, foreign keys to it)
/// are run in the swap as the catalogue printed them, while the copy bears the old name.
struct TableCopying {
    let context: PlanContext
    let table: TableFacts
    let relation: RelationFacts
    let copied: CopiedTableFacts
    let new: QualifiedName
    let key: Key

    /// The constraint by which a row and its copy find each other.
    struct Key {
        let constraint: ConstraintFacts
        let index: IndexFacts

        var columns: [Identifier] { constraint.columns.map { Identifier($0) } }
    }

    var old: QualifiedName { table.name }
    var version: Int { context.facts.server.version }
    private var taken: [String] { context.facts.schemas[new.schema.name]?.names ?? [] }

    /// The copy's name until the swap.
    var interim: QualifiedName {
        OurNames.quarantine(context.migration, new, taken: taken)
    }
    /// The old table's name after it.
    var aside: QualifiedName {
        OurNames.quarantine(context.migration, old, taken: taken)
    }

    var allColumns: [Identifier] { table.columns.map { Identifier($0.name) } }
    var writtenColumns: [Identifier] {
        table.columns.filter { $0.generation != .stored && $0.generation != .virtual }
            .map { Identifier($0.name) }
    }

    var sync: TableSync {
        TableSync(
            function: OurNames.syncFunction(context.migration, context.number),
            trigger: OurNames.syncTrigger(
                context.migration, context.number, behind: table.triggers.map(\.name)),
            session: context.facts.session.creatingInFirstSchema, columns: writtenColumns,
            key: key.columns)
    }

    var view: RenameView {
        RenameView(context: context, table: table, relation: relation, name: old, target: new)
    }

    var grants: TableGrants { TableGrants(table: table, relation: relation) }

    // MARK: Steps

    var steps: [Step] {
        var maker = StepMaker(number: context.number, table: old)
        addCopy(&maker)
        addSync(&maker)
        addRows(&maker)
        addSwap(&maker)
        addContract(&maker)
        return maker.steps
    }

    func checkTriggers(
        of written: QualifiedName, _ phase: Phase, _ maker: inout StepMaker
    ) {
        for (word, check) in triggerChecks(of: written) {
            maker.add(
                phase, word, "look whether \(check.trigger) is in place", .checkTrigger(check))
        }
    }

    func triggerChecks(of written: QualifiedName) -> [(word: String, check: TriggerCheck)] {
        [
            ("check-trigger", TriggerCheck(table: written, trigger: sync.trigger, isLast: false)),
            (
                "check-truncate",
                TriggerCheck(table: written, trigger: sync.truncateTrigger, isLast: false)
            ),
        ]
    }

    /// Of the table that is written with the one that follows.
    func comparison(of written: QualifiedName, with following: QualifiedName) -> StepAction {
        .compareTables(
            TableComparison(
                table: written, copy: following, columns: allColumns, key: key.columns))
    }

    // MARK: Contract

    private func addContract(_ maker: inout StepMaker) {
        let evidence = TableEvidence(table: old, version: version)
        maker.add(
            .contract, "gate", "wait until nothing names \(old)",
            evidence.nothingNamesIt("\(context.number).contract", and: [evidence.dependents]))
        checkTriggers(of: new, .contract, &maker)
        maker.add(
            .contract, "compare", "compare \(new) and \(aside.name) in every row",
            comparison(of: new, with: aside))
        maker.add(
            .contract, "quarantine",
            "drop the view \(old); \(aside.name), what was \(old), is kept in step",
            .transaction(
                TransactionAction(
                    [
                        Statement("DROP VIEW \(old)", locks: [TableLock(old, .accessExclusive)])
                    ], views: [old])),
            undo: [
                .init(
                    "restore", "put the view \(old) back",
                    .transaction(
                        TransactionAction(
                            view.make.map { Statement($0) } + view.comments.map { Statement($0) })))
            ])
        maker.add(
            .contract, "wait", "keep \(aside.name) for the quarantine", .quarantine)
        maker.add(
            .contract, "compare-again", "compare \(new) and \(aside.name) in every row",
            comparison(of: new, with: aside))
        maker.add(
            .contract, "purge", "drop \(aside.name), what was \(old), for good",
            .transaction(
                TransactionAction(
                    sync.dropTriggers(on: new).map {
                        Statement($0, locks: [TableLock(new, .accessExclusive)])
                    } + [
                        Statement(sync.dropFunction),
                        Statement(
                            "DROP TABLE \(aside)", locks: [TableLock(aside, .accessExclusive)]),
                    ])), isPointOfNoReturn: true)
    }

    // MARK: Hazards

    var hazards: [Hazard] {
        let renaming = RenameHazards(
            table: table, relation: relation, new: new, version: version, moment: "the swap")
        return renaming.viewHazards + renaming.naming + leftBehind + own
    }

    /// A run takes its own copy away, forward and back. One that is there has lost its journal.
    private var leftBehind: [Hazard] {
        let usual = OurNames.quarantine(context.migration, new, taken: [])
        guard interim != usual else { return [] }
        return [
            Hazard(
                rule: "leftover-copy", severity: .warning,
                message:
                    "The table \(usual) is there already: it looks like the copy of an earlier run of this migration whose journal was dropped. This run makes another one and leaves that alone.",
                safeWay:
                    "`lockkeeper doctor` names it with how to drop it, once nobody needs what is in it."
            )
        ]
    }

    private var own: [Hazard] {
        var hazards = [
            Hazard(
                rule: "copy-snapshot", severity: .warning,
                message:
                    "A REPEATABLE READ transaction that began before the copy was made, and reads \(old.name) for the first time after the swap, does not see the rows that were copied; one that writes \(old.name) while it is copied may get a serialization failure (40001).",
                safeWay:
                    "Look at the gate's evidence before the swap: let transactions that are open for long end first."
            ),
            Hazard(
                rule: "copy-frozen", severity: .warning,
                message:
                    "From Expand to the swap \(old) must not be altered: a column, index, constraint, trigger or policy that comes or goes meanwhile stops the swap.",
                safeWay: "Do it before, or to \(new.name) after."),
            Hazard(
                rule: "copy-space", severity: .note,
                message:
                    "Until the purge there are two such tables, and each write of one is made in both: \(Numerals.bytes(table.totalBytes)) more on disk at least."
            ),
        ]
        let after = table.triggers.filter { !$0.isBefore && $0.isRow && $0.isEnabled }
        let uniques = table.indexes.filter { $0.isUnique && !$0.isPrimary }
        if let trigger = after.first, let unique = uniques.first {
            hazards.append(
                Hazard(
                    rule: "copy-trigger-unique", severity: .warning,
                    message:
                        "If \(trigger.name), an AFTER ROW trigger, writes into \(old) itself a value that the statement has just freed in \(unique.name.name), that reaches the other table first and is refused there (23505): an error of the application's.",
                    safeWay: "Use \"method: view\" where it does."))
        }
        let identities = copied.sequences.filter(\.isIdentity).map(\.name.quoted)
        if !identities.isEmpty {
            hazards.append(
                Hazard(
                    rule: "identity-sequence", severity: .note,
                    message:
                        "PostgreSQL can't give an identity column's sequence to another table: in the swap \(identities.joined(separator: ", ")) is made anew under the same name, and goes on where it was. currval() of it raises an error in a session that has drawn no value since."
                ))
        }
        return hazards
    }
}
