import SQLText

/// What the new column is given of what the old one has, after the fill: indexes are built on filled
/// rows (the fill stays HOT and cheaper), constraints are validated without a lock that stalls.
struct CopySteps {
    let table: TableFacts
    let old: String
    let new: ColumnFacts
    var maker: StepMaker
    let checks: [CopiedCheck]
    /// The spec's own check.
    let check: String?
    /// The new column's name in the end.
    let lastName: String
    private(set) var copied: [Copied] = []
    private(set) var taken: Set<String>
    /// The new column's NOT NULL, where that has a name.
    var notNull: Identifier?

    /// Something of the old column's that the new one has under another name.
    struct Copied: Sendable, Equatable {
        enum Kind: Sendable { case index, constraint, statistics }

        let kind: Kind
        let old: QualifiedName
        let new: Identifier

        /// Back to the old one's name, which is free once that is gone.
        func rename(on table: QualifiedName) -> SQL {
            let qualified = QualifiedName(schema: old.schema, name: new)
            return switch kind {
            case .index: "ALTER INDEX \(qualified) RENAME TO \(old.name)"
            case .constraint: "ALTER TABLE \(table) RENAME CONSTRAINT \(new) TO \(old.name)"
            case .statistics: "ALTER STATISTICS \(qualified) RENAME TO \(old.name)"
            }
        }
    }

    init(
        table: TableFacts, old: String, new: ColumnFacts, maker: StepMaker, checks: [CopiedCheck],
        check: String?, lastName: String
    ) {
        self.table = table
        self.old = old
        self.new = new
        self.maker = maker
        self.checks = checks
        self.check = check
        self.lastName = lastName
        taken = Set(
            table.indexes.map(\.name.name.name) + table.constraints.map(\.name)
                + table.relationNames)
    }

    private var newColumn: Identifier { Identifier(new.name) }

    mutating func addAll() {
        for index in indexes { addIndex(index) }
        for check in checks { addCheck(check.condition, copyOf: check) }
        if let check { addCheck(check, copyOf: nil) }
        for key in foreignKeys { addForeignKey(key) }
    }

    // MARK: Indexes

    private var indexes: [IndexFacts] {
        table.indexes.filter { index in
            index.definition.columns.contains(old) && index.isValid && !index.isPrimary
                && Self.canCopy(index, from: table.column(old)?.type ?? "", to: new.type)
        }
    }

    /// Whether the definition surely resolves on the new type: of the same family, or nothing but
    /// columns, for which every ordinary type has a btree operator class.
    static func canCopy(_ index: IndexFacts, from old: String, to new: String) -> Bool {
        if Representation.isSameFamily(old, new) { return true }
        guard !["json", "xml", "point"].contains(new) else { return false }
        let texts = index.definition.parts.compactMap { part -> String? in
            if case .text(let text) = part { text } else { nil }
        }
        return texts.joined().filter { !$0.isWhitespace && $0 != "," } == "USINGbtree()"
    }

    private mutating func addIndex(_ index: IndexFacts) {
        let name = freeName(for: index.constraint ?? index.name.name.name)
        let qualified = QualifiedName(schema: table.name.schema, name: name)
        let word = maker.word(name.name)
        let unique: SQL = index.isUnique ? "UNIQUE INDEX" : "INDEX"
        let definition = index.definition.sql(renaming: old, to: new.name)
        if table.isPartitioned {
            maker.addPartitionedIndex(
                PartitionedIndexBuild(
                    table: table, index: qualified, isUnique: index.isUnique,
                    definition: definition),
                phase: .backfill, "index-\(word)",
                "build index \(name) on every partition, as \(index.name.name)")
            copied.append(Copied(kind: .index, old: index.name, new: name))
            return
        }
        maker.add(
            .backfill, "index-\(word)", "build index \(name), as \(index.name.name)",
            .buildIndex(
                IndexBuild(
                    table: table.name, index: qualified, isUnique: index.isUnique,
                    create: "CREATE \(unique) CONCURRENTLY \(name) ON \(table.name) \(definition)",
                    drop: "DROP INDEX CONCURRENTLY IF EXISTS \(qualified)")),
            undo: [
                .init(
                    "drop", "drop index \(name)",
                    .dropIndex(
                        IndexDrop(
                            table: table.name, index: qualified,
                            drop: "DROP INDEX CONCURRENTLY IF EXISTS \(qualified)")))
            ])
        if let constraint = index.constraint {
            addUnique(constraint, index: name, word: word)
            copied.append(
                Copied(
                    kind: .constraint,
                    old: QualifiedName(schema: table.name.schema, name: Identifier(constraint)),
                    new: name))
        } else {
            copied.append(Copied(kind: .index, old: index.name, new: name))
        }
    }

    private mutating func addUnique(_ constraint: String, index: Identifier, word: String) {
        let deferral = table.constraints.first { $0.name == constraint }?.deferral ?? ""
        maker.add(
            .backfill, "unique-\(word)", "make \(index) a constraint, as \(constraint)",
            .ddl(
                [
                    "ALTER TABLE \(table.name) ADD CONSTRAINT \(index) UNIQUE USING INDEX \(index)\(deferral)"
                ], on: table.name, .accessExclusive),
            undo: [
                .init(
                    "drop", "drop the constraint \(index) and its index",
                    .ddl(
                        ["ALTER TABLE \(table.name) DROP CONSTRAINT \(index)"], on: table.name,
                        .accessExclusive))
            ])
    }

    // MARK: Checks and foreign keys

    private mutating func addCheck(_ condition: String, copyOf original: CopiedCheck?) {
        let name =
            original.map { freeName(for: $0.name) }
            ?? claim("\(table.name.name.name)_\(lastName)_check")
        if let original {
            copied.append(
                Copied(
                    kind: .constraint,
                    old: QualifiedName(schema: table.name.schema, name: Identifier(original.name)),
                    new: name))
        }
        let word = maker.word(name.name)
        maker.addStep(
            .backfill, "check-\(word)",
            "check new values: \(name)\(original.map { ", as \($0.name)" } ?? "")",
            "ALTER TABLE \(table.name) ADD CONSTRAINT \(name) CHECK (\(SQL(writtenByUser: condition))) NOT VALID",
            undo: dropConstraint(name, locks: [TableLock(table.name, .accessExclusive)]))
        guard original?.isValidated ?? true else { return }
        maker.validate(
            name, what: "validate-\(word)", phase: .backfill, "prove \(name) for every row")
    }

    private var foreignKeys: [ConstraintFacts] {
        table.constraints.filter {
            $0.kind == .foreignKey && $0.definition.columns.contains(old)
        }
    }

    private mutating func addForeignKey(_ key: ConstraintFacts) {
        let name = freeName(for: key.name)
        copied.append(
            Copied(
                kind: .constraint,
                old: QualifiedName(schema: table.name.schema, name: Identifier(key.name)), new: name
            ))
        let word = maker.word(name.name)
        let tables = Set([table.name] + [key.references].compactMap { $0 }).sorted()
        let text = ConstraintFacts.unproven(key.definition.sql(renaming: old, to: new.name))
        maker.add(
            .backfill, "foreign-key-\(word)", "reference for new values: \(name), as \(key.name)",
            .transaction(
                TransactionAction([
                    Statement(
                        "ALTER TABLE \(table.name) ADD CONSTRAINT \(name) \(text) NOT VALID",
                        locks: tables.map { TableLock($0, .shareRowExclusive) })
                ])),
            undo: [dropConstraint(name, locks: tables.map { TableLock($0, .accessExclusive) })])
        guard key.isValidated else { return }
        maker.validate(
            name, what: "validate-\(word)", phase: .backfill, "prove \(name) for every row",
            references: key.references)
    }

    private func dropConstraint(_ name: Identifier, locks: [TableLock]) -> StepMaker.Undo {
        .init(
            "drop", "drop the constraint \(name)",
            .transaction(
                TransactionAction([
                    Statement(
                        "ALTER TABLE \(table.name) DROP CONSTRAINT \(name)", locks: locks)
                ])))
    }

    // MARK: Names

    private mutating func freeName(for name: String) -> Identifier {
        claim(OurNames.copy(of: name, replacing: old, with: new.name, taken: taken))
    }

    private mutating func claim(_ wanted: String) -> Identifier {
        let name = OurNames.free(wanted, taken: taken)
        taken.insert(name)
        return Identifier(name)
    }

    // MARK: Grants, comment, statistics

    /// Last, so that ANALYZE sees what the planner will find.
    mutating func addProperties() {
        addExtendedStatistics()
        let update = [TableLock(table.name, .shareUpdateExclusive)]
        var statements = (table.columnGrants[old] ?? []).map { grant -> Statement in
            let role: SQL = grant.grantee.map { "\(Identifier($0))" } ?? "PUBLIC"
            let option: SQL = grant.isGrantable ? " WITH GRANT OPTION" : ""
            return Statement(
                "GRANT \(SQL(writtenByUser: grant.privilege)) (\(newColumn)) ON \(table.name) TO \(role)\(option)"
            )
        }
        if let comment = new.comment {
            statements.append(
                Statement(
                    "COMMENT ON COLUMN \(table.name).\(newColumn) IS \(literal: comment)",
                    locks: update))
        }
        if let target = new.statisticsTarget {
            statements.append(
                Statement(
                    "ALTER TABLE \(table.name) ALTER COLUMN \(newColumn) SET STATISTICS \(target)",
                    locks: update))
        }
        statements += copiedProperties()
        if !statements.isEmpty {
            maker.add(
                .backfill, "properties",
                "give \(newColumn) the grants and properties of \(Identifier(old))",
                .transaction(TransactionAction(statements)))
        }
        maker.add(
            .backfill, "analyze", "gather statistics of \(newColumn)",
            .transaction(
                TransactionAction([
                    Statement("ANALYZE \(table.name) (\(newColumn))", locks: update)
                ])))
    }

    /// Comments and statistics targets of what was copied. Their locks stall nobody.
    private func copiedProperties() -> [Statement] {
        let update = [TableLock(table.name, .shareUpdateExclusive)]
        func onConstraint(_ name: String, _ new: Identifier) -> [Statement] {
            guard let comment = table.constraints.first(where: { $0.name == name })?.comment else {
                return []
            }
            return [
                Statement(
                    "COMMENT ON CONSTRAINT \(new) ON \(table.name) IS \(literal: comment)",
                    locks: update)
            ]
        }
        let ofNotNull = table.constraints.first { $0.kind == .notNull && $0.columns == [old] }
        return copied.flatMap { copy -> [Statement] in
            switch copy.kind {
            case .constraint:
                let index = table.indexes.first { $0.constraint == copy.old.name.name }
                return onConstraint(copy.old.name.name, copy.new)
                    + (index.map { onIndex($0, copy.new) } ?? [])
            case .index:
                return table.indexes.first { $0.name == copy.old }
                    .map { onIndex($0, copy.new) } ?? []
            case .statistics: return onStatistics(copy)
            }
        } + (notNull.flatMap { new in ofNotNull.map { onConstraint($0.name, new) } } ?? [])
    }

    private func onIndex(_ index: IndexFacts, _ new: Identifier) -> [Statement] {
        let name = QualifiedName(schema: table.name.schema, name: new)
        let update = [TableLock(name, .shareUpdateExclusive)]
        let targets = (index.statisticsTargets ?? []).map {
            Statement(
                "ALTER INDEX \(name) ALTER COLUMN \($0.column) SET STATISTICS \($0.target)",
                locks: update)
        }
        return targets
            + (index.comment.map {
                [Statement("COMMENT ON INDEX \(name) IS \(literal: $0)", locks: update)]
            } ?? [])
    }

    private func onStatistics(_ copy: Copied) -> [Statement] {
        guard let facts = table.statistics.first(where: { $0.name == copy.old }) else { return [] }
        let name = QualifiedName(schema: copy.old.schema, name: copy.new)
        let target = facts.target.map {
            [Statement("ALTER STATISTICS \(name) SET STATISTICS \($0)")]
        }
        let comment = facts.comment.map {
            [Statement("COMMENT ON STATISTICS \(name) IS \(literal: $0)")]
        }
        return (target ?? []) + (comment ?? [])
    }

    private mutating func addExtendedStatistics() {
        for statistics in table.statistics where statistics.definition.columns.contains(old) {
            let name = QualifiedName(
                schema: statistics.name.schema, name: freeName(for: statistics.name.name.name))
            let definition = statistics.definition.sql(renaming: old, to: new.name)
            copied.append(Copied(kind: .statistics, old: statistics.name, new: name.name))
            let update = [TableLock(table.name, .shareUpdateExclusive)]
            maker.add(
                .backfill, "statistics-\(maker.word(name.name.name))",
                "create statistics \(name), as \(statistics.name)",
                .transaction(
                    TransactionAction([
                        Statement(
                            "CREATE STATISTICS \(name) \(definition) FROM \(table.name)",
                            locks: update)
                    ])),
                undo: [
                    .init(
                        "drop", "drop statistics \(name)",
                        .transaction(
                            TransactionAction([
                                Statement("DROP STATISTICS \(name)", locks: update)
                            ])))
                ])
        }
    }
}
