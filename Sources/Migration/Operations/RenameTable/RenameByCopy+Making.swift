import SQLText

/// Expand, Migrate and Backfill: the copy, its trigger, its rows, and what is cheaper made after them.
extension TableCopying {
    // MARK: Expand

    /// Of the old table it takes ACCESS SHARE alone (measured); the copy is nobody's yet.
    func addCopy(_ maker: inout StepMaker) {
        var statements: [SQL] = [create]
        if table.owner != context.facts.server.user {
            statements.append("ALTER TABLE \(interim) OWNER TO \(Identifier(table.owner))")
        }
        statements.append(takeDefaultRights(from: interim, "TABLE"))
        statements += checks(where: \.isValidated).flatMap { check in
            [
                "ALTER TABLE \(interim) ADD CONSTRAINT \(Identifier(check.name)) \(check.definition.sql())"
            ]
                + comment(on: check)
        }
        let index = interimName(of: key.index)
        let kind: SQL = key.constraint.kind == .primaryKey ? "PRIMARY KEY" : "UNIQUE"
        statements += [
            "CREATE UNIQUE INDEX \(index) ON \(interim) \(key.index.definition.sql())",
            "ALTER TABLE \(interim) ADD CONSTRAINT \(index) \(kind) USING INDEX \(index)",
        ]
        statements += comments(of: key.index)
        statements += columnProperties + tableComments
        maker.add(
            .expand, "copy-table", "make \(interim.name), an empty copy of \(old)",
            .transaction(
                TransactionAction(
                    statements.enumerated().map {
                        Statement(
                            $0.element,
                            locks: $0.offset == 0 ? [TableLock(old, .accessShare)] : [])
                    })),
            undo: [
                .init(
                    "drop", "drop the copy \(interim.name)",
                    .transaction(
                        TransactionAction([
                            Statement(
                                "DROP TABLE \(interim)",
                                locks: [TableLock(interim, .accessExclusive)])
                        ])))
            ])
    }

    /// NOT NULL comes with the columns. Identity does not: until the swap the old table has it.
    private var create: SQL {
        let method: SQL = copied.accessMethod.map { "\n USING \(Identifier($0))" } ?? ""
        let options = copied.storageOptions.map(Self.option)
        let with: SQL = options.isEmpty ? "" : "\n WITH (\(options.joined(separator: ", ")))"
        let space: SQL = copied.tablespace.map { "\n TABLESPACE \(Identifier($0))" } ?? ""
        return """
            CREATE TABLE \(interim) (LIKE \(old) INCLUDING DEFAULTS INCLUDING GENERATED
              INCLUDING STORAGE INCLUDING COMPRESSION)\(method)\(with)\(space)
            """
    }

    /// `fillfactor=70` as it stands in WITH: `fillfactor = '70'`.
    private static func option(_ text: String) -> SQL {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = SQL(writtenByUser: String(parts[0]))
        return parts.count == 2 ? "\(name) = \(literal: String(parts[1]))" : name
    }

    /// ALTER DEFAULT PRIVILEGES gives new tables rights that the old one need not have.
    func takeDefaultRights(from relation: QualifiedName, _ kind: SQL) -> SQL {
        SQL.block(
            """
            DECLARE
              role text;
            BEGIN
              FOR role IN SELECT DISTINCT CASE WHEN g.grantee = 0::pg_catalog.oid THEN 'PUBLIC'
                     ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END
                  FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) g
                 WHERE c.oid = \(literal: relation.quoted)::pg_catalog.regclass::pg_catalog.oid AND g.grantee <> c.relowner
              LOOP
                EXECUTE pg_catalog.format('REVOKE ALL ON \(kind) %s FROM %s', \(literal: relation.quoted), role);
              END LOOP;
            END
            """)
    }

    private func checks(where isWanted: (ConstraintFacts) -> Bool) -> [ConstraintFacts] {
        table.constraints.filter { $0.kind == .check && isWanted($0) }
    }

    private func comment(on constraint: ConstraintFacts, named name: Identifier? = nil) -> [SQL] {
        constraint.comment.map {
            [
                "COMMENT ON CONSTRAINT \(name ?? Identifier(constraint.name)) ON \(interim) IS \(literal: $0)"
            ]
        } ?? []
    }

    private func comments(of index: IndexFacts) -> [SQL] {
        let name = QualifiedName(schema: old.schema, name: interimName(of: index))
        let own: [SQL] =
            index.comment.map { ["COMMENT ON INDEX \(name) IS \(literal: $0)"] } ?? []
        let constraint = table.constraints.first { $0.name == index.constraint }
        return own + (constraint.map { comment(on: $0, named: name.name) } ?? [])
    }

    private var columnProperties: [SQL] {
        table.columns.flatMap { column -> [SQL] in
            let name = Identifier(column.name)
            let alter: SQL = "ALTER TABLE \(interim) ALTER COLUMN \(name)"
            var statements: [SQL] =
                column.statisticsTarget.map { ["\(alter) SET STATISTICS \($0)"] } ?? []
            if let options = copied.columnOptions[column.name] {
                let list = options.map(Self.option).joined(separator: ", ")
                statements.append("\(alter) SET (\(list))")
            }
            return statements
        }
    }

    private var tableComments: [SQL] {
        let own: [SQL] =
            relation.comment.map { ["COMMENT ON TABLE \(interim) IS \(literal: $0)"] } ?? []
        return own
            + table.columns.compactMap { column in
                column.comment.map {
                    "COMMENT ON COLUMN \(interim).\(Identifier(column.name)) IS \(literal: $0)"
                }
            }
    }

    // MARK: Migrate

    /// The copy is emptied in the same transaction: what an earlier run of this phase, undone since,
    /// had copied has not been kept in step.
    func addSync(_ maker: inout StepMaker) {
        let source = [TableLock(old, .shareRowExclusive)]
        maker.add(
            .migrate, "sync", "carry every write of \(old) over to \(interim.name)",
            .transaction(
                TransactionAction(
                    [
                        Statement(sync.create(from: old, to: interim)), Statement(sync.keepPrivate),
                        Statement(
                            "TRUNCATE ONLY \(interim)",
                            locks: [TableLock(interim, .accessExclusive)]),
                    ] + sync.createTriggers(on: old).map { Statement($0, locks: source) },
                    measures: [maker.id(.backfill, "copy")])),
            undo: [
                .init(
                    "drop", "drop the triggers on \(old) and their function",
                    .transaction(
                        TransactionAction(
                            sync.dropTriggers(on: old).map {
                                Statement($0, locks: [TableLock(old, .accessExclusive)])
                            } + [Statement(sync.dropFunction)])))
            ])
    }

    // MARK: Backfill

    func addRows(_ maker: inout StepMaker) {
        maker.add(
            .backfill, "copy", "copy the rows of \(old) to \(interim.name)",
            .copyRows(
                RowCopy(
                    table: old, copy: interim, columns: writtenColumns, key: key.columns)))
        for index in copiedIndexes where index.name != key.index.name {
            addIndex(index, &maker)
        }
        for check in checks(where: { !$0.isValidated }) { addUnprovenCheck(check, &maker) }
        for statistics in table.statistics { add(statistics, &maker) }
        maker.add(
            .backfill, "analyze", "gather statistics of \(interim.name)",
            .transaction(
                TransactionAction([
                    Statement(
                        "ANALYZE \(interim)", locks: [TableLock(interim, .shareUpdateExclusive)])
                ])))
    }

    /// An index that a failed build left INVALID is not copied.
    var copiedIndexes: [IndexFacts] { table.indexes.filter(\.isValid) }

    func interimName(of index: IndexFacts) -> Identifier { ours("copy", index.name.name.name) }

    func asideName(of index: IndexFacts) -> Identifier { ours("old", index.name.name.name) }

    func interimName(of statistics: StatisticsFacts) -> Identifier {
        ours("copy statistics", statistics.name.name.name)
    }

    func asideName(of statistics: StatisticsFacts) -> Identifier {
        ours("old statistics", statistics.name.name.name)
    }

    private func ours(_ side: String, _ name: String) -> Identifier {
        let hash = OurNames.hash(
            "\(context.migration)\u{1F}\(old.quoted)\u{1F}\(side)\u{1F}\(name)")
        let wanted = OurNames.quarantined(hash, tail: name)
        return Identifier(OurNames.free(wanted, taken: Set(table.relationNames)))
    }

    private func addIndex(_ index: IndexFacts, _ maker: inout StepMaker) {
        let name = interimName(of: index)
        let qualified = QualifiedName(schema: old.schema, name: name)
        let word = maker.word(index.name.name.name)
        let unique: SQL = index.isUnique ? "UNIQUE INDEX" : "INDEX"
        let drop: SQL = "DROP INDEX CONCURRENTLY IF EXISTS \(qualified)"
        maker.add(
            .backfill, "index-\(word)", "build the copy of index \(index.name.name)",
            .buildIndex(
                IndexBuild(
                    table: interim, index: qualified, isUnique: index.isUnique,
                    create:
                        "CREATE \(unique) CONCURRENTLY \(name) ON \(interim) \(index.definition.sql())",
                    drop: drop)),
            undo: [
                .init(
                    "drop", "drop index \(name)",
                    .dropIndex(IndexDrop(table: interim, index: qualified, drop: drop)))
            ])
        if let constraint = index.constraint {
            maker.add(
                .backfill, "unique-\(word)", "make it a constraint, as \(Identifier(constraint))",
                .ddl(
                    ["ALTER TABLE \(interim) ADD CONSTRAINT \(name) UNIQUE USING INDEX \(name)"],
                    on: interim, .accessExclusive),
                undo: [
                    .init(
                        "drop", "drop the constraint \(name) and its index",
                        .ddl(
                            ["ALTER TABLE \(interim) DROP CONSTRAINT \(name)"], on: interim,
                            .accessExclusive))
                ])
        }
        let targets = copied.indexTargets.filter { $0.index == index.name.name.name }.map {
            "ALTER INDEX \(qualified) ALTER COLUMN \($0.column) SET STATISTICS \($0.target)" as SQL
        }
        let properties = targets + comments(of: index)
        guard !properties.isEmpty else { return }
        // They lock the index alone.
        maker.add(
            .backfill, "properties-\(word)", "give it the properties of \(index.name.name)",
            .transaction(TransactionAction(properties.map { Statement($0) })))
    }

    /// Rows that break it are there: it can't come before they are copied.
    private func addUnprovenCheck(_ check: ConstraintFacts, _ maker: inout StepMaker) {
        let name = Identifier(check.name)
        let lock = [TableLock(interim, .accessExclusive)]
        maker.add(
            .backfill, "check-\(maker.word(check.name))",
            "the check \(name), which is not proven for the rows that are there",
            .transaction(
                TransactionAction(
                    [
                        Statement(
                            "ALTER TABLE \(interim) ADD CONSTRAINT \(name) \(check.definition.sql())",
                            locks: lock)
                    ] + comment(on: check).map { Statement($0) })),
            undo: [
                .init(
                    "drop", "drop the check \(name)",
                    .transaction(
                        TransactionAction([
                            Statement(
                                "ALTER TABLE \(interim) DROP CONSTRAINT \(name)", locks: lock)
                        ])))
            ])
    }

    private func add(_ statistics: StatisticsFacts, _ maker: inout StepMaker) {
        let name = QualifiedName(
            schema: statistics.name.schema, name: interimName(of: statistics))
        let lock = [TableLock(interim, .shareUpdateExclusive)]
        var statements = [
            Statement(
                "CREATE STATISTICS \(name) \(statistics.definition.sql()) FROM \(interim)",
                locks: lock)
        ]
        if table.owner != context.facts.server.user {
            statements.append(
                Statement("ALTER STATISTICS \(name) OWNER TO \(Identifier(table.owner))"))
        }
        maker.add(
            .backfill, "statistics-\(maker.word(statistics.name.name.name))",
            "create statistics as \(statistics.name)", .transaction(TransactionAction(statements)),
            undo: [
                .init(
                    "drop", "drop statistics \(name)",
                    .transaction(
                        TransactionAction([
                            Statement("DROP STATISTICS \(name)", locks: lock)
                        ])))
            ])
    }
}
