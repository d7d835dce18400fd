import SQLText

/// `set_not_null`.
///
/// - With `up`: Expand tries it; Migrate gives it to what is written with NULL; Backfill fills the
///   rows that have NULL, then a check refuses NULL and is proven; Contract sets NOT NULL and, behind
///   a gate, drops the trigger.
/// - Without: Migrate counts the NULLs, waits for a person to say that none is written any more, and
///   counts again; then likewise.
///
/// Never the check before the last NULL is gone: it fails updates of other columns of such a row.
struct SetNotNull: Operation {
    static let key = "set_not_null"
    static let fields = ["table", "column", "up", "keep"]

    let table: TableReference
    let column: String
    let up: String?
    let keep: Bool
    let source: Fields

    init(_ fields: Fields) throws(SpecError) {
        source = fields
        table = try fields.table()
        column = try fields.identifier("column")
        up = try fields.optionalExpression("up")
        keep = try fields.boolean("keep", default: false)
        if keep, up == nil {
            throw try fields.required("keep").error(
                "\"keep\" keeps which rows \"up\" filled; without \"up\" nothing is filled")
        }
    }

    // MARK: What is asked of the server

    private func upQuestion(_ type: String) -> ExpressionQuestion? {
        up.map { ExpressionQuestion(table: table.text, text: $0, assignedTo: type) }
    }

    var questions: Questions {
        var questions = Questions()
        questions.tables = [table.text]
        return questions
    }

    func questions(knowing facts: Facts) -> Questions {
        var questions = Questions()
        if let column = facts.tables[table.text]?.column(column),
            let question = upQuestion(column.type)
        {
            questions.expressions = [question]
        }
        return questions
    }

    // MARK: The plan

    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan {
        let judged = try judge(context)
        let name = Identifier(column)
        let table = judged.table.name
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: Self.key, title: "set \(table).\(name) NOT NULL",
                tables: [table],
                keeps: keeps(judged)), steps: steps(context, judged), hazards: hazards(judged),
            synced: [table: [column]])
    }

    private func keeps(_ judged: Judged) -> [String] {
        if let kept = judged.kept {
            return [
                kept.keeps,
                "A row that the application writes with NULL meanwhile is given the value of up at once, and keeps it.",
            ]
        }
        return [
            up == nil
                ? "Everything: it changes no row."
                : "Nothing of the NULLs: rows that were filled keep the value of up."
        ]
    }

    private struct Judged {
        let table: TableFacts
        let column: ColumnFacts
        /// What fills it; nil without `up`.
        let filling: FillOnWrite?
        let hasSubquery: Bool
        /// Which rows had NULL, with "keep".
        let kept: KeptValues?
    }

    private func judge(_ context: PlanContext) throws(Refusals) -> Judged {
        var refusals = RefusalList(file: context.file)
        let table = TableJudgement(
            context: context, reference: table, mark: source.mark("table"),
            partitioned: .works
        ).table(&refusals)
        let found = table?.existing([column], at: source.mark("column"), &refusals)?.first
        guard let table, let found else {
            throw Refusals(file: context.file, refusals: refusals.refusals)
        }
        judgeColumn(found, table, &refusals)
        if up != nil {
            ColumnJudgement(table: table, name: column, mark: source.mark("column"))
                .refusePartitionKey(&refusals)
        }
        var upFacts: ExpressionFacts?
        if let up, let question = upQuestion(found.type) {
            upFacts = ExpressionJudgement(
                context: context, role: "up", text: up, mark: source.mark("up"), table: table
            ).facts(
                question, [.executableByWriters, .noGeneratedInputs, .assignable], &refusals)
        }
        var kept: KeptValues?
        if keep {
            kept = KeptValues.judged(
                context, table, [found], at: source.mark("keep"), &refusals)
        }
        try refusals.throwIfAny()
        let filling = up.map {
            FillOnWrite(
                context: context, table: table, column: found, value: $0,
                reads: upFacts?.columns ?? [], isVolatile: upFacts?.isVolatile ?? false,
                kept: kept)
        }
        return Judged(
            table: table, column: found, filling: filling,
            hasSubquery: upFacts?.hasSubquery ?? false, kept: kept)
    }

    private func judgeColumn(
        _ column: ColumnFacts, _ table: TableFacts, _ refusals: inout RefusalList
    ) {
        let mark = source.mark("column")
        if column.isNotNull {
            // PostgreSQL 18 knows constraints NOT NULL that are not proven.
            let isProven = !table.constraints.contains {
                $0.kind == .notNull && $0.columns == [column.name] && !$0.isValidated
            }
            refusals.refuse(
                "already-not-null",
                "\(column.name) is NOT NULL already\(isProven ? "" : ", by a constraint that is NOT VALID")",
                instead: isProven
                    ? "Take the operation out."
                    : "Prove it by a \"sql\" operation: ALTER TABLE … VALIDATE CONSTRAINT ….",
                at: mark)
        }
        guard up != nil else { return }
        if column.generation == .stored || column.generation == .virtual {
            refusals.refuse(
                "generated-column", "\(column.name) is generated and can't be filled",
                instead: "Leave \"up\" out, and fill what it is generated from.",
                at: source.mark("up"))
        }
        if !table.subscriptions.isEmpty {
            refusals.refuse(
                "subscription",
                "subscription \(table.subscriptions.joined(separator: ", ")) writes \(table.name), and would bring NULLs again",
                instead: "Fill it on the publisher.", at: source.mark("table"))
        }
    }

    // MARK: Steps

    private func steps(_ context: PlanContext, _ judged: Judged) -> [Step] {
        var maker = StepMaker(number: context.number, table: judged.table.name)
        let name = Identifier(column)
        if let filling = judged.filling {
            if let probe = upProbe(judged) {
                maker.add(
                    .expand, "probe", "try up on every row whose \(name) is NULL", .probe(probe))
            }
            maker.addTrigger(filling)
            maker.addFill(filling)
        } else {
            waitForTheLast(judged, &maker)
        }
        maker.addNotNull(
            NotNull(context, judged.table, column), phase: .backfill, setPhase: .contract,
            violators: .rows(
                of: judged.table, where: "\(name) IS NULL",
                found: "rows of \(judged.table.name) have NULL in \(name)",
                advice:
                    "They can't be updated until they have a value: give them one, then run again."
            ))
        if let filling = judged.filling {
            maker.add(
                .contract, "gate", "wait until nothing writes NULL to \(name)",
                .gate(
                    Gate(id: "\(context.number).contract", text: nothingWritesNull(judged))))
            maker.dropTrigger(filling)
        }
        if let kept = judged.kept { maker.addStorePurge(kept) }
        return maker.steps
    }

    private func nothingWritesNull(_ judged: Judged) -> String {
        "No version of the application that runs writes NULL to \(judged.table.name).\(Identifier(column))"
    }

    /// NULLs that are there are named before anybody is asked, and counted once more when it was said
    /// that none is written: what was written in between would be refused at its next update.
    private func waitForTheLast(_ judged: Judged, _ maker: inout StepMaker) {
        let name = Identifier(column)
        func count(_ what: String, _ title: String) {
            maker.add(
                .migrate, what, title,
                .probe(
                    Probe(
                        table: judged.table.name, expressions: [],
                        violations: [
                            .init(label: "\(name) is NULL", expression: "\(name) IS NULL")
                        ], key: judged.table.key,
                        advice:
                            "Give them a value, then run again. (\"up\" in the spec fills them in batches.)"
                    )))
        }
        count("nulls", "count the rows of \(judged.table.name) whose \(name) is NULL")
        maker.add(
            .migrate, "gate", "wait until nothing writes NULL to \(name)",
            .gate(Gate(id: "\(maker.number).migrate", text: nothingWritesNull(judged))))
        count("nulls-again", "look whether one was written meanwhile")
    }

    /// Where `up` gives another value each time, one that was tried says nothing of the next.
    private func upProbe(_ judged: Judged) -> Probe? {
        guard let up, judged.filling?.isVolatile == false else { return nil }
        let name = Identifier(column)
        let (value, type) = (SQL(writtenByUser: up), SQL(writtenByUser: judged.column.type))
        return Probe(
            table: judged.table.name,
            expressions: [
                .init(
                    label: "up (\(up))",
                    expression: "CASE WHEN \(name) IS NULL THEN (\(value))::\(type) END")
            ],
            violations: [
                .init(
                    label: "\(name) is NULL and so is what up gives",
                    expression: "\(name) IS NULL AND (\(value)) IS NULL")
            ], key: judged.table.key)
    }

    // MARK: Hazards

    private func hazards(_ judged: Judged) -> [Hazard] {
        var hazards = [
            Hazard(
                rule: "stricter-table", severity: .warning,
                message: judged.filling == nil
                    ? "From Backfill on, a write of NULL to \(Identifier(column)) is an error of the application's."
                    : "From Backfill on, a write of NULL to \(Identifier(column)) for which up gives NULL too is an error of the application's; from the end of Contract on, every one."
            )
        ]
        guard let filling = judged.filling else {
            return hazards + judged.table.subscriptionHazards
                + Hazard.partitionedRows(judged.table)
        }
        hazards.append(
            judged.kept?.hazard(Identifier(column).quoted)
                ?? Hazard(
                    rule: "not-undone", severity: .warning,
                    message:
                        "A rollback does not bring back the NULLs: which rows had one is not kept.",
                    safeWay: "\"keep: true\" stores them beside until the purge."))
        return hazards + filling.hazards(hasSubquery: judged.hasSubquery)
            + TableHazards(table: judged.table, column: column).all.filter {
                $0.rule == "serialization" || $0.rule == "row-security"
            }
    }
}

extension SetNotNull {
    func footprint(_ facts: Facts) -> Footprint {
        var footprint = Footprint()
        guard let table = facts.tables[table.text] else { return footprint }
        footprint.reads = [table.name: [column]]
        guard let up, let type = table.column(column)?.type,
            let known = upQuestion(type).flatMap({ facts.expressions[$0] })
        else { return footprint }
        footprint.writes = [table.name: [column]]
        footprint.reads[table.name]?.formUnion(known.columns)
        if known.hasSubquery { footprint.subqueries = [up] }
        return footprint
    }
}
