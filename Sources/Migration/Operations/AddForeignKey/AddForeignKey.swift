import SQLText

/// `add_foreign_key`, on columns that are there or on a new one.
///
/// - A new column: Expand tries `up` and adds it; Migrate gives `up` to what is written without it; Backfill fills
///   it; Contract drops the trigger, behind a gate.
/// - Migrate counts the rows that reference nothing, Expand those that `up` would make; a run that
///   finds some stops there. With `orphans: null` Backfill sets them to NULL instead, once the foreign key
///   refuses new ones, so that the fill has an end.
/// - Backfill adds the foreign key for new rows, then proves it for all.
struct AddForeignKey: Operation {
    static let key = "add_foreign_key"
    static let fields = [
        "table", "columns", "references", "name", "on_delete", "on_update", "new_column", "up",
        "orphans",
    ]

    /// What happens to referencing rows, in the words of SQL.
    enum Action: String, CaseIterable, Sendable {
        case noAction = "no action"
        case restrict
        case cascade
        case setNull = "set null"
        case setDefault = "set default"

        var sql: SQL { SQL(writtenByUser: rawValue.uppercased()) }
    }

    enum Orphans: String, CaseIterable, Sendable { case fail, null }

    struct NewColumn: Sendable, Equatable {
        let name: String
        let type: String
    }

    let table: TableReference
    let columns: [String]
    let referencedTable: TableReference
    let referencedColumns: [String]
    let name: String?
    let onDelete: Action?
    let onUpdate: Action?
    let newColumn: NewColumn?
    let up: String?
    let orphans: Orphans
    let source: Fields
    let references: Fields
    let newColumnMark: SourceMark

    init(_ fields: Fields) throws(SpecError) {
        source = fields
        table = try fields.table()
        columns = try fields.identifiers("columns")
        references = try Fields(
            fields.required("references"), what: "add_foreign_key.references",
            known: ["table", "columns"])
        referencedTable = try references.table()
        referencedColumns = try references.identifiers("columns")
        name = try fields.optionalIdentifier("name")
        onDelete = try fields.choice("on_delete", Action.self)
        onUpdate = try fields.choice("on_update", Action.self)
        up = try fields.optionalExpression("up")
        newColumnMark = fields.mark("new_column")
        newColumn = try fields["new_column"].map { value throws(SpecError) in
            let inner = try Fields(
                value, what: "add_foreign_key.new_column", known: ["name", "type"])
            return NewColumn(name: try inner.identifier("name"), type: try inner.string("type"))
        }
        if fields["orphans"]?.isNull == true {
            // The word null without quotes.
            orphans = .null
        } else {
            orphans = try fields.choice("orphans", Orphans.self) ?? .fail
        }
        try checkShape(fields)
    }

    private func checkShape(_ fields: Fields) throws(SpecError) {
        if columns.isEmpty {
            throw try fields.required("columns").error("\"columns\" is empty; name at least one")
        }
        if columns.count != referencedColumns.count {
            throw try references.required("columns").error(
                "\(columns.count) columns can't reference \(referencedColumns.count); give as many")
        }
        if let newColumn, !columns.contains(newColumn.name) {
            throw try fields.required("columns").error(
                "\"columns\" does not name the new column \"\(newColumn.name)\"")
        }
        if up != nil, newColumn == nil {
            throw try fields.required("up").error(
                "\"up\" fills \"new_column\", which is not there; give one, or fill the columns by a backfill first"
            )
        }
        if up != nil, orphans == .null {
            throw try fields.required("orphans").error(
                "\"orphans: null\" is for columns that are there; let \"up\" give NULL where there is nothing to reference: (SELECT … WHERE …)"
            )
        }
    }

    // MARK: What is asked of the server

    private var newColumns: [ExpressionQuestion.NewColumn] {
        newColumn.map { [.init(name: $0.name, text: $0.type)] } ?? []
    }

    var upQuestion: ExpressionQuestion? {
        guard let up, let newColumn else { return nil }
        return ExpressionQuestion(
            table: table.text, text: up, newColumns: newColumns, assignedTo: newColumn.type)
    }

    /// Whether a column can be compared with the one that it references.
    func equalityQuestion(_ column: String, _ referenced: ColumnFacts) -> ExpressionQuestion {
        ExpressionQuestion(
            table: table.text,
            text: "\(Identifier(column).quoted) = NULL::\(referenced.type)", newColumns: newColumns)
    }

    var questions: Questions {
        var questions = Questions()
        questions.tables = [table.text, referencedTable.text]
        if let newColumn { questions.types = [newColumn.type] }
        if let upQuestion { questions.expressions = [upQuestion] }
        return questions
    }

    func questions(knowing facts: Facts) -> Questions {
        var questions = Questions()
        guard let other = facts.tables[referencedTable.text] else { return questions }
        for (column, name) in zip(columns, referencedColumns) {
            guard let referenced = other.column(name) else { continue }
            questions.expressions.insert(equalityQuestion(column, referenced))
        }
        return questions
    }

    // MARK: The plan

    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan {
        let judged = try judge(context)
        let table = judged.table.name
        let other = judged.reference.table
        let list = columns.map { Identifier($0).quoted }.joined(separator: ", ")
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: Self.key,
                title: "let \(table) (\(list)) reference \(other), as \(judged.name)",
                tables: table == other ? [table] : [table, other], keeps: keeps),
            steps: ForeignKeySteps(operation: self, judged: judged, context: context).all,
            hazards: ForeignKeyHazards(operation: self, judged: judged, context: context).all,
            synced: newColumn.map { [table: [$0.name]] } ?? [:])
    }

    private var keeps: [String] {
        if let newColumn {
            return [
                "What was written to \(Identifier(newColumn.name)): the column is put aside, not dropped, unless the rollback is told to purge."
            ]
        }
        return [
            orphans == .null
                ? "Nothing of the references that led nowhere: they stay NULL."
                : "Everything: a foreign key holds nothing of its own."
        ]
    }
}

/// What is known of a foreign key once nothing speaks against it.
struct JudgedForeignKey: Sendable {
    let table: TableFacts
    let name: Identifier
    let reference: ReferenceFacts
    let other: TableFacts
    /// The new column as it will be, and what fills it.
    let new: ColumnFacts?
    let filling: FillOnWrite?
    let fillsFromOtherRows: Bool
    /// The columns that `orphans: null` sets to NULL.
    let nulled: [Identifier]
    /// Pairs of types that are compared, where they are not the same.
    let mixedTypes: [(column: String, type: String, referenced: String)]
}

extension AddForeignKey {
    var specNames: SpecNames {
        SpecNames(made: [name, newColumn?.name].compactMap { $0 })
    }

    func footprint(_ facts: Facts) -> Footprint {
        var footprint = Footprint()
        guard let known = facts.tables[table.text],
            let other = facts.tables[referencedTable.text]?.name
        else { return footprint }
        let table = known.name
        footprint.reads = [table: Set(columns).subtracting([newColumn?.name].compactMap { $0 })]
        footprint.reads[other, default: []].formUnion(referencedColumns)
        footprint.keysNeeded = [other: Set(referencedColumns)]
        footprint.tables = [other]
        if orphans == .null { footprint.writes = [table: Set(columns)] }
        if let newColumn { footprint.makes.insert(.column(newColumn.name, of: table)) }
        footprint.makes.insert(.constraint(name ?? freeName(known), of: table))
        if let known = upQuestion.flatMap({ facts.expressions[$0] }) {
            footprint.reads[table]?.formUnion(known.columns)
            if known.hasSubquery { footprint.subqueries = [up].compactMap { $0 } }
        }
        return footprint
    }
}
