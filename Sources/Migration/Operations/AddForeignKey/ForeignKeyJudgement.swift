import SQLText

extension AddForeignKey {
    /// Refuses what PostgreSQL would refuse only once rows have been filled, and what would stall; every
    /// reason at once.
    func judge(_ context: PlanContext) throws(Refusals) -> JudgedForeignKey {
        var refusals = RefusalList(file: context.file)
        let found = TableJudgement(
            context: context, reference: table, mark: source.mark("table"),
            partitioned: .works
        ).table(&refusals)
        let other = judgeOther(context, &refusals)
        guard let table = found, let other else {
            throw Refusals(file: context.file, refusals: refusals.refusals)
        }
        table.refuseForeignKey(context, at: source.mark("table"), &refusals)
        if let name { table.refuseTakenName(name, at: source.mark("name"), &refusals) }
        let new = judgeNew(context, table, &refusals)
        let columnsMark = source.mark("columns")
        let old = table.existing(
            columns.filter { $0 != newColumn?.name }, at: columnsMark, &refusals)
        let upFacts = judgeUp(context, table, &refusals)
        let nulled = judgeOrphans(old ?? [], &refusals)
        var mixed: [(column: String, type: String, referenced: String)] = []
        for (column, name) in zip(columns, referencedColumns) {
            guard let referenced = other.column(name),
                let facts = (old ?? []).first(where: { $0.name == column })
                    ?? (column == new?.name ? new : nil)
            else { continue }
            judgeTypes(context, facts, referenced, &refusals)
            if Self.base(facts.type) != Self.base(referenced.type) {
                mixed.append((column, facts.type, referenced.type))
            }
        }
        try refusals.throwIfAny()
        return JudgedForeignKey(
            table: table, name: Identifier(name ?? freeName(table)),
            reference: ReferenceFacts(
                columns: columns.map { Identifier($0) }, table: other.name,
                referenced: referencedColumns.map { Identifier($0) },
                isPartitioned: other.isPartitioned),
            other: other, new: new,
            filling: filling(context, table, new, upFacts),
            fillsFromOtherRows: upFacts?.hasSubquery ?? false, nulled: nulled, mixedTypes: mixed)
    }

    private func filling(
        _ context: PlanContext, _ table: TableFacts, _ new: ColumnFacts?, _ up: ExpressionFacts?
    ) -> FillOnWrite? {
        guard let new, let value = self.up else { return nil }
        return FillOnWrite(
            context: context, table: table, column: new, value: value, reads: up?.columns ?? [],
            isVolatile: up?.isVolatile ?? false)
    }

    /// As PostgreSQL names it: table, columns, `fkey`, with a number where that is taken.
    func freeName(_ table: TableFacts) -> String {
        OurNames.free(
            ([table.name.name.name] + columns + ["fkey"]).joined(separator: "_"),
            taken: Set(table.constraints.map(\.name)))
    }

    private static func base(_ type: String) -> String {
        String(type.prefix { $0 != "(" })
    }

    // MARK: The referenced side

    private func judgeOther(
        _ context: PlanContext, _ refusals: inout RefusalList
    ) -> TableFacts? {
        let mark = references.mark("table")
        guard let other = context.facts.tables[referencedTable.text] else {
            refusals.refuse(
                "missing-table", "there is no table \"\(referencedTable.text)\" to reference",
                instead: "Correct the name, or write it with its schema.", at: mark)
            return nil
        }
        guard other.kind == .table || other.isPartitioned, !other.isPartition,
            other.inheritedBy.isEmpty,
            !other.partitions.contains(where: { $0.kind == .foreignTable })
        else {
            refusals.refuse(
                "unreferenceable-table",
                other.inheritedBy.isEmpty
                    ? other.isPartition
                        ? "\(other.name) is a partition: a row that moves to another one would be referenced no more"
                        : other.isPartitioned
                            ? "\(other.name) has partitions that are foreign tables, which no foreign key can reference"
                            : "\(other.name) is a \(other.kind.words), which no foreign key can reference"
                    : "\(other.inheritedBy.map(\.quoted).joined(separator: ", ")) inherit from \(other.name), and a foreign key does not see their rows",
                instead: other.isPartition
                    ? "Reference the partitioned table." : "Reference an ordinary table.", at: mark)
            return nil
        }
        let columnsMark = references.mark("columns")
        guard let found = other.existing(referencedColumns, at: columnsMark, &refusals),
            !found.isEmpty
        else { return other }
        if !other.hasKey(of: referencedColumns) {
            let list = referencedColumns.map { Identifier($0).quoted }.joined(separator: ", ")
            refusals.refuse(
                "no-unique-key",
                "\(other.name) (\(list)) is no key, so nothing can reference it",
                instead:
                    "Reference its primary key, or make these columns unique first (add_unique, in a spec of its own).",
                at: columnsMark)
        }
        return other
    }

    private func judgeTypes(
        _ context: PlanContext, _ column: ColumnFacts, _ referenced: ColumnFacts,
        _ refusals: inout RefusalList
    ) {
        let isComparable =
            context.facts.expressions[equalityQuestion(column.name, referenced)]?.error == nil
        let integers = ["smallint", "integer", "bigint"]
        // PostgreSQL takes the key's operator class, whose values the column's must turn into by
        // themselves: integer does to numeric, numeric does not to integer.
        let isWider =
            integers.contains(referenced.type)
            && ["numeric", "real", "double precision"].contains(Self.base(column.type))
        guard !isComparable || isWider else { return }
        refusals.refuse(
            "foreign-key-type",
            "\(Identifier(column.name)) is \(column.type) and can't reference \(Identifier(referenced.name)), which is \(referenced.type)",
            instead: newColumn?.name == column.name
                ? "Give the new column the type \(referenced.type)."
                : "Bring both to one type first (replace_column).",
            at: newColumn?.name == column.name ? newColumnMark : source.mark("columns"))
    }

    // MARK: The referencing side

    private func judgeNew(
        _ context: PlanContext, _ table: TableFacts, _ refusals: inout RefusalList
    ) -> ColumnFacts? {
        guard let newColumn else { return nil }
        if table.column(newColumn.name) != nil {
            refusals.refuse(
                "column-exists", "\(table.name) has a column \"\(newColumn.name)\" already",
                instead: "Leave \"new_column\" out to reference by it, or name another one.",
                at: newColumnMark)
        }
        let typed = TypeFacts.judged(newColumn.type, context.facts, at: newColumnMark, &refusals)
        return typed.map {
            ColumnFacts(
                name: newColumn.name, number: (table.columns.map(\.number).max() ?? 0) + 1,
                type: $0.canonical)
        }
    }

    private func judgeUp(
        _ context: PlanContext, _ table: TableFacts, _ refusals: inout RefusalList
    ) -> ExpressionFacts? {
        guard let up, let question = upQuestion else { return nil }
        let facts = ExpressionJudgement(
            context: context, role: "up", text: up, mark: source.mark("up"), table: table
        ).facts(question, [.executableByWriters, .noGeneratedInputs, .assignable], &refusals)
        if let facts, let newColumn, facts.columns.contains(newColumn.name) {
            refusals.refuse(
                "up-reads-new", "up (\(up)) reads \(newColumn.name), which it is to give a value",
                instead: "Name only columns that the table has.", at: source.mark("up"))
        }
        return facts
    }

    /// The columns that can be set to NULL: one is enough for a row to reference nothing.
    private func judgeOrphans(
        _ old: [ColumnFacts], _ refusals: inout RefusalList
    ) -> [Identifier] {
        guard orphans == .null, newColumn == nil else { return [] }
        let nullable = old.filter { !$0.isNotNull && $0.generation == .none }
        if nullable.isEmpty, old.count == columns.count {
            refusals.refuse(
                "orphans-not-null",
                "none of \(columns.joined(separator: ", ")) may be NULL, so orphans can't be set to it",
                instead: "Leave \"orphans\" out, and mend or delete those rows.",
                at: source.mark("orphans"))
        }
        return nullable.map { Identifier($0.name) }
    }
}
