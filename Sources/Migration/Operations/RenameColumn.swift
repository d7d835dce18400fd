import SQLText

/// `rename_column`: a replacement by a column of the same type, so that versions of the application
/// that know either name run side by side until the contract.
///
/// A plain RENAME is one statement and breaks every version that says the old name at that moment.
struct RenameColumn: Operation {
    static let key = "rename_column"
    static let fields = ["table", "from", "to"]

    let table: TableReference
    let from: String
    let to: String
    let source: Fields

    init(_ fields: Fields) throws(SpecError) {
        source = fields
        table = try fields.table()
        from = try fields.identifier("from")
        to = try fields.identifier("to")
        guard from != to else {
            throw try fields.required("to").error("the column has this name already")
        }
    }

    /// Nil where the table or the column is not there.
    private func replacement(_ facts: Facts) -> ReplaceColumn? {
        guard let old = facts.tables[table.text]?.column(from) else { return nil }
        return ReplaceColumn(
            table: table, column: from, newName: to, newType: old.type,
            up: Identifier(from).quoted, down: Identifier(to).quoted, fields: source,
            names: ["column": "from", "name": "to"])
    }

    var questions: Questions {
        var questions = Questions()
        questions.tables = [table.text]
        return questions
    }

    func questions(knowing facts: Facts) -> Questions {
        guard let replacement = replacement(facts) else { return Questions() }
        var questions = replacement.questions
        questions.add(replacement.questions(knowing: facts))
        return questions
    }

    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan {
        guard let replacement = replacement(context.facts) else { throw missing(context) }
        if let type = context.facts.types[replacement.newType], type.isDomain {
            throw Refusals(
                file: context.file,
                refusals: [
                    Refusal(
                        rule: "domain-type",
                        message:
                            "\(from) is of the domain \(type.canonical); if that has a constraint, adding a column of it rewrites the table",
                        instead:
                            "Use replace_column with the domain's base type, and say its constraint as \"check\".",
                        mark: source.mark("from"))
                ])
        }
        return try replacement.plan(
            context, kind: Self.key,
            title: { "rename \($0).\(Identifier(from)) to \(Identifier(to))" },
            keeps: [
                "Until the purge: every write of either version, under the name \(Identifier(from))."
            ])
    }

    private func missing(_ context: PlanContext) -> Refusals {
        var refusals = RefusalList(file: context.file)
        if let table = TableJudgement(
            context: context, reference: table, mark: source.mark("table"),
            partitioned: .works
        ).table(&refusals) {
            _ = ColumnJudgement(table: table, name: from, mark: source.mark("from"))
                .column(&refusals)
        }
        return Refusals(file: context.file, refusals: refusals.refusals)
    }
}

extension RenameColumn {
    var specNames: SpecNames { SpecNames(made: [to], taken: [from]) }

    func footprint(_ facts: Facts) -> Footprint {
        replacement(facts)?.footprint(facts) ?? Footprint()
    }
}
