import SQLText

/// The steps of one dropped column, phase by phase.
struct DropColumnSteps {
    let old: ColumnFacts
    let table: TableFacts
    let context: PlanContext
    let quarantined: Identifier
    private var maker: StepMaker

    init(old: ColumnFacts, table: TableFacts, context: PlanContext) {
        self.old = old
        self.table = table
        self.context = context
        quarantined = OurNames.quarantine(context.migration, table, column: old.name)
        maker = StepMaker(number: context.number, table: table.name)
    }

    private var column: Identifier { Identifier(old.name) }
    private var evidence: GateEvidence { GateEvidence(table: table.name, column: column) }

    var all: [Step] {
        var steps = self
        if old.needsValue { steps.letBeNull() }
        steps.addGates()
        steps.contract()
        return steps.maker.steps
    }

    /// Undone behind a gate of its own: the versions that do not write the column insert rows that NOT
    /// NULL refuses.
    private mutating func letBeNull() {
        let gate = StepMaker.Undo(
            "gate", "wait for the application to write \(column) again",
            .gate(
                Gate(
                    id: "\(context.number).undo",
                    text:
                        "Every version of the application that runs writes \(table.name).\(column) again"
                )))
        maker.add(
            .migrate, "drop-not-null", "let \(column) be NULL, for versions that do not write it",
            .ddl(
                ["ALTER TABLE \(table.name) ALTER COLUMN \(column) DROP NOT NULL"], on: table.name,
                .accessExclusive),
            undo: [gate]
                + maker.restoreNotNull(
                    NotNull(context, table, old.name), key: table.primaryKey.map { Identifier($0) })
        )
    }

    private mutating func addGates() {
        if ![.stored, .virtual].contains(old.generation) {
            addGate(
                .migrate, "wait until nothing writes \(column)",
                "No version of the application writes \(table.name).\(column) any more",
                evidence.written)
        }
        addGate(
            .switch, "wait until nothing reads \(column)",
            "No version of the application names \(table.name).\(column) any more",
            evidence.all + [evidence.indexes])
    }

    private mutating func addGate(
        _ phase: Phase, _ title: String, _ text: String, _ evidence: [Evidence]
    ) {
        maker.add(
            phase, "gate", title,
            .gate(
                Gate(id: "\(context.number).\(phase.rawValue)", text: text, evidence: evidence)))
    }

    /// Indexes, constraints and a default go on working under the other name, and come back with it.
    private mutating func contract() {
        maker.add(
            .contract, "quarantine", "quarantine \(column) as \(quarantined)",
            .ddl(
                ["ALTER TABLE \(table.name) RENAME COLUMN \(column) TO \(quarantined)"],
                on: table.name, .accessExclusive),
            undo: [
                .init(
                    "restore", "give \(column) its name back",
                    .ddl(
                        ["ALTER TABLE \(table.name) RENAME COLUMN \(quarantined) TO \(column)"],
                        on: table.name, .accessExclusive))
            ])
        maker.add(
            .contract, "wait", "keep \(column) as \(quarantined) for the quarantine", .quarantine)
        maker.add(
            .contract, "purge", "drop \(quarantined), what was \(column), for good",
            .transaction(
                TransactionAction([.dropColumn(quarantined, of: table, named: old.name)])),
            isPointOfNoReturn: true)
    }
}
