import SQLText

extension StepMaker {
    /// NOT NULL without a scan under a strong lock: a check NOT VALID, its validation, then SET NOT
    /// NULL, which PostgreSQL takes the check's word for (manual, "ALTER TABLE"), and the check goes.
    ///
    /// Two statements in the last step: within one ALTER TABLE the drop would run first, and SET NOT
    /// NULL would scan.
    mutating func addNotNull(
        _ column: Identifier, check: Identifier, phase: Phase, setPhase: Phase? = nil,
        violators: ViolatorSearch? = nil
    ) {
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
        let dropNotNull: SQL = "ALTER TABLE \(table) ALTER COLUMN \(column) DROP NOT NULL"
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

    /// The undo that gives a column its NOT NULL back, in the same three moves. Rows that have no value
    /// are listed before anything is refused.
    ///
    /// - Parameter key: the columns that name a row to a person.
    func restoreNotNull(_ column: Identifier, check: Identifier, key: [Identifier]) -> [Undo] {
        [
            Undo(
                "not-null-probe", "look for rows without \(column)",
                .probe(
                    Probe(
                        table: table, expressions: [],
                        violations: [
                            .init(
                                label: "\(column) is NULL, which it was not before",
                                expression: "\(column) IS NULL")
                        ], key: key,
                        advice: "Give them a value, then roll back again; it goes on from here."))),
            Undo(
                "not-null-check", "refuse NULL in new values of \(column)",
                .ddl(
                    [
                        "ALTER TABLE \(table) ADD CONSTRAINT \(check) CHECK (\(column) IS NOT NULL) NOT VALID"
                    ], on: table, .accessExclusive)),
            Undo(
                "not-null-validate", "prove that no \(column) is NULL",
                .ddl(
                    ["ALTER TABLE \(table) VALIDATE CONSTRAINT \(check)"], on: table,
                    .shareUpdateExclusive, scans: table)),
            Undo(
                "not-null", "set \(column) NOT NULL",
                .ddl(
                    [
                        "ALTER TABLE \(table) ALTER COLUMN \(column) SET NOT NULL",
                        "ALTER TABLE \(table) DROP CONSTRAINT \(check)",
                    ], on: table, .accessExclusive)),
        ]
    }
}
