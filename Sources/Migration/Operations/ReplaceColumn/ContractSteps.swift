import SQLText

extension ReplacementSteps {
    /// Out of sight first, still in sync; gone only after the quarantine; the name last.
    mutating func contract() {
        checkTrigger(.contract)
        maker.add(
            .contract, "gate", "wait until nothing names \(old)",
            .gate(
                Gate(
                    id: gateID("contract"),
                    text: "No version of the application names \(table).\(old) any more",
                    evidence: GateEvidence(table: table, column: old).all + forgoneRows())))
        // Without a way back the two sides part at the switch, as the plan says.
        if !leavesOldAlone {
            maker.add(
                .contract, "compare", "compare \(old) and \(new) in every row",
                .compare(comparison()))
        }
        addQuarantine()
        maker.add(
            .contract, "wait", "keep \(old) as \(quarantined) for the quarantine", .quarantine)
        if !leavesOldAlone {
            maker.add(
                .contract, "compare-again", "compare \(quarantined) and \(new) in every row",
                .compare(comparison(renamed: true)))
        }
        addPurge()
        addFinalName()
    }

    private mutating func addQuarantine() {
        let exclusive = [TableLock(table, .accessExclusive)]
        let isNotNull = judged.old.isNotNull && !leavesOldAlone
        var statements = [
            Statement(
                "ALTER TABLE \(table) RENAME COLUMN \(old) TO \(quarantined)", locks: exclusive)
        ]
        if isNotNull {
            statements.append(
                Statement(
                    "ALTER TABLE \(table) ALTER COLUMN \(quarantined) DROP NOT NULL",
                    locks: exclusive))
        }
        var back = [
            Statement(
                "ALTER TABLE \(table) RENAME COLUMN \(quarantined) TO \(old)", locks: exclusive)
        ]
        if isSynced {
            statements.append(
                Statement(
                    sync.create(renaming: [operation.column: quarantined.name], orReplace: true)))
            back.append(Statement(sync.create(orReplace: true)))
        }
        var undo = [
            StepMaker.Undo(
                "restore", "give \(old) its name back", .transaction(TransactionAction(back)))
        ]
        if isNotNull {
            undo += maker.restoreNotNull(
                NotNull(context, judged.table, operation.column), key: key)
        }
        maker.add(
            .contract, "quarantine",
            "quarantine \(old) as \(quarantined)\(isSynced ? ", still in step" : "")",
            .transaction(TransactionAction(statements)), undo: undo)
    }

    private mutating func addPurge() {
        let exclusive = [TableLock(table, .accessExclusive)]
        var statements: [Statement] = []
        if isSynced {
            statements =
                [
                    Statement(sync.dropTrigger, locks: exclusive), Statement(sync.dropFunction),
                ] + dropFits
        }
        statements.append(
            .dropColumn(quarantined, of: judged.table, named: operation.column))
        if let text = judged.finalDefault {
            // In the same transaction: an insert that names no side finds a default at any moment.
            statements.append(
                Statement(
                    "ALTER TABLE \(table) ALTER COLUMN \(new) SET DEFAULT \(text)", locks: exclusive
                ))
        }
        maker.add(
            .contract, "purge", "drop \(quarantined), what was \(old), for good",
            .transaction(TransactionAction(statements)), isPointOfNoReturn: true)
    }

    private mutating func addFinalName() {
        guard let name = operation.finalName else { return }
        let final = Identifier(name)
        maker.add(
            .contract, "final-name-gate", "wait until nothing names \(new)",
            .gate(
                Gate(
                    id: gateID("final_name"),
                    text:
                        "No version of the application names \(table).\(new) any more; \(final) is its name from here on",
                    evidence: GateEvidence(table: table, column: new).all)))
        let exclusive = [TableLock(table, .accessExclusive)]
        var statements = [
            Statement("ALTER TABLE \(table) RENAME COLUMN \(new) TO \(final)", locks: exclusive)
        ]
        for copy in copiedNames {
            statements.append(Statement(copy.rename(on: table), locks: exclusive))
        }
        maker.add(
            .contract, "final-name", "rename \(new) to \(final)",
            .transaction(TransactionAction(statements)))
    }
}
