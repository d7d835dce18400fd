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
                    evidence: GateEvidence(table: table, column: old).all)))
        // Without down the two sides part at the switch, as the plan says.
        if operation.down != nil {
            maker.add(
                .contract, "compare", "compare \(old) and \(new) in every row",
                .compare(comparison()))
        }
        addQuarantine()
        maker.add(
            .contract, "wait", "keep \(old) as \(quarantined) for the quarantine", .quarantine)
        if operation.down != nil {
            maker.add(
                .contract, "compare-again", "compare \(quarantined) and \(new) in every row",
                .compare(comparison(renamed: true)))
        }
        addPurge()
        addFinalName()
    }

    private mutating func addQuarantine() {
        let exclusive = [TableLock(table, .accessExclusive)]
        let isNotNull = judged.old.isNotNull && operation.down != nil
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
        statements.append(
            Statement(
                sync.create(renaming: [operation.column: quarantined.name], orReplace: true)))
        let back: [Statement] = [
            Statement(
                "ALTER TABLE \(table) RENAME COLUMN \(quarantined) TO \(old)", locks: exclusive),
            Statement(sync.create(orReplace: true)),
        ]
        var undo = [
            StepMaker.Undo(
                "restore", "give \(old) its name back", .transaction(TransactionAction(back)))
        ]
        if isNotNull {
            let check = OurNames.notNullCheck(
                context.migration, table, column: operation.column)
            undo += maker.restoreNotNull(old, check: check)
        }
        maker.add(
            .contract, "quarantine", "quarantine \(old) as \(quarantined), still in step",
            .transaction(TransactionAction(statements)), undo: undo)
    }

    private mutating func addPurge() {
        let exclusive = [TableLock(table, .accessExclusive)]
        var statements = [
            Statement(sync.dropTrigger, locks: exclusive),
            Statement(sync.dropFunction),
            Statement("ALTER TABLE \(table) DROP COLUMN \(quarantined)", locks: exclusive),
        ]
        for key in foreignKeysThatGo {
            // Dropping a foreign key takes the lock on the referenced table too.
            statements[2] = Statement(
                statements[2].sql, locks: statements[2].locks + [TableLock(key, .accessExclusive)])
        }
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

    private var foreignKeysThatGo: [QualifiedName] {
        Set(
            judged.table.constraints.filter {
                $0.kind == .foreignKey && $0.columns.contains(operation.column)
            }.compactMap(\.references).filter { $0 != table }
        ).sorted()
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
