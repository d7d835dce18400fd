import SQLText

/// The steps of one new foreign key, phase by phase.
struct ForeignKeySteps {
    let operation: AddForeignKey
    let judged: JudgedForeignKey
    let context: PlanContext
    private var maker: StepMaker

    init(operation: AddForeignKey, judged: JudgedForeignKey, context: PlanContext) {
        self.operation = operation
        self.judged = judged
        self.context = context
        maker = StepMaker(number: context.number, table: judged.table.name)
    }

    var all: [Step] {
        var steps = self
        if judged.new != nil { steps.tryUp() }
        steps.countOrphans()
        if let new = judged.new { steps.addColumn(new) }
        if let filling = judged.filling {
            steps.maker.addTrigger(filling)
            steps.maker.addFill(filling)
        }
        steps.addForeignKey()
        steps.dropTrigger()
        return steps.maker.steps
    }

    private var table: QualifiedName { judged.table.name }
    private var other: QualifiedName { judged.reference.table }

    /// What `up` gives, where it gives the same each time.
    private var filled: (column: Identifier, expression: SQL)? {
        guard let new = judged.new, let filling = judged.filling, !filling.isVolatile else {
            return nil
        }
        let type = SQL(writtenByUser: new.type)
        return (Identifier(new.name), "(\(SQL(writtenByUser: filling.value)))::\(type)")
    }

    private mutating func tryUp() {
        guard let filled, let filling = judged.filling else { return }
        maker.add(
            .expand, "probe", "try up on every row of \(table)",
            .probe(
                Probe(
                    table: table,
                    expressions: [
                        .init(label: "up (\(filling.value))", expression: filled.expression)
                    ], violations: [], key: judged.table.key)))
    }

    private mutating func addColumn(_ new: ColumnFacts) {
        maker.addColumn(
            new, definition: SQL(writtenByUser: new.type),
            aside: OurNames.quarantine(context.migration, judged.table, column: new.name))
    }

    /// Of a new column before it is there, with what `up` gives. Of one that `up` does not fill there
    /// are none; where `up` gives another value each time, counting says nothing.
    private mutating func countOrphans() {
        guard operation.orphans == .fail, judged.new == nil || filled != nil else { return }
        maker.add(
            judged.new == nil ? .migrate : .expand, "orphans",
            "count the rows of \(table) that reference nothing in \(other)",
            .findViolators(
                .orphans(
                    of: judged.reference, in: judged.table, value: filled,
                    advice: filled == nil
                        ? "Mend them, and see that no version of the application writes such rows any more; then run again. (\"orphans: null\" in the spec sets them to NULL.)"
                        : "Mend the rows, or let up give NULL there; \(other) may lack rows as well."
                )))
    }

    private mutating func addForeignKey() {
        let name = judged.name
        // Orphans that are nulled stop nobody, so somebody has to say that no more of them come.
        if !judged.nulled.isEmpty {
            maker.add(
                .migrate, "gate", "wait until nothing writes rows that reference nothing",
                .gate(
                    Gate(
                        id: "\(context.number).migrate",
                        text:
                            "No version of the application writes rows of \(table) that reference nothing in \(other) any more"
                    )))
        }
        maker.add(
            .backfill, "foreign-key", "reference \(other) from new rows: \(name)",
            maker.addition(of: name, definition, references: other),
            undo: [
                .init(
                    "drop", "drop the foreign key \(name)",
                    maker.removal(of: name, references: other))
            ])
        if !judged.nulled.isEmpty { nullOrphans() }
        maker.validate(
            name, what: "validate", phase: .backfill, "prove \(name) for every row",
            references: other,
            violators: .orphans(
                of: judged.reference, in: judged.table,
                advice:
                    "They were written before the foreign key was there: mend them, then run again."
            ))
    }

    private var definition: SQL {
        var sql: SQL =
            "FOREIGN KEY (\(names: judged.reference.columns)) REFERENCES \(other) (\(names: judged.reference.referenced))"
        if let action = operation.onDelete { sql = "\(sql) ON DELETE \(action.sql)" }
        if let action = operation.onUpdate { sql = "\(sql) ON UPDATE \(action.sql)" }
        return sql
    }

    /// After the foreign key is there: it lets no new one in, so that the fill has an end. Updates of
    /// other columns of an orphan are not checked meanwhile: PostgreSQL looks at a key that changes.
    private mutating func nullOrphans() {
        let columns = judged.nulled.map(\.quoted).joined(separator: ", ")
        maker.add(
            .backfill, "null-orphans",
            "set \(columns) to NULL where it references nothing in \(other)",
            .fill(
                Fill(
                    table: table,
                    assignments: judged.nulled.map { .init(column: $0, expression: "NULL") },
                    predicate: judged.reference.isOrphan(named: table.name),
                    walk: judged.table.key.isEmpty ? .repeated : .key(judged.table.key),
                    triggerSetting: nil)))
    }

    private mutating func dropTrigger() {
        guard let filling = judged.filling else { return }
        let new = Identifier(filling.column.name)
        maker.add(
            .contract, "gate", "wait for the application to write \(new)",
            .gate(
                Gate(
                    id: "\(context.number).contract",
                    text: "Every version of the application that runs writes \(table).\(new)")))
        maker.dropTrigger(filling)
    }
}

/// What may surprise when a foreign key comes to a live table.
struct ForeignKeyHazards {
    let operation: AddForeignKey
    let judged: JudgedForeignKey
    let context: PlanContext

    private var list: String {
        judged.reference.columns.map(\.quoted).joined(separator: ", ")
    }

    var all: [Hazard] {
        var hazards = [stricter] + missingIndex + types + actions
        if operation.orphans == .null {
            hazards.append(
                Hazard(
                    rule: "not-undone", severity: .warning,
                    message:
                        "A rollback does not bring back the references that are set to NULL; the rows and their values are not kept.",
                    safeWay: "Copy those rows into a table of your own first."))
            hazards +=
                TriggerHazards(
                    table: judged.table, synced: [],
                    filled: judged.nulled.map(\.quoted).joined(separator: ", ")
                ).all
        }
        hazards += judged.table.subscriptionHazards
        guard let new = judged.new else { return hazards }
        let shared = TableHazards(table: judged.table, column: new.name).all
        guard let filling = judged.filling else {
            return hazards + shared.filter { $0.rule != "serialization" }
        }
        return hazards + shared + filling.hazards(hasSubquery: judged.fillsFromOtherRows)
    }

    private var stricter: Hazard {
        let other = judged.reference.table
        let effect =
            switch operation.onDelete {
            case .cascade:
                "a DELETE there deletes the rows of \(judged.table.name) that reference it"
            case .setNull: "a DELETE there sets \(list) of \(judged.table.name) to NULL"
            case .setDefault: "a DELETE there sets \(list) of \(judged.table.name) to its default"
            case nil, .noAction, .restrict:
                "a DELETE there of a row that is referenced is an error of the application's"
            }
        return Hazard(
            rule: "stricter-table", severity: .warning,
            message:
                "From Backfill on, a write to \(judged.table.name) that references no row of \(other) is an error of the application's, and \(effect).",
            safeWay: "Deploy what writes and deletes in the right order before Backfill.")
    }

    /// Each DELETE and key UPDATE of the referenced table looks its referencing rows up.
    private var missingIndex: [Hazard] {
        guard !judged.table.hasIndex(covering: operation.columns) else { return [] }
        let columns = operation.columns.map(YAMLScalar.text).joined(separator: ", ")
        let when =
            judged.new == nil
            ? "Put it behind this operation" : "In a spec of its own, after this one"
        return [
            Hazard(
                rule: "foreign-key-without-index", severity: .warning,
                message:
                    "No index of \(judged.table.name) covers \(list): each DELETE and key UPDATE in \(judged.reference.table) reads all of it.",
                safeWay:
                    "\(when), as a line under \"operations:\": \"- create_index: {table: \(YAMLScalar.text(operation.table.text)), columns: [\(columns)]}\"."
            )
        ]
    }

    private var types: [Hazard] {
        judged.mixedTypes.map { column, type, referenced in
            Hazard(
                rule: "foreign-key-type", severity: .warning,
                message:
                    "\(Identifier(column)) is \(type) and references \(referenced): values that only one of them can hold, and slower lookups.",
                safeWay: "Give both one type.")
        }
    }

    private var actions: [Hazard] {
        let setsNull = operation.onDelete == .setNull || operation.onUpdate == .setNull
        let fixed = operation.columns.filter { judged.table.column($0)?.isNotNull == true }
        guard setsNull, !fixed.isEmpty else { return [] }
        return [
            Hazard(
                rule: "set-null-of-not-null", severity: .danger,
                message:
                    "SET NULL can't be carried out, since \(fixed.joined(separator: ", ")) is NOT NULL: the DELETE or UPDATE that asks for it fails.",
                safeWay: "Use another action, or let the column be NULL.")
        ]
    }
}
