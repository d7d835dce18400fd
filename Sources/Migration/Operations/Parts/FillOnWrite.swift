import SQLText

/// Gives a column a value in every row that is written without one, from Migrate to Contract, and
/// fills the rows that nobody writes: a one-way sync.
struct FillOnWrite: Sendable {
    let context: PlanContext
    let table: TableFacts
    /// The column that is filled: one of the table's, or a new one.
    let column: ColumnFacts
    /// The expression that fills, as the spec has it.
    let value: String
    /// Columns that `value` reads.
    let reads: [String]
    let isVolatile: Bool
    /// Rows that were there are filled by the fill alone, which keeps their values of before.
    var kept: KeptValues?

    private var name: Identifier { Identifier(column.name) }

    var trigger: SyncTrigger {
        let others = table.triggers.filter(\.firesBesideOurs).map(\.name)
        let isNew = table.column(column.name) == nil
        var trigger = SyncTrigger(
            table: table.name, function: OurNames.syncFunction(context.migration, context.number),
            trigger: OurNames.syncTrigger(context.migration, context.number, behind: others),
            operationID: OurNames.operationID(context.migration, context.number),
            session: context.facts.session, columns: table.columns + (isNew ? [column] : []),
            old: column.name, new: column.name, oldSide: reads, newSide: [column.name], up: value,
            down: nil)
        trigger.isFillOnWrite = true
        trigger.leavesUnwritten = kept != nil
        return trigger
    }

    var createTrigger: [Statement] {
        let relations = [TableLock(table.name, .shareRowExclusive)]
        return [
            Statement(trigger.create()), Statement(trigger.createTrigger, locks: relations),
            Statement(trigger.enableAlways, locks: relations),
        ]
    }

    var dropTrigger: [Statement] {
        [
            Statement(trigger.dropTrigger, locks: [TableLock(table.name, .accessExclusive)]),
            Statement(trigger.dropFunction),
        ]
    }

    var fill: Fill {
        let expression = SQL(writtenByUser: value)
        return Fill(
            table: table.name, assignments: [.init(column: name, expression: expression)],
            predicate: isVolatile
                ? "\(name) IS NULL" : "\(name) IS NULL AND (\(expression)) IS NOT NULL",
            // Rows that the trigger leaves alone can move past a walk.
            walk: kept.map { .key($0.keeping.key) } ?? .physical,
            triggerSetting: trigger.operationID, keeping: kept?.keeping)
    }

    /// What the application may see of it.
    func hazards(hasSubquery: Bool) -> [Hazard] {
        var hazards = TriggerHazards(table: table, synced: [column.name], filled: column.name).all
        hazards.append(
            Hazard(
                rule: "fill-on-write", severity: .note,
                message:
                    "Until Contract, a row written with \(name) NULL is given the value of \(value)\(kept == nil ? "" : "; one that has NULL and is written without it waits for the fill")."
            ))
        if hasSubquery {
            hazards.append(
                Hazard(
                    rule: "subquery-in-fill", severity: .warning,
                    message:
                        "up reads other rows when a row is written or filled; later changes there are not followed, and each role that writes needs SELECT on what it reads."
                ))
        }
        return hazards
    }
}

extension StepMaker {
    /// Migrate: the trigger, and how far the table goes once it is there.
    mutating func addTrigger(_ filling: FillOnWrite) {
        let name = Identifier(filling.column.name)
        add(
            .migrate, "fill-on-write", "give \(name) a value in every row that is written",
            .transaction(
                TransactionAction(filling.createTrigger, measures: [id(.backfill, "fill")])),
            undo: [
                Undo(
                    "drop", "drop the fill-on-write trigger",
                    .transaction(TransactionAction(filling.dropTrigger)))
            ])
    }

    /// Backfill: every row that was not written since.
    mutating func addFill(_ filling: FillOnWrite) {
        add(
            .backfill, "check-trigger", "look whether the fill-on-write trigger is in place",
            .checkTrigger(TriggerCheck(table: table, trigger: filling.trigger.trigger)))
        if let kept = filling.kept { addStore(kept) }
        add(
            .backfill, "fill", "fill \(Identifier(filling.column.name)) from \(filling.value)",
            .fill(filling.fill),
            undo: filling.kept.map {
                [restore($0, triggerSetting: filling.trigger.operationID)]
            } ?? [])
    }

    /// Contract: the trigger goes, behind a gate: from then on nobody gives a value to what an older
    /// version of the application writes without one.
    ///
    /// - Parameters:
    ///   - with: what changes in the same transaction, and what undoes it.
    mutating func dropTrigger(
        _ filling: FillOnWrite, title: String = "drop the fill-on-write trigger",
        with statements: [Statement] = [], undoneBy back: [Statement] = []
    ) {
        add(
            .contract, "drop-trigger", title,
            .transaction(TransactionAction(statements + filling.dropTrigger)),
            undo: [
                Undo(
                    "create", "fill what is written again",
                    .transaction(TransactionAction(filling.createTrigger + back)))
            ])
    }

    /// Expand: a column without a value. Undone, it is put aside with what was written to it, and
    /// dropped only where the rollback is told to.
    mutating func addColumn(
        _ column: ColumnFacts, definition: SQL, comment: String? = nil, aside: Identifier
    ) {
        let new = Identifier(column.name)
        var statements = [
            Statement(
                "ALTER TABLE \(table) ADD COLUMN \(new) \(definition)",
                locks: [TableLock(table, .accessExclusive)])
        ]
        if let comment {
            statements.append(
                Statement(
                    "COMMENT ON COLUMN \(table).\(new) IS \(literal: comment)",
                    locks: [TableLock(table, .shareUpdateExclusive)]))
        }
        let putAside: [SQL] = [
            "ALTER TABLE \(table) ALTER COLUMN \(new) DROP NOT NULL",
            "ALTER TABLE \(table) ALTER COLUMN \(new) DROP DEFAULT",
            "ALTER TABLE \(table) RENAME COLUMN \(new) TO \(aside)",
        ]
        add(
            .expand, "add-column", "add column \(new) \(column.type) to \(table)",
            .transaction(TransactionAction(statements)),
            undo: [
                Undo(
                    "gate", "wait until nothing names \(new)",
                    .gate(
                        Gate(
                            id: "\(number).undo",
                            text: "No version of the application names \(table).\(new) any more",
                            evidence: GateEvidence(table: table, column: new).usedByApplication))
                ),
                Undo(
                    "aside", "put \(new) aside as \(aside)",
                    .ddl(putAside, on: table, .accessExclusive)),
                Undo(
                    "drop", "drop \(aside) and what was written to it",
                    .ddl(
                        ["ALTER TABLE \(table) DROP COLUMN \(aside)"], on: table, .accessExclusive),
                    isPurge: true),
            ])
    }
}
