import SQLText

/// `create_table`: Expand, one statement. Undone, it is put aside under another name rather than
/// dropped, with what was written into it.
struct CreateTable: Operation {
    static let key = "create_table"
    static let fields = ["table", "columns", "constraints"]

    let table: TableReference
    let columns: [NewTableColumn]
    let constraints: [NewTableConstraint]
    let source: Fields

    init(_ fields: Fields) throws(SpecError) {
        source = fields
        table = try fields.table()
        let value = try fields.required("columns")
        var columns: [NewTableColumn] = []
        for entry in try value.list("\"columns\"") {
            let column = try NewTableColumn(entry)
            guard !columns.contains(where: { $0.name == column.name }) else {
                throw entry.error("two columns are named \"\(column.name)\"; name one otherwise")
            }
            columns.append(column)
        }
        guard !columns.isEmpty else { throw value.error("\"columns\" is empty; name at least one") }
        self.columns = columns
        var constraints: [NewTableConstraint] = []
        for entry in try fields["constraints"]?.list("\"constraints\"") ?? [] {
            let constraint = try NewTableConstraint(entry)
            if constraint.isPrimaryKey, constraints.contains(where: \.isPrimaryKey) {
                throw entry.error("a table has one primary key; take one of them out")
            }
            if let name = constraint.name, constraints.contains(where: { $0.name == name }) {
                throw entry.error("two constraints are named \"\(name)\"; name one otherwise")
            }
            constraints.append(constraint)
        }
        self.constraints = constraints
    }

    // MARK: What is asked of the server

    /// An expression over a row of the table that is to be.
    func question(_ text: String, assignedTo type: String? = nil) -> ExpressionQuestion {
        ExpressionQuestion(
            table: table.text, text: text,
            newColumns: columns.map { .init(name: $0.name, text: $0.type) }, assignedTo: type,
            isOfNewTable: true)
    }

    /// Those of its columns, as constraints like the others.
    var allConstraints: [NewTableConstraint] {
        columns.flatMap(\.constraints) + constraints
    }

    var questions: Questions {
        var questions = Questions()
        questions.types = Set(columns.map(\.type))
        for constraint in allConstraints {
            switch constraint.kind {
            case .check(let text): questions.expressions.insert(question(text))
            case .foreignKey(let key) where key.table.text != table.text:
                questions.tables.insert(key.table.text)
            default: break
            }
        }
        for column in columns {
            guard let text = column.defaultText else { continue }
            questions.expressions.insert(question(text, assignedTo: column.type))
        }
        return questions
    }

    func questions(knowing facts: Facts) -> Questions {
        var questions = Questions()
        if let schema = schema(facts) { questions.schemas = [schema.name] }
        return questions
    }

    func schema(_ facts: Facts) -> Identifier? { table.schema ?? facts.session.creationSchema }

    // MARK: The plan

    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan {
        let judged = try NewTableJudgement(operation: self, context: context).judged()
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: Self.key, title: "create table \(judged.name)",
                tables: [judged.name],
                keeps: [
                    "What was written to \(judged.name): the table is put aside without its foreign keys, not dropped, unless the rollback is told to purge."
                ]),
            steps: NewTableSteps(operation: self, judged: judged, context: context).all,
            hazards: hazards(judged))
    }

    private func hazards(_ judged: JudgedTable) -> [Hazard] {
        var hazards = [
            Hazard(
                rule: "new-table-rights", severity: .note,
                message:
                    "\(judged.name) is its owner's; others may use it only where ALTER DEFAULT PRIVILEGES says so.",
                safeWay:
                    "Give the application's roles theirs with a \"sql\" operation: GRANT … ON …."
            )
        ]
        if !judged.publications.isEmpty {
            hazards.append(
                Hazard(
                    rule: "publication", severity: .warning,
                    message:
                        "\(judged.publications.joined(separator: ", ")) publishes \(judged.name) from its first row on: logical replication carries rows, not DDL, and a subscriber without the table stops.",
                    safeWay: "Create the table on every subscriber first."))
        }
        for key in judged.uncoveredKeys {
            hazards.append(
                Hazard(
                    rule: "foreign-key-without-index", severity: .warning,
                    message:
                        "No index covers the foreign key \(key): each delete and each change of a key in the referenced table reads all of \(judged.name).",
                    safeWay:
                        "Index its columns while the table is small (create_index in the next spec)."
                ))
        }
        return hazards
    }
}

/// One column of `create_table`: as in `add_column`, and `identity`.
struct NewTableColumn: Sendable {
    enum Identity: String, CaseIterable, Sendable {
        case always
        case byDefault = "by_default"
    }

    let name: String
    let type: String
    let isNotNull: Bool
    let defaultText: String?
    let comment: String?
    let identity: Identity?
    /// Its `check` and `references`.
    let constraints: [NewTableConstraint]
    let source: Fields

    init(_ value: Value) throws(SpecError) {
        source = try Fields(
            value, what: "an entry of create_table.columns",
            known: [
                "name", "type", "nullable", "default", "identity", "check", "comment",
                "references",
            ])
        let name = try source.identifier("name")
        self.name = name
        type = try source.string("type")
        isNotNull = !(try source.boolean("nullable", default: true))
        defaultText = try source.optionalExpression("default")
        comment = try source.optionalString("comment")
        identity = try source.choice("identity", Identity.self)
        if identity != nil, defaultText != nil {
            throw try source.required("default").error(
                "an identity column draws its values from a sequence; leave \"default\" out")
        }
        var constraints: [NewTableConstraint] = []
        if let check = try source.optionalExpression("check") {
            constraints.append(
                NewTableConstraint(kind: .check(check), column: name, mark: source.mark("check")))
        }
        if let value = source["references"] {
            let inner = try Fields(
                value, what: "references of column \(name)", known: ["table", "column"])
            let key = NewTableConstraint.ForeignKey(
                columns: [name], table: try inner.table(),
                referenced: [try inner.identifier("column")])
            constraints.append(
                NewTableConstraint(kind: .foreignKey(key), column: name, mark: value.mark))
        }
        self.constraints = constraints
    }
}

/// One constraint of `create_table`: `{primary_key: […]}`, `{unique: […]}`, `{check: …}` or
/// `{columns: […], references: {table, columns}}`, each with an optional name.
struct NewTableConstraint: Sendable {
    enum Kind: Sendable, Equatable {
        case primaryKey([String])
        case unique([String])
        case check(String)
        case foreignKey(ForeignKey)
    }

    enum KeyAction: String, CaseIterable, Sendable {
        case noAction = "no action"
        case restrict, cascade
        case setNull = "set null"
        case setDefault = "set default"
    }

    struct ForeignKey: Sendable, Equatable {
        let columns: [String]
        let table: TableReference
        let referenced: [String]
        var onDelete: KeyAction?
        var onUpdate: KeyAction?
    }

    let name: String?
    let kind: Kind
    /// The column that it was written at; nil for one of the table.
    let column: String?
    let mark: SourceMark

    init(kind: Kind, column: String, mark: SourceMark) {
        name = nil
        self.kind = kind
        self.column = column
        self.mark = mark
    }

    init(_ value: Value) throws(SpecError) {
        let kinds = ["primary_key", "unique", "check", "references"]
        let fields = try Fields(
            value, what: "an entry of create_table.constraints",
            known: ["name"] + kinds + ["columns", "on_delete", "on_update"])
        let said = kinds.filter(fields.has)
        guard said.count == 1 else {
            throw value.error(
                "a constraint is one of \(kinds.joined(separator: ", ")); give exactly one of them")
        }
        for key in ["columns", "on_delete", "on_update"] where said != ["references"] {
            if let other = fields[key] {
                throw other.error("\"\(key)\" belongs to \"references\"; take it out")
            }
        }
        name = try fields.optionalIdentifier("name")
        column = nil
        mark = value.mark
        switch said[0] {
        case "primary_key": kind = .primaryKey(try Self.columns(fields, "primary_key"))
        case "unique": kind = .unique(try Self.columns(fields, "unique"))
        case "check": kind = .check(try fields.expression("check"))
        default: kind = .foreignKey(try Self.foreignKey(fields))
        }
    }

    private static func foreignKey(_ fields: Fields) throws(SpecError) -> ForeignKey {
        let value = try fields.required("references")
        let inner = try Fields(value, what: "references", known: ["table", "columns"])
        let key = ForeignKey(
            columns: try columns(fields, "columns"), table: try inner.table(),
            referenced: try columns(inner, "columns"),
            onDelete: try fields.choice("on_delete", KeyAction.self),
            onUpdate: try fields.choice("on_update", KeyAction.self))
        guard key.columns.count == key.referenced.count else {
            throw value.error(
                "\(key.columns.count) columns reference \(key.referenced.count); name as many on both sides"
            )
        }
        return key
    }

    private static func columns(
        _ fields: Fields, _ key: String
    ) throws(SpecError) -> [String] {
        let names = try fields.identifiers(key)
        guard !names.isEmpty, Set(names).count == names.count else {
            throw try fields.required(key).error("\"\(key)\" names each of its columns once")
        }
        return names
    }

    var isPrimaryKey: Bool { if case .primaryKey = kind { true } else { false } }

    /// The table's own columns that it names; none for a check, whose expression the server reads.
    var columns: [String] {
        switch kind {
        case .primaryKey(let columns), .unique(let columns): columns
        case .foreignKey(let key): key.columns
        case .check: []
        }
    }
}

extension CreateTable {
    var specNames: SpecNames { SpecNames(made: [table.name.name]) }

    func footprint(_ facts: Facts) -> Footprint {
        var footprint = Footprint()
        guard let schema = schema(facts) else { return footprint }
        footprint.makes = [.relation(QualifiedName(schema: schema, name: table.name))]
        for constraint in allConstraints {
            guard case .foreignKey(let key) = constraint.kind,
                let other = facts.tables[key.table.text]?.name
            else { continue }
            footprint.tables.insert(other)
            footprint.reads[other, default: []].formUnion(key.referenced)
            footprint.keysNeeded[other, default: []].formUnion(key.referenced)
        }
        return footprint
    }
}
