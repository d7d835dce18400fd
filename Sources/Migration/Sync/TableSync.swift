import SQLText

/// The triggers that carry every write of one table over to another that has the same columns, and
/// their function.
///
/// For each row that was written the function looks at what the written table holds *now* under the
/// row's key, and gives the other table that: the row as it is, or none. So it does not matter in which
/// order triggers fire, or whether one of the user's own writes the row again in between (an AFTER
/// trigger that was handed the row would put an older version over a newer one).
///
/// It is SECURITY DEFINER, because who writes the one table has no rights on the other, and nobody
/// may make a trigger of it. Row security is off in it: a policy that would hide a row raises an error
/// instead of losing the row.
///
/// Under REPEATABLE READ a batch of the fill may have copied the row after the writer's snapshot. An
/// upsert then raises 40001 by itself; a DELETE would find nothing and leave the row there, so where it
/// finds nothing the key is inserted and taken out again, which raises it too (tried on 15 to 18).
struct TableSync: Sendable {
    let function: QualifiedName
    let trigger: Identifier
    let session: SessionFacts
    /// Every column that is written: generated ones are computed on either side.
    let columns: [Identifier]
    let key: [Identifier]

    /// The statement trigger's name.
    var truncateTrigger: Identifier { Identifier(trigger.name + "_truncate") }

    /// Both directions have the same function, replaced when the tables are swapped.
    func create(from source: QualifiedName, to target: QualifiedName) -> SQL {
        let path = (session.searchPath + [Identifier("pg_temp")]).map(\.quoted)
            .joined(separator: ", ")
        return """
            CREATE OR REPLACE FUNCTION \(function)() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
             SET search_path TO \(SQL(writtenByUser: path))
             SET row_security TO off
            AS \(SQL.dollarQuoted(body(source, target)))
            """
    }

    /// Who may execute it could make a trigger of it, and write the table with its owner's rights.
    var keepPrivate: SQL { "REVOKE ALL ON FUNCTION \(function)() FROM PUBLIC" }

    func createTriggers(on table: QualifiedName) -> [SQL] {
        [
            """
            CREATE TRIGGER \(trigger) AFTER INSERT OR UPDATE OR DELETE ON \(table)
             FOR EACH ROW EXECUTE FUNCTION \(function)()
            """,
            """
            CREATE TRIGGER \(truncateTrigger) AFTER TRUNCATE ON \(table)
             FOR EACH STATEMENT EXECUTE FUNCTION \(function)()
            """,
            """
            ALTER TABLE \(table) ENABLE ALWAYS TRIGGER \(trigger),
              ENABLE ALWAYS TRIGGER \(truncateTrigger)
            """,
        ]
    }

    /// Of triggers that somebody has dropped the rest must still be undone.
    func dropTriggers(on table: QualifiedName) -> [SQL] {
        [trigger, truncateTrigger].map { "DROP TRIGGER IF EXISTS \($0) ON \(table)" }
    }

    var dropFunction: SQL { "DROP FUNCTION IF EXISTS \(function)()" }

    // MARK: The function's body

    private func body(_ source: QualifiedName, _ target: QualifiedName) -> SQL {
        """

        #variable_conflict use_column
        BEGIN
          IF TG_OP = 'TRUNCATE' THEN
            TRUNCATE ONLY \(target);
            RETURN NULL;
          END IF;
          IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND \(row("NEW")) *<> \(row("OLD")) THEN
        \(vacate(source, target))
          END IF;
          IF TG_OP <> 'DELETE' THEN
        \(carry(source, target))
          END IF;
          RETURN NULL;
        END

        """
    }

    private func row(_ record: SQL) -> SQL {
        let fields = key.map { "\(record).\(quoted($0))" as SQL }
        return "ROW(\(fields.joined(separator: ", ")))::record"
    }

    /// The key that the row no longer has. A row that has moved into it takes its value of another unique
    /// column from a key whose turn has not come yet: it can't be stored before that, and is stored in its
    /// own turn, which therefore is still to come.
    private func vacate(_ source: QualifiedName, _ target: QualifiedName) -> SQL {
        """
        \(delete("OLD", target, indent: "    "))
            \(insert("OLD", source, target)) ON CONFLICT DO NOTHING;
        """
    }

    private func carry(_ source: QualifiedName, _ target: QualifiedName) -> SQL {
        let set = columns.map { "\(quoted($0)) = EXCLUDED.\(quoted($0))" as SQL }
            .joined(separator: ", ")
        return """
                \(insert("NEW", source, target))
                ON CONFLICT (\(keys)) DO UPDATE SET \(set);
                IF NOT FOUND THEN
            \(delete("NEW", target, indent: "      "))
                END IF;
            """
    }

    private func insert(_ record: SQL, _ source: QualifiedName, _ target: QualifiedName) -> SQL {
        let read = columns.map { "lk_from.\(quoted($0))" as SQL }.joined(separator: ", ")
        let here = key.map { "lk_from.\(quoted($0)) = \(record).\(quoted($0))" as SQL }
            .joined(separator: " AND ")
        return """
            INSERT INTO \(target) (\(list))
                SELECT \(read) FROM ONLY \(source) lk_from WHERE \(here)
            """
    }

    private func delete(_ record: SQL, _ target: QualifiedName, indent: SQL) -> SQL {
        let there = key.map { "lk_to.\(quoted($0)) = \(record).\(quoted($0))" as SQL }
            .joined(separator: " AND ")
        let values = columns.map { "\(record).\(quoted($0))" as SQL }.joined(separator: ", ")
        return """
            \(indent)DELETE FROM ONLY \(target) lk_to WHERE \(there);
            \(indent)IF NOT FOUND AND pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
            \(indent)  INSERT INTO \(target) (\(list)) VALUES (\(values)) ON CONFLICT (\(keys)) DO NOTHING;
            \(indent)  DELETE FROM ONLY \(target) lk_to WHERE \(there);
            \(indent)END IF;
            """
    }

    private var list: SQL { columns.map(quoted).joined(separator: ", ") }
    private var keys: SQL { key.map(quoted).joined(separator: ", ") }

    private func quoted(_ name: Identifier) -> SQL { SQL(writtenByUser: name.alwaysQuoted) }
}
