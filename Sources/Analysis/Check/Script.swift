import Migration

/// The statements of one file in their order, with what the rules ask about them.
struct Script {
    /// One text of the script: a file, or one statement of a spec.
    struct Source {
        let lines: SourceLines
        /// From a place in this text to one in the file.
        let place: @Sendable (SourceMark) -> SourceMark
        let comments: [FileToken]
        let longNames: [FileToken]
        var bytes: [UInt8] { lines.bytes }
    }

    /// What one transaction block does, so far as rules ask.
    struct Transaction {
        /// The first statement with a strong lock on each table that the file did not create.
        var strongLocks: [(statement: Int, table: RelationName)] = []
        /// Constraints that it added, by name.
        var constraints: Set<String> = []
        /// Values that it added to enumerations.
        var enumValues: Set<String> = []
    }

    /// A statement that the parser does not know, or can't be read before it runs.
    struct Unread {
        let source: Int
        let offset: Int
        let message: String
        /// The parser stopped at it.
        var isSyntax = false
    }

    private(set) var sources: [Source] = []
    private(set) var statements: [ScriptStatement] = []
    private(set) var unread: [Unread] = []
    private(set) var schema: KnownSchema
    private(set) var transactions: [Int: Transaction] = [:]
    /// The first statement that asks for a strong lock without a `lock_timeout`.
    private(set) var firstUnboundedLock: Int?
    private var createdBy: [RelationName: Int] = [:]
    /// By name alone, for a statement that leaves the schema out.
    private var createdNames: [String: Int] = [:]
    private var createdIndexes: Set<String> = []
    private var context = ScriptStatement.Context()
    private var nextTransaction = 0
    private var localLockTimeout = false
    private var sessionLockTimeout = false

    init(schema: KnownSchema) { self.schema = schema }

    /// Whether a table, view or sequence was there before the file: others use it.
    func isLive(_ relation: RelationName, for statement: ScriptStatement) -> Bool {
        guard let created = created(relation) else { return true }
        return created >= statement.index
    }

    private func created(_ relation: RelationName) -> Int? {
        if let created = createdBy[relation.key] { return created }
        return relation.schema == nil ? createdNames[relation.name] : nil
    }

    /// Whether the index is one that the file makes.
    func createsIndex(_ name: String) -> Bool { createdIndexes.contains(name) }

    /// The strong locks that a statement takes on tables that others use.
    func strongLocks(_ statement: ScriptStatement) -> [(table: RelationName, mode: LockMode)] {
        var found: [(table: RelationName, mode: LockMode)] = []
        for request in statement.reading.requests where request.mode.stallsApplication {
            switch request.object {
            case .table(let table), .only(let table):
                if isLive(table, for: statement) { found.append((table, request.mode)) }
            case .tableOfIndex(let index):
                // Which table that is, the file does not say.
                if !createdIndexes.contains(index.name) { found.append((index, request.mode)) }
            case .referenced, .referencing, .defaultPartition: break
            }
        }
        return found
    }

    func transaction(of statement: ScriptStatement) -> Transaction? {
        statement.context.transaction.flatMap { transactions[$0] }
    }

    // MARK: Reading

    /// A whole file, or the text of one statement of a spec that Lockkeeper runs.
    mutating func read(
        _ bytes: [UInt8], isRunByUs: Bool = false, isOneTransaction: Bool = false,
        place: @escaping @Sendable (SourceMark) -> SourceMark = { $0 }
    ) {
        let splitter = StatementSplitter(bytes)
        let source = sources.count
        sources.append(
            Source(
                lines: SourceLines(bytes), place: place, comments: splitter.comments,
                longNames: splitter.longNames))
        context = ScriptStatement.Context(isRunByUs: isRunByUs)
        if isOneTransaction { begin() }
        unread += splitter.elsewhere.map {
            Unread(source: source, offset: $0.offset, message: $0.message)
        }
        for text in splitter.statements { read(text, source) }
        if isOneTransaction { end() }
    }

    private mutating func read(_ text: StatementText, _ source: Int) {
        let bytes = sources[source].bytes
        switch StatementParser.parse(bytes, text) {
        case .statement(let kind, let node):
            add(kind, node, text, source)
            if kind == "DoStmt" { readBlock(text, source) }
        case .error(let message, let offset):
            unread.append(Unread(source: source, offset: offset, message: message, isSyntax: true))
        }
    }

    /// The statements of a DO block run now, in one transaction each time up to a COMMIT.
    private mutating func readBlock(_ text: StatementText, _ source: Int) {
        let block = DoBlock(sources[source].bytes, text)
        let outer = context
        context.isInBlock = true
        context.blockCommits = block.commits
        if outer.transaction == nil { begin() }
        for part in block.parts {
            switch part {
            case .statement(let text, let isInLoop):
                context.isInLoop = isInLoop
                read(text, source)
            case .commit:
                if outer.transaction == nil {
                    end()
                    begin()
                }
            case .unreadable(let offset, let message):
                unread.append(Unread(source: source, offset: offset, message: message))
            }
        }
        if outer.transaction == nil { end() }
        context.isInBlock = outer.isInBlock
        context.isInLoop = outer.isInLoop
        context.blockCommits = outer.blockCommits
    }

    private mutating func begin() {
        context.transaction = nextTransaction
        nextTransaction += 1
    }

    private mutating func end() {
        context.transaction = nil
        localLockTimeout = false
    }

    private mutating func add(
        _ kind: String, _ node: ParseNode, _ text: StatementText, _ source: Int
    ) {
        if kind == "TransactionStmt" { followTransaction(node) }
        context.hasLockTimeout = localLockTimeout || sessionLockTimeout
        var reading = StatementReading()
        reading.read(kind, node)
        let statement = ScriptStatement(
            index: statements.count, source: source, tokens: text.tokens, origin: text.start,
            kind: kind, node: node, reading: reading,
            alterations: StatementParser.alterations(sources[source].bytes, text, kind, node),
            context: context)
        statements.append(statement)
        followSettings(statement)
        schema.learn(statement)
        noteTransaction(statement)
        noteCreated(statement)
    }

    private mutating func followTransaction(_ node: ParseNode) {
        switch node["kind"].text {
        case "TRANS_STMT_BEGIN", "TRANS_STMT_START": if context.transaction == nil { begin() }
        case "TRANS_STMT_COMMIT", "TRANS_STMT_ROLLBACK", "TRANS_STMT_PREPARE":
            end()
            if node["chain"].isTrue { begin() }
        default: break
        }
    }

    private mutating func followSettings(_ statement: ScriptStatement) {
        guard let setting = LockTimeoutSetting(statement) else { return }
        if setting.isLocal {
            // Outside a transaction block SET LOCAL does nothing.
            if context.transaction != nil { localLockTimeout = setting.isSet }
        } else {
            sessionLockTimeout = setting.isSet
            localLockTimeout = false
        }
    }

    private mutating func noteTransaction(_ statement: ScriptStatement) {
        let locks = statement.writes.isEmpty ? strongLocks(statement) : []
        if firstUnboundedLock == nil, !locks.isEmpty, !statement.context.hasLockTimeout {
            firstUnboundedLock = statement.index
        }
        guard let number = statement.context.transaction else { return }
        for (table, _) in locks
        where transactions[number]?.strongLocks.contains(where: { $0.table.key == table.key })
            != true
        {
            transactions[number, default: Transaction()].strongLocks.append(
                (statement.index, table))
        }
        for constraint in statement.definedConstraints {
            guard let name = constraint.node["conname"].text else { continue }
            transactions[number, default: Transaction()].constraints.insert(name)
        }
        if statement.kind == "AlterEnumStmt", !statement.node["oldVal"].isPresent,
            let value = statement.node["newVal"].text
        {
            transactions[number, default: Transaction()].enumValues.insert(value)
        }
    }

    private mutating func noteCreated(_ statement: ScriptStatement) {
        let node = statement.node
        switch statement.kind {
        case "CreateStmt": create(RelationName(node["relation"]), statement)
        case "CreateForeignTableStmt": create(RelationName(node["base"]["relation"]), statement)
        case "CreateTableAsStmt": create(RelationName(node["into"]["rel"]), statement)
        case "SelectStmt": create(RelationName(node["intoClause"]["rel"]), statement)
        case "ViewStmt": create(RelationName(node["view"]), statement)
        case "CreateSeqStmt": create(RelationName(node["sequence"]), statement)
        case "IndexStmt": if let name = node["idxname"].text { createdIndexes.insert(name) }
        case "RenameStmt":
            guard let relation = statement.relation, let name = node["newname"].text,
                created(relation) != nil
            else { return }
            create(RelationName(schema: relation.schema, name: name), statement)
        case "AlterObjectSchemaStmt":
            guard let relation = statement.relation, created(relation) != nil else { return }
            create(RelationName(schema: node["newschema"].text, name: relation.name), statement)
        case "CreateSchemaStmt":
            for element in node["schemaElts"].items {
                guard let inner = element.typed, inner.type == "CreateStmt" else { continue }
                create(RelationName(inner.fields["relation"]), statement)
            }
        default: break
        }
    }

    private mutating func create(_ relation: RelationName?, _ statement: ScriptStatement) {
        guard let relation else { return }
        if createdBy[relation.key] == nil { createdBy[relation.key] = statement.index }
        if createdNames[relation.name] == nil { createdNames[relation.name] = statement.index }
    }
}
