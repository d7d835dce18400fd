import SQLText

/// `replace_column`: the expand-contract pattern. A new column takes an old one's place while
/// versions of the application that know only one of them write both.
///
/// - Expand: `up` is tried on every row; the column is added, without default.
/// - Migrate: the sync trigger; or, with `writes: application`, the gate "the application writes both".
/// - Backfill: the fill; then indexes, constraints, grants and statistics as the old column has them.
/// - Switch: all rows compared; the gate "the application uses the new side".
/// - Contract: the gate "nothing names the old side"; quarantine; purge; the final name.
struct ReplaceColumn: Operation {
    static let key = "replace_column"
    static let fields = [
        "table", "column", "with", "up", "down", "writes", "unrepresentable", "final_name",
    ]

    enum Writes: String, CaseIterable, Sendable { case trigger, application }

    enum Unrepresentable: String, CaseIterable, Sendable {
        case reject
        case forgoRollback = "forgo_rollback"
    }

    let table: TableReference
    let column: String
    let newName: String
    let newType: String
    /// Nil: as the old column.
    let nullable: Bool?
    let newDefault: String?
    let check: String?
    let up: String
    let down: String?
    let writes: Writes
    let unrepresentable: Unrepresentable?
    let finalName: String?
    /// Rows that the new type can't hold, beside those that the two types themselves tell.
    let unfit: Unfit?
    /// Where each field stands, for what the server says about it later.
    let source: FieldMarks
    let withSource: FieldMarks

    init(_ fields: Fields) throws(SpecError) {
        source = FieldMarks(fields)
        table = try fields.table()
        column = try fields.identifier("column")
        let with = try Fields(
            fields.required("with"), what: "replace_column.with",
            known: ["name", "type", "nullable", "default", "check"])
        withSource = FieldMarks(with)
        newName = try with.identifier("name")
        newType = try with.string("type")
        nullable = try with.optionalBoolean("nullable")
        newDefault = try with.optionalExpression("default")
        check = try with.optionalExpression("check")
        up = try fields.expression("up")
        down = try fields.optionalExpression("down")
        writes = try fields.choice("writes", Writes.self) ?? .trigger
        unrepresentable = try fields.choice("unrepresentable", Unrepresentable.self)
        finalName = try fields.optionalIdentifier("final_name")
        unfit = nil
        guard newName != column else {
            throw try with.required("name").error(
                "the new column has the old one's name; name it otherwise, and give \"final_name: \(column)\" to have the name back at the end"
            )
        }
        if finalName == newName {
            throw try fields.required("final_name").error(
                "the new column has this name from the start; leave \"final_name\" out")
        }
        if writes == .application, unrepresentable != nil {
            throw try fields.required("unrepresentable").error(
                "with \"writes: application\" nothing is written to the old column but by the application itself; leave \"unrepresentable\" out"
            )
        }
    }

    /// The replacement that another operation is made of: a column kept in step by a trigger, as the
    /// old one but for name, type and expressions.
    ///
    /// - Parameter names: what the operation calls the fields `column`, `name` and `type`.
    init(
        table: TableReference, column: String, newName: String, newType: String, up: String,
        down: String?, unrepresentable: Unrepresentable? = nil, finalName: String? = nil,
        unfit: Unfit? = nil, fields: Fields, names: [String: String]
    ) {
        self.table = table
        self.column = column
        self.newName = newName
        self.newType = newType
        self.up = up
        self.down = down
        self.unrepresentable = unrepresentable
        self.finalName = finalName
        self.unfit = unfit
        nullable = nil
        newDefault = nil
        check = nil
        writes = .trigger
        source = FieldMarks(fields, names: names)
        withSource = source
    }

    /// Rows that must not be there when the new column is filled.
    struct Unfit: Sendable, Equatable {
        /// What is wrong with them, in words.
        let label: String
        /// True for such a row.
        let condition: String
    }

    // MARK: What is asked of the server

    var newColumns: [ExpressionQuestion.NewColumn] { [.init(name: newName, text: newType)] }

    var upQuestion: ExpressionQuestion {
        ExpressionQuestion(
            table: table.text, text: up, newColumns: newColumns, assignedTo: newType)
    }

    func downQuestion(_ old: ColumnFacts) -> ExpressionQuestion? {
        down.map {
            ExpressionQuestion(
                table: table.text, text: $0, newColumns: newColumns, assignedTo: old.type)
        }
    }

    /// A condition over the row with the new column: the spec's check, or one copied.
    func conditionQuestion(_ text: String) -> ExpressionQuestion {
        ExpressionQuestion(table: table.text, text: text, newColumns: newColumns)
    }

    /// What `up` makes of a row of defaults: what an insert that names no side stores in the new one.
    func defaultImageQuestion(_ facts: TableFacts, reads: [String]) -> ExpressionQuestion {
        ExpressionQuestion(
            table: table.text, text: up, newColumns: newColumns, assignedTo: newType,
            over: reads.map { name in
                .init(name: name, text: facts.column(name)?.defaultText ?? "NULL")
            })
    }

    /// The value of the spec's default.
    func defaultQuestion(_ text: String) -> ExpressionQuestion {
        ExpressionQuestion(
            table: table.text, text: text, newColumns: newColumns, assignedTo: newType,
            over: [.init(name: column, text: "NULL")])
    }

    /// The value of the old column's default, which need not be one of the new type.
    func oldDefaultQuestion(_ text: String, _ old: ColumnFacts) -> ExpressionQuestion {
        ExpressionQuestion(
            table: table.text, text: text, newColumns: newColumns, assignedTo: old.type,
            over: [.init(name: column, text: "NULL")])
    }

    /// Whether a foreign key's new side can be compared with what it references, which is of the old
    /// side's type or near it. Nil where there is no foreign key.
    func referenceQuestion(_ facts: TableFacts, _ old: ColumnFacts) -> ExpressionQuestion? {
        let isReferring = facts.constraints.contains {
            $0.kind == .foreignKey && $0.columns.contains(column)
        }
        return isReferring
            ? conditionQuestion("\(Identifier(newName).quoted) = NULL::\(old.type)") : nil
    }

    var questions: Questions {
        var questions = Questions()
        questions.tables = [table.text]
        questions.types = [newType]
        questions.expressions = [upQuestion]
        if let check { questions.expressions.insert(conditionQuestion(check)) }
        if let newDefault { questions.expressions.insert(defaultQuestion(newDefault)) }
        return questions
    }

    func questions(knowing facts: Facts) -> Questions {
        questions(knowing: facts, reads: facts.expressions[upQuestion]?.columns)
    }

    /// - Parameter reads: the columns that `up` reads; nil where that is not known.
    func questions(knowing facts: Facts, reads: [String]?) -> Questions {
        var questions = Questions()
        guard let table = facts.tables[table.text], let old = table.column(column) else {
            return questions
        }
        questions.tables = table.referencedTables(of: column)
        if let down = downQuestion(old) { questions.expressions.insert(down) }
        if unrepresentable == .forgoRollback { questions.types.insert(old.type) }
        if let reads {
            questions.expressions.insert(defaultImageQuestion(table, reads: reads))
        }
        if let text = old.defaultText {
            questions.expressions.insert(oldDefaultQuestion(text, old))
        }
        if let question = referenceQuestion(table, old) { questions.expressions.insert(question) }
        for check in copiedChecks(table) {
            questions.expressions.insert(conditionQuestion(check.condition))
        }
        return questions
    }

    // MARK: The plan

    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan {
        try plan(context, kind: Self.key)
    }

    /// - Parameters:
    ///   - kind: the operation's key in the spec.
    ///   - title: what it does, of a table; nil for a replacement's own words.
    ///   - keeps: nil for a replacement's own words.
    func plan(
        _ context: PlanContext, kind: String, title: ((QualifiedName) -> String)? = nil,
        keeps: [String]? = nil
    ) throws(Refusals) -> OperationPlan {
        let judged = try judge(context)
        let hazards = ReplacementHazards(operation: self, judged: judged).all
        let steps = ReplacementSteps(operation: self, judged: judged, context: context).all
        let table = judged.table.name
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: kind,
                title: title?(table)
                    ?? "replace \(table).\(Identifier(column)) with \(Identifier(newName)) \(newType)",
                tables: [table], keeps: keeps ?? self.keeps),
            steps: steps, hazards: hazards,
            synced: [table: Set(judged.oldSide + judged.newSide + [column, newName])])
    }

    private var keeps: [String] {
        let old = Identifier(column).quoted
        let new = Identifier(newName).quoted
        if writes == .application {
            return [
                "What the application wrote to \(old), which it does as long as it writes both.",
                "What a version writes to \(new) alone is lost by a rollback: \(old) stays as it was. The gate of the rollback counts those rows.",
            ]
        }
        guard down != nil else {
            return [
                "Before the switch: every write; both sides are in step.",
                "After the switch: \(old) as it was then. Without \"down\", what is written to \(new) alone is lost by a rollback.",
            ]
        }
        if unrepresentable == .forgoRollback {
            return [
                "Until the purge: every write of either version, but those to \(new) that \(old) can't hold: of such a row a rollback keeps the value that \(old) had before, or its default. The gates and the comparisons count those rows and name the first."
            ]
        }
        return [
            "Until the purge: every write of either version; a write to \(new) reaches \(old) through \"down\", and one that \(old) can't hold is refused."
        ]
    }
}

/// A check of the table that names the old column, said of the new one.
struct CopiedCheck: Sendable, Equatable {
    let name: String
    /// What stands in `CHECK (…)`, naming the new column.
    let condition: String
    /// False: the table's rows are not known to meet it, and the copy is not validated either.
    let isValidated: Bool
}

extension ReplaceColumn {
    /// None where the spec gives its own check: it stands for all of them, as it must where `up`
    /// changes the spelling of values that the old checks list.
    func copiedChecks(_ table: TableFacts) -> [CopiedCheck] {
        guard check == nil else { return [] }
        return table.constraints.compactMap { constraint in
            guard constraint.kind == .check, constraint.definition.columns.contains(column),
                let condition = constraint.condition(renaming: column, to: newName)
            else { return nil }
            return CopiedCheck(
                name: constraint.name, condition: condition,
                isValidated: constraint.isValidated)
        }
    }
}

extension ReplaceColumn {
    var specNames: SpecNames {
        SpecNames(
            made: [newName, finalName].compactMap { $0 }.filter { $0 != column }, taken: [column])
    }

    func footprint(_ facts: Facts) -> Footprint {
        var footprint = Footprint()
        guard let table = facts.tables[table.text] else { return footprint }
        footprint.moves = [table.name: [column]]
        footprint.writes = [table.name: [newName]]
        let known =
            [upQuestion, table.column(column).flatMap(downQuestion), check.map(conditionQuestion)]
            .compactMap { $0.flatMap { facts.expressions[$0] } }
        footprint.reads = [
            table.name: Set(known.flatMap(\.columns)).subtracting([newName, column])
        ]
        footprint.makes = Set(
            [newName, finalName].compactMap { $0 }.filter { $0 != column }
                .map { .column($0, of: table.name) })
        // The copy of a foreign key says the other table's name.
        footprint.tables = Set(
            table.constraints.filter { $0.columns.contains(column) }.compactMap(\.references)
        ).subtracting([table.name])
        return footprint
    }
}
