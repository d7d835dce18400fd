import SQLText

/// `create_index`: Expand, concurrently.
struct CreateIndex: Operation {
    static let key = "create_index"
    static let fields = [
        "table", "columns", "name", "unique", "method", "where", "include", "with",
    ]

    /// One column of the index: a name, or an expression with what may stand behind it.
    struct Part: Sendable, Equatable {
        enum Order: String, CaseIterable, Sendable { case asc, desc }
        enum Nulls: String, CaseIterable, Sendable { case first, last }

        let column: String?
        let expression: String?
        let order: Order?
        let nulls: Nulls?
        let operatorClass: String?
        let mark: SourceMark
    }

    let table: TableReference
    let parts: [Part]
    let name: String?
    let isUnique: Bool
    let method: String
    let condition: String?
    let include: [String]
    let parameters: [(name: String, value: String)]
    let source: Fields

    init(_ fields: Fields) throws(SpecError) {
        source = fields
        table = try fields.table()
        let columns = try fields.required("columns")
        var parts: [Part] = []
        for value in try columns.list("\"columns\"") { parts.append(try Part(value)) }
        guard !parts.isEmpty else { throw columns.error("\"columns\" is empty; name at least one") }
        self.parts = parts
        name = try fields.optionalIdentifier("name")
        isUnique = try fields.boolean("unique", default: false)
        method = try fields.optionalIdentifier("method") ?? "btree"
        condition = try fields.optionalExpression("where")
        include = fields.has("include") ? try fields.identifiers("include") : []
        parameters = try Self.parameters(fields)
    }

    private static func parameters(
        _ fields: Fields
    ) throws(SpecError) -> [(name: String, value: String)] {
        guard let value = fields["with"] else { return [] }
        guard case .mapping(let entries) = value.content else {
            throw value.error("\"with\" has storage parameters: {fillfactor: 70}")
        }
        var parameters: [(name: String, value: String)] = []
        for entry in entries {
            parameters.append((entry.key, try entry.value.string("\"\(entry.key)\"")))
        }
        return parameters
    }

    // MARK: What is asked of the server

    private func question(_ text: String) -> ExpressionQuestion {
        ExpressionQuestion(table: table.text, text: text)
    }

    var questions: Questions {
        var questions = Questions()
        questions.tables = [table.text]
        let texts = parts.compactMap(\.expression) + [condition].compactMap { $0 }
        questions.expressions = Set(texts.map(question))
        return questions
    }

    // MARK: The plan

    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan {
        var refusals = RefusalList(file: context.file)
        let judged = TableJudgement(
            context: context, reference: table, mark: source.mark("table"), partitioned: .works
        ).table(&refusals)
        guard let judged else { throw Refusals(file: context.file, refusals: refusals.refusals) }
        judge(context, judged, &refusals)
        let name = self.name ?? generatedName(judged)
        judgeName(name, judged, &refusals)
        judgePartitionKey(judged, &refusals)
        try refusals.throwIfAny()
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: Self.key,
                title:
                    "build \(isUnique ? "unique index" : "index") \(Identifier(name)) on \(judged.name)",
                tables: [judged.name], keeps: ["Everything: an index holds nothing of its own."]),
            steps: steps(context, judged, Identifier(name)), hazards: hazards(judged))
    }

    private func steps(
        _ context: PlanContext, _ facts: TableFacts, _ name: Identifier
    ) -> [Step] {
        var maker = StepMaker(number: context.number, table: facts.name)
        // An index lives in its table's schema.
        let index = QualifiedName(schema: facts.name.schema, name: name)
        if facts.isPartitioned {
            maker.addPartitionedIndex(
                PartitionedIndexBuild(
                    table: facts, index: index, isUnique: isUnique, definition: definition),
                phase: .expand, "index", "build index \(name) on every partition of \(facts.name)")
            return maker.steps
        }
        let drop: SQL = "DROP INDEX CONCURRENTLY IF EXISTS \(index)"
        maker.add(
            .expand, "index", "build index \(name) on \(facts.name)",
            .buildIndex(
                IndexBuild(
                    table: facts.name, index: index, isUnique: isUnique,
                    create: create(facts.name, name), drop: drop)),
            undo: [
                .init(
                    "drop", "drop index \(name)",
                    .dropIndex(IndexDrop(table: facts.name, index: index, drop: drop)))
            ])
        return maker.steps
    }

    private func create(_ table: QualifiedName, _ name: Identifier) -> SQL {
        let unique: SQL = isUnique ? "UNIQUE INDEX" : "INDEX"
        return "CREATE \(unique) CONCURRENTLY \(name) ON \(table) \(definition)"
    }

    /// What stands behind `ON table`.
    private var definition: SQL {
        let list = parts.map(\.sql).joined(separator: ", ")
        var sql: SQL = "USING \(Identifier(method)) (\(list))"
        if !include.isEmpty {
            sql = "\(sql) INCLUDE (\(names: include.map { Identifier($0) }))"
        }
        if !parameters.isEmpty {
            let settings = parameters.map {
                "\(Identifier($0.name)) = \(literal: $0.value)" as SQL
            }
            sql = "\(sql) WITH (\(settings.joined(separator: ", ")))"
        }
        if let condition { sql = "\(sql) WHERE (\(SQL(writtenByUser: condition)))" }
        return sql
    }

    /// As PostgreSQL names it: table, columns, `idx`, with a number where that is taken.
    private func generatedName(_ facts: TableFacts) -> String {
        var names: [String] = []
        for column in parts.map({ $0.column ?? "expr" }) + include {
            names.append(OurNames.free(column, taken: Set(names)))
        }
        let wanted = ([facts.name.name.name] + names + ["idx"]).joined(separator: "_")
        // An INVALID leftover of ours is dropped and its name used again.
        let leftovers = facts.indexes.filter { !$0.isValid }.map(\.name.name.name)
        let taken = Set(facts.indexes.map(\.name.name.name) + facts.relationNames)
        return OurNames.free(wanted, taken: taken.subtracting(leftovers))
    }

    // MARK: What speaks against it

    private func judge(
        _ context: PlanContext, _ facts: TableFacts, _ refusals: inout RefusalList
    ) {
        let columns = parts.compactMap { part in part.column.map { ($0, part.mark) } }
        for (column, mark) in columns + include.map({ ($0, source.mark("include")) })
        where facts.column(column) == nil {
            let near = Suggestion.didYouMean(column, among: facts.columns.map(\.name))
            refusals.refuse(
                "missing-column", "\(facts.name) has no column \"\(column)\"",
                instead: near.map { $0.prefix(1).uppercased() + $0.dropFirst() }
                    ?? "\(facts.columnList) A column that this spec adds is indexed by the next one.",
                at: mark)
        }
        var expressions = parts.compactMap { part in
            part.expression.map { ("the expression", $0, part.mark) }
        }
        if let condition { expressions.append(("where", condition, source.mark("where"))) }
        for (role, text, mark) in expressions {
            let known = ExpressionJudgement(
                context: context, role: role, text: text, mark: mark, table: facts
            ).facts(question(text), [.noSubquery, .executableByWriters], &refusals)
            if let known, known.isVolatile || known.isStable {
                refusals.refuse(
                    "not-immutable", "\(role) (\(text)) is not IMMUTABLE, as an index needs it",
                    instead:
                        "Use functions that depend on nothing but their arguments; to_char and casts of timestamptz depend on settings.",
                    at: mark)
            }
        }
    }

    private func judgeName(
        _ name: String, _ facts: TableFacts, _ refusals: inout RefusalList
    ) {
        guard let other = facts.indexes.first(where: { $0.name.name.name == name }) else { return }
        guard other.isValid else {
            // Of a table without partitions it is dropped and built anew.
            guard facts.isPartitioned else { return }
            refusals.refuse(
                "index-exists",
                "\(facts.name) has an INVALID index \"\(name)\", to which some of its partitions may have one attached",
                instead:
                    "Drop it in a quiet moment (DROP INDEX \(other.name); it locks every partition), or give another \"name\".",
                at: source.mark("name"))
            return
        }
        refusals.refuse(
            "index-exists", "\(facts.name) has an index \"\(name)\" already",
            instead: "Give another \"name\", or take the operation out.", at: source.mark("name"))
    }

    /// Each partition refuses its own duplicates alone, so a key must say which partition it is in.
    private func judgePartitionKey(_ facts: TableFacts, _ refusals: inout RefusalList) {
        guard isUnique, facts.isPartitioned else { return }
        let missing = facts.allPartitionKeys.subtracting(parts.compactMap(\.column)).sorted()
        guard facts.hasKeyExpression || !missing.isEmpty else { return }
        refusals.refuse(
            "partition-key",
            facts.hasKeyExpression
                ? "\(facts.name) is partitioned by an expression, which no unique index can contain"
                : "a unique index of \(facts.name) must contain its partition key, and \(missing.joined(separator: ", ")) is not among its columns",
            instead: facts.hasKeyExpression
                ? "Leave \"unique\" out."
                : "Add the columns, or leave \"unique\" out: PostgreSQL has no unique index over several partitions.",
            at: source.mark("columns"))
    }

    private func hazards(_ facts: TableFacts) -> [Hazard] {
        var hazards = [
            Hazard(
                rule: "index-waits", severity: .note,
                message:
                    "A concurrent build waits for every older transaction, on other tables too; it stalls nobody meanwhile."
            )
        ]
        if facts.isPartitioned {
            hazards.append(
                Hazard(
                    rule: "partitioned-index", severity: .note,
                    message:
                        "From the first statement on, a partition that is created has the index from PostgreSQL, and one that is attached is given it within ATTACH PARTITION, which then locks that table while it builds.",
                    safeWay: "Build it on such a table before it is attached."))
            hazards.append(.partitionChanges(facts))
            hazards.append(.partitionedDrop(facts, when: "A rollback"))
        }
        if isUnique {
            hazards.append(
                Hazard(
                    rule: "unique-index", severity: .warning,
                    message:
                        "The build stops at the first duplicate, and refuses duplicates that the application writes meanwhile; updates of the indexed columns of \(facts.name) then wait for foreign key checks.",
                    safeWay: "Look for duplicates first."))
        }
        return hazards
    }
}

extension CreateIndex.Part {
    init(_ value: Value) throws(SpecError) {
        mark = value.mark
        guard case .mapping = value.content else {
            column = try Fields.checked(value, "an entry of \"columns\"")
            (expression, order, nulls, operatorClass) = (nil, nil, nil, nil)
            return
        }
        let fields = try Fields(
            value, what: "an entry of create_index.columns",
            known: ["expression", "order", "nulls", "opclass"])
        column = nil
        expression = try fields.expression("expression")
        order = try fields.choice("order", Order.self)
        nulls = try fields.choice("nulls", Nulls.self)
        operatorClass = try fields.optionalString("opclass")
    }

    var sql: SQL {
        var sql: SQL =
            column.map { "\(Identifier($0))" } ?? "(\(SQL(writtenByUser: expression ?? "")))"
        // `schema.class`, each part a name.
        if let operatorClass {
            let reference = TableReference(operatorClass)
            let schema: SQL = reference.schema.map { "\($0)." } ?? ""
            sql = "\(sql) \(schema)\(reference.name)"
        }
        if let order { sql = "\(sql) \(order == .asc ? "ASC" : "DESC" as SQL)" }
        if let nulls { sql = "\(sql) \(nulls == .first ? "NULLS FIRST" : "NULLS LAST" as SQL)" }
        return sql
    }
}

extension CreateIndex {
    var specNames: SpecNames { SpecNames(made: [name].compactMap { $0 }) }

    /// Of the values it wants nothing unless it is unique.
    func footprint(_ facts: Facts) -> Footprint {
        var footprint = Footprint()
        guard let table = facts.tables[table.text] else { return footprint }
        let texts = parts.compactMap(\.expression) + [condition].compactMap { $0 }
        let read = texts.flatMap { facts.expressions[question($0)]?.columns ?? [] }
        let columns = Set(parts.compactMap(\.column) + include + read)
        footprint.names = [table.name: columns]
        if isUnique { footprint.reads = footprint.names }
        let name = Identifier(self.name ?? generatedName(table))
        footprint.makes = [.relation(QualifiedName(schema: table.name.schema, name: name))]
        return footprint
    }
}
