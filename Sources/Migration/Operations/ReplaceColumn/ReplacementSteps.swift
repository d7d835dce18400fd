import SQLText

/// The steps of one replacement, phase by phase.
struct ReplacementSteps {
    let operation: ReplaceColumn
    let judged: JudgedReplacement
    let context: PlanContext
    let table: QualifiedName
    let old: Identifier
    let new: Identifier
    let up: SQL
    let sync: SyncTrigger
    let quarantined: Identifier
    var maker: StepMaker

    init(operation: ReplaceColumn, judged: JudgedReplacement, context: PlanContext) {
        self.operation = operation
        self.judged = judged
        self.context = context
        table = judged.table.name
        old = Identifier(operation.column)
        new = Identifier(operation.newName)
        up = SQL(writtenByUser: operation.up)
        quarantined = OurNames.quarantine(
            context.migration, judged.table, column: operation.column)
        maker = StepMaker(number: context.number, table: judged.table.name)
        let others = judged.table.triggers.filter(\.firesBesideOurs).map(\.name)
        sync = SyncTrigger(
            table: judged.table.name,
            function: OurNames.syncFunction(context.migration, context.number),
            trigger: OurNames.syncTrigger(context.migration, context.number, behind: others),
            operationID: OurNames.operationID(context.migration, context.number),
            session: context.facts.session, columns: judged.table.columns + [judged.new],
            old: operation.column, new: operation.newName, oldSide: judged.oldSide,
            newSide: judged.newSide, up: operation.up, down: operation.down)
    }

    var all: [Step] {
        var steps = self
        steps.expand()
        steps.migrate()
        steps.backfill()
        steps.switchOver()
        steps.contract()
        return steps.maker.steps
    }

    var newType: SQL { SQL(writtenByUser: judged.new.type) }
    var key: [Identifier] { judged.table.primaryKey.map { Identifier($0) } }
    func gateID(_ name: String) -> String { "\(context.number).\(name)" }

    // MARK: Expand

    private mutating func expand() {
        maker.add(
            .expand, "probe", "try up on every row of \(table)",
            .probe(
                Probe(
                    table: table,
                    expressions: [
                        .init(label: "up (\(operation.up))", expression: "(\(up))::\(newType)")
                    ], violations: violations, key: key)))
        let collation: SQL =
            judged.new.collation.map { " COLLATE \(SQL(writtenByUser: $0))" } ?? ""
        maker.add(
            .expand, "add-column", "add column \(new) \(judged.new.type) to \(table)",
            .ddl(
                ["ALTER TABLE \(table) ADD COLUMN \(new) \(newType)\(collation)"], on: table,
                .accessExclusive),
            undo: [
                undoGate,
                .init(
                    "drop", "drop column \(new)",
                    .ddl(["ALTER TABLE \(table) DROP COLUMN \(new)"], on: table, .accessExclusive)),
            ])
    }

    /// Rows on which the copies and the new type would refuse what `up` gives.
    private var violations: [Probe.Labelled] {
        var violations: [Probe.Labelled] = []
        if judged.isNotNull {
            violations.append(
                .init(label: "up gives NULL, but \(new) is NOT NULL", expression: "(\(up)) IS NULL")
            )
        }
        if let room = Representation.maximumLength(judged.new.type) {
            violations.append(
                .init(
                    label: "up gives more than \(room) characters",
                    // Blanks beyond the limit are dropped, as the SQL standard has it.
                    expression: "pg_catalog.length(pg_catalog.rtrim((\(up))::text, ' ')) > \(room)")
            )
        }
        let conditions =
            [operation.check].compactMap { $0 }
            + judged.checks.filter(\.isValidated).map(\.condition)
        for condition in conditions {
            // The condition over the row as it will be; a check passes where it is NULL.
            let row: SQL = "SELECT \(table.name).*, (\(up))::\(newType) AS \(new)"
            violations.append(
                .init(
                    label:
                        "up gives a value that the check (\(condition)) refuses; \"with: {check: …}\" says another for the new side",
                    expression:
                        "NOT coalesce((SELECT (\(SQL(writtenByUser: condition))) FROM (\(row)) AS \(table.name)), true)"
                ))
        }
        return violations
    }

    /// Asked once by the engine, at the first undo that needs it.
    private var undoGate: StepMaker.Undo {
        .init(
            "gate", "wait until nothing names \(new)",
            .gate(
                Gate(
                    id: gateID("undo"),
                    text: "No version of the application names \(table).\(new) any more",
                    evidence: GateEvidence(table: table, column: new).usedByApplication)))
    }

    // MARK: Migrate

    private mutating func migrate() {
        let relations = [TableLock(table, .shareRowExclusive)]
        var undo = [undoGate]
        // The gate stands here, before the sync ends, and not only before the column is dropped: a
        // client of the new version that still writes after that would lose its writes.
        if operation.down != nil {
            undo.append(
                .init(
                    "compare", "compare what was written to \(new) with \(old)",
                    .compare(comparison(onlyWritten: true))))
        }
        undo.append(
            .init(
                "drop", "drop the sync trigger",
                .transaction(
                    TransactionAction([
                        Statement(sync.dropTrigger, locks: [TableLock(table, .accessExclusive)]),
                        Statement(sync.dropFunction),
                    ]))))
        maker.add(
            .migrate, "sync",
            operation.down == nil
                ? "keep \(new) in step with \(old) by a trigger"
                : "keep \(old) and \(new) in step by a trigger",
            .transaction(
                TransactionAction(
                    [
                        Statement(sync.create()),
                        Statement(sync.createTrigger, locks: relations),
                        Statement(sync.enableAlways, locks: relations),
                    ], measures: [maker.id(.backfill, "fill")])),
            undo: undo)
    }

    mutating func checkTrigger(_ phase: Phase) {
        maker.add(
            phase, "check-trigger", "look whether the sync trigger is in place",
            .checkTrigger(TriggerCheck(table: table, trigger: sync.trigger)))
    }

    // MARK: Backfill

    private mutating func backfill() {
        checkTrigger(.backfill)
        maker.add(
            .backfill, "fill", "fill \(new) from up",
            .fill(
                Fill(
                    table: table, assignments: [.init(column: new, expression: up)],
                    predicate: "\(new) IS NULL AND (\(up)) IS NOT NULL", walk: .physical,
                    triggerSetting: sync.operationID)))
        var copies = CopySteps(
            table: judged.table, old: operation.column, new: judged.new, maker: maker,
            checks: judged.checks, check: operation.check,
            lastName: operation.finalName ?? operation.newName)
        copies.addAll()
        maker = copies.maker
        if judged.isNotNull {
            maker.addNotNull(
                new,
                check: OurNames.notNullCheck(
                    context.migration, table, column: operation.newName),
                phase: .backfill)
        }
        copies.maker = maker
        copies.addProperties()
        maker = copies.maker
        copiedNames = copies.copied
    }

    /// Old name and new name of each index and constraint that was copied.
    var copiedNames: [CopySteps.Copied] = []

    // MARK: Switch

    /// True for a row of which neither side is the other's image. Both sides of `*=` are of one type,
    /// without which it raises.
    func comparison(onlyWritten: Bool = false, renamed: Bool = false) -> Comparison {
        // After the quarantine the expressions still say the old name: they see it in a row put
        // together for them.
        let oldNow = renamed ? quarantined : old
        func seen(_ test: SQL) -> SQL {
            guard renamed else { return test }
            let row: SQL = "SELECT \(table.name).*, \(table.name).\(oldNow) AS \(old)"
            return "(SELECT \(test) FROM (\(row)) AS \(table.name))"
        }
        var differs = seen(
            "NOT (ROW(\(new))::record *= ROW((\(up))::\(newType))::record)")
        if let down = operation.down {
            let oldType = SQL(writtenByUser: judged.old.type)
            let other = seen(
                "NOT (ROW(\(old))::record *= ROW((\(SQL(writtenByUser: down)))::\(oldType))::record)"
            )
            differs = "\(differs)\n   AND \(other)"
        }
        if onlyWritten { differs = "\(new) IS NOT NULL\n   AND \(differs)" }
        return Comparison(table: table, key: key, differs: differs, shown: [oldNow, new])
    }

    private mutating func switchOver() {
        checkTrigger(.switch)
        maker.add(
            .switch, "compare", "compare \(old) and \(new) in every row", .compare(comparison()))
        if operation.down == nil, judged.old.isNotNull {
            let check = OurNames.notNullCheck(
                context.migration, table, column: operation.column)
            maker.add(
                .switch, "drop-old-not-null",
                "let \(old) be NULL, for rows that the new version inserts",
                .ddl(
                    ["ALTER TABLE \(table) ALTER COLUMN \(old) DROP NOT NULL"], on: table,
                    .accessExclusive), undo: maker.restoreNotNull(old, check: check))
        }
        maker.add(
            .switch, "gate", "wait for the application to use \(new)",
            .gate(
                Gate(
                    id: gateID("switch"),
                    text: "The version of the application that uses \(new) is deployed everywhere")
            ))
    }
}
