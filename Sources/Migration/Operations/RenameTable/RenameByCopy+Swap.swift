import SQLText

/// Switch: the copy takes the table's place in one transaction, and all that belongs to the table that
/// is written changes over. And the way back.
extension TableCopying {
    func addSwap(_ maker: inout StepMaker) {
        checkTriggers(of: old, .switch, &maker)
        maker.add(
            .switch, "compare", "compare \(old) and its copy in every row",
            comparison(of: old, with: interim))
        maker.add(
            .switch, "gate", "wait until the tables may be swapped",
            .gate(
                Gate(
                    id: "\(context.number).switch",
                    text:
                        "\(old) may become a view on its copy \(new): the version that runs does nothing that a view can't do",
                    evidence: [Self.openTransactions])))
        maker.add(
            .switch, "swap",
            "swap the tables: the copy is \(new.name), \(old) a view on it, and the old table follows",
            .transaction(swap), undo: undo(maker))
        for key in foreignKeys where key.isValidated {
            maker.add(
                .switch, "validate-\(maker.word(key.name.name))",
                "prove \(key.name) of \(key.holder(new)) for every row",
                validate(key, writing: new))
        }
        if !view.comments.isEmpty {
            maker.add(
                .switch, "comments", "give the view the comments of the table",
                .ddl(view.comments, on: old, .shareUpdateExclusive))
        }
    }

    /// An old snapshot does not see the rows that were copied after it.
    private static let openTransactions = Evidence(
        title: "transactions that are open for more than a minute",
        query: """
            SELECT pg_catalog.format('pid %s (%s) is in its transaction since %s', a.pid,
                     a.application_name, a.xact_start) AS finding
              FROM pg_catalog.pg_stat_activity a
             WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
               AND a.backend_type = 'client backend'
               AND a.xact_start < pg_catalog.clock_timestamp() - interval '1 minute'
             ORDER BY a.xact_start LIMIT 50
            """)

    // MARK: Foreign keys

    /// A foreign key out of the table, or into it.
    struct MovedKey {
        let name: Identifier
        let definition: SQL
        let isValidated: Bool
        let comment: String?
        /// Another table that has it; nil for the table's own.
        let other: QualifiedName?
        /// What it references; nil for the table itself.
        let referenced: QualifiedName?

        func holder(_ own: QualifiedName) -> QualifiedName { other ?? own }
    }

    var foreignKeys: [MovedKey] {
        table.constraints.filter { $0.kind == .foreignKey }.map { key in
            MovedKey(
                name: Identifier(key.name), definition: key.definition.sql(),
                isValidated: key.isValidated, comment: key.comment, other: nil,
                referenced: key.references == old ? nil : key.references)
        }
            + copied.incoming.map { key in
                MovedKey(
                    name: Identifier(key.constraint),
                    definition: SQL(writtenByUser: key.definition), isValidated: key.isValidated,
                    comment: key.comment, other: key.table, referenced: nil)
            }
    }

    /// The tables at the other ends.
    var neighbours: [QualifiedName] {
        Set(foreignKeys.flatMap { [$0.other, $0.referenced].compactMap { $0 } }).sorted()
    }

    private func dropKeys(of own: QualifiedName) -> [SQL] {
        foreignKeys.map { "ALTER TABLE \($0.holder(own)) DROP CONSTRAINT \($0.name)" }
    }

    /// While the table that is to have them bears the old name. Every row has been held to them up to
    /// this moment, and every new one is: NOT VALID says only that nobody has read them again yet.
    private var addKeys: [SQL] {
        foreignKeys.flatMap { key -> [SQL] in
            let definition = ConstraintFacts.unproven(key.definition)
            let add: SQL =
                "ALTER TABLE \(key.holder(old)) ADD CONSTRAINT \(key.name) \(definition) NOT VALID"
            return [add]
                + (key.comment.map {
                    ["COMMENT ON CONSTRAINT \(key.name) ON \(key.holder(old)) IS \(literal: $0)"]
                } ?? [])
        }
    }

    private func validate(_ key: MovedKey, writing own: QualifiedName) -> StepAction {
        let holder = key.holder(own)
        let target = key.other == nil ? (key.referenced ?? own) : own
        var locks = [TableLock(holder, .shareUpdateExclusive)]
        if target != holder { locks.append(TableLock(target, .rowShare)) }
        return .transaction(
            TransactionAction(
                [
                    Statement(
                        "ALTER TABLE \(holder) VALIDATE CONSTRAINT \(key.name)",
                        locks: locks.sorted())
                ], scans: holder))
    }

    // MARK: The swap

    /// Every lock is asked for before the first statement, which lists them all.
    private func transaction(
        _ statements: [SQL], locking tables: [QualifiedName], views: [QualifiedName] = []
    ) -> TransactionAction {
        let locks =
            (Set(tables + neighbours + views).map { TableLock($0, .accessExclusive) }
            + copied.sequences.map {
                TableLock($0.name, $0.isIdentity ? .accessExclusive : .shareRowExclusive)
            }).sorted()
        return TransactionAction(
            statements.enumerated().map {
                Statement($0.element, locks: $0.offset == 0 ? locks : [])
            }, views: views, sequences: copied.sequences.map(\.name))
    }

    private var swap: TransactionAction {
        var statements: [SQL] = [refuseIfAltered]
        statements += dropKeys(of: old)
        statements += sync.dropTriggers(on: old)
        statements += copied.triggers.filter { $0.mode != .disabled }.map {
            "ALTER TABLE \(old) DISABLE TRIGGER \(Identifier($0.name))"
        }
        statements += grants.revoke(on: old)
        statements.append("ALTER TABLE \(old) RENAME TO \(aside.name)")
        statements += exchange(to: asideName, asideName, from: nil, nil)
        statements.append("ALTER TABLE \(interim) RENAME TO \(old.name)")
        statements += exchange(to: nil, nil, from: interimName, interimName)
        statements += moveSequences(from: aside, to: old)
        statements += addKeys + addTriggers + addPolicies + identify
        statements.append("ALTER TABLE \(old) RENAME TO \(new.name)")
        statements += grants.grant(on: new)
        statements.append(sync.create(from: new, to: aside))
        statements += sync.createTriggers(on: new)
        statements += view.make
        return transaction(statements, locking: [old, interim])
    }

    /// Index and statistics names are the schema's: one table has them, the other ours.
    private func exchange(
        to newName: ((IndexFacts) -> Identifier)?,
        _ newStatistics: ((StatisticsFacts) -> Identifier)?,
        from oldName: ((IndexFacts) -> Identifier)?,
        _ oldStatistics: ((StatisticsFacts) -> Identifier)?
    ) -> [SQL] {
        copiedIndexes.map { index in
            let from = QualifiedName(
                schema: old.schema, name: oldName?(index) ?? index.name.name)
            return "ALTER INDEX \(from) RENAME TO \(newName?(index) ?? index.name.name)"
        }
            + table.statistics.map { statistics in
                let from = QualifiedName(
                    schema: statistics.name.schema,
                    name: oldStatistics?(statistics) ?? statistics.name.name)
                return
                    "ALTER STATISTICS \(from) RENAME TO \(newStatistics?(statistics) ?? statistics.name.name)"
            }
    }

    private var addTriggers: [SQL] {
        copied.triggers.flatMap { trigger -> [SQL] in
            let name = Identifier(trigger.name)
            var statements = [SQL(writtenByUser: trigger.definition)]
            if trigger.mode != .origin { statements.append(enable(trigger)) }
            if let comment = trigger.comment {
                statements.append("COMMENT ON TRIGGER \(name) ON \(old) IS \(literal: comment)")
            }
            return statements
        }
    }

    private func enable(_ trigger: CopiedTrigger) -> SQL {
        let verb: SQL =
            switch trigger.mode {
            case .origin: "ENABLE"
            case .always: "ENABLE ALWAYS"
            case .replica: "ENABLE REPLICA"
            case .disabled: "DISABLE"
            }
        return "ALTER TABLE \(old) \(verb) TRIGGER \(Identifier(trigger.name))"
    }

    private var addPolicies: [SQL] {
        var statements = copied.policies.flatMap { policy -> [SQL] in
            let name = Identifier(policy.name)
            return [
                "CREATE POLICY \(name) ON \(old) \(SQL(writtenByUser: policy.definition))"
            ]
                + (policy.comment.map {
                    ["COMMENT ON POLICY \(name) ON \(old) IS \(literal: $0)"]
                } ?? [])
        }
        if table.hasRowSecurity {
            statements.append("ALTER TABLE \(old) ENABLE ROW LEVEL SECURITY")
        }
        if table.forcesRowSecurity {
            statements.append("ALTER TABLE \(old) FORCE ROW LEVEL SECURITY")
        }
        return statements
    }

    private var identify: [SQL] {
        var statements: [SQL] =
            switch copied.replicaIdentity {
            case .primaryKey: []
            case .full: ["ALTER TABLE \(old) REPLICA IDENTITY FULL"]
            case .nothing: ["ALTER TABLE \(old) REPLICA IDENTITY NOTHING"]
            case .index(let name):
                ["ALTER TABLE \(old) REPLICA IDENTITY USING INDEX \(Identifier(name))"]
            }
        if let index = copied.clusteredOn {
            statements.append("ALTER TABLE \(old) CLUSTER ON \(Identifier(index))")
        }
        return statements
    }

    // MARK: Sequences

    private func moveSequences(from: QualifiedName, to: QualifiedName) -> [SQL] {
        copied.sequences.flatMap { sequence -> [SQL] in
            guard sequence.isIdentity else {
                return [
                    "ALTER SEQUENCE \(sequence.name) OWNED BY \(to).\(Identifier(sequence.column))"
                ]
            }
            return moveIdentity(sequence, from: from, to: to)
        }
    }

    /// An identity column's sequence is a part of its table: it is made anew, under the same name, and
    /// goes on where it was. Nobody draws from it meanwhile, for both have their locks.
    private func moveIdentity(
        _ sequence: OwnedSequence, from: QualifiedName, to: QualifiedName
    ) -> [SQL] {
        let column = Identifier(sequence.column)
        let isAlways = table.column(sequence.column)?.generation == .identityAlways
        let when: SQL = isAlways ? "ALWAYS" : "BY DEFAULT"
        let cycle: SQL = sequence.cycles ? "CYCLE" : "NO CYCLE"
        let move: SQL = SQL.block(
            """
            DECLARE
              place bigint;
              was_drawn boolean;
            BEGIN
              SELECT last_value, is_called INTO place, was_drawn FROM \(sequence.name);
              ALTER TABLE \(from) ALTER COLUMN \(column) DROP IDENTITY;
              ALTER TABLE \(to) ALTER COLUMN \(column) ADD GENERATED \(when) AS IDENTITY (
                SEQUENCE NAME \(sequence.name) START WITH \(sequence.start) INCREMENT BY \(sequence.increment)
                MINVALUE \(sequence.minimum) MAXVALUE \(sequence.maximum) CACHE \(sequence.cache) \(cycle));
              PERFORM pg_catalog.setval(\(literal: sequence.name.quoted)::pg_catalog.regclass, place, was_drawn);
            END
            """)
        let rights = sequence.grants.map { grant -> SQL in
            let role: SQL = grant.grantee.map { "\(Identifier($0))" } ?? "PUBLIC"
            let option: SQL = grant.isGrantable ? " WITH GRANT OPTION" : ""
            return """
                GRANT \(SQL(writtenByUser: grant.privilege)) ON SEQUENCE \(sequence.name) TO \(role)\(option)
                """
        }
        let comment: [SQL] =
            sequence.comment.map { ["COMMENT ON SEQUENCE \(sequence.name) IS \(literal: $0)"] }
            ?? []
        return [move, takeDefaultRights(from: sequence.name, "SEQUENCE")] + rights + comment
    }

    // MARK: What has been altered meanwhile

    /// Raises an error where the table is not any more what was copied. Read under the lock.
    private var refuseIfAltered: SQL {
        let names: [SQL] =
            copiedIndexes.map { "(\(literal: "index \($0.name.name.name)"))" }
            + table.constraints.filter { $0.kind != .notNull }.map {
                "(\(literal: "constraint \($0.name)"))"
            }
            + copied.triggers.map { "(\(literal: "trigger \($0.name)"))" }
            + copied.policies.map { "(\(literal: "policy \($0.name)"))" }
        let known: SQL = "VALUES \(names.joined(separator: ", "))"
        let oid: SQL = "\(literal: old.quoted)::pg_catalog.regclass::pg_catalog.oid"
        let there: SQL = """
            SELECT 'index ' || c.relname::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
                 WHERE i.indrelid = \(oid) AND i.indisvalid AND i.indisready
                 UNION ALL SELECT 'constraint ' || conname::text FROM pg_catalog.pg_constraint
                 WHERE conrelid = \(oid) AND contype IN ('c', 'f', 'p', 'u', 'x')
                 UNION ALL SELECT 'trigger ' || tgname::text FROM pg_catalog.pg_trigger
                 WHERE tgrelid = \(oid) AND NOT tgisinternal AND tgname NOT IN (\(literal: sync.trigger.name), \(literal: sync.truncateTrigger.name))
                 UNION ALL SELECT 'policy ' || polname::text FROM pg_catalog.pg_policy WHERE polrelid = \(oid)
            """
        return raise(
            """
            ((\(known)) EXCEPT (\(there))) UNION ALL ((\(there)) EXCEPT (\(known)))
                UNION ALL \(differentColumns(old, interim))
            """,
            "\(old) has been altered since it was copied")
    }

    private func raise(_ query: SQL, _ message: String) -> SQL {
        SQL.block(
            """
            DECLARE
              found text;
            BEGIN
              SELECT pg_catalog.string_agg(what, ', ') INTO found FROM (
                \(query)) altered(what);
              IF found IS NOT NULL THEN
                RAISE EXCEPTION USING MESSAGE = \(literal: message) || ': ' || found,
                  HINT = 'Roll back to where the copy is made anew, or undo the change.';
              END IF;
            END
            """)
    }

    /// Columns, types, NOT NULL and defaults of which the other table has no like.
    private func differentColumns(_ one: QualifiedName, _ other: QualifiedName) -> SQL {
        func columns(_ table: QualifiedName) -> SQL {
            """
            SELECT pg_catalog.format('column %I %s%s %s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
                     CASE WHEN a.attnotnull THEN ' NOT NULL' END, pg_catalog.pg_get_expr(d.adbin, d.adrelid))
                  FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                 WHERE a.attrelid = \(literal: table.quoted)::pg_catalog.regclass::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped
            """
        }
        return """
            ((\(columns(one))) EXCEPT (\(columns(other)))) UNION ALL ((\(columns(other))) EXCEPT (\(columns(one))))
            """
    }

    // MARK: The way back

    private func undo(_ maker: StepMaker) -> [StepMaker.Undo] {
        let evidence = TableEvidence(table: new, version: version)
        let gate = StepMaker.Undo(
            "gate", "wait until nothing names \(new)",
            evidence.nothingNamesIt("\(context.number).undo"))
        let checks = triggerChecks(of: new).map { word, check in
            StepMaker.Undo(
                word, "look whether \(check.trigger) is in place", .checkTrigger(check))
        }
        let compare = StepMaker.Undo(
            "compare", "compare \(new) and \(aside.name) in every row",
            comparison(of: new, with: aside))
        let back = StepMaker.Undo(
            "swap", "swap the tables back: \(old) is the old table again, and the copy follows",
            .transaction(swapBack))
        let proofs = foreignKeys.filter(\.isValidated).map { key in
            StepMaker.Undo(
                "validate-\(maker.word(key.name.name))",
                "prove \(key.name) of \(key.holder(old)) for every row",
                validate(key, writing: old))
        }
        return [gate] + checks + [compare, back] + Self.numbered(proofs)
    }

    /// Foreign keys of different tables may have one name.
    private static func numbered(_ undo: [StepMaker.Undo]) -> [StepMaker.Undo] {
        var seen: [String: Int] = [:]
        return undo.map { step in
            seen[step.word, default: 0] += 1
            let count = seen[step.word] ?? 1
            return count == 1
                ? step : .init("\(step.word)-\(count)", step.title, step.action)
        }
    }

    private var swapBack: TransactionAction {
        var statements: [SQL] = [
            raise(
                "\(differentColumns(new, aside))",
                "\(new) has been altered since the tables were swapped"),
            "DROP VIEW \(old)",
        ]
        statements += dropKeys(of: new)
        statements += sync.dropTriggers(on: new)
        statements += copied.triggers.map { "DROP TRIGGER \(Identifier($0.name)) ON \(new)" }
        statements += dropPolicies
        statements += grants.revoke(on: new)
        statements.append("ALTER TABLE \(new) RENAME TO \(interim.name)")
        statements += exchange(to: interimName, interimName, from: nil, nil)
        statements.append("ALTER TABLE \(aside) RENAME TO \(old.name)")
        statements += exchange(to: nil, nil, from: asideName, asideName)
        statements += moveSequences(from: interim, to: old)
        statements += addKeys
        statements += copied.triggers.filter { $0.mode != .disabled }.map(enable)
        statements += grants.grant(on: old)
        statements.append(sync.create(from: old, to: interim))
        statements += sync.createTriggers(on: old)
        return transaction(statements, locking: [new, aside], views: [old])
    }

    private var dropPolicies: [SQL] {
        var statements = copied.policies.map {
            "DROP POLICY \(Identifier($0.name)) ON \(new)" as SQL
        }
        if table.forcesRowSecurity {
            statements.append("ALTER TABLE \(new) NO FORCE ROW LEVEL SECURITY")
        }
        if table.hasRowSecurity {
            statements.append("ALTER TABLE \(new) DISABLE ROW LEVEL SECURITY")
        }
        return statements
    }
}
