import SQLText

/// `change_type`: in place where PostgreSQL only notes it in the catalogue, else a replacement that
/// takes the old name in the end.
struct ChangeType: Operation {
    static let key = "change_type"
    static let fields = [
        "table", "column", "type", "up", "down", "method", "with", "unrepresentable",
    ]

    enum Method: String, CaseIterable, Sendable {
        case auto, replace
        case inPlace = "in_place"
    }

    let table: TableReference
    let column: String
    let type: String
    let up: String?
    let down: String?
    let method: Method
    /// The new column's name until it takes the old one's; nil for one made from that.
    let interimName: String?
    let unrepresentable: ReplaceColumn.Unrepresentable?
    let source: Fields

    init(_ fields: Fields) throws(SpecError) {
        source = fields
        table = try fields.table()
        column = try fields.identifier("column")
        type = try fields.string("type")
        up = try fields.optionalExpression("up")
        down = try fields.optionalExpression("down")
        method = try fields.choice("method", Method.self) ?? .auto
        interimName = try fields.optionalIdentifier("with")
        unrepresentable = try fields.choice("unrepresentable", ReplaceColumn.Unrepresentable.self)
        guard interimName != column else {
            throw try fields.required("with").error(
                "the new column needs a name of its own until the old one is gone")
        }
        for key in ["up", "down", "with", "unrepresentable"]
        where method == .inPlace && fields.has(key) {
            throw try fields.required(key).error(
                "\"method: in_place\" makes no second column; leave \"\(key)\" out")
        }
    }

    // MARK: The replacement

    private func replacement(_ table: TableFacts?) -> ReplaceColumn {
        let taken = Set((table?.columns.map(\.name) ?? []) + [column])
        let name = interimName ?? OurNames.free(column + "_new", taken: taken)
        return ReplaceColumn(
            table: self.table, column: column, newName: name, newType: type,
            up: up ?? Identifier(column).quoted, down: down ?? Identifier(name).quoted,
            unrepresentable: unrepresentable, finalName: column, unfit: nil, fields: source,
            names: ["name": "with"])
    }

    /// Whether a value is the same there and back again, asked where the spec leaves both ways to the
    /// casts between the types: they round, or cut, without a word.
    private func sameQuestion(_ old: ColumnFacts, asText: Bool) -> ExpressionQuestion? {
        guard up == nil, down == nil else { return nil }
        let name = Identifier(column).quoted
        let back = "((\(name))::\(type))::\(old.type)"
        return ExpressionQuestion(
            table: table.text,
            text: asText
                ? "(\(name))::text IS DISTINCT FROM (\(back))::text"
                : "\(name) IS DISTINCT FROM \(back)")
    }

    // MARK: What is asked of the server

    var questions: Questions { replacement(nil).questions }

    func questions(knowing facts: Facts) -> Questions {
        guard let table = facts.tables[table.text] else { return Questions() }
        let replacement = replacement(table)
        // What up reads does not depend on the new column's name, by which it was asked first.
        let asked = facts.expressions[self.replacement(nil).upQuestion]
        var questions = replacement.questions
        questions.add(replacement.questions(knowing: facts, reads: asked?.columns))
        if let old = table.column(column) {
            questions.expressions.formUnion(
                [sameQuestion(old, asText: false), sameQuestion(old, asText: true)]
                    .compactMap { $0 })
        }
        return questions
    }

    // MARK: The plan

    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan {
        var refusals = RefusalList(file: context.file)
        let table = TableJudgement(
            context: context, reference: table, mark: source.mark("table"),
            partitioned: .works
        ).table(&refusals)
        let old = table.flatMap {
            ColumnJudgement(table: $0, name: column, mark: source.mark("column"))
                .column(&refusals)
        }
        let typed = TypeFacts.judged(type, context.facts, at: source.mark("type"), &refusals)
        guard let table, let old, let typed else {
            throw Refusals(file: context.file, refusals: refusals.refusals)
        }
        try refusals.throwIfAny()
        if old.type == typed.canonical {
            refusals.refuse(
                "same-type", "\(column) is \(old.type) already",
                instead: "Take the operation out.", at: source.mark("type"))
        }
        judgeKeys(table, &refusals)
        try refusals.throwIfAny()
        if let change = try inPlace(context, table, old, typed) {
            return InPlacePlan(
                operation: self, table: table, old: old, newType: typed.canonical, change: change,
                context: context
            ).plan
        }
        return try replace(context, table, old)
    }

    /// A key's type is a matter of two tables, whichever way it is changed.
    private func judgeKeys(_ table: TableFacts, _ refusals: inout RefusalList) {
        let judgement = ColumnJudgement(table: table, name: column, mark: source.mark("column"))
        judgement.refuseReferenced(
            instead: "Changing a referenced key is not available in this version.", &refusals)
        judgement.refuseBusy(&refusals)
    }

    /// Nil where the column has to be replaced.
    private func inPlace(
        _ context: PlanContext, _ table: TableFacts, _ old: ColumnFacts, _ type: TypeFacts
    ) throws(Refusals) -> InPlaceChange? {
        guard method != .replace, up == nil, down == nil else { return nil }
        let change = InPlaceChange(of: Identifier(column), from: old.type, to: type.canonical)
        var obstacles = InPlaceChange.obstacles(table, column)
        if change == nil {
            obstacles.insert(
                "\(old.type) to \(type.canonical) is not known to leave the table, its indexes and its values as they are",
                at: 0)
        }
        if table.isPartitioned {
            obstacles.append(
                "\(table.name) is partitioned, and what its partitions have of their own may not allow it"
            )
        }
        if old.generation != .none { obstacles.append("\(column) is generated") }
        guard method == .inPlace || !obstacles.isEmpty else { return change }
        guard !obstacles.isEmpty else { return change }
        guard method == .inPlace else { return nil }
        var refusals = RefusalList(file: context.file)
        for obstacle in obstacles {
            refusals.refuse(
                "not-in-place", "the type of \(column) can't be changed in place: \(obstacle)",
                instead: "Leave \"method\" out: the column is then replaced.",
                at: source.mark("method"))
        }
        try refusals.throwIfAny()
        return nil
    }

    private func replace(
        _ context: PlanContext, _ table: TableFacts, _ old: ColumnFacts
    ) throws(Refusals) -> OperationPlan {
        let plain = replacement(table)
        try judgeCasts(context, plain, old)
        let replacement = ReplaceColumn(
            table: plain.table, column: plain.column, newName: plain.newName,
            newType: plain.newType, up: plain.up, down: plain.down,
            unrepresentable: unrepresentable, finalName: column,
            unfit: unfit(context, old), fields: source, names: ["name": "with"])
        return try replacement.plan(
            context, kind: Self.key,
            title: {
                "change the type of \($0).\(Identifier(column)) from \(old.type) to \(type), by way of \(Identifier(plain.newName))"
            })
    }

    /// Where no cast is made by an assignment, the spec has to say what becomes of a value.
    private func judgeCasts(
        _ context: PlanContext, _ replacement: ReplaceColumn, _ old: ColumnFacts
    ) throws(Refusals) {
        var refusals = RefusalList(file: context.file)
        func judge(_ key: String, _ question: ExpressionQuestion?, _ types: (String, String)) {
            guard let question, let facts = context.facts.expressions[question],
                facts.error == nil, !facts.isAssignable
            else { return }
            refusals.refuse(
                "no-cast",
                "there is no cast from \(types.0) to \(types.1) that an assignment makes",
                instead:
                    "Give \"\(key)\", for example \"\(key): (\(key == "up" ? replacement.up : replacement.down ?? ""))::\(types.1)\".",
                at: source.mark("type"))
        }
        if up == nil { judge("up", replacement.upQuestion, (old.type, type)) }
        if down == nil { judge("down", replacement.downQuestion(old), (type, old.type)) }
        try refusals.throwIfAny()
    }

    private func unfit(_ context: PlanContext, _ old: ColumnFacts) -> ReplaceColumn.Unfit? {
        for asText in [false, true] {
            guard let question = sameQuestion(old, asText: asText),
                let facts = context.facts.expressions[question], facts.error == nil
            else { continue }
            return ReplaceColumn.Unfit(
                label:
                    "the value would not be the same in \(type); \"up\" says what becomes of it",
                condition: question.text)
        }
        return nil
    }
}

extension ChangeType {
    var specNames: SpecNames { SpecNames(made: [interimName].compactMap { $0 }, taken: []) }

    /// In place, or by a replacement: the column is another one in the end.
    func footprint(_ facts: Facts) -> Footprint {
        replacement(facts.tables[table.text]).footprint(facts)
    }
}
