import Migration
import Postgres

/// What an operation on a whole table asks beside `TableFacts`: rights, dependents, what names it.
///
/// Reads system catalogues only.
struct RelationReader {
    let connection: Connection

    func facts(_ table: TableFacts) async throws -> RelationFacts {
        let oid = table.oid
        // Under a path that makes the server qualify every name.
        let results = try await connection.inSavepoint {
            try await connection.run([
                "SET LOCAL search_path = pg_catalog", relation(oid), grants(oid), grantors(oid),
                stopsDrop(oid), functions(naming: table.name.name), sequences(oid),
            ])
        }
        let own = try results[1].onlyRow()
        return RelationFacts(
            comment: try own.optional("comment"),
            ownerMayCreate: try own.bool("owner_may_create"),
            grants: try results[2].rows.map {
                TableGrant(
                    grantee: try $0.optional("grantee"), privilege: try $0.string("privilege"),
                    isGrantable: try $0.bool("is_grantable"))
            },
            otherGrantors: try results[3].rows.map { try $0.string("grantor") },
            stopsDrop: try results[4].rows.map { try $0.string("description") },
            functionsNaming: try results[5].rows.map { try $0.string("function") },
            sequences: try results[6].rows.map {
                QualifiedName(try $0.string("nspname"), try $0.string("relname"))
            })
    }

    private func relation(_ oid: Int) -> SQL {
        """
        SELECT pg_catalog.obj_description(oid, 'pg_class') AS comment,
               has_schema_privilege(relowner, relnamespace, 'CREATE') AS owner_may_create
          FROM pg_class WHERE oid = \(oid)
        """
    }

    private func grants(_ oid: Int) -> SQL {
        """
        SELECT CASE WHEN g.grantee <> 0 THEN pg_get_userbyid(g.grantee) END AS grantee,
               g.privilege, g.is_grantable
          FROM pg_class c, aclexplode(c.relacl)
               WITH ORDINALITY g(grantor, grantee, privilege, is_grantable, place)
         WHERE c.oid = \(oid) AND g.grantee <> c.relowner
         ORDER BY g.place
        """
    }

    private func grantors(_ oid: Int) -> SQL {
        """
        SELECT DISTINCT pg_get_userbyid(g.grantor) AS grantor
          FROM pg_class c
          CROSS JOIN LATERAL (
                SELECT grantor FROM aclexplode(c.relacl)
                 UNION ALL
                SELECT e.grantor FROM pg_attribute a, aclexplode(a.attacl) e
                 WHERE a.attrelid = c.oid AND NOT a.attisdropped) g
         WHERE c.oid = \(oid) AND g.grantor <> c.relowner
         ORDER BY 1
        """
    }

    /// What depends on the table, its columns, its row type, its keys, their indexes or its sequences
    /// and is not itself a part of the table. DROP TABLE without CASCADE stops at each of them.
    private func stopsDrop(_ oid: Int) -> SQL {
        """
        WITH part(classid, objid) AS (
          SELECT 'pg_class'::regclass::oid, \(oid)::oid
           UNION ALL
          SELECT 'pg_type'::regclass, pg_catalog.unnest(ARRAY[oid, typarray]) FROM pg_type WHERE typrelid = \(oid)
           UNION ALL
          SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE conrelid = \(oid)
           UNION ALL
          SELECT 'pg_class'::regclass, indexrelid FROM pg_index WHERE indrelid = \(oid)
           UNION ALL
          SELECT 'pg_class'::regclass, d.objid FROM pg_depend d
            JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
           WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
             AND d.refobjid = \(oid) AND d.deptype IN ('a', 'i')
           UNION ALL
          SELECT 'pg_attrdef'::regclass, oid FROM pg_attrdef WHERE adrelid = \(oid)
           UNION ALL
          SELECT 'pg_rewrite'::regclass, oid FROM pg_rewrite WHERE ev_class = \(oid)
           UNION ALL
          SELECT 'pg_trigger'::regclass, oid FROM pg_trigger WHERE tgrelid = \(oid)
           UNION ALL
          SELECT 'pg_policy'::regclass, oid FROM pg_policy WHERE polrelid = \(oid)
           UNION ALL
          SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext WHERE stxrelid = \(oid)
           UNION ALL
          SELECT 'pg_publication_rel'::regclass, oid FROM pg_publication_rel WHERE prrelid = \(oid))
        SELECT DISTINCT CASE WHEN d.classid = 'pg_rewrite'::regclass
                 THEN (SELECT pg_catalog.pg_describe_object('pg_class'::regclass, r.ev_class, 0)
                         FROM pg_rewrite r WHERE r.oid = d.objid)
                 ELSE pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) END AS description
          FROM pg_depend d JOIN part p ON d.refclassid = p.classid AND d.refobjid = p.objid
         WHERE d.deptype = 'n' AND NOT EXISTS (
               SELECT FROM part own WHERE own.classid = d.classid AND own.objid = d.objid)
         ORDER BY 1
        """
    }

    private func functions(naming name: Identifier) -> SQL {
        """
        SELECT p.oid::regprocedure::text AS function
          FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'lockkeeper')
           AND p.prosrc \(SQL.naming(name))
         ORDER BY 1 LIMIT 50
        """
    }

    private func sequences(_ oid: Int) -> SQL {
        """
        SELECT n.nspname, s.relname FROM pg_depend d
          JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
          JOIN pg_namespace n ON n.oid = s.relnamespace
         WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
           AND d.refobjid = \(oid) AND d.deptype IN ('a', 'i')
         ORDER BY n.nspname, s.relname
        """
    }
}
