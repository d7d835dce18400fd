import SQLText

/// `method: view`: the steps of one renaming, and what the view at the old name can't do.
struct TableRenaming {
    let context: PlanContext
    let table: TableFacts
    let relation: RelationFacts
    let new: QualifiedName
    /// The view's name in quarantine.
    let aside: QualifiedName

    private var old: QualifiedName { table.name }
    private var version: Int { context.facts.server.version }

    private var view: RenameView {
        RenameView(
            context: context, table: table, relation: relation, name: old, target: new)
    }

    // MARK: Steps

    var steps: [Step] {
        var maker = StepMaker(number: context.number, table: old)
        maker.add(
            .expand, "rename", "rename \(old) to \(new.name), and put a view at the old name",
            .transaction(
                TransactionAction(
                    [
                        Statement(
                            "ALTER TABLE \(old) RENAME TO \(new.name)",
                            locks: [TableLock(old, .accessExclusive)])
                    ] + view.make.map { Statement($0) })),
            undo: undo)
        if !view.comments.isEmpty {
            maker.add(
                .expand, "comments", "give the view the comments of the table",
                .ddl(view.comments, on: old, .shareUpdateExclusive))
        }
        maker.add(
            .switch, "gate", "wait for the application to use \(new.name)",
            .gate(
                Gate(
                    id: "\(context.number).switch",
                    text:
                        "The version of the application that uses \(new) is deployed everywhere")))
        let evidence = TableEvidence(table: old, version: version)
        maker.add(
            .contract, "gate", "wait until nothing names \(old)",
            evidence.nothingNamesIt("\(context.number).contract", and: [evidence.dependents]))
        maker.add(
            .contract, "quarantine", "quarantine the view \(old) as \(aside.name)",
            rename(view: old, to: aside.name),
            undo: [
                .init(
                    "restore", "give the view \(old) its name back",
                    rename(view: aside, to: old.name))
            ])
        maker.add(
            .contract, "wait", "keep the view as \(aside.name) for the quarantine", .quarantine)
        maker.add(
            .contract, "purge", "drop the view \(aside.name), what was \(old), for good",
            .transaction(
                TransactionAction(
                    [
                        Statement("DROP VIEW \(aside)", locks: [TableLock(aside, .accessExclusive)])
                    ], views: [aside])), isPointOfNoReturn: true)
        return maker.steps
    }

    private func rename(view: QualifiedName, to name: Identifier) -> StepAction {
        .transaction(
            TransactionAction(
                [
                    Statement(
                        "ALTER VIEW \(view) RENAME TO \(name)",
                        locks: [TableLock(view, .accessExclusive)])
                ], views: [view]))
    }

    private var undo: [StepMaker.Undo] {
        let evidence = TableEvidence(table: new, version: version)
        return [
            .init(
                "gate", "wait until nothing names \(new)",
                evidence.nothingNamesIt("\(context.number).undo")),
            .init(
                "rename", "drop the view \(old), and give the table its name back",
                .transaction(
                    TransactionAction(
                        [
                            Statement(
                                "DROP VIEW \(old)", locks: [TableLock(old, .accessExclusive)]),
                            Statement(
                                "ALTER TABLE \(new) RENAME TO \(old.name)",
                                locks: [TableLock(new, .accessExclusive)]),
                        ], views: [old]))),
        ]
    }

    var hazards: [Hazard] {
        let hazards = RenameHazards(
            table: table, relation: relation, new: new, version: version, moment: "Expand")
        return hazards.viewHazards + hazards.naming + hazards.ofTheSameTable
    }
}
