import SQLText

/// `add_unique`: Migrate counts duplicates; Backfill builds a unique index concurrently and makes it a
/// constraint.
///
/// The index refuses duplicates before it is finished, and goes on doing so where a build has left it
/// INVALID: so none is begun while there are duplicates, and a leftover is dropped at once.
struct AddUnique: Operation {
    static let key = "add_unique"
    static let fields = ["table", "columns", "name"]

    let table: TableReference
    let columns: [String]
    let name: String?
    let source: Fields

    init(_ fields: Fields) throws(SpecError) {
        source = fields
        table = try fields.table()
        columns = try fields.identifiers("columns")
        if columns.isEmpty {
            throw try fields.required("columns").error("\"columns\" is empty; name at least one")
        }
        name = try fields.optionalIdentifier("name")
    }

    /// Whether values of a column can be told apart.
    private func equalityQuestion(_ column: ColumnFacts) -> ExpressionQuestion {
        ExpressionQuestion(
            table: table.text, text: "\(Identifier(column.name).quoted) = NULL::\(column.type)")
    }

    var questions: Questions {
        var questions = Questions()
        questions.tables = [table.text]
        return questions
    }

    func questions(knowing facts: Facts) -> Questions {
        var questions = Questions()
        guard let table = facts.tables[table.text] else { return questions }
        questions.expressions = Set(columns.compactMap(table.column).map(equalityQuestion))
        return questions
    }

    // MARK: The plan

    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan {
        var refusals = RefusalList(file: context.file)
        let judged = TableJudgement(
            context: context, reference: table, mark: source.mark("table"),
            partitioned: .refused(
                "a unique constraint can't be made of indexes that were built concurrently, partition by partition",
                instead:
                    "Use create_index with \"unique: true\": it refuses the same rows, and ON CONFLICT (columns) takes it."
            )
        ).table(&refusals)
        guard let judged else { throw Refusals(file: context.file, refusals: refusals.refusals) }
        let name = self.name ?? freeName(judged)
        judge(context, judged, name, &refusals)
        try refusals.throwIfAny()
        let list = columns.map { Identifier($0).quoted }.joined(separator: ", ")
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: Self.key,
                title: "make \(judged.name) (\(list)) unique, as \(Identifier(name))",
                tables: [judged.name],
                keeps: ["Everything: a unique constraint holds nothing of its own."]),
            steps: steps(context, judged, Identifier(name)), hazards: hazards(judged, list))
    }

    /// As PostgreSQL names it: table, columns, `key`, with a number where that is taken. A leftover of
    /// an earlier try is dropped and its name used again.
    private func freeName(_ facts: TableFacts) -> String {
        let wanted = ([facts.name.name.name] + columns + ["key"]).joined(separator: "_")
        let taken = Set(
            facts.relationNames + facts.indexes.map(\.name.name.name)
                + facts.constraints.map(\.name))
        return OurNames.free(wanted, taken: taken.subtracting(leftovers(facts)))
    }

    private func leftovers(_ facts: TableFacts) -> [String] {
        facts.indexes.filter { !$0.isValid && $0.constraint == nil }.map(\.name.name.name)
    }

    private func judge(
        _ context: PlanContext, _ facts: TableFacts, _ name: String,
        _ refusals: inout RefusalList
    ) {
        let mark = source.mark("columns")
        for column in facts.existing(columns, at: mark, &refusals) ?? []
        where context.facts.expressions[equalityQuestion(column)]?.error != nil {
            refusals.refuse(
                "no-equality",
                "values of \(Identifier(column.name)) can't be told apart: \(column.type) has no operator =",
                instead: "Replace it by a column of another type first; json by jsonb, say.",
                at: mark)
        }
        if let same = facts.constraints.first(where: {
            ($0.kind == .unique || $0.kind == .primaryKey) && Set($0.columns) == Set(columns)
        }) {
            refusals.refuse(
                "already-unique", "\(Identifier(same.name)) makes these columns unique already",
                instead: "Take the operation out.", at: mark)
        }
        facts.refuseTakenName(name, at: source.mark("name"), &refusals)
        let taken = Set(facts.relationNames + facts.indexes.map(\.name.name.name))
        let isTaken = !facts.constraints.contains { $0.name == name } && taken.contains(name)
        if isTaken, !leftovers(facts).contains(name) {
            refusals.refuse(
                "name-taken",
                "the schema \(facts.name.schema) has a table or index \"\(name)\" already, and the constraint's index needs the name",
                instead: "Give another \"name\".", at: source.mark("name"))
        }
    }

    private func steps(
        _ context: PlanContext, _ facts: TableFacts, _ name: Identifier
    ) -> [Step] {
        var maker = StepMaker(number: context.number, table: facts.name)
        let index = QualifiedName(schema: facts.name.schema, name: name)
        let columns = columns.map { Identifier($0) }
        maker.add(
            .migrate, "duplicates", "count the duplicates in \(facts.name)",
            .findViolators(
                .duplicates(
                    of: columns, in: facts.name,
                    advice:
                        "Mend them, and see that no version of the application writes such rows any more; then run again."
                )))
        let drop: SQL = "DROP INDEX CONCURRENTLY IF EXISTS \(index)"
        maker.add(
            .backfill, "index", "build the unique index \(name)",
            .buildIndex(
                IndexBuild(
                    table: facts.name, index: index, isUnique: true,
                    create:
                        "CREATE UNIQUE INDEX CONCURRENTLY \(name) ON \(facts.name) USING btree (\(names: columns))",
                    drop: drop)),
            undo: [
                .init(
                    "drop", "drop the index \(name)",
                    .dropIndex(IndexDrop(table: facts.name, index: index, drop: drop)))
            ])
        maker.add(
            .backfill, "unique", "make the index the constraint \(name)",
            .ddl(
                ["ALTER TABLE \(facts.name) ADD CONSTRAINT \(name) UNIQUE USING INDEX \(name)"],
                on: facts.name, .accessExclusive),
            undo: [
                .init(
                    "drop", "drop the constraint \(name) and its index", maker.removal(of: name))
            ])
        return maker.steps
    }

    private func hazards(_ facts: TableFacts, _ list: String) -> [Hazard] {
        [
            Hazard(
                rule: "stricter-table", severity: .warning,
                message:
                    "From Backfill on, also while the index is built, a write to \(facts.name) that repeats \(list) is an error of the application's; updates of \(list) then wait for foreign key checks.",
                safeWay: "Deploy what writes no duplicates before Backfill."),
            Hazard(
                rule: "index-waits", severity: .note,
                message:
                    "A concurrent build waits for every older transaction, on other tables too; it stalls nobody meanwhile."
            ),
            Hazard(
                rule: "duplicate-search", severity: .note,
                message:
                    "Counting duplicates sorts or hashes \(list) of every row, in temporary files where work_mem is too small."
            ),
        ] + facts.subscriptionHazards
    }
}

extension AddUnique {
    var specNames: SpecNames { SpecNames(made: [name].compactMap { $0 }) }

    func footprint(_ facts: Facts) -> Footprint {
        var footprint = Footprint()
        guard let table = facts.tables[table.text] else { return footprint }
        let name = self.name ?? freeName(table)
        footprint.reads = [table.name: Set(columns)]
        footprint.makes = [
            .constraint(name, of: table.name),
            .relation(QualifiedName(schema: table.name.schema, name: Identifier(name))),
        ]
        return footprint
    }
}
