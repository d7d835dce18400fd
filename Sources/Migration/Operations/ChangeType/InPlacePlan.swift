import SQLText

/// The plan of a type change that is made in the catalogue: one short statement in Expand.
///
/// PostgreSQL reads the whole table for a check of the column that is there while its type changes, even
/// where it only widens. So each check is taken out and put back NOT VALID in the same transaction, and
/// proven afterwards; no write gets past it.
struct InPlacePlan {
    let operation: ChangeType
    let table: TableFacts
    let old: ColumnFacts
    let newType: String
    let change: InPlaceChange
    let context: PlanContext

    private var name: QualifiedName { table.name }
    private var column: Identifier { Identifier(operation.column) }
    private var exclusive: [TableLock] { [TableLock(name, .accessExclusive)] }
    private var checks: [ConstraintFacts] {
        table.constraints.filter {
            $0.kind == .check && $0.definition.columns.contains(operation.column)
        }
    }

    var plan: OperationPlan {
        var maker = StepMaker(number: context.number, table: name)
        maker.add(
            .expand, "change-type", "change the type of \(column) to \(newType), in place",
            .transaction(TransactionAction(statements(to: newType))), undo: undo(maker))
        for check in checks where check.isValidated {
            maker.validate(
                Identifier(check.name), what: "validate-\(maker.word(check.name))",
                phase: .expand, "prove \(check.name) for every row again")
        }
        maker.add(
            .expand, "analyze", "gather statistics of \(column), which lost them with its type",
            .transaction(TransactionAction([analyze])))
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: ChangeType.key,
                title:
                    "change the type of \(name).\(column) from \(old.type) to \(newType), in place",
                tables: [name], keeps: keeps),
            steps: maker.steps, hazards: hazards, synced: [name: [operation.column]])
    }

    private var analyze: Statement {
        Statement(
            "ANALYZE \(name) (\(column))", locks: [TableLock(name, .shareUpdateExclusive)])
    }

    /// Without COLLATE the column would get the type's own, and its indexes be built anew.
    private func statements(to type: String, dropping limit: Identifier? = nil) -> [Statement] {
        let collation: SQL = old.collation.map { " COLLATE \(SQL(writtenByUser: $0))" } ?? ""
        let dropped = checks.map { Identifier($0.name) } + [limit].compactMap { $0 }
        return dropped.map {
            Statement("ALTER TABLE \(name) DROP CONSTRAINT \($0)", locks: exclusive)
        }
            + [
                Statement(
                    "ALTER TABLE \(name) ALTER COLUMN \(column) TYPE \(SQL(writtenByUser: type))\(collation)",
                    locks: exclusive)
            ] + checks.flatMap(restored)
    }

    private func restored(_ check: ConstraintFacts) -> [Statement] {
        var text = check.definition.sql().text
        if !text.hasSuffix(" NOT VALID") { text += " NOT VALID" }
        var statements = [
            Statement(
                "ALTER TABLE \(name) ADD CONSTRAINT \(Identifier(check.name)) \(SQL(writtenByUser: text))",
                locks: exclusive)
        ]
        if let comment = check.comment {
            statements.append(
                Statement(
                    "COMMENT ON CONSTRAINT \(Identifier(check.name)) ON \(name) IS \(literal: comment)",
                    locks: [TableLock(name, .shareUpdateExclusive)]))
        }
        return statements
    }

    // MARK: The way back

    private var limit: Identifier {
        OurNames.typeLimit(context.migration, name, column: operation.column)
    }

    /// The narrower type reads, or even rewrites, the whole table under ACCESS EXCLUSIVE: so the wider one
    /// stays, held to the old one's limit by a check where a check can do that, and goes back only if
    /// asked, and only where that takes no longer than the stall budget.
    private func undo(_ maker: StepMaker) -> [StepMaker.Undo] {
        switch change.wayBack {
        case .free: typeBack(isPurge: false)
        case .check(let condition): limitSteps(condition) + typeBack(dropping: limit)
        case .rounding: typeBack()
        }
    }

    private func limitSteps(_ condition: SQL) -> [StepMaker.Undo] {
        [
            .init(
                "gate", "wait until nothing writes what \(old.type) can't hold",
                .gate(
                    Gate(
                        id: "\(context.number).undo",
                        text:
                            "No version of the application writes to \(name).\(column) what \(old.type) can't hold any more"
                    ))),
            .init(
                "probe", "look for values that \(old.type) can't hold",
                .probe(
                    Probe(
                        table: name, expressions: [],
                        violations: [
                            .init(
                                label: "\(column) has a value that \(old.type) can't hold",
                                expression: "NOT (\(condition))")
                        ], key: table.primaryKey.map { Identifier($0) },
                        advice: "Mend them, then roll back again; it goes on from here."))),
            .init(
                "limit", "refuse what \(old.type) can't hold",
                .ddl(
                    [
                        "ALTER TABLE \(name) ADD CONSTRAINT \(limit) CHECK (\(condition)) NOT VALID"
                    ], on: name, .accessExclusive)),
            .init(
                "prove", "prove that \(old.type) can hold every value",
                .ddl(
                    ["ALTER TABLE \(name) VALIDATE CONSTRAINT \(limit)"], on: name,
                    .shareUpdateExclusive, scans: name)),
        ]
    }

    /// - Parameter isPurge: it rewrites the table, so it runs for `rollback --purge` alone.
    private func typeBack(
        dropping limit: Identifier? = nil, isPurge: Bool = true
    ) -> [StepMaker.Undo] {
        [
            .init(
                "type", "change the type of \(column) back to \(old.type)",
                .transaction(
                    TransactionAction(
                        statements(to: old.type, dropping: limit), scans: isPurge ? name : nil,
                        rewrites: isPurge)), isPurge: isPurge)
        ]
            + checks.filter(\.isValidated).map { check in
                .init(
                    "validate-\(StepMaker(number: 0, table: name).word(check.name))",
                    "prove \(check.name) for every row again",
                    .ddl(
                        ["ALTER TABLE \(name) VALIDATE CONSTRAINT \(Identifier(check.name))"],
                        on: name, .shareUpdateExclusive, scans: name), isPurge: isPurge)
            }
            + [
                .init(
                    "analyze", "gather statistics of \(column) again",
                    .transaction(TransactionAction([analyze])), isPurge: isPurge)
            ]
    }

    private var keeps: [String] {
        let purge =
            "\"rollback --purge\" changes it back, which rewrites the table under ACCESS EXCLUSIVE: it is given up, with nothing changed, where that takes longer than \"stall_budget\"."
        return switch change.wayBack {
        case .free: ["Every write: both types hold the same values."]
        case .check:
            [
                "Every write that \(old.type) can hold; the others are listed, and must be mended first.",
                "The type stays \(newType), held by a check to what \(old.type) can hold. \(purge)",
            ]
        case .rounding:
            [
                "Every write as it is.",
                "The type stays \(newType). \(purge) It rounds what has more digits than \(old.type) has.",
            ]
        }
    }

    // MARK: Hazards

    private var hazards: [Hazard] {
        var hazards = [
            Hazard(
                rule: "cached-plan", severity: .danger,
                message:
                    "Statements that clients have prepared and that return \(name).\(column) raise \"cached plan must not change result type\" from the change on, until they are prepared again.",
                safeWay:
                    "\"method: replace\" leaves every client's statements alone; or see that the driver prepares again by itself."
            ),
            Hazard(
                rule: "statistics-lost", severity: .note,
                message:
                    "PostgreSQL forgets the statistics of \(column) with its type; until the step after it, plans that rest on them are guesses."
            ),
        ]
        if change.wayBack != .free {
            hazards.append(
                Hazard(
                    rule: "wider-type-stays", severity: .warning,
                    message:
                        "There is no way from \(newType) back to \(old.type) without rewriting the table: a rollback leaves the wider type."
                ))
        }
        hazards += checks.map {
            Hazard(
                rule: "check-proven-again", severity: .note,
                message:
                    "The check \($0.name) is put back NOT VALID, so that nothing is read under ACCESS EXCLUSIVE\($0.isValidated ? ", and proven again" : "")."
            )
        }
        if !table.publications.isEmpty {
            hazards.append(
                Hazard(
                    rule: "publication", severity: .warning,
                    message:
                        "\(name) is published by \(table.publications.joined(separator: ", ")): a subscriber whose \(column) is \(old.type) stops at the first value that does not fit.",
                    safeWay: "Change the type on every subscriber first."))
        }
        return hazards
    }
}
