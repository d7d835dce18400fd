import SQLText

extension StepMaker {
    /// NOT NULL without a scan under a strong lock: the constraint NOT VALID, its validation; before
    /// 18 a check in its place, then SET NOT NULL, which PostgreSQL takes the check's word for (manual,
    /// "ALTER TABLE"), and the check goes.
    ///
    /// - Parameter setPhase: where SET NOT NULL stands; the constraint needs none.
    mutating func addNotNull(
        _ notNull: NotNull, phase: Phase, setPhase: Phase? = nil,
        violators: ViolatorSearch? = nil
    ) {
        let column = notNull.column
        let dropNotNull: SQL = "ALTER TABLE \(table) ALTER COLUMN \(column) DROP NOT NULL"
        if let constraint = notNull.constraint {
            // Measured on 18.4: ACCESS EXCLUSIVE, no scan; VALIDATE: SHARE UPDATE EXCLUSIVE.
            addStep(
                phase, "not-null", "refuse NULL in new values of \(column)",
                "ALTER TABLE \(table) ADD CONSTRAINT \(constraint.name) \(constraint.definition) NOT VALID",
                undo: Undo(
                    "drop", "let \(column) be NULL again",
                    .ddl([dropNotNull], on: table, .accessExclusive)))
            validate(
                constraint.name, what: "not-null-validate", phase: phase,
                "prove that no \(column) is NULL", violators: violators)
            return
        }
        let check = notNull.check
        let addCheck: SQL =
            "ALTER TABLE \(table) ADD CONSTRAINT \(check) CHECK (\(column) IS NOT NULL) NOT VALID"
        let dropCheck: SQL = "ALTER TABLE \(table) DROP CONSTRAINT IF EXISTS \(check)"
        addStep(
            phase, "not-null-check", "refuse NULL in new values of \(column)", addCheck,
            undo: Undo(
                "drop", "drop the check \(check)", .ddl([dropCheck], on: table, .accessExclusive)))
        validate(
            check, what: "not-null-validate", phase: phase, "prove that no \(column) is NULL",
            violators: violators)
        // Two statements in the last step: within one ALTER TABLE the drop would run first, and SET NOT
        // NULL would scan.
        var undo = [
            Undo(
                "drop", "let \(column) be NULL again",
                .ddl([dropNotNull], on: table, .accessExclusive))
        ]
        if let setPhase, setPhase != phase {
            // A rollback to the end of the earlier phase leaves the check there, proven, as the way
            // forward needs it again. In one transaction, so that no NULL comes in between.
            undo = [
                Undo(
                    "drop", "let \(column) be NULL for PostgreSQL again, and not for the check",
                    .ddl([addCheck, dropNotNull], on: table, .accessExclusive)),
                Undo(
                    "validate", "prove that no \(column) is NULL",
                    .ddl(
                        ["ALTER TABLE \(table) VALIDATE CONSTRAINT \(check)"], on: table,
                        .shareUpdateExclusive, scans: table)),
            ]
        }
        add(
            setPhase ?? phase, "not-null", "set \(column) NOT NULL",
            .ddl(
                [
                    "ALTER TABLE \(table) ALTER COLUMN \(column) SET NOT NULL",
                    "ALTER TABLE \(table) DROP CONSTRAINT \(check)",
                ], on: table, .accessExclusive), undo: undo)
    }

    mutating func addStep(
        _ phase: Phase, _ what: String, _ title: String, _ statement: SQL, undo: Undo
    ) {
        add(phase, what, title, .ddl([statement], on: table, .accessExclusive), undo: [undo])
    }

    /// VALIDATE in a transaction of its own: in the one that added the constraint it would keep the
    /// strong lock while it scans. SHARE UPDATE EXCLUSIVE stalls no ordinary statement.
    mutating func validate(
        _ constraint: Identifier, what: String, phase: Phase, _ title: String,
        references: QualifiedName? = nil, violators: ViolatorSearch? = nil
    ) {
        add(
            phase, what, title,
            validation(of: constraint, references: references, violators: violators))
    }

    /// - Parameters:
    ///   - references: the table that a foreign key references.
    ///   - violators: what to ask where a row does not meet it.
    func validation(
        of constraint: Identifier, references: QualifiedName? = nil,
        violators: ViolatorSearch? = nil
    ) -> StepAction {
        var locks = [TableLock(table, .shareUpdateExclusive)]
        if let references, references != table { locks.append(TableLock(references, .rowShare)) }
        return .transaction(
            TransactionAction(
                [
                    Statement(
                        "ALTER TABLE \(table) VALIDATE CONSTRAINT \(constraint)", locks: locks)
                ], scans: table, violators: violators))
    }

    /// The undo that gives a column its NOT NULL back, in the same moves. Rows that have no value are
    /// listed before anything is refused.
    ///
    /// - Parameter key: the columns that name a row to a person.
    func restoreNotNull(_ notNull: NotNull, key: [Identifier]) -> [Undo] {
        let column = notNull.column
        let probe = Undo(
            "not-null-probe", "look for rows without \(column)",
            .probe(
                Probe(
                    table: table, expressions: [],
                    violations: [
                        .init(
                            label: "\(column) is NULL, which it was not before",
                            expression: "\(column) IS NULL")
                    ], key: key,
                    advice: "Give them a value, then roll back again; it goes on from here.")))
        if let constraint = notNull.constraint { return [probe] + restore(constraint, column) }
        return [
            probe,
            Undo(
                "not-null-check", "refuse NULL in new values of \(column)",
                .ddl(
                    [
                        "ALTER TABLE \(table) ADD CONSTRAINT \(notNull.check) CHECK (\(column) IS NOT NULL) NOT VALID"
                    ], on: table, .accessExclusive)),
            Undo(
                "not-null-validate", "prove that no \(column) is NULL",
                .ddl(
                    ["ALTER TABLE \(table) VALIDATE CONSTRAINT \(notNull.check)"], on: table,
                    .shareUpdateExclusive, scans: table)),
            Undo(
                "not-null", "set \(column) NOT NULL",
                .ddl(
                    [
                        "ALTER TABLE \(table) ALTER COLUMN \(column) SET NOT NULL",
                        "ALTER TABLE \(table) DROP CONSTRAINT \(notNull.check)",
                    ], on: table, .accessExclusive)),
        ]
    }

    /// The constraint of before, by its name.
    private func restore(_ constraint: NotNull.Constraint, _ column: Identifier) -> [Undo] {
        let comment: [SQL] =
            constraint.comment.map {
                ["COMMENT ON CONSTRAINT \(constraint.name) ON \(table) IS \(literal: $0)"]
            } ?? []
        let add: SQL =
            "ALTER TABLE \(table) ADD CONSTRAINT \(constraint.name) \(constraint.definition) NOT VALID"
        let undo = [
            Undo(
                "not-null", "refuse NULL in new values of \(column)",
                .ddl([add] + comment, on: table, .accessExclusive))
        ]
        guard constraint.isValidated else { return undo }
        return undo + [
            Undo(
                "not-null-validate", "prove that no \(column) is NULL",
                .ddl(
                    ["ALTER TABLE \(table) VALIDATE CONSTRAINT \(constraint.name)"], on: table,
                    .shareUpdateExclusive, scans: table))
        ]
    }
}
