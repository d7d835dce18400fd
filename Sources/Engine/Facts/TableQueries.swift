import Postgres

/// The catalogue's queries about one table, sent together in one message.
///
/// `name[]` values are given as JSON (`JSONNames`).
struct TableQueries {
    let oid: Int
    /// `server_version_num`
    let version: Int

    /// In the order in which `TableReader` takes their results.
    var all: [SQL] {
        [
            table, columns, indexes, constraints, triggers, referencedBy, partitions, inheritedBy,
            publications, columnGrants, statistics, relationNames,
        ]
    }

    private var table: SQL {
        """
        SELECT n.nspname, c.relname, c.relkind, c.relispartition, c.relrowsecurity,
               c.relforcerowsecurity, pg_catalog.pg_get_userbyid(c.relowner) AS owner,
               pg_catalog.pg_has_role(c.relowner, 'USAGE') AS is_ours,
               pg_catalog.has_schema_privilege(c.relnamespace, 'CREATE') AS may_create,
               coalesce(size.heap, 0)::bigint AS heap_bytes,
               coalesce(size.total, 0)::bigint AS total_bytes,
               greatest(0, coalesce(size.tuples, 0))::bigint AS estimated_rows,
               NOT c.relispartition AND EXISTS (
                 SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = c.oid) AS inherits,
               \(Self.partitionKey) AS partition_key,
               EXISTS (SELECT FROM pg_catalog.pg_partitioned_table p
                        WHERE 0 = ANY (p.partattrs::int2[]) AND (p.partrelid = c.oid OR p.partrelid IN (
                              SELECT relid::oid FROM pg_catalog.pg_partition_tree(c.oid)))) AS has_key_expression
          FROM pg_catalog.pg_class c
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         CROSS JOIN LATERAL (
               -- Of a partitioned table: the sum of its partitions, those that nobody has counted
               -- taken to be as dense as the others.
               SELECT pg_catalog.sum(s.heap) AS heap, pg_catalog.sum(pg_catalog.pg_total_relation_size(m.oid)) AS total,
                      pg_catalog.sum(d.density * s.heap) * pg_catalog.sum(s.heap)::float8
                        / nullif(pg_catalog.sum(s.heap) FILTER (WHERE d.density IS NOT NULL), 0::numeric)::float8 AS tuples
                 FROM pg_catalog.pg_class m
                CROSS JOIN LATERAL (SELECT pg_catalog.pg_relation_size(m.oid) AS heap) s
                CROSS JOIN LATERAL (SELECT \(Self.density("m")) AS density) d
                WHERE m.relkind IN ('r', 'm', 't')
                  AND (m.oid = c.oid OR m.oid IN (
                       SELECT relid::oid FROM pg_catalog.pg_partition_tree(c.oid)))) size
         WHERE c.oid = \(oid)::oid
        """
    }

    /// Rows a byte of the heap, as the last VACUUM or ANALYZE found them; NULL where there was none.
    /// The planner too multiplies it by the size of today: `reltuples` alone is as old as they are.
    static func density(_ alias: SQL) -> SQL {
        """
        CASE WHEN \(alias).reltuples >= 0 AND \(alias).relpages > 0 THEN \(alias).reltuples::float8
               / (\(alias).relpages::bigint * pg_catalog.current_setting('block_size')::bigint) END
        """
    }

    private var columns: SQL {
        """
        SELECT a.attname, a.attnum, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
               a.attnotnull, a.attidentity, a.attgenerated,
               pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS default_text,
               CASE WHEN a.attcollation <> t.typcollation
                    THEN pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname) END AS collation,
               pg_catalog.col_description(a.attrelid, a.attnum) AS comment,
               -- -1 for the default until 16, NULL from 17 on.
               nullif(a.attstattarget, -1) AS statistics_target,
               CASE WHEN a.attstorage <> t.typstorage THEN
                 CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL'
                   WHEN 'm' THEN 'MAIN' WHEN 'x' THEN 'EXTENDED' END END AS storage,
               CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END AS compression
          FROM pg_catalog.pg_attribute a
          JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
          LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
          LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation
          LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
         WHERE a.attrelid = \(oid)::oid AND a.attnum > 0 AND NOT a.attisdropped
         ORDER BY a.attnum
        """
    }

    private var indexes: SQL {
        """
        SELECT n.nspname, c.relname, pg_catalog.pg_get_indexdef(i.indexrelid) AS definition,
               i.indisunique, i.indisprimary, i.indisvalid AND i.indisready AS indisvalid,
               i.indisreplident, k.conname,
               pg_catalog.obj_description(i.indexrelid, 'pg_class') AS comment,
               coalesce(pg_catalog.pg_relation_size(i.indexrelid), 0) AS bytes,
               (SELECT pg_catalog.json_agg(a.attnum::text || '=' || a.attstattarget::text ORDER BY a.attnum)
                  FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0) AS targets
          FROM pg_catalog.pg_index i
          JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_catalog.pg_constraint k
            ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid
           AND k.contype IN ('p', 'u', 'x')
         WHERE i.indrelid = \(oid)::oid
         ORDER BY c.relname
        """
    }

    /// Constraint triggers are among the triggers.
    private var constraints: SQL {
        """
        SELECT k.conname, k.contype, pg_catalog.pg_get_constraintdef(k.oid) AS definition,
               k.convalidated, k.condeferrable, fn.nspname AS referenced_schema,
               f.relname AS referenced_name,
               pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment,
               (SELECT pg_catalog.json_agg(a.attname ORDER BY u.place)
                  FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u(attnum, place)
                  JOIN pg_catalog.pg_attribute a
                    ON a.attrelid = k.conrelid AND a.attnum = u.attnum) AS columns,
               (SELECT pg_catalog.json_agg(a.attname ORDER BY u.place)
                  FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u(attnum, place)
                  JOIN pg_catalog.pg_attribute a
                    ON a.attrelid = k.confrelid AND a.attnum = u.attnum) AS referenced_columns
          FROM pg_catalog.pg_constraint k
          LEFT JOIN pg_catalog.pg_class f ON f.oid = k.confrelid
          LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace
         WHERE k.conrelid = \(oid)::oid AND k.contype <> 't'
         ORDER BY k.conname
        """
    }

    /// Bits of `tgtype` (catalog/pg_trigger.h): ROW 1, BEFORE 2, INSERT 4, DELETE 8, UPDATE 16.
    private var triggers: SQL {
        """
        SELECT t.tgname, t.tgtype & 2 <> 0 AS is_before, t.tgtype & 1 <> 0 AS is_row,
               t.tgtype & 4 <> 0 AS on_insert, t.tgtype & 16 <> 0 AS on_update,
               t.tgenabled <> 'D' AS is_enabled,
               pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname) AS function,
               coalesce(p.prosrc, '') AS source,
               (SELECT pg_catalog.json_agg(a.attname ORDER BY u.place)
                  FROM pg_catalog.unnest(t.tgattr::int2[]) WITH ORDINALITY u(attnum, place)
                  JOIN pg_catalog.pg_attribute a
                    ON a.attrelid = t.tgrelid AND a.attnum = u.attnum) AS columns
          FROM pg_catalog.pg_trigger t
          JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
          JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
         -- A partition's own triggers too; those that it has from its parent are its parent's.
         WHERE (t.tgrelid = \(oid)::oid OR t.tgrelid IN (
                SELECT relid::oid FROM pg_catalog.pg_partition_tree(\(oid)::oid)))
           AND NOT t.tgisinternal AND t.tgparentid = 0::oid
         ORDER BY t.tgname
        """
    }

    private var referencedBy: SQL {
        """
        SELECT n.nspname, c.relname, k.conname,
               (SELECT pg_catalog.json_agg(a.attname ORDER BY u.place)
                  FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u(attnum, place)
                  JOIN pg_catalog.pg_attribute a
                    ON a.attrelid = k.confrelid AND a.attnum = u.attnum) AS columns
          FROM pg_catalog.pg_constraint k
          JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE k.confrelid = \(oid)::oid AND k.contype = 'f'
         ORDER BY n.nspname, c.relname, k.conname
        """
    }

    /// The columns that the partition key of `c` reads: PostgreSQL notes each of them as depending on
    /// its table, so that it can't be dropped (measured on 15 to 18, expressions included).
    private static let partitionKey: SQL = """
        (SELECT pg_catalog.json_agg(a.attname ORDER BY pg_catalog.array_position((
                         SELECT p.partattrs::int2[] FROM pg_catalog.pg_partitioned_table p
                          WHERE p.partrelid = c.oid), a.attnum), a.attnum)
                  FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND c.relkind = 'p' AND EXISTS (
                       SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid
                          AND d.objid = c.oid AND d.objsubid = a.attnum
                          AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid
                          AND d.refobjid = c.oid AND d.refobjsubid = 0 AND d.deptype = 'i'))
        """

    private var partitions: SQL {
        """
        SELECT n.nspname, c.relname, pn.nspname AS parent_schema, p.relname AS parent_name,
               c.relkind, t.level, pg_catalog.pg_get_userbyid(c.relowner) AS owner,
               pg_catalog.pg_has_role(c.relowner, 'USAGE') AS is_ours,
               pg_catalog.has_schema_privilege(c.relnamespace, 'CREATE') AS may_create,
               CASE WHEN t.isleaf THEN coalesce(pg_catalog.pg_relation_size(c.oid), 0) ELSE 0 END
                 AS heap_bytes,
               CASE WHEN t.isleaf THEN coalesce(
                      \(Self.density("c")) * pg_catalog.pg_relation_size(c.oid), 0)::bigint ELSE 0 END
                 AS estimated_rows,
               \(Self.partitionKey) AS partition_key,
               (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('description', o.description, 'columns', o.columns)
                         ORDER BY o.description) FROM (\(Self.ownObjects)) o) AS own
          FROM pg_catalog.pg_partition_tree(\(oid)::oid) t
          JOIN pg_catalog.pg_class c ON c.oid = t.relid::oid
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_catalog.pg_class p ON p.oid = t.parentrelid::oid
          JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
         WHERE t.level > 0
         ORDER BY t.level, n.nspname, c.relname
        """
    }

    /// What the partition `c` has and its parent `p` has not: indexes, constraints, defaults.
    private static let ownObjects: SQL = """
        SELECT 'index ' || x.relname::text AS description, (
                 SELECT pg_catalog.json_agg(DISTINCT a.attname) FROM pg_catalog.pg_depend d
                   JOIN pg_catalog.pg_attribute a
                     ON a.attrelid = c.oid AND a.attnum = d.refobjsubid AND a.attnum > 0
                  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid AND d.objid = x.oid
                    AND d.refobjid = c.oid) AS columns
          FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
         WHERE i.indrelid = c.oid AND NOT x.relispartition AND NOT EXISTS (
               SELECT FROM pg_catalog.pg_constraint k
                WHERE k.conindid = x.oid AND k.conrelid = c.oid)
        UNION ALL
        SELECT 'constraint ' || k.conname::text, (
                 SELECT pg_catalog.json_agg(DISTINCT a.attname) FROM pg_catalog.pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attnum = ANY (k.conkey))
          FROM pg_catalog.pg_constraint k
         WHERE k.conrelid = c.oid AND k.contype NOT IN ('n', 't') AND k.conparentid = 0::oid
           AND k.coninhcount = 0
        UNION ALL
        SELECT CASE WHEN a.attnotnull AND NOT above.attnotnull THEN 'NOT NULL of '
                    ELSE 'the default of ' END || a.attname::text, pg_catalog.json_build_array(a.attname)
          FROM pg_catalog.pg_attribute a
          JOIN pg_catalog.pg_attribute above ON above.attrelid = p.oid AND above.attname = a.attname
          LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
          LEFT JOIN pg_catalog.pg_attrdef e ON e.adrelid = p.oid AND e.adnum = above.attnum
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
           AND (a.attnotnull AND NOT above.attnotnull
                OR pg_catalog.pg_get_expr(d.adbin, a.attrelid)
                   IS DISTINCT FROM pg_catalog.pg_get_expr(e.adbin, p.oid))
        """

    private var inheritedBy: SQL {
        """
        SELECT n.nspname, c.relname FROM pg_catalog.pg_inherits i
          JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE i.inhparent = \(oid)::oid AND NOT c.relispartition
         ORDER BY n.nspname, c.relname
        """
    }

    /// Those of all tables, of its schema, of itself and of a table that it is a partition of.
    private var publications: SQL {
        """
        SELECT p.pubname FROM pg_catalog.pg_publication p
          JOIN pg_catalog.pg_class c ON c.oid = \(oid)::oid
         WHERE p.puballtables AND c.relpersistence = 'p' AND c.relkind IN ('r', 'p')
            OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s
                        WHERE s.pnpubid = p.oid AND s.pnnspid = c.relnamespace)
            OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel r
                        WHERE r.prpubid = p.oid
                          AND (r.prrelid = c.oid OR r.prrelid IN (
                               SELECT relid::oid FROM pg_catalog.pg_partition_ancestors(c.oid))
                               OR r.prrelid IN (
                               SELECT relid::oid FROM pg_catalog.pg_partition_tree(c.oid))))
         ORDER BY p.pubname
        """
    }

    private var columnGrants: SQL {
        """
        SELECT a.attname, CASE WHEN g.grantee <> 0::oid THEN pg_catalog.pg_get_userbyid(g.grantee) END
                 AS grantee, g.privilege_type AS privilege, g.is_grantable
          FROM pg_catalog.pg_attribute a, pg_catalog.aclexplode(a.attacl) g
         WHERE a.attrelid = \(oid)::oid AND a.attnum > 0 AND NOT a.attisdropped
         ORDER BY a.attnum, grantee NULLS FIRST, privilege
        """
    }

    private var relationNames: SQL {
        """
        SELECT relname FROM pg_catalog.pg_class
         WHERE relnamespace = (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = \(oid)::oid)
         ORDER BY relname
        """
    }

    private var statistics: SQL {
        """
        SELECT n.nspname, s.stxname AS relname,
               pg_catalog.pg_get_statisticsobjdef(s.oid) AS definition,
               pg_catalog.obj_description(s.oid, 'pg_statistic_ext') AS comment,
               nullif(s.stxstattarget, -1) AS target
          FROM pg_catalog.pg_statistic_ext s
          JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
         WHERE s.stxrelid = \(oid)::oid
         ORDER BY n.nspname, s.stxname
        """
    }

    /// What depends on a column and would stop its drop, or goes with it: views (by their rules),
    /// policies, functions with a SQL body, generated columns, triggers, publications with a column
    /// list. The table's own indexes, constraints, defaults and statistics are facts of their own.
    static func dependents(_ oid: Int) -> SQL {
        """
        SELECT description, pg_catalog.json_agg(DISTINCT attname) AS columns FROM (
          SELECT CASE WHEN d.classid = 'pg_rewrite'::regclass::oid
                      THEN pg_catalog.pg_describe_object('pg_class'::regclass, r.ev_class, 0)
                      WHEN d.classid = 'pg_attrdef'::regclass::oid
                      THEN 'generated ' || pg_catalog.pg_describe_object('pg_class'::regclass, e.adrelid, e.adnum)
                      ELSE pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) END AS description,
                 a.attname
            FROM pg_depend d
            JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
            LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass::oid AND r.oid = d.objid
            LEFT JOIN pg_attrdef e ON d.classid = 'pg_attrdef'::regclass::oid AND e.oid = d.objid
           WHERE d.refclassid = 'pg_class'::regclass::oid
             AND (d.refobjid = \(oid)::oid
                  -- A column is dropped of the partitions too.
                  OR d.classid IN ('pg_rewrite'::regclass, 'pg_policy'::regclass, 'pg_proc'::regclass)
                     AND d.refobjid IN (SELECT relid::oid FROM pg_catalog.pg_partition_tree(\(oid)::oid)))
             AND d.refobjsubid > 0 AND NOT a.attisdropped
             AND d.deptype IN ('n', 'a')
             AND d.classid NOT IN ('pg_constraint'::regclass, 'pg_statistic_ext'::regclass)
             AND (d.classid <> 'pg_class'::regclass::oid OR d.objid NOT IN (
                  SELECT indexrelid FROM pg_index WHERE indrelid = \(oid)::oid))
             -- The column's own default is its own.
             AND NOT (e.oid IS NOT NULL AND e.adrelid = \(oid)::oid AND e.adnum = d.refobjsubid)
             AND (r.oid IS NULL OR r.ev_class <> \(oid)::oid OR r.rulename <> '_RETURN')) found
         GROUP BY description ORDER BY description
        """
    }
}
