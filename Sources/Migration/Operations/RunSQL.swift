import SQLText

/// `sql`: one statement of the user's own in a phase, its locks acquired like any other's.
struct RunSQL: Operation {
    static let key = "sql"
    static let fields = ["phase", "up", "down", "transaction", "done"]

    let phase: Phase
    let up: String
    let down: String?
    let isInTransaction: Bool
    let done: String?
    let source: Fields

    init(_ fields: Fields) throws(SpecError) {
        source = fields
        phase = try fields.required("phase").choice("\"phase\"", Phase.self)
        up = Self.withoutEnd(try fields.string("up"))
        down = try fields.optionalString("down").map(Self.withoutEnd)
        isInTransaction = try fields.boolean("transaction", default: true)
        done = try fields.optionalString("done").map(Self.withoutEnd)
        if up.isEmpty { throw try fields.required("up").error("\"up\" is empty; give a statement") }
        if !isInTransaction, done == nil {
            throw try fields.required("transaction").error(
                "\"transaction: false\" needs \"done\": a query that says by one boolean whether it ran, by which a resume decides"
            )
        }
        if isInTransaction, fields.has("done") {
            throw try fields.required("done").error(
                "\"done\" is for \"transaction: false\"; in a transaction the journal knows")
        }
    }

    private static func withoutEnd(_ text: String) -> String {
        var text = text.trimmed
        while text.hasSuffix(";") { text = String(text.dropLast()).trimmed }
        return text
    }

    var questions: Questions {
        var questions = Questions()
        questions.statements = Set([up] + [down, done].compactMap { $0 })
        return questions
    }

    var writtenStatements: [WrittenStatement] {
        let written = [("up", up)] + (down.map { [("down", $0)] } ?? [])
        return written.map { key, text in
            WrittenStatement(
                text: text, mark: source.mark(key), isInTransaction: isInTransaction)
        }
    }

    // MARK: The plan

    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan {
        var refusals = RefusalList(file: context.file)
        let upFacts = judge(context, up, "up", &refusals)
        let downFacts = down.flatMap { judge(context, $0, "down", &refusals) }
        if let done, let facts = judge(context, done, "done", &refusals, isRunByUs: false),
            facts.kind.uppercased() != "SELECT"
        {
            refusals.refuse(
                "done-is-no-query", "done is a \(facts.kind), not a query",
                instead: "Give a SELECT of one boolean.", at: source.mark("done"))
        }
        try refusals.throwIfAny()
        guard let upFacts else { throw Refusals(file: context.file, refusals: []) }
        let tables = Set(upFacts.locks.map(\.table)).sorted()
        return OperationPlan(
            summary: OperationSummary(
                number: context.number, kind: Self.key, title: "run \(title)", tables: tables,
                keeps: [
                    down == nil
                        ? "What this statement did: it has no \"down\"."
                        : "What \"down\" keeps."
                ]), steps: steps(context, upFacts, downFacts), hazards: hazards(upFacts))
    }

    /// The statement's beginning, on one line.
    private var title: String {
        let line = up.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return line.count <= 60 ? line : line.prefix(59) + "…"
    }

    private func judge(
        _ context: PlanContext, _ text: String, _ role: String, _ refusals: inout RefusalList,
        isRunByUs: Bool = true
    ) -> StatementFacts? {
        let mark = source.mark(role)
        guard let facts = context.facts.statements[text] else {
            refusals.refuse(
                "unknown-statement", "the statement of \(role) was not looked at",
                instead: "Plan again; if it stays, report it with the spec.", at: mark)
            return nil
        }
        if let error = facts.error {
            refusals.refuse(
                "unparsed-statement", "\(role) can't be parsed: \(error)",
                instead: "Correct the statement.", at: mark)
            return nil
        }
        if facts.count != 1 {
            refusals.refuse(
                "several-statements", "\(role) has \(facts.count) statements",
                instead:
                    "Give each a \"sql\" operation of its own; each is then a step of its own.",
                at: mark)
        }
        if isRunByUs, isInTransaction, facts.refusesTransaction {
            refusals.refuse(
                "refuses-transaction", "\(facts.kind) can't run in a transaction",
                instead:
                    "Add \"transaction: false\", and \"done\": a query that says whether it ran.",
                at: mark)
        }
        return facts
    }

    private func action(_ text: String, _ facts: StatementFacts) -> StepAction {
        let statement = Statement(SQL(writtenByUser: text), locks: facts.locks)
        if let done, !isInTransaction {
            return .outsideTransaction(
                OutsideTransaction(statement: statement, done: SQL(writtenByUser: done)))
        }
        return .transaction(
            TransactionAction(
                [statement],
                scans: facts.scans ? facts.locks.max { $0.mode < $1.mode }?.table : nil,
                rewrites: facts.rewrites))
    }

    /// Outside a transaction the way back has run when `done` says that the way forward has not.
    private func undoAction(_ text: String, _ facts: StatementFacts) -> StepAction {
        guard let done, !isInTransaction else { return action(text, facts) }
        return .outsideTransaction(
            OutsideTransaction(
                statement: Statement(SQL(writtenByUser: text), locks: facts.locks),
                done: "SELECT NOT coalesce((\(SQL(writtenByUser: done))), false)"))
    }

    private func steps(
        _ context: PlanContext, _ upFacts: StatementFacts, _ downFacts: StatementFacts?
    ) -> [Step] {
        var maker = StepMaker(number: context.number, table: QualifiedName("", ""))
        var undo: [StepMaker.Undo] = []
        if let down, let downFacts {
            undo = [.init("down", "run down", undoAction(down, downFacts))]
        }
        maker.add(phase, "sql", "run \(title)", action(up, upFacts), undo: undo)
        return maker.steps
    }

    private func hazards(_ facts: StatementFacts) -> [Hazard] {
        var hazards: [Hazard] = []
        if !facts.isUnderstood {
            hazards.append(
                Hazard(
                    rule: "unknown-locks", severity: .danger,
                    message:
                        "What \(facts.kind) locks is not known here: it may stall the application for as long as it runs.",
                    safeWay: "Try it on a copy and look at pg_locks while it runs."))
        }
        let stalling = facts.locks.filter(\.mode.stallsApplication).map {
            "\($0.mode.rawValue) on \($0.table)"
        }
        if facts.rewrites || facts.scans, !stalling.isEmpty {
            hazards.append(
                Hazard(
                    rule: facts.rewrites ? "rewrite" : "blocking-scan", severity: .danger,
                    message:
                        "\(facts.kind) \(facts.rewrites ? "rewrites" : "scans") the table under \(stalling.joined(separator: ", ")): the application waits for all of it.",
                    safeWay: "Use an operation that does it in steps, such as replace_column."))
        }
        if down == nil {
            hazards.append(
                Hazard(
                    rule: "no-down", severity: .warning,
                    message: "\(title) has no \"down\": a rollback leaves what it did.",
                    safeWay: "Give \"down\", the statement that undoes it."))
        }
        return hazards
    }
}
