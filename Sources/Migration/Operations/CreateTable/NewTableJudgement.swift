import SQLText

/// What is known of a table that is to be created once nothing speaks against it.
struct JudgedTable: Sendable {
    let name: QualifiedName
    /// The columns' types as `format_type` prints them.
    let types: [String]
    let constraints: [Constraint]
    let publications: [String]
    /// Where it is put aside.
    let aside: QualifiedName

    struct Constraint: Sendable {
        let name: Identifier
        let kind: NewTableConstraint.Kind
        /// The referenced table of a foreign key, itself included.
        let references: QualifiedName?
    }

    /// Foreign keys that no key of the table covers.
    var uncoveredKeys: [String] {
        let covers = constraints.compactMap { constraint -> [String]? in
            switch constraint.kind {
            case .primaryKey(let columns), .unique(let columns): columns
            default: nil
            }
        }
        return constraints.compactMap { constraint in
            guard case .foreignKey(let key) = constraint.kind else { return nil }
            let isCovered = covers.contains {
                Set($0.prefix(key.columns.count)) == Set(key.columns)
            }
            return isCovered ? nil : constraint.name.quoted
        }
    }
}

struct NewTableJudgement {
    let operation: CreateTable
    let context: PlanContext

    func judged() throws(Refusals) -> JudgedTable {
        var refusals = RefusalList(file: context.file)
        guard let schema = operation.schema(context.facts) else {
            refusals.refuse(
                "no-schema",
                "\"\(operation.table.text)\" names no schema, and none of the search path is there",
                instead: "Write the table with its schema.", at: operation.source.mark("table"))
            throw Refusals(file: context.file, refusals: refusals.refusals)
        }
        let name = QualifiedName(schema: schema, name: operation.table.name)
        NewTableName(name: name, mark: operation.source.mark("table"), context: context)
            .judge(&refusals)
        let types = judgeTypes(&refusals)
        // An expression over a row with a type that is not there says only that again.
        if let types { judgeExpressions(name, types, &refusals) }
        let constraints = judgeConstraints(name, &refusals)
        try refusals.throwIfAny()
        let facts = context.facts.schemas[schema.name] ?? SchemaFacts()
        return JudgedTable(
            name: name, types: types ?? [], constraints: constraints,
            publications: facts.publications,
            aside: OurNames.quarantine(context.migration, name, taken: facts.names))
    }

    // MARK: Columns

    private func judgeTypes(_ refusals: inout RefusalList) -> [String]? {
        let serials = ["serial": "integer", "bigserial": "bigint", "smallserial": "smallint"]
        var types: [String] = []
        for column in operation.columns {
            if let integer = serials[column.type.lowercased()] {
                refusals.refuse(
                    "serial-type", "\(column.type) is no type, but short for several statements",
                    instead: "Use {type: \(integer), identity: by_default}.",
                    at: column.source.mark("type"))
            } else if let type = TypeFacts.judged(
                column.type, context.facts, at: column.source.mark("type"), &refusals,
                isForNewTable: true)
            {
                types.append(type.canonical)
            }
        }
        return types.count == operation.columns.count ? types : nil
    }

    private func judgeExpressions(
        _ name: QualifiedName, _ types: [String], _ refusals: inout RefusalList
    ) {
        let columns = zip(operation.columns, types).enumerated().map { number, pair in
            ColumnFacts(name: pair.0.name, number: number + 1, type: pair.1)
        }
        let table = TableFacts(
            name: name, oid: 0, kind: .table, owner: context.facts.server.user, isOwnedByUs: true,
            heapBytes: 0, totalBytes: 0, estimatedRows: 0, columns: columns)
        for column in operation.columns {
            guard let text = column.defaultText else { continue }
            let mark = column.source.mark("default")
            let facts = ExpressionJudgement(
                context: context, role: "default", text: text, mark: mark, table: table
            ).facts(
                operation.question(text, assignedTo: column.type), [.noSubquery, .assignable],
                &refusals)
            if let facts, !facts.columns.isEmpty {
                refusals.refuse(
                    "default-reads-row",
                    "default (\(text)) reads \(facts.columns.joined(separator: ", ")), and no default can read the row",
                    instead: "Text goes into SQL quotes inside YAML's: \"'new'\".", at: mark)
            }
        }
        for constraint in operation.allConstraints {
            guard case .check(let text) = constraint.kind else { continue }
            _ = ExpressionJudgement(
                context: context, role: "check", text: text, mark: constraint.mark, table: table
            ).facts(operation.question(text), [.noSubquery], &refusals)
        }
    }

    // MARK: Constraints

    private func judgeConstraints(
        _ name: QualifiedName, _ refusals: inout RefusalList
    ) -> [JudgedTable.Constraint] {
        // An index has its constraint's name, which nothing else of the schema may have.
        var taken = Set(context.facts.schemas[name.schema.name]?.names ?? [])
        for constraint in operation.allConstraints {
            guard let said = constraint.name else { continue }
            let needsIndex = constraint.isPrimaryKey || constraint.isUnique
            if needsIndex, taken.contains(said) || said == name.name.name {
                refusals.refuse(
                    "index-exists",
                    "schema \(name.schema) has a table, index or sequence \"\(said)\" already, and the constraint's index is to be called so",
                    instead: "Give another \"name\", or leave it out.", at: constraint.mark)
            }
        }
        taken.formUnion(operation.allConstraints.compactMap(\.name))
        return operation.allConstraints.compactMap { constraint in
            judge(constraint, of: name, &taken, &refusals)
        }
    }

    private func judge(
        _ constraint: NewTableConstraint, of name: QualifiedName, _ taken: inout Set<String>,
        _ refusals: inout RefusalList
    ) -> JudgedTable.Constraint? {
        let known = operation.columns.map(\.name)
        for column in constraint.columns where !known.contains(column) {
            let near = Suggestion.didYouMean(column, among: known)
            refusals.refuse(
                "missing-column", "\(name) is to have no column \"\(column)\"",
                instead: near.map { $0.prefix(1).uppercased() + $0.dropFirst() }
                    ?? "Name one of its columns: \(known.joined(separator: ", ")).",
                at: constraint.mark)
            return nil
        }
        var references: QualifiedName?
        if case .foreignKey(let key) = constraint.kind {
            references = judge(key, of: name, at: constraint.mark, &refusals)
            guard references != nil else { return nil }
        }
        let chosen = constraint.name ?? OurNames.free(constraint.usualName(name), taken: taken)
        taken.insert(chosen)
        return JudgedTable.Constraint(
            name: Identifier(chosen), kind: constraint.kind, references: references)
    }

    private func judge(
        _ key: NewTableConstraint.ForeignKey, of name: QualifiedName, at mark: SourceMark,
        _ refusals: inout RefusalList
    ) -> QualifiedName? {
        var keys = operation.constraints.compactMap { constraint -> Set<String>? in
            constraint.isPrimaryKey || constraint.isUnique ? Set(constraint.columns) : nil
        }
        var target = name
        if key.table.text != operation.table.text {
            guard let other = context.facts.tables[key.table.text] else {
                refusals.refuse(
                    "missing-table", "there is no table \"\(key.table.text)\" to reference",
                    instead:
                        "Correct the name, or write it with its schema. A table that this spec makes is referenced by the next one.",
                    at: mark)
                return nil
            }
            guard other.kind == .table || other.kind == .partitionedTable else {
                refusals.refuse(
                    "not-a-table",
                    "\(other.name) is a \(other.kind.words), which nothing can reference",
                    instead: "Name the table that holds the rows.", at: mark)
                return nil
            }
            target = other.name
            keys = other.constraints.filter { $0.kind == .primaryKey || $0.kind == .unique }
                .map { Set($0.columns) }
        }
        guard keys.contains(Set(key.referenced)) else {
            refusals.refuse(
                "no-unique-key",
                "(\(key.referenced.joined(separator: ", "))) of \(target) is no key, so nothing can reference it",
                instead: "Reference its primary key or the columns of a unique constraint.",
                at: mark)
            return nil
        }
        return target
    }
}

extension NewTableConstraint {
    var isUnique: Bool { if case .unique = kind { true } else { false } }

    /// As PostgreSQL names it.
    fileprivate func usualName(_ table: QualifiedName) -> String {
        let parts = [table.name.name] + (column.map { [$0] } ?? columns)
        switch kind {
        case .primaryKey: return table.name.name + "_pkey"
        case .unique: return (parts + ["key"]).joined(separator: "_")
        case .check: return (parts + ["check"]).joined(separator: "_")
        case .foreignKey: return (parts + ["fkey"]).joined(separator: "_")
        }
    }
}
