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
    /// With `unrepresentable: forgo_rollback`.
    let forgone: ForgoneRollback?
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
        forgone = judged.forgone(operation, context)
        var sync = SyncTrigger(
            table: judged.table.name,
            function: OurNames.syncFunction(context.migration, context.number),
            trigger: OurNames.syncTrigger(context.migration, context.number, behind: others),
            operationID: OurNames.operationID(context.migration, context.number),
            session: context.facts.session, columns: judged.table.columns + [judged.new],
            old: operation.column, new: operation.newName, oldSide: judged.oldSide,
            newSide: judged.newSide, up: operation.up, down: operation.down)
        sync.forgone = forgone
        self.sync = sync
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
    /// A trigger keeps both sides equal; else the application does.
    var isSynced: Bool { operation.writes == .trigger }
    func gateID(_ name: String) -> String { "\(context.number).\(name)" }

    // MARK: Expand

    private mutating func expand() {
        maker.add(
            .expand, "probe", "try up on every row of \(table)",
            .probe(
                ReplacementProbe(
                    operation: operation, judged: judged, table: table, up: up, new: new, key: key
                ).probe))
        maker.add(
            .expand, "add-column", "add column \(new) \(judged.new.type) to \(table)",
            .transaction(
                TransactionAction(
                    addColumn.map { Statement($0, locks: exclusive) }
                        + (forgone.map { [Statement(sync.createFits($0))] } ?? []))),
            undo: [
                undoGate,
                .init(
                    "drop", "drop column \(new)",
                    .transaction(
                        TransactionAction(
                            [Statement("ALTER TABLE \(table) DROP COLUMN \(new)", locks: exclusive)]
                                + dropFits))),
            ])
    }

    private var exclusive: [TableLock] { [TableLock(table, .accessExclusive)] }

    var dropFits: [Statement] { forgone.map { [Statement(sync.dropFits($0))] } ?? [] }

    /// Storage and compression before there is any value: they are for values to come.
    private var addColumn: [SQL] {
        let collation: SQL =
            judged.new.collation.map { " COLLATE \(SQL(writtenByUser: $0))" } ?? ""
        var statements: [SQL] = ["ALTER TABLE \(table) ADD COLUMN \(new) \(newType)\(collation)"]
        if let storage = judged.new.storage {
            statements.append(
                "ALTER TABLE \(table) ALTER COLUMN \(new) SET STORAGE \(SQL(writtenByUser: storage))"
            )
        }
        if let compression = judged.new.compression {
            statements.append(
                "ALTER TABLE \(table) ALTER COLUMN \(new) SET COMPRESSION \(SQL(writtenByUser: compression))"
            )
        }
        return statements
    }

    /// Asked once by the engine, at the first undo that needs it.
    private var undoGate: StepMaker.Undo {
        .init(
            "gate", "wait until nothing names \(new)",
            .gate(
                Gate(
                    id: gateID("undo"),
                    text: "No version of the application names \(table).\(new) any more",
                    evidence: GateEvidence(table: table, column: new).usedByApplication
                        + (isSynced && operation.down != nil ? forgoneRows() : [lostRows]))))
    }

    /// What is only in the new column: nothing brings it to the old one.
    private var lostRows: Evidence {
        Evidence(
            title: "rows of which a rollback loses what was written to \(new)",
            query: """
                SELECT pg_catalog.format('%s rows', count(*)) AS finding FROM \(judged.table.rows)
                 WHERE \(comparison(onlyWritten: true).differs)
                HAVING count(*) > 0
                """)
    }

    // MARK: Migrate

    private mutating func migrate() {
        if isSynced { addSync() } else { addWritesGate() }
    }

    /// With `writes: application`: from here on a row that was written has both sides.
    private mutating func addWritesGate() {
        maker.add(
            .migrate, "gate", "wait for the application to write both \(old) and \(new)",
            .gate(
                Gate(
                    id: gateID("migrate"),
                    text:
                        "Every version of the application that writes \(table).\(old) writes \(new) too",
                    evidence: [changedRows]
                        + GateEvidence(table: table, column: old).written(without: new))))
    }

    private mutating func addSync() {
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
        guard isSynced else { return }
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
                    predicate: "\(new) IS NULL AND (\(up)) IS NOT NULL", walk: walk,
                    triggerSetting: isSynced ? sync.operationID : nil)))
        var copies = CopySteps(
            table: judged.table, old: operation.column, new: judged.new, maker: maker,
            checks: judged.checks, check: operation.check,
            lastName: operation.finalName ?? operation.newName)
        copies.addAll()
        maker = copies.maker
        if judged.isNotNull {
            let notNull = NotNull(context, judged.table, operation.newName)
            maker.addNotNull(
                notNull, phase: .backfill,
                violators: .unfilled(
                    new, of: judged.table,
                    advice: isSynced
                        ? "An UPDATE of these rows that sets \(Identifier(operation.column)) to itself lets the trigger fill them; then run again."
                        : "They can't be updated until they have a value: give them one, then run again."
                ))
            copies.notNull = notNull.constraint?.name
        }
        copies.maker = maker
        copies.addProperties()
        maker = copies.maker
        copiedNames = copies.copied + finalNotNull
    }

    /// From 18 on a NOT NULL has a name, which should not say the interim one for ever.
    private var finalNotNull: [CopySteps.Copied] {
        guard judged.isNotNull, let final = operation.finalName,
            let now = NotNull(context, judged.table, operation.newName).constraint?.name,
            let last = NotNull(context, judged.table, final).constraint?.name, now != last
        else { return [] }
        return [
            .init(
                kind: .constraint, old: QualifiedName(schema: table.schema, name: last), new: now)
        ]
    }

    /// Without a trigger of ours a row can move past the walk, unfilled.
    private var walk: Walk {
        isSynced ? .physical : key.isEmpty ? .repeated : .key(key)
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
        let isNoImage: SQL = "NOT (ROW(\(new))::record *= ROW((\(up))::\(newType))::record)"
        if let forgone, let down = operation.down {
            let oldType = SQL(writtenByUser: judged.old.type)
            let fits = sync.fits(forgone)
            func written(_ test: SQL) -> SQL {
                onlyWritten ? "\(new) IS NOT NULL\n   AND \(test)" : test
            }
            // In this order: a value that the old side can't hold must not be cast to its type.
            let isOther: SQL =
                "NOT (ROW(\(old))::record *= ROW((\(SQL(writtenByUser: down)))::\(oldType))::record)"
            return Comparison(
                table: table, key: key,
                differs: written(
                    seen(
                        "CASE WHEN \(isNoImage) THEN CASE WHEN \(fits) THEN \(isOther) ELSE \(new) IS NULL END END IS TRUE"
                    )),
                shown: [oldNow, new],
                forgone: written(
                    seen(
                        "CASE WHEN \(isNoImage) AND \(new) IS NOT NULL THEN NOT \(fits) END IS TRUE"
                    )))
        }
        var differs = seen(isNoImage)
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
        if leavesOldAlone, judged.old.isNotNull {
            maker.add(
                .switch, "drop-old-not-null",
                "let \(old) be NULL, for rows that the new version inserts",
                .ddl(
                    ["ALTER TABLE \(table) ALTER COLUMN \(old) DROP NOT NULL"], on: table,
                    .accessExclusive),
                // The gate first: the new version's inserts have no value for it.
                undo: [undoGate]
                    + maker.restoreNotNull(
                        NotNull(context, judged.table, operation.column), key: key))
        }
        maker.add(
            .switch, "gate", "wait for the application to use \(new)",
            .gate(
                Gate(
                    id: gateID("switch"),
                    text: "The version of the application that uses \(new) is deployed everywhere",
                    evidence: isSynced ? forgoneRows() : [unequalRows])))
    }

    /// How many rows a rollback gives up, and the first of them.
    func forgoneRows() -> [Evidence] {
        guard let forgone = comparison(onlyWritten: true).forgone else { return [] }
        return [
            Evidence(
                title: "rows that a rollback gives up: \(old) can't hold what is in \(new)",
                query: """
                    SELECT pg_catalog.format('%s rows, the first: %s', max(rows), string_agg(key, '; ')) AS finding
                      FROM (SELECT \(keyText(key)) AS key, count(*) OVER () AS rows FROM ONLY \(table)
                             WHERE \(forgone) LIMIT 5) AS found
                    HAVING count(*) > 0
                    """)
        ]
    }

    /// Whether a version that writes the new side alone leaves the old one without a value.
    var leavesOldAlone: Bool { operation.down == nil || !isSynced }

    /// What the comparison found, once more: only the application keeps it true.
    private var unequalRows: Evidence {
        Evidence(
            title: "rows whose \(new) is unset or is not what \(old) says",
            query: unequal(from: judged.table.rows, what: "rows"))
    }

    /// Above this size of the table, in bytes, only a sample of it is read for `changedRows`.
    private static let readWhole = 256 << 20
    /// Bytes of such a sample: of random pages.
    private static let sampled = 32 << 20

    /// Of what was written since the gate opened. The first event that tells of the gate dates it, by
    /// the transaction that wrote it: `age` counts transactions.
    private var changedRows: Evidence {
        let share = 100 * Double(Self.sampled) / Double(max(1, judged.table.heapBytes))
        let isWhole = judged.table.heapBytes <= Self.readWhole
        let sample: SQL =
            isWhole ? "" : " TABLESAMPLE SYSTEM (\(SQL(writtenByUser: share.description)))"
        return Evidence(
            title:
                "rows changed since this gate opened whose \(new) is unset or is not what \(old) says"
                + (isWhole ? "" : ", in a sample of the table's pages"),
            query: unequal(
                from: """
                    \(judged.table.rows)\(sample)
                     WHERE pg_catalog.age(\(table.name).xmin) BETWEEN 0 AND (
                       SELECT pg_catalog.age(e.xmin) FROM lockkeeper.events e
                        WHERE e.migration = (
                                SELECT max(m.id) FROM lockkeeper.migrations m WHERE m.name = \(literal: context.migration))
                          AND e.kind = 'gate' AND e.fields ->> 'gate' = \(literal: gateID("migrate"))
                          AND e.id > (
                                SELECT coalesce(max(r.id), 0) FROM lockkeeper.events r
                                 WHERE r.migration = e.migration AND r.kind = 'rolled_back')
                        ORDER BY e.id LIMIT 1)
                    """, what: "changed rows"))
    }

    private func unequal(from rows: SQL, what: String) -> SQL {
        """
        SELECT CASE WHEN unset + different > 0
                 THEN pg_catalog.format('%s of %s: %s unset, %s different', unset + different, basis, unset, different)
               END AS finding, basis
          FROM (SELECT pg_catalog.format('%s %s', count(*), \(literal: what)) AS basis,
                       count(*) FILTER (WHERE \(new) IS NULL AND (\(up)) IS NOT NULL) AS unset,
                       count(*) FILTER (WHERE \(comparison(onlyWritten: true).differs)) AS different
                  FROM \(rows)) AS counted
        """
    }
}
