import SQLText

/// `add_column`.
///
/// - With nothing but a constant or stable default: Expand only, one ADD COLUMN that reads no row.
/// - With `up` or a volatile default: Expand adds it empty; Migrate fills what is written; Backfill
///   fills what is there, then proves its constraints; Contract sets NOT NULL and default and drops the
///   trigger. With `up`, Contract has a gate that DESIGN.md's table has not: once the trigger is gone
///   nobody gives a value to what an older version of the application inserts.
struct AddColumn: Operation {
    static let key = "add_column"
    static let fields = ["table", "column", "up"]

    let table: TableReference
    let name: String
    let type: String
    let isNotNull: Bool
    let defaultText: String?
    let check: String?
    let comment: String?
    let references: Reference?
    let up: String?
    let source: Fields
    let column: Fields

    struct Reference: Sendable, Equatable {
        let table: TableReference
        let column: String
    }

    init(_ fields: Fields) throws(SpecError) {
        source = fields
        table = try fields.table()
        column = try Fields(
            fields.required("column"), what: "add_column.column",
            known: ["name", "type", "nullable", "default", "check", "comment", "references"])
        name = try column.identifier("name")
        type = try column.string("type")
        isNotNull = !(try column.boolean("nullable", default: true))
        defaultText = try column.optionalExpression("default")
        check = try column.optionalExpression("check")
        comment = try column.optionalString("comment")
        references = try column["references"].map { value throws(SpecError) in
            let inner = try Fields(
                value, what: "add_column.column.references", known: ["table", "column"])
            return Reference(table: try inner.table(), column: try inner.identifier("column"))
        }
        up = try fields.optionalExpression("up")
        if isNotNull, defaultText == nil, up == nil {
            throw try column.required("nullable").error(
                "rows that are there have no value for a NOT NULL column; give \"default\" or \"up\""
            )
        }
    }

    // MARK: What is asked of the server

    private var newColumns: [ExpressionQuestion.NewColumn] { [.init(name: name, text: type)] }

    var upQuestion: ExpressionQuestion? {
        up.map {
            ExpressionQuestion(
                table: table.text, text: $0, newColumns: newColumns, assignedTo: type)
        }
    }

    var defaultQuestion: ExpressionQuestion? {
        defaultText.map {
            ExpressionQuestion(
                table: table.text, text: $0, newColumns: newColumns, assignedTo: type)
        }
    }

    var checkQuestion: ExpressionQuestion? {
        check.map { ExpressionQuestion(table: table.text, text: $0, newColumns: newColumns) }
    }

    var questions: Questions {
        var questions = Questions()
        questions.tables = Set([table.text] + [references?.table.text].compactMap { $0 })
        questions.types = [type]
        questions.expressions = Set(
            [upQuestion, defaultQuestion, checkQuestion].compactMap { $0 })
        return questions
    }

    // MARK: The plan

    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan {
        let judged = try judge(context)
        let steps = AddColumnSteps(operation: self, judged: judged, context: context).all
        let table = judged.table.name
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: Self.key,
                title: "add \(Identifier(name)) \(type) to \(table)", tables: [table],
                keeps: [
                    "What was written to \(Identifier(name)): the column is put aside, not dropped, unless the rollback is told to purge."
                ]), steps: steps, hazards: hazards(judged, context), synced: [table: [name]])
    }

    func filling(_ judged: JudgedAddition, _ context: PlanContext) -> FillOnWrite {
        FillOnWrite(
            context: context, table: judged.table, column: judged.new, value: judged.value,
            reads: judged.reads, isVolatile: judged.isVolatile)
    }

    private func hazards(_ judged: JudgedAddition, _ context: PlanContext) -> [Hazard] {
        let hazards = TableHazards(table: judged.table, column: name).all
        guard judged.needsFill else { return hazards.filter { $0.rule != "serialization" } }
        return hazards
            + filling(judged, context).hazards(hasSubquery: judged.up?.hasSubquery == true)
    }
}

/// What is known of an added column once nothing speaks against it.
struct JudgedAddition: Sendable {
    let table: TableFacts
    let new: ColumnFacts
    let up: ExpressionFacts?
    /// Rows that are there get their value by a fill, not from the catalogue.
    let needsFill: Bool
    /// The expression that fills.
    let value: String
    let reads: [String]
    let isVolatile: Bool
    let referenced: QualifiedName?
}

extension AddColumn {
    private func judge(_ context: PlanContext) throws(Refusals) -> JudgedAddition {
        var refusals = RefusalList(file: context.file)
        let table = TableJudgement(
            context: context, reference: table, mark: source.mark("table"),
            partitioned: .works
        ).table(&refusals)
        let typed = TypeFacts.judged(type, context.facts, at: column.mark("type"), &refusals)
        guard let table, let typed else {
            throw Refusals(file: context.file, refusals: refusals.refusals)
        }
        if table.column(name) != nil {
            refusals.refuse(
                "column-exists", "\(table.name) has a column \"\(name)\" already",
                instead: "Name the new column otherwise, or take the operation out.",
                at: column.mark("name"))
        }
        func facts(
            _ role: String, _ text: String?, _ question: ExpressionQuestion?, _ mark: SourceMark,
            _ rules: Set<ExpressionJudgement.Rule>
        ) -> ExpressionFacts? {
            guard let text, let question else { return nil }
            return ExpressionJudgement(
                context: context, role: role, text: text, mark: mark, table: table
            ).facts(question, rules, &refusals)
        }
        let upFacts = facts(
            "up", up, upQuestion, source.mark("up"),
            [.executableByWriters, .noGeneratedInputs, .assignable])
        let defaultFacts = facts(
            "default", defaultText, defaultQuestion, column.mark("default"),
            [.noSubquery, .executableByWriters, .assignable])
        _ = facts("check", check, checkQuestion, column.mark("check"), [.noSubquery])
        refuseRowReaders(upFacts, defaultFacts, &refusals)
        let referenced = judgeReference(context, &refusals)
        if references != nil {
            table.refuseForeignKey(context, at: column.mark("references"), &refusals)
        }
        try refusals.throwIfAny()
        return JudgedAddition(
            table: table,
            new: ColumnFacts(
                name: name, number: (table.columns.map(\.number).max() ?? 0) + 1,
                type: typed.canonical, isNotNull: isNotNull),
            up: upFacts, needsFill: up != nil || defaultFacts?.isVolatile == true,
            value: up ?? defaultText ?? "NULL", reads: upFacts?.columns ?? [],
            isVolatile: (upFacts ?? defaultFacts)?.isVolatile ?? false, referenced: referenced)
    }

    private func refuseRowReaders(
        _ up: ExpressionFacts?, _ fallback: ExpressionFacts?, _ refusals: inout RefusalList
    ) {
        if let up, up.columns.contains(name) {
            refusals.refuse(
                "up-reads-new", "up (\(self.up ?? "")) reads \(name), which it is to give a value",
                instead: "Name only columns that the table has.", at: source.mark("up"))
        }
        if let fallback, !fallback.columns.isEmpty {
            refusals.refuse(
                "default-reads-row",
                "default (\(defaultText ?? "")) reads \(fallback.columns.joined(separator: ", ")), and no default can read the row",
                instead: "Say it as \"up\". Text goes into SQL quotes inside YAML's: \"'new'\".",
                at: column.mark("default"))
        }
    }

    private func judgeReference(
        _ context: PlanContext, _ refusals: inout RefusalList
    ) -> QualifiedName? {
        guard let references else { return nil }
        let mark = column.mark("references")
        guard let other = context.facts.tables[references.table.text] else {
            refusals.refuse(
                "missing-table", "there is no table \"\(references.table.text)\" to reference",
                instead: "Correct the name, or write it with its schema.", at: mark)
            return nil
        }
        guard other.column(references.column) != nil else {
            refusals.refuse(
                "missing-column", "\(other.name) has no column \"\(references.column)\"",
                instead: other.columnList, at: mark)
            return nil
        }
        let isKey = other.constraints.contains {
            ($0.kind == .primaryKey || $0.kind == .unique) && $0.columns == [references.column]
        }
        if !isKey {
            refusals.refuse(
                "no-unique-key",
                "\(other.name).\(Identifier(references.column)) is no key, so nothing can reference it",
                instead: "Reference its primary key or a unique column.", at: mark)
        }
        return other.name
    }
}

extension AddColumn {
    var specNames: SpecNames { SpecNames(made: [name]) }

    func footprint(_ facts: Facts) -> Footprint {
        var footprint = Footprint()
        guard let judged = facts.tables[table.text] else { return footprint }
        let table = judged.name
        let known = [upQuestion, checkQuestion].compactMap { $0.flatMap { facts.expressions[$0] } }
        footprint.reads = [table: Set(known.flatMap(\.columns)).subtracting([name])]
        footprint.makes = [.column(name, of: table)]
        if check != nil { footprint.makes.insert(.constraint(checkName(judged), of: table)) }
        if references != nil {
            footprint.makes.insert(.constraint(foreignKeyName(judged), of: table))
        }
        if known.contains(where: \.hasSubquery) { footprint.subqueries = [up].compactMap { $0 } }
        if let references, let other = facts.tables[references.table.text]?.name {
            footprint.tables = [other]
            footprint.reads[other, default: []].insert(references.column)
            footprint.keysNeeded = [other: [references.column]]
        }
        return footprint
    }

    /// As PostgreSQL names them: table, column, kind, with a number where that is taken.
    func checkName(_ table: TableFacts) -> String { freeName("check", table) }
    func foreignKeyName(_ table: TableFacts) -> String { freeName("fkey", table) }

    private func freeName(_ kind: String, _ table: TableFacts) -> String {
        OurNames.free(
            "\(table.name.name.name)_\(name)_\(kind)",
            taken: Set(table.constraints.map(\.name)))
    }
}
