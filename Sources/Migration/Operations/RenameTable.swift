import SQLText

/// `rename_table`: the table gets its new name in Expand, and in the same transaction a view takes
/// the old one. There is one set of rows, so both names always show the same.
///
/// The view is `security_invoker`: who reads or writes through it needs the same rights as on the
/// table, and row security sees them and not the view's owner.
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
        if method == .copy {
            refusals.refuse(
                "unavailable", "\"method: copy\" is not available in this version",
                instead: "Use \"method: view\", which copies nothing and is as quick to undo.",
                at: source.mark("method"))
        }
        let judged = TableJudgement(
            context: context, reference: from, mark: source.mark("from"),
            partitioned: .works
        ).table(&refusals)
        guard let judged else { throw Refusals(file: context.file, refusals: refusals.refusals) }
        let new = QualifiedName(schema: judged.name.schema, name: to.name)
        let relation = context.facts.relations[from.text] ?? RelationFacts()
        judge(judged, new, context, &refusals)
        judge(ownerOf: judged, relation, context, &refusals)
        try refusals.throwIfAny()
        let aside = OurNames.quarantine(
            context.migration, judged.name,
            taken: context.facts.schemas[new.schema.name]?.names ?? [])
        let renaming = TableRenaming(
            context: context, table: judged, relation: relation, new: new, aside: aside)
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: Self.key,
                title: "rename table \(judged.name) to \(new.name)", tables: [judged.name],
                keeps: [
                    "Until the purge: every write under either name; both are names of one table."
                ]), steps: renaming.steps, hazards: renaming.hazards,
            claimed: [judged.name, new])
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

/// The steps of one renaming, and what the view at the old name can't do.
struct TableRenaming {
    let context: PlanContext
    let table: TableFacts
    let relation: RelationFacts
    let new: QualifiedName
    /// The view's name in quarantine.
    let aside: QualifiedName

    private var old: QualifiedName { table.name }
    private var version: Int { context.facts.server.version }

    // MARK: Steps

    var steps: [Step] {
        var maker = StepMaker(number: context.number, table: old)
        maker.add(
            .expand, "rename", "rename \(old) to \(new.name), and put a view at the old name",
            .transaction(
                TransactionAction(
                    [
                        Statement(
                            "ALTER TABLE \(old) RENAME TO \(new.name)",
                            locks: [TableLock(old, .accessExclusive)])
                    ] + makeView.map { Statement($0) })),
            undo: undo)
        if !comments.isEmpty {
            maker.add(
                .expand, "comments", "give the view the comments of the table",
                .ddl(comments, on: old, .shareUpdateExclusive))
        }
        maker.add(
            .switch, "gate", "wait for the application to use \(new.name)",
            .gate(
                Gate(
                    id: "\(context.number).switch",
                    text:
                        "The version of the application that uses \(new) is deployed everywhere")))
        let evidence = TableEvidence(table: old, version: version)
        maker.add(
            .contract, "gate", "wait until nothing names \(old)",
            .gate(
                Gate(
                    id: "\(context.number).contract",
                    text: "No version of the application names \(old) any more",
                    evidence: evidence.usedByApplication + [
                        evidence.functions, evidence.dependents,
                    ])))
        maker.add(
            .contract, "quarantine", "quarantine the view \(old) as \(aside.name)",
            rename(view: old, to: aside.name),
            undo: [
                .init(
                    "restore", "give the view \(old) its name back",
                    rename(view: aside, to: old.name))
            ])
        maker.add(
            .contract, "wait", "keep the view as \(aside.name) for the quarantine", .quarantine)
        maker.add(
            .contract, "purge", "drop the view \(aside.name), what was \(old), for good",
            .transaction(
                TransactionAction(
                    [
                        Statement("DROP VIEW \(aside)", locks: [TableLock(aside, .accessExclusive)])
                    ], views: [aside])), isPointOfNoReturn: true)
        return maker.steps
    }

    private func rename(view: QualifiedName, to name: Identifier) -> StepAction {
        .transaction(
            TransactionAction(
                [
                    Statement(
                        "ALTER VIEW \(view) RENAME TO \(name)",
                        locks: [TableLock(view, .accessExclusive)])
                ], views: [view]))
    }

    /// The columns by name: what is added to the table later is not in the view, on the way back
    /// neither. Column defaults are the table's: a view that has none of its own uses them.
    private var makeView: [SQL] {
        let columns = table.columns.map { Identifier($0.name) }
        var statements: [SQL] = [
            """
            CREATE VIEW \(old) WITH (security_invoker = true) AS
              SELECT \(names: columns) FROM \(new)
            """
        ]
        if table.owner != context.facts.server.user {
            statements.append("ALTER VIEW \(old) OWNER TO \(Identifier(table.owner))")
        }
        statements += TableGrants(table: table, relation: relation).grant(on: old)
        return statements
    }

    /// In a transaction of their own: a wide table has many, and they need no strong lock.
    private var comments: [SQL] {
        let own: [SQL] =
            relation.comment.map { ["COMMENT ON VIEW \(old) IS \(literal: $0)"] } ?? []
        return own
            + table.columns.compactMap { column in
                column.comment.map {
                    "COMMENT ON COLUMN \(old).\(Identifier(column.name)) IS \(literal: $0)"
                }
            }
    }

    private var undo: [StepMaker.Undo] {
        let evidence = TableEvidence(table: new, version: version)
        return [
            .init(
                "gate", "wait until nothing names \(new)",
                .gate(
                    Gate(
                        id: "\(context.number).undo",
                        text: "No version of the application names \(new) any more",
                        evidence: evidence.usedByApplication + [evidence.functions]))),
            .init(
                "rename", "drop the view \(old), and give the table its name back",
                .transaction(
                    TransactionAction(
                        [
                            Statement(
                                "DROP VIEW \(old)", locks: [TableLock(old, .accessExclusive)]),
                            Statement(
                                "ALTER TABLE \(new) RENAME TO \(old.name)",
                                locks: [TableLock(new, .accessExclusive)]),
                        ], views: [old]))),
        ]
    }

    // MARK: Hazards

    var hazards: [Hazard] { viewHazards + tableHazards }

    /// What was tried on 15 to 18 and a view refuses or answers otherwise.
    private var viewHazards: [Hazard] {
        let merge = version < 170_000 ? ", MERGE (which needs PostgreSQL 17)" : ""
        return [
            Hazard(
                rule: "view-refuses", severity: .warning,
                message:
                    "From Expand on these fail under the name \(old.name), which is then a view: COPY (both ways), TRUNCATE, INSERT … ON CONFLICT ON CONSTRAINT\(merge), WHERE CURRENT OF, TABLESAMPLE, and as DDL ALTER TABLE, CREATE INDEX, row triggers and foreign keys to it.",
                safeWay:
                    "Look for them in the version that runs now. INSERT, UPDATE, DELETE, RETURNING, SELECT … FOR UPDATE and ON CONFLICT (columns) go on as before."
            ),
            Hazard(
                rule: "view-differs", severity: .warning,
                message:
                    "Under the name \(old.name) there is no xmin, ctid or tableoid; GROUP BY the primary key alone does not cover the other columns; pg_get_serial_sequence and currval of it give NULL; LOCK TABLE locks the view and \(new.name).",
                safeWay: "Use \(new.name) where one of these is needed."),
            Hazard(
                rule: "view-columns", severity: .note,
                message:
                    "The view has the columns of today: one that is added to \(new.name) later is not seen under \(old.name)."
            ),
        ]
    }

    private var tableHazards: [Hazard] {
        var hazards: [Hazard] = []
        if !relation.functionsNaming.isEmpty {
            hazards.append(
                Hazard(
                    rule: "named-by-functions", severity: .warning,
                    message:
                        "These functions name \(old.name) in their text; they go through the view, and fail after the quarantine: \(relation.functionsNaming.joined(separator: ", ")).",
                    safeWay: "Change them between Expand and Contract."))
        }
        let views = table.dependents.map(\.description)
        if !views.isEmpty {
            hazards.append(
                Hazard(
                    rule: "dependents-follow", severity: .note,
                    message:
                        "These follow the table itself, and say \(new.name) from then on: \(views.joined(separator: ", "))."
                ))
        }
        let readers = table.triggers.filter {
            let source = $0.source.lowercased()
            return $0.isEnabled
                && (source.contains("tg_table_name") || source.contains("tg_relname"))
        }
        if !readers.isEmpty {
            let names = readers.map { Identifier($0.name).quoted }.joined(separator: ", ")
            hazards.append(
                Hazard(
                    rule: "trigger-reads-name", severity: .warning,
                    message:
                        "Trigger \(names) reads the table's name (TG_TABLE_NAME), which is \(new.name) from Expand on, whatever name the statement used.",
                    safeWay: "Let it accept both names first."))
        }
        if !table.publications.isEmpty {
            hazards.append(
                Hazard(
                    rule: "publication", severity: .danger,
                    message:
                        "\(old) is published by \(table.publications.joined(separator: ", ")): from Expand on its rows go out as \(new.name), and a subscriber without such a table stops until it has one.",
                    safeWay:
                        "Rename the table on each subscriber right after Expand, and back in a rollback; the subscription then goes on where it stopped."
                ))
        }
        if !relation.sequences.isEmpty {
            let names = relation.sequences.map(\.quoted).joined(separator: ", ")
            hazards.append(
                Hazard(
                    rule: "names-stay", severity: .note,
                    message:
                        "Sequences (\(names)), indexes and constraints keep their names, so what names them goes on."
                ))
        }
        return hazards
    }
}
