import SQLText

/// The steps of one added column, phase by phase.
struct AddColumnSteps {
    let operation: AddColumn
    let judged: JudgedAddition
    let context: PlanContext
    let table: QualifiedName
    let new: Identifier
    let type: SQL
    private var maker: StepMaker

    init(operation: AddColumn, judged: JudgedAddition, context: PlanContext) {
        self.operation = operation
        self.judged = judged
        self.context = context
        table = judged.table.name
        new = Identifier(operation.name)
        type = SQL(writtenByUser: judged.new.type)
        maker = StepMaker(number: context.number, table: judged.table.name)
    }

    var all: [Step] {
        var steps = self
        if judged.needsFill { steps.filled() } else { steps.plain() }
        return steps.maker.steps
    }

    private var setDefault: SQL? {
        operation.defaultText.map {
            "ALTER TABLE \(table) ALTER COLUMN \(new) SET DEFAULT \(SQL(writtenByUser: $0))"
        }
    }

    // MARK: Without a fill

    /// A default that is not volatile is kept in the catalogue, so no row is read or written, also
    /// with NOT NULL (manual, "ALTER TABLE", notes).
    private mutating func plain() {
        let fallback: SQL =
            operation.defaultText.map { " DEFAULT \(SQL(writtenByUser: $0))" } ?? ""
        let notNull: SQL = operation.isNotNull ? " NOT NULL" : ""
        addColumn("\(type)\(fallback)\(notNull)")
        addConstraints(.expand)
    }

    private mutating func addColumn(_ definition: SQL) {
        maker.addColumn(
            judged.new, definition: definition, comment: operation.comment,
            aside: OurNames.quarantine(context.migration, judged.table, column: operation.name))
    }

    /// The check and the foreign key, NOT VALID and then proven.
    private mutating func addConstraints(_ phase: Phase) {
        if let condition = operation.check {
            let name = Identifier(operation.checkName(judged.table))
            maker.addStep(
                phase, "check", "check new values: \(name)",
                "ALTER TABLE \(table) ADD CONSTRAINT \(name) CHECK (\(SQL(writtenByUser: condition))) NOT VALID",
                undo: drop(name, [TableLock(table, .accessExclusive)]))
            maker.validate(
                name, what: "check-validate", phase: phase, "prove \(name) for every row")
        }
        guard let references = operation.references, let other = judged.referenced else { return }
        let name = Identifier(operation.foreignKeyName(judged.table))
        let tables = Set([table, other]).sorted()
        maker.add(
            phase, "foreign-key", "reference \(other) for new values: \(name)",
            .transaction(
                TransactionAction([
                    Statement(
                        "ALTER TABLE \(table) ADD CONSTRAINT \(name) FOREIGN KEY (\(new)) REFERENCES \(other) (\(Identifier(references.column))) NOT VALID",
                        locks: tables.map { TableLock($0, .shareRowExclusive) })
                ])),
            undo: [drop(name, tables.map { TableLock($0, .accessExclusive) })])
        maker.validate(
            name, what: "foreign-key-validate", phase: phase, "prove \(name) for every row",
            references: other)
    }

    private func drop(_ constraint: Identifier, _ locks: [TableLock]) -> StepMaker.Undo {
        .init(
            "drop", "drop the constraint \(constraint)",
            .transaction(
                TransactionAction([
                    Statement(
                        "ALTER TABLE \(table) DROP CONSTRAINT \(constraint)", locks: locks)
                ])))
    }

    // MARK: With a fill

    private mutating func filled() {
        let value = SQL(writtenByUser: judged.value)
        if operation.up != nil, !judged.isVolatile {
            let violations: [Probe.Labelled] =
                operation.isNotNull
                ? [
                    .init(
                        label: "up gives NULL, but \(new) is NOT NULL",
                        expression: "(\(value)) IS NULL")
                ] : []
            maker.add(
                .expand, "probe", "try up on every row of \(table)",
                .probe(
                    Probe(
                        table: table,
                        expressions: [
                            .init(label: "up (\(judged.value))", expression: "(\(value))::\(type)")
                        ], violations: violations,
                        key: judged.table.primaryKey.map { Identifier($0) })))
        }
        addColumn(type)
        maker.addTrigger(filling)
        maker.addFill(filling)
        addConstraints(.backfill)
        if operation.isNotNull {
            maker.addNotNull(
                NotNull(context, judged.table, operation.name), phase: .backfill,
                setPhase: .contract,
                violators: .unfilled(
                    new, of: judged.table,
                    advice: "Any UPDATE of these rows lets the trigger fill them; then run again."))
        }
        contract()
    }

    private var filling: FillOnWrite { operation.filling(judged, context) }

    private mutating func contract() {
        if operation.up != nil {
            maker.add(
                .contract, "gate", "wait for the application to write \(new)",
                .gate(
                    Gate(
                        id: "\(context.number).contract",
                        text: "Every version of the application that runs writes \(table).\(new)")))
        }
        // The default in the transaction that drops the trigger: no insert is left without a value.
        guard let setDefault else { return maker.dropTrigger(filling) }
        let exclusive = [TableLock(table, .accessExclusive)]
        maker.dropTrigger(
            filling, title: "set the default of \(new) and drop the fill-on-write trigger",
            with: [Statement(setDefault, locks: exclusive)],
            undoneBy: [
                Statement(
                    "ALTER TABLE \(table) ALTER COLUMN \(new) DROP DEFAULT", locks: exclusive)
            ])
    }
}
