import SQLText

/// `add_check`: Migrate counts the rows that the check refuses; Backfill adds it for new rows, then
/// proves it for all.
///
/// It is not added while a row breaks it: every update of such a row, of whatever column, would be
/// refused from then on. Whether the application still writes such rows nobody can know; that it did
/// shows in the count, and so a run that finds some stops there, with what is to be done.
struct AddCheck: Operation {
    static let key = "add_check"
    static let fields = ["table", "name", "check"]

    let table: TableReference
    let name: String
    let check: String
    let source: Fields

    init(_ fields: Fields) throws(SpecError) {
        source = fields
        table = try fields.table()
        name = try fields.identifier("name")
        check = try fields.expression("check")
    }

    private var question: ExpressionQuestion {
        ExpressionQuestion(table: table.text, text: check)
    }

    var questions: Questions {
        var questions = Questions()
        questions.tables = [table.text]
        questions.expressions = [question]
        return questions
    }

    // MARK: The plan

    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan {
        var refusals = RefusalList(file: context.file)
        let judged = TableJudgement(
            context: context, reference: table, mark: source.mark("table"),
            partitioned: .works
        ).table(&refusals)
        guard let judged else { throw Refusals(file: context.file, refusals: refusals.refusals) }
        judged.refuseTakenName(name, at: source.mark("name"), &refusals)
        let known = judgeCheck(context, judged, &refusals)
        try refusals.throwIfAny()
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: Self.key,
                title: "check \(Identifier(name)) (\(check)) on \(judged.name)",
                tables: [judged.name], keeps: ["Everything: a check holds nothing of its own."]),
            steps: steps(context, judged), hazards: hazards(judged, known))
    }

    private func judgeCheck(
        _ context: PlanContext, _ facts: TableFacts, _ refusals: inout RefusalList
    ) -> ExpressionFacts? {
        let mark = source.mark("check")
        let known = ExpressionJudgement(
            context: context, role: "check", text: check, mark: mark, table: facts
        ).facts(question, [.noSubquery, .noVolatile, .executableByWriters], &refusals)
        guard let known else { return nil }
        if known.type != "boolean" {
            refusals.refuse(
                "not-a-condition", "check (\(check)) is of type \(known.type), not a condition",
                instead: "Write what must be true of a row: \(Identifier(name)) > 0, say.", at: mark
            )
        }
        for column in known.columns {
            ColumnJudgement(table: facts, name: column, mark: mark).refuseBusy(&refusals)
        }
        return known
    }

    /// A check passes where it is NULL (manual, "Constraints").
    private var isBroken: SQL { "NOT (\(SQL(writtenByUser: check)))" }

    private func steps(_ context: PlanContext, _ facts: TableFacts) -> [Step] {
        var maker = StepMaker(number: context.number, table: facts.name)
        let name = Identifier(name)
        maker.add(
            .migrate, "violators", "count the rows of \(facts.name) that \(name) refuses",
            .probe(
                Probe(
                    table: facts.name,
                    expressions: [
                        .init(
                            label: "check (\(check))",
                            expression: "(\(SQL(writtenByUser: check)))")
                    ],
                    violations: [
                        .init(label: "the check (\(check)) refuses them", expression: isBroken)
                    ], key: facts.key,
                    advice:
                        "Mend them, and see that no version of the application writes such rows any more; then run again."
                )))
        let definition: SQL = "CHECK (\(SQL(writtenByUser: check)))"
        maker.add(
            .backfill, "check", "check new rows: \(name)", maker.addition(of: name, definition),
            undo: [.init("drop", "drop the check \(name)", maker.removal(of: name))])
        maker.validate(
            name, what: "validate", phase: .backfill, "prove \(name) for every row",
            violators: .rows(
                of: facts, where: isBroken,
                found: "rows of \(facts.name) break the check \(name) (\(check))",
                advice:
                    "They were written before it was there, and can't be updated until they meet it: mend them, then run again."
            ))
        return maker.steps
    }

    private func hazards(_ facts: TableFacts, _ known: ExpressionFacts?) -> [Hazard] {
        var hazards = [
            Hazard(
                rule: "stricter-table", severity: .warning,
                message:
                    "From Backfill on, a write to \(facts.name) that the check (\(check)) refuses is an error of the application's.",
                safeWay: "Deploy what writes such rows no more before Backfill.")
        ]
        if known?.isStable == true {
            hazards.append(
                Hazard(
                    rule: "stable-check", severity: .warning,
                    message:
                        "The check (\(check)) depends on more than the row (a setting, the time): a row that meets it today may be refused at its next update, or when a dump is restored.",
                    safeWay: "Use functions that depend on nothing but their arguments."))
        }
        return hazards + facts.subscriptionHazards + Hazard.partitionedRows(facts)
    }
}

extension AddCheck {
    var specNames: SpecNames { SpecNames(made: [name]) }

    func footprint(_ facts: Facts) -> Footprint {
        var footprint = Footprint()
        guard let table = facts.tables[table.text]?.name else { return footprint }
        footprint.reads = [table: Set(facts.expressions[question]?.columns ?? [])]
        footprint.makes = [.constraint(name, of: table)]
        return footprint
    }
}
