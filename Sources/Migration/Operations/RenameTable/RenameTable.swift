import SQLText

/// `rename_table`. `view`: the table gets its new name in Expand, and in the same transaction a view
/// takes the old one. There is one set of rows, so both names always show the same. `copy`: a complete
/// copy is kept in step and filled, and takes the table's place in Switch.
struct RenameTable: Operation {
    static let key = "rename_table"
    static let fields = ["from", "to", "method"]

    enum Method: String, CaseIterable, Sendable { case view, copy }

    let from: TableReference
    let to: TableReference
    let method: Method
    let source: Fields

    init(_ fields: Fields) throws(SpecError) {
        source = fields
        from = try fields.table("from")
        to = try fields.table("to")
        method = try fields.choice("method", Method.self) ?? .view
        if from == to || (from.name == to.name && to.schema == nil) {
            throw try fields.required("to").error("\"to\" is the name that the table has")
        }
    }

    // MARK: What is asked of the server

    var questions: Questions {
        var questions = Questions()
        questions.tables = [from.text]
        questions.relations = [from.text]
        if method == .copy { questions.copied = [from.text] }
        return questions
    }

    func questions(knowing facts: Facts) -> Questions {
        var questions = Questions()
        if let table = facts.tables[from.text] { questions.schemas = [table.name.schema.name] }
        return questions
    }

    // MARK: The plan

    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan {
        var refusals = RefusalList(file: context.file)
        let judged = TableJudgement(
            context: context, reference: from, mark: source.mark("from"),
            partitioned: method == .view
                ? .works
                : .refused(
                    "a complete copy would be one of every partition too",
                    instead: "Use \"method: view\", which leaves the tables as they are.")
        ).table(&refusals)
        guard let judged else { throw Refusals(file: context.file, refusals: refusals.refusals) }
        let new = QualifiedName(schema: judged.name.schema, name: to.name)
        let relation = context.facts.relations[from.text] ?? RelationFacts()
        judge(judged, new, context, &refusals)
        judge(ownerOf: judged, relation, context, &refusals)
        switch method {
        case .view:
            try refusals.throwIfAny()
            return planView(judged, relation, new, context)
        case .copy:
            return try planCopy(judged, relation, new, context, refusals)
        }
    }

    private func planView(
        _ table: TableFacts, _ relation: RelationFacts, _ new: QualifiedName,
        _ context: PlanContext
    ) -> OperationPlan {
        let aside = OurNames.quarantine(
            context.migration, table.name,
            taken: context.facts.schemas[new.schema.name]?.names ?? [])
        let renaming = TableRenaming(
            context: context, table: table, relation: relation, new: new, aside: aside)
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: Self.key,
                title: "rename table \(table.name) to \(new.name)", tables: [table.name],
                keeps: [
                    "Until the purge: every write under either name; both are names of one table."
                ]), steps: renaming.steps, hazards: renaming.hazards,
            claimed: [table.name, new])
    }

    private func planCopy(
        _ table: TableFacts, _ relation: RelationFacts, _ new: QualifiedName,
        _ context: PlanContext, _ refusals: RefusalList
    ) throws(Refusals) -> OperationPlan {
        var refusals = refusals
        let mark = source.mark("from")
        guard let copied = context.facts.copied[from.text] else {
            refusals.refuse(
                "unknown-table", "the server was not asked what a copy of \(table.name) needs",
                instead: "Plan again; if it stays, report it with the spec.", at: mark)
            throw Refusals(file: context.file, refusals: refusals.refusals)
        }
        let judgement = CopyJudgement(
            table: table, relation: relation, copied: copied, server: context.facts.server,
            mark: mark)
        judgement.judge(&refusals)
        guard let key = judgement.key, refusals.refusals.isEmpty else {
            throw Refusals(file: context.file, refusals: refusals.refusals)
        }
        let copying = TableCopying(
            context: context, table: table, relation: relation, copied: copied, new: new, key: key)
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: Self.key,
                title: "copy table \(table.name) to \(new.name), which takes its place",
                tables: [table.name] + copying.neighbours,
                keeps: [
                    "Until the purge: every write under either name; each is made in both tables."
                ]), steps: copying.steps, hazards: copying.hazards, claimed: [table.name, new])
    }

    private func judge(
        _ table: TableFacts, _ new: QualifiedName, _ context: PlanContext,
        _ refusals: inout RefusalList
    ) {
        table.refuseIfBusy(at: source.mark("from"), &refusals)
        if let schema = to.schema, schema != table.name.schema {
            refusals.refuse(
                "other-schema",
                "\(table.name) would have to move to schema \(schema), and a rename stays in its schema",
                instead:
                    "Leave the schema of \"to\" out; ALTER TABLE … SET SCHEMA is a \"sql\" operation.",
                at: source.mark("to"))
        } else {
            NewTableName(name: new, mark: source.mark("to"), context: context)
                .judgeName(&refusals)
        }
        if !table.subscriptions.isEmpty {
            refusals.refuse(
                "subscription",
                "\(table.name) is written by subscription \(table.subscriptions.joined(separator: ", ")), which finds its tables by name",
                instead:
                    "Rename the table on the publisher in the same way, without a subscription.",
                at: source.mark("from"))
        }
    }
}

extension RenameTable {
    /// The view is to be the table's owner's, who must then have the right to make one.
    private func judge(
        ownerOf table: TableFacts, _ relation: RelationFacts, _ context: PlanContext,
        _ refusals: inout RefusalList
    ) {
        guard table.owner != context.facts.server.user, !relation.ownerMayCreate else { return }
        let owner = Identifier(table.owner).quoted
        refusals.refuse(
            "no-create",
            "\(owner), the owner of \(table.name), may not create the view that takes its name in schema \(table.name.schema)",
            instead:
                "Let the schema's owner run: GRANT CREATE ON SCHEMA \(table.name.schema) TO \(owner);",
            at: source.mark("from"))
    }
}

extension RenameTable {
    var specNames: SpecNames { SpecNames(made: [to.name.name], taken: [from.name.name]) }

    func footprint(_ facts: Facts) -> Footprint {
        var footprint = Footprint()
        guard let table = facts.tables[from.text]?.name else { return footprint }
        footprint.drops = [.relation(table)]
        footprint.makes = [.relation(QualifiedName(schema: table.schema, name: to.name))]
        return footprint
    }
}
