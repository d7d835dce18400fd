import SQLText

/// Collects everything for which an operation must be refused, so that it is shown at once.
struct RefusalList {
    let file: String
    private(set) var refusals: [Refusal] = []

    init(file: String) { self.file = file }

    mutating func refuse(
        _ rule: String, _ message: String, instead: String, at mark: SourceMark
    ) {
        refusals.append(Refusal(rule: rule, message: message, instead: instead, mark: mark))
    }

    func throwIfAny() throws(Refusals) {
        guard refusals.isEmpty else { throw Refusals(file: file, refusals: refusals) }
    }
}

/// What every operation on a table asks of it before anything else.
struct TableJudgement {
    let context: PlanContext
    let reference: TableReference
    let mark: SourceMark
    let partitioned: PartitionedUse

    /// Whether the operation can be done to a partitioned table.
    enum PartitionedUse: Sendable {
        case works
        /// Why not, to stand behind the table's name, and the way around it.
        case refused(String, instead: String)
    }

    /// The table, where it is there and of a kind that a row trigger and ALTER TABLE can work on.
    func table(_ refusals: inout RefusalList) -> TableFacts? {
        guard let table = context.facts.tables[reference.text] else {
            let path = context.facts.session.searchPath.map(\.name).joined(separator: ", ")
            refusals.refuse(
                "missing-table",
                "there is no table \"\(reference.text)\" in database \(context.facts.server.database)",
                instead: reference.schema == nil
                    ? "Correct the name, or write it with its schema; looked in: \(path)."
                    : "Correct the schema or the name; both are taken literally, capitals included.",
                at: mark)
            return nil
        }
        checkKind(table, &refusals)
        checkOwner(table, &refusals)
        return table
    }

    private func checkKind(_ table: TableFacts, _ refusals: inout RefusalList) {
        switch table.kind {
        case .table: break
        case .partitionedTable:
            checkPartitions(table, &refusals)
        case .view, .materializedView, .foreignTable, .other:
            refusals.refuse(
                "not-a-table", "\(table.name) is a \(table.kind.words), not a table",
                instead: "Name the table that holds the rows.", at: mark)
        }
        if table.isPartition {
            refusals.refuse(
                "partition",
                "\(table.name) is a partition, whose columns and constraints its parent dictates",
                instead: "Name the partitioned table: the operation then works on every partition.",
                at: mark)
        } else if table.inherits || !table.inheritedBy.isEmpty {
            let others = table.inheritedBy.map(\.quoted).joined(separator: ", ")
            refusals.refuse(
                "inherited-table",
                table.inherits
                    ? "\(table.name) inherits from another table"
                    : "\(others) inherit from \(table.name), and would not be filled with it",
                instead: "Take the inheritance away first (ALTER TABLE … NO INHERIT …).", at: mark)
        }
    }

    private func checkPartitions(_ table: TableFacts, _ refusals: inout RefusalList) {
        if case .refused(let reason, let instead) = partitioned {
            refusals.refuse(
                "partitioned-table", "\(table.name) is partitioned: \(reason)", instead: instead,
                at: mark)
            return
        }
        let foreign = table.partitions.filter { $0.kind == .foreignTable }
        if !foreign.isEmpty {
            refusals.refuse(
                "foreign-partition",
                "\(foreign.map(\.name.quoted).joined(separator: ", ")) of \(table.name) is a foreign table, whose rows another server has",
                instead:
                    "Detach it, migrate both servers, and attach it again: ALTER TABLE … DETACH PARTITION … CONCURRENTLY.",
                at: mark)
        }
        let user = Identifier(context.facts.server.user).quoted
        let others = table.partitions.filter { !$0.isOwnedByUs }
        if !others.isEmpty {
            refusals.refuse(
                "not-owner",
                "only its owner may alter a partition, and \(user) is no member of \(Set(others.map(\.owner)).sorted().joined(separator: ", ")), which own \(others.map(\.name.quoted).joined(separator: ", "))",
                instead:
                    "Run as a superuser: ALTER TABLE … OWNER TO \(Identifier(table.owner).quoted);",
                at: mark)
        }
        for schema in Set(
            table.partitions.filter { !$0.mayCreateInSchema }.map(\.name.schema)
        ).sorted() where schema != table.name.schema {
            refusals.refuse(
                "no-create",
                "\(user) may not create anything in schema \(schema), where partitions of \(table.name) are",
                instead: "Let its owner run: GRANT CREATE ON SCHEMA \(schema) TO \(user);",
                at: mark)
        }
    }

    private func checkOwner(_ table: TableFacts, _ refusals: inout RefusalList) {
        let user = Identifier(context.facts.server.user).quoted
        if !table.mayCreateInSchema {
            refusals.refuse(
                "no-create",
                "\(user) may not create anything in schema \(table.name.schema), not even an index of its own table",
                instead:
                    "Let its owner run: GRANT CREATE ON SCHEMA \(table.name.schema) TO \(user);",
                at: mark)
        }
        guard !table.isOwnedByUs else { return }
        refusals.refuse(
            "not-owner",
            "only the owner of \(table.name), \(table.owner), may alter it, and \(user) is not a member of it",
            instead: "Run as a superuser: GRANT \(Identifier(table.owner).quoted) TO \(user);",
            at: mark)
    }
}

extension TableFacts.Kind {
    var words: String {
        switch self {
        case .table: "table"
        case .partitionedTable: "partitioned table"
        case .view: "view"
        case .materializedView: "materialized view"
        case .foreignTable: "foreign table"
        case .other: "relation of another kind"
        }
    }
}

/// What every expression of a spec must be: something over one row that the server resolves.
struct ExpressionJudgement {
    let context: PlanContext
    /// `up`, `check`, …
    let role: String
    let text: String
    let mark: SourceMark
    let table: TableFacts

    enum Rule: Sendable {
        /// Its value is stored in two columns that must stay each other's image.
        case noSubquery, noVolatile
        /// Every role that writes the table runs it.
        case executableByWriters
        /// It may be read before PostgreSQL has computed them.
        case noGeneratedInputs
        case assignable
    }

    func facts(
        _ question: ExpressionQuestion, _ rules: Set<Rule>, _ refusals: inout RefusalList
    ) -> ExpressionFacts? {
        guard let facts = context.facts.expressions[question] else {
            refusals.refuse(
                "unknown-expression", "the server was not asked about \(role) (\(text))",
                instead: "Plan again; if it stays, report it with the spec.", at: mark)
            return nil
        }
        if let error = facts.error {
            let hint = facts.hint.map { " \($0)" } ?? ""
            refusals.refuse(
                "unresolved-expression", "\(role) (\(text)) does not resolve: \(error)",
                instead: "Correct the expression.\(hint) \(table.columnList)", at: mark)
            return nil
        }
        check(facts, question, rules, &refusals)
        return facts
    }

    private func check(
        _ facts: ExpressionFacts, _ question: ExpressionQuestion, _ rules: Set<Rule>,
        _ refusals: inout RefusalList
    ) {
        func refuse(_ rule: String, _ problem: String, _ instead: String) {
            refusals.refuse(rule, "\(role) (\(text)) \(problem)", instead: instead, at: mark)
        }
        if let reason = facts.isNotScalar {
            refuse(
                "not-one-row", "is no expression over one row: \(reason)",
                "Name single columns of the row only.")
        }
        if rules.contains(.noSubquery), facts.hasSubquery {
            refuse(
                "subquery-in-sync", "reads other rows, whose later changes would not be followed",
                "Copy what it needs into a column of this table first (add_column with up).")
        }
        if rules.contains(.noVolatile), facts.isVolatile {
            refuse(
                "volatile-expression", "is volatile: it gives another value each time",
                "Use a function that is IMMUTABLE or STABLE.")
        }
        if rules.contains(.executableByWriters), !facts.notExecutable.isEmpty {
            let missing = facts.notExecutable.joined(separator: ", ")
            refuse(
                "not-executable", "calls a function that a writer may not execute: \(missing)",
                "GRANT EXECUTE on it to those roles, which run it with each of their writes.")
        }
        let generated = facts.columns.filter {
            let generation = table.column($0)?.generation
            return generation == .stored || generation == .virtual
        }
        if rules.contains(.noGeneratedInputs), !generated.isEmpty {
            refuse(
                "generated-input",
                "reads the generated column \(generated.joined(separator: ", ")), which has no value yet when the trigger runs",
                "Write out what that column is generated from.")
        }
        if rules.contains(.assignable), !facts.isAssignable, let type = question.assignedTo {
            refuse(
                "not-assignable", "gives \(facts.type), which can't be assigned to \(type)",
                "Cast it: (\(text))::\(type).")
        }
    }
}

extension TableFacts {
    var columnList: String {
        "\(name) has the columns \(columns.map(\.name).joined(separator: ", "))."
    }
}

extension TypeFacts {
    /// The type as statements say it, or a refusal. A domain is refused: a column of one that has a
    /// constraint makes ADD COLUMN rewrite the table under ACCESS EXCLUSIVE; a new table has no rows.
    static func judged(
        _ text: String, _ facts: Facts, at mark: SourceMark, _ refusals: inout RefusalList,
        isForNewTable: Bool = false
    ) -> TypeFacts? {
        guard let type = facts.types[text], type.error == nil else {
            let words = facts.types[text]?.error ?? "type \"\(text)\" does not exist"
            refusals.refuse(
                "missing-type", "the type \(text) can't be used: \(words)",
                instead: "Correct it, or write it with its schema.", at: mark)
            return nil
        }
        if type.isDomain, !isForNewTable {
            refusals.refuse(
                "domain-type",
                "\(text) is a domain; if it has a constraint, adding a column of it rewrites the table",
                instead: "Use the domain's base type, and say its constraint as \"check\".",
                at: mark)
        }
        return type
    }
}
