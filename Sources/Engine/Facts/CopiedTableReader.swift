import Migration
import Postgres

/// What a complete copy of a table needs to know of it beside what every operation asks.
///
/// Reads system catalogues only. Definitions are printed under the session's search path, under which
/// they are run again.
struct CopiedTableReader {
    let connection: Connection

    func facts(_ table: TableFacts) async throws -> CopiedTableFacts {
        let oid = table.oid
        let results = try await connection.run([
            own(oid), obstacles(oid), columnOptions(oid), policies(oid), triggers(oid),
            sequences(oid), incoming(oid), notReferenceable(oid), indexTargets(oid),
        ])
        let row = try results[0].onlyRow()
        var facts = CopiedTableFacts(
            obstacles: try results[1].rows.map { try $0.string("obstacle") },
            accessMethod: try row.optional("access_method"),
            tablespace: try row.optional("tablespace"),
            storageOptions: try JSONNames.decode(row.optional("options")),
            replicaIdentity: try replicaIdentity(row), clusteredOn: try row.optional("clustered"))
        for row in results[2].rows {
            facts.columnOptions[try row.string("attname")] = try JSONNames.decode(
                row.optional("options"))
        }
        facts.policies = try results[3].rows.map {
            PolicyFacts(
                name: try $0.string("polname"), definition: try $0.string("definition"),
                comment: try $0.optional("comment"))
        }
        facts.triggers = try results[4].rows.map(trigger)
        for row in results[5].rows { facts.sequences.append(try await sequence(row)) }
        facts.incoming = try results[6].rows.map {
            IncomingKey(
                table: QualifiedName(try $0.string("nspname"), try $0.string("relname")),
                constraint: try $0.string("conname"), definition: try $0.string("definition"),
                isValidated: try $0.bool("convalidated"), comment: try $0.optional("comment"),
                isOurs: try $0.bool("is_ours"))
        }
        facts.notReferenceable = try results[7].rows.map {
            QualifiedName(try $0.string("nspname"), try $0.string("relname"))
        }
        facts.indexTargets = try results[8].rows.map {
            IndexTarget(
                index: try $0.string("relname"), column: try $0.int("attnum"),
                target: try $0.int("target"))
        }
        return facts
    }

    private func own(_ oid: Int) -> SQL {
        """
        SELECT c.relreplident,
               (SELECT s.spcname FROM pg_catalog.pg_tablespace s WHERE s.oid = c.reltablespace)
                 AS tablespace,
               (SELECT a.amname FROM pg_catalog.pg_am a WHERE a.oid = c.relam
                   AND a.amname <> pg_catalog.current_setting('default_table_access_method')) AS access_method,
               (SELECT pg_catalog.json_agg(o.option) FROM (
                  SELECT pg_catalog.unnest(c.reloptions) AS option
                   UNION ALL
                  SELECT 'toast.' || pg_catalog.unnest(t.reloptions) FROM pg_catalog.pg_class t
                   WHERE t.oid = c.reltoastrelid) o) AS options,
               (SELECT x.relname FROM pg_catalog.pg_index i
                  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                 WHERE i.indrelid = c.oid AND i.indisclustered) AS clustered,
               (SELECT x.relname FROM pg_catalog.pg_index i
                  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                 WHERE i.indrelid = c.oid AND i.indisreplident) AS identity_index
          FROM pg_catalog.pg_class c WHERE c.oid = \(oid)::oid
        """
    }

    private func replicaIdentity(_ row: Row) throws -> CopiedTableFacts.ReplicaIdentity {
        switch try row.string("relreplident") {
        case "f": .full
        case "n": .nothing
        case "i": try row.optional("identity_index").map { .index($0) } ?? .nothing
        default: .primaryKey
        }
    }

    /// Each as words that follow "it".
    private func obstacles(_ oid: Int) -> SQL {
        """
        SELECT obstacle FROM (
          SELECT 1 AS place, 'is unlogged' AS obstacle FROM pg_catalog.pg_class
           WHERE oid = \(oid)::oid AND relpersistence = 'u'
           UNION ALL
          SELECT 1, 'is temporary' FROM pg_catalog.pg_class
           WHERE oid = \(oid)::oid AND relpersistence = 't'
           UNION ALL
          SELECT 2, 'is a table of the type ' || reloftype::pg_catalog.regtype::text
            FROM pg_catalog.pg_class WHERE oid = \(oid)::oid AND reloftype <> 0::oid
           UNION ALL
          SELECT 3, 'is stored by the access method ' || a.amname::text
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am a ON a.oid = c.relam
           WHERE c.oid = \(oid)::oid AND a.amname <> 'heap'
           UNION ALL
          SELECT 4, 'belongs to the extension ' || pg_catalog.quote_ident(e.extname)
            FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
           WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid AND d.objid = \(oid)::oid
             AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass::oid
           UNION ALL
          SELECT 5, 'has a rule (' || pg_catalog.quote_ident(r.rulename) || ')'
            FROM pg_catalog.pg_rewrite r WHERE r.ev_class = \(oid)::oid
           UNION ALL
          SELECT 6, 'has a security label (' || pg_catalog.quote_ident(l.provider) || ')'
            FROM pg_catalog.pg_seclabel l
           WHERE l.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid AND l.objoid = \(oid)::oid
           UNION ALL
          SELECT 7, 'has an index in another tablespace (' || pg_catalog.quote_ident(x.relname) || ')'
            FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
           WHERE i.indrelid = \(oid)::oid AND x.reltablespace <> 0::oid
           UNION ALL
          SELECT 8, 'has a foreign key to a partitioned table (' || pg_catalog.quote_ident(k.conname) || ')'
            FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class f ON f.oid = k.confrelid
           WHERE k.conrelid = \(oid)::oid AND k.contype = 'f' AND f.relkind = 'p'
           UNION ALL
          SELECT 9, 'is referenced by the partitioned table ' || k.conrelid::pg_catalog.regclass::text
            FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
           WHERE k.confrelid = \(oid)::oid AND k.contype = 'f' AND c.relkind = 'p' AND k.conparentid = 0::oid
           UNION ALL
          SELECT 10, 'has extended statistics with a target of their own (' || pg_catalog.quote_ident(s.stxname) || ')'
            FROM pg_catalog.pg_statistic_ext s
           WHERE s.stxrelid = \(oid)::oid AND nullif(s.stxstattarget, -1) IS NOT NULL
           UNION ALL
          SELECT 11, 'has extended statistics in another schema (' || s.oid::text || ')'
            FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_class c ON c.oid = s.stxrelid
           WHERE s.stxrelid = \(oid)::oid AND s.stxnamespace <> c.relnamespace) found
         ORDER BY place, obstacle
        """
    }

    private func columnOptions(_ oid: Int) -> SQL {
        """
        SELECT a.attname, to_json(a.attoptions) AS options FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = \(oid)::oid AND a.attnum > 0 AND NOT a.attisdropped
           AND a.attoptions IS NOT NULL
         ORDER BY a.attnum
        """
    }

    private func policies(_ oid: Int) -> SQL {
        """
        SELECT p.polname, pg_catalog.obj_description(p.oid, 'pg_policy') AS comment,
               CASE WHEN p.polpermissive THEN 'AS PERMISSIVE' ELSE 'AS RESTRICTIVE' END
               || ' FOR ' || CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT'
                    WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END
               || ' TO ' || (SELECT pg_catalog.string_agg(CASE WHEN r.oid = 0::oid THEN 'PUBLIC'
                      ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(r.oid)) END, ', ' ORDER BY r.place)
                      FROM pg_catalog.unnest(p.polroles) WITH ORDINALITY r(oid, place))
               || coalesce(' USING (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')', '')
               || coalesce(' WITH CHECK (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
                 AS definition
          FROM pg_catalog.pg_policy p WHERE p.polrelid = \(oid)::oid
         ORDER BY p.polname
        """
    }

    private func triggers(_ oid: Int) -> SQL {
        """
        SELECT t.tgname, t.tgenabled, pg_catalog.pg_get_triggerdef(t.oid) AS definition,
               pg_catalog.obj_description(t.oid, 'pg_trigger') AS comment,
               pg_catalog.has_function_privilege(t.tgfoid, 'EXECUTE') AS may_execute
          FROM pg_catalog.pg_trigger t
         WHERE t.tgrelid = \(oid)::oid AND NOT t.tgisinternal
         ORDER BY t.tgname
        """
    }

    private func trigger(_ row: Row) throws -> CopiedTrigger {
        let letter = try row.string("tgenabled")
        guard let mode = CopiedTrigger.Mode(rawValue: letter) else {
            throw DecodingFailure(
                message: "trigger \(try row.string("tgname")) is in the unknown mode \(letter)")
        }
        return CopiedTrigger(
            name: try row.string("tgname"), definition: try row.string("definition"), mode: mode,
            comment: try row.optional("comment"), mayExecute: try row.bool("may_execute"))
    }

    private func sequences(_ oid: Int) -> SQL {
        """
        SELECT n.nspname, s.relname, s.oid::bigint AS oid, a.attname,
               d.deptype = 'i' AS is_identity, q.seqstart, q.seqincrement, q.seqmin, q.seqmax,
               q.seqcache, q.seqcycle, pg_catalog.obj_description(s.oid, 'pg_class') AS comment
          FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
          JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
          JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
          JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid
           AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid
           AND d.refobjid = \(oid)::oid AND d.deptype IN ('a', 'i')
         ORDER BY a.attnum, s.relname
        """
    }

    private func sequence(_ row: Row) async throws -> OwnedSequence {
        let grants = try await connection.query(
            """
            SELECT CASE WHEN g.grantee <> 0::oid THEN pg_catalog.pg_get_userbyid(g.grantee) END AS grantee,
                   g.privilege, g.is_grantable
              FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl)
                   WITH ORDINALITY g(grantor, grantee, privilege, is_grantable, place)
             WHERE c.oid = $1 AND g.grantee <> c.relowner
             ORDER BY g.place
            """, try row.int("oid")
        ).rows
        return OwnedSequence(
            name: QualifiedName(try row.string("nspname"), try row.string("relname")),
            column: try row.string("attname"), isIdentity: try row.bool("is_identity"),
            start: try row.int("seqstart"), increment: try row.int("seqincrement"),
            minimum: try row.int("seqmin"), maximum: try row.int("seqmax"),
            cache: try row.int("seqcache"), cycles: try row.bool("seqcycle"),
            comment: try row.optional("comment"),
            grants: try grants.map {
                TableGrant(
                    grantee: try $0.optional("grantee"), privilege: try $0.string("privilege"),
                    isGrantable: try $0.bool("is_grantable"))
            })
    }

    private func incoming(_ oid: Int) -> SQL {
        """
        SELECT n.nspname, c.relname, k.conname, k.convalidated,
               pg_catalog.pg_get_constraintdef(k.oid) AS definition,
               pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment,
               pg_catalog.pg_has_role(c.relowner, 'USAGE') AS is_ours
          FROM pg_catalog.pg_constraint k
          JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE k.confrelid = \(oid)::oid AND k.contype = 'f' AND k.conrelid <> \(oid)::oid
           AND k.conparentid = 0::oid
         ORDER BY n.nspname, c.relname, k.conname
        """
    }

    private func notReferenceable(_ oid: Int) -> SQL {
        """
        SELECT DISTINCT n.nspname, c.relname FROM pg_catalog.pg_constraint k
          JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE k.conrelid = \(oid)::oid AND k.contype = 'f'
           AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                    AND pg_catalog.has_table_privilege(c.oid, 'REFERENCES'))
         ORDER BY n.nspname, c.relname
        """
    }

    private func indexTargets(_ oid: Int) -> SQL {
        """
        SELECT c.relname, a.attnum, a.attstattarget AS target
          FROM pg_catalog.pg_index i
          JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
          JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indexrelid
         WHERE i.indrelid = \(oid)::oid AND nullif(a.attstattarget, -1) IS NOT NULL
         ORDER BY c.relname, a.attnum
        """
    }
}
