import SQLText

/// `drop_column`: no longer written, then no longer read, then out of sight, then gone.
///
/// - Migrate: NOT NULL is dropped where nothing else gives a value, so that versions that do not write
///   the column can insert; the gate "no longer written". A default stays: older versions read
///   something sensible.
/// - Switch: the gate "no longer read".
/// - Contract: quarantine; purge.
struct DropColumn: Operation {
    static let key = "drop_column"
    static let fields = ["table", "column"]

    let table: TableReference
    let column: String
    let source: Fields

    init(_ fields: Fields) throws(SpecError) {
        source = fields
        table = try fields.table()
        column = try fields.identifier("column")
    }

    // MARK: What is asked of the server

    var questions: Questions {
        var questions = Questions()
        questions.tables = [table.text]
        return questions
    }

    /// What a check says of a row to which nobody gave a value for the column.
    private func unwrittenQuestion(
        _ check: ConstraintFacts, _ column: ColumnFacts
    ) -> ExpressionQuestion? {
        guard check.definition.columns == [column.name], !column.defaultIsVolatile,
            column.generation == .none, let condition = check.condition()
        else { return nil }
        return ExpressionQuestion(
            table: table.text, text: condition,
            over: [.init(name: column.name, text: column.defaultText ?? "NULL")])
    }

    func questions(knowing facts: Facts) -> Questions {
        var questions = Questions()
        guard let table = facts.tables[table.text], let old = table.column(column) else {
            return questions
        }
        questions.tables = table.referencedTables(of: column)
        questions.expressions = Set(table.constraints.compactMap { unwrittenQuestion($0, old) })
        return questions
    }

    // MARK: The plan

    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan {
        var refusals = RefusalList(file: context.file)
        let judged = TableJudgement(
            context: context, reference: table, mark: source.mark("table"),
            partitioned: .works
        ).table(&refusals)
        let old = judged.flatMap { judge($0, context, &refusals) }
        try refusals.throwIfAny()
        guard let judged, let old else { throw Refusals(file: context.file, refusals: []) }
        let steps = DropColumnSteps(old: old, table: judged, context: context)
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: Self.key,
                title: "drop \(judged.name).\(Identifier(column))", tables: [judged.name],
                keeps: keeps(old)), steps: steps.all,
            hazards: DropColumnHazards(old: old, table: judged, quarantined: steps.quarantined).all,
            synced: [judged.name: [column]])
    }

    private func keeps(_ old: ColumnFacts) -> [String] {
        let name = Identifier(column)
        let unwritten =
            old.defaultText.map { "has the default \($0)" } ?? "has NULL"
        return [
            "Until the purge: the column with every value that was ever written to it. A row that a version without \(name) inserts \(old.generation == .none ? unwritten : "has the value that PostgreSQL makes")."
        ]
            + (old.needsValue
                ? [
                    "\(name) is NOT NULL again only once the rows without a value are mended; they are listed."
                ]
                : [])
    }

    // MARK: What speaks against it

    private func judge(
        _ table: TableFacts, _ context: PlanContext, _ refusals: inout RefusalList
    ) -> ColumnFacts? {
        let mark = source.mark("column")
        let judgement = ColumnJudgement(table: table, name: column, mark: mark)
        guard let old = judgement.column(&refusals) else { return nil }
        if table.primaryKey.contains(column) {
            refusals.refuse(
                "primary-key", "\(column) is in the primary key of \(table.name)",
                instead: "Give the table another primary key first.", at: mark)
        }
        judgement.refuseReferenced(
            instead: "Drop that foreign key first, in a migration of its own.", &refusals)
        judgement.refuseReplicaIdentity(&refusals)
        judgement.refusePartitionKey(&refusals)
        judgement.refuseBusy(&refusals)
        judgement.refuseSubscribed(
            at: source.mark("table"), "may be sent values of \(column)", &refusals)
        judgeDependents(table, mark, &refusals)
        judgeUnwritten(table, old, context, &refusals)
        return old
    }

    /// A generated column can't be told to read something else; what else depends on the column can be
    /// changed while this runs, and is a hazard.
    private func judgeDependents(
        _ table: TableFacts, _ mark: SourceMark, _ refusals: inout RefusalList
    ) {
        for dependent in table.dependents
        where dependent.isGeneratedColumn && dependent.columns.contains(column) {
            refusals.refuse(
                "generated-dependent", "\(dependent.description) is made from \(column)",
                instead: "Drop that column first, in a migration of its own.", at: mark)
        }
    }

    /// Versions that do not write the column have to be able to insert rows.
    private func judgeUnwritten(
        _ table: TableFacts, _ old: ColumnFacts, _ context: PlanContext,
        _ refusals: inout RefusalList
    ) {
        let mark = source.mark("column")
        for check in table.constraints {
            guard let question = unwrittenQuestion(check, old),
                let facts = context.facts.expressions[question],
                facts.error == nil, facts.value == "false"
            else { continue }
            refusals.refuse(
                "check-refuses-default",
                "the check \(check.name) refuses \(old.defaultText ?? "NULL"), which \(column) has in a row of a version that does not write it",
                instead: "Drop that check first.", at: mark)
        }
        for index in table.indexes
        where index.isUnique && index.definition.columns == [column] && !old.defaultIsVolatile {
            guard let text = old.defaultText, old.generation == .none else { continue }
            refusals.refuse(
                "default-in-unique",
                "\(index.name.name) lets only one row have the default \(text) of \(column), which each row of a version that does not write it has",
                instead: "Drop the default or the index first.", at: mark)
        }
    }
}

extension ColumnFacts {
    /// Whether an insert that leaves the column out is refused.
    var needsValue: Bool { isNotNull && defaultText == nil && generation == .none }
}

extension DependentFacts {
    /// A column that PostgreSQL makes from others.
    var isGeneratedColumn: Bool { description.hasPrefix("generated ") }
}

extension DropColumn {
    var specNames: SpecNames { SpecNames(taken: [column]) }

    func footprint(_ facts: Facts) -> Footprint {
        var footprint = Footprint()
        guard let table = facts.tables[table.text]?.name else { return footprint }
        footprint.moves = [table: [column]]
        return footprint
    }
}
