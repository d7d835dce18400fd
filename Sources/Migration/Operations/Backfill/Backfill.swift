import OrderedCollections
import SQLText

/// `backfill`: Backfill. Columns from expressions where `where` still holds.
///
/// No trigger of ours fills rows that move, so the walk is by key, or repeats; it ends only if `where`
/// is false for a row once `set` is applied, which is proven here or refused.
struct Backfill: Operation {
    static let key = "backfill"
    static let fields = ["table", "set", "where", "keep"]

    let table: TableReference
    let set: OrderedDictionary<String, String>
    let condition: String
    let keep: Bool
    let source: Fields
    private let setMarks: [String: SourceMark]

    init(_ fields: Fields) throws(SpecError) {
        source = fields
        table = try fields.table()
        condition = try fields.expression("where")
        keep = try fields.boolean("keep", default: false)
        let value = try fields.required("set")
        guard case .mapping(let entries) = value.content, !entries.isEmpty else {
            throw value.error("\"set\" has a line a column: \"column: expression\"")
        }
        var set: OrderedDictionary<String, String> = [:]
        var marks: [String: SourceMark] = [:]
        for entry in entries {
            guard Identifier(entry.key).isWithinLimit else {
                throw SpecError(
                    file: fields.file, mark: entry.keyMark,
                    message: "this is no column's name; PostgreSQL stores 1 to 63 bytes")
            }
            let text = try entry.value.string("\"\(entry.key)\"").trimmed
            if let problem = ExpressionText.problem(in: text) {
                throw entry.value.error("the expression of \"\(entry.key)\" \(problem)")
            }
            set[entry.key] = text
            marks[entry.key] = entry.value.mark
        }
        self.set = set
        setMarks = marks
    }

    // MARK: What is asked of the server

    private var conditionQuestion: ExpressionQuestion {
        ExpressionQuestion(table: table.text, text: condition)
    }

    private func question(_ text: String, _ column: ColumnFacts) -> ExpressionQuestion {
        ExpressionQuestion(table: table.text, text: text, assignedTo: column.type)
    }

    /// What `where` says of a row in which `set` was applied, where that is a row of constants.
    ///
    /// With the cast to the column's type: what is stored counts, 1.005 in numeric(10,2) is 1.01.
    private func proofQuestion(_ facts: TableFacts) -> ExpressionQuestion {
        ExpressionQuestion(
            table: table.text, text: condition,
            over: set.map { name, text in
                let type = facts.column(name).map { "::\($0.type)" } ?? ""
                return .init(name: name, text: "(\(text))\(type)")
            })
    }

    var questions: Questions {
        var questions = Questions()
        questions.tables = [table.text]
        questions.expressions = [conditionQuestion]
        return questions
    }

    func questions(knowing facts: Facts) -> Questions {
        var questions = Questions()
        guard let table = facts.tables[table.text] else { return questions }
        for (name, text) in set {
            guard let column = table.column(name) else { continue }
            questions.expressions.insert(question(text, column))
        }
        questions.expressions.insert(proofQuestion(table))
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
        let predicate = judge(context, judged, &refusals)
        let filled = set.keys.compactMap { judged.column($0) }
        var kept: KeptValues?
        if keep, filled.count == set.count {
            kept = KeptValues.judged(
                context, judged, filled, at: source.mark("keep"), &refusals)
        }
        try refusals.throwIfAny()
        guard let predicate else { throw Refusals(file: context.file, refusals: []) }
        let columns = set.keys.map { Identifier($0).quoted }.joined(separator: ", ")
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: Self.key,
                title: "fill \(columns) of \(judged.name) where \(condition)",
                tables: [judged.name],
                keeps: [kept?.keeps ?? "Nothing: the values that it writes over are gone."]),
            steps: steps(context, judged, predicate, kept), hazards: hazards(judged, kept),
            synced: [judged.name: Set(set.keys)])
    }

    private func steps(
        _ context: PlanContext, _ facts: TableFacts, _ predicate: SQL, _ kept: KeptValues?
    ) -> [Step] {
        var maker = StepMaker(number: context.number, table: facts.name)
        if let kept { maker.addStore(kept) }
        maker.add(
            .backfill, "fill", "fill \(set.keys.joined(separator: ", ")) of \(facts.name)",
            .fill(
                Fill(
                    table: facts.name,
                    assignments: set.map {
                        .init(column: Identifier($0.key), expression: SQL(writtenByUser: $0.value))
                    }, predicate: predicate,
                    walk: facts.primaryKey.isEmpty
                        ? .repeated : .key(facts.primaryKey.map { Identifier($0) }),
                    triggerSetting: nil, keeping: kept?.keeping)),
            undo: kept.map { [maker.restore($0, triggerSetting: nil)] } ?? [])
        if let kept { maker.addStorePurge(kept) }
        return maker.steps
    }

    private func hazards(_ facts: TableFacts, _ kept: KeptValues?) -> [Hazard] {
        let rest = TableHazards(table: facts, column: "").all.filter {
            $0.rule == "serialization" || $0.rule == "row-security"
        }
        let triggers = TriggerHazards(
            table: facts, synced: [], filled: set.keys.joined(separator: ", "))
        let undone =
            kept?.hazard(set.keys.map { Identifier($0).quoted }.joined(separator: ", "))
            ?? Hazard(
                rule: "not-undone", severity: .warning,
                message: "A rollback does not bring back what this backfill writes over.",
                safeWay:
                    "\"keep: true\" stores it beside until the purge; or fill a new column instead (add_column with up, replace_column)."
            )
        let quiet = Hazard(
            rule: "fill-needs-quiet", severity: .note,
            message:
                "It is done when a pass over the whole table finds no row that \"where\" meets: it goes on for as long as the application writes such rows.",
            safeWay:
                "Deploy what no longer writes them first; add_column and set_not_null with \"up\" fill on write as well."
        )
        return [undone, quiet] + triggers.all + rest
    }

    // MARK: What speaks against it

    /// The predicate of the fill, or nil where something was refused.
    private func judge(
        _ context: PlanContext, _ facts: TableFacts, _ refusals: inout RefusalList
    ) -> SQL? {
        let known = ExpressionJudgement(
            context: context, role: "where", text: condition, mark: source.mark("where"),
            table: facts
        ).facts(conditionQuestion, [.noSubquery, .noVolatile], &refusals)
        var values: OrderedDictionary<String, ExpressionFacts> = [:]
        for (name, text) in set {
            let mark = setMarks[name] ?? source.mark("set")
            guard let column = facts.column(name) else {
                let near = Suggestion.didYouMean(name, among: facts.columns.map(\.name))
                refusals.refuse(
                    "missing-column", "\(facts.name) has no column \"\(name)\"",
                    instead: near.map { $0.prefix(1).uppercased() + $0.dropFirst() }
                        ?? facts.columnList, at: mark)
                continue
            }
            judgeTarget(column, facts, mark, &refusals)
            values[name] = ExpressionJudgement(
                context: context, role: "the expression of \(name)", text: text, mark: mark,
                table: facts
            ).facts(question(text, column), [.assignable], &refusals)
        }
        guard let known, values.count == set.count else { return nil }
        let proof = BackfillProof(
            table: facts, set: set, condition: condition, conditionFacts: known, values: values,
            applied: context.facts.expressions[proofQuestion(facts)])
        guard let predicate = proof.predicate else {
            refusals.refuse(
                "endless-backfill",
                "it is not proven that where (\(condition)) is false once set is applied, so the fill might never end",
                instead:
                    "Write where as \"COLUMN IS NULL\" or \"COLUMN IS DISTINCT FROM (its expression)\" of a column that set fills, with an expression that does not read that column.",
                at: source.mark("where"))
            return nil
        }
        return predicate
    }

    private func judgeTarget(
        _ column: ColumnFacts, _ facts: TableFacts, _ mark: SourceMark,
        _ refusals: inout RefusalList
    ) {
        if facts.primaryKey.contains(column.name) {
            refusals.refuse(
                "primary-key",
                "\(column.name) is in the primary key, by which the fill walks the table",
                instead: "Fill another column.", at: mark)
        }
        ColumnJudgement(table: facts, name: column.name, mark: mark).refusePartitionKey(&refusals)
        if column.generation == .stored || column.generation == .virtual
            || column.generation == .identityAlways
        {
            refusals.refuse(
                "generated-column", "\(column.name) is generated and can't be written",
                instead: "Fill what it is generated from.", at: mark)
        }
    }
}

extension Backfill {
    func footprint(_ facts: Facts) -> Footprint {
        var footprint = Footprint()
        guard let table = facts.tables[table.text] else { return footprint }
        footprint.writes = [table.name: Set(set.keys)]
        var known = [facts.expressions[conditionQuestion]]
        for (name, text) in set {
            let expression = table.column(name).flatMap { facts.expressions[question(text, $0)] }
            known.append(expression)
            if expression?.hasSubquery == true { footprint.subqueries.append(text) }
        }
        footprint.reads = [table.name: Set(known.compactMap { $0 }.flatMap(\.columns))]
        return footprint
    }
}
