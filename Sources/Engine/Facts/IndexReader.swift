import Analysis
import Migration
import Postgres

/// One index that the spec names by itself, as the catalogue has it.
struct IndexReader {
    let connection: Connection
    let session: SessionFacts

    /// The index of that name; nil where there is none. A name without a schema is looked for along
    /// the search path.
    func index(named text: String) async throws -> NamedIndexFacts? {
        let named = TableReference(text)
        let found = try await connection.query(
            """
            SELECT c.oid::bigint AS oid FROM pg_catalog.pg_class c
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relname = $1 AND c.relkind IN ('i', 'I')
               AND CASE WHEN $2::text IS NULL THEN n.nspname = ANY ($3::name[])
                        ELSE n.nspname = $2 END
             ORDER BY pg_catalog.array_position($3::name[], n.nspname) LIMIT 1
            """, named.name.name, named.schema?.name, nameArray(session.searchPath.map(\.name))
        ).rows.first
        guard let oid = try found?.int("oid") else { return nil }
        let results = try await connection.inSavepoint {
            try await connection.run([
                "SET LOCAL search_path = pg_catalog", index(oid), statisticsTargets(oid),
                neededBy(oid), onlyCoverOf(oid), parts(oid),
            ])
        }
        guard let own = results[1].rows.first else { return nil }
        var facts = NamedIndexFacts(
            index: try facts(own),
            table: QualifiedName(try own.string("table_schema"), try own.string("table_name")),
            isPartitioned: try own.bool("is_partitioned"), parent: try parent(own),
            isClustered: try own.bool("indisclustered"),
            hasExpression: try own.bool("has_expression"),
            statisticsTargets: try results[2].rows.map {
                .init(column: try $0.int("attnum"), target: try $0.int("target"))
            },
            neededBy: try results[3].rows.map { try $0.string("description") },
            onlyCoverOf: try results[4].rows.map { try $0.string("name") })
        facts.parts = try results[5].rows.map(part)
        return facts
    }

    private func part(_ row: Row) throws -> PartitionIndexFacts {
        PartitionIndexFacts(
            index: QualifiedName(try row.string("nspname"), try row.string("relname")),
            partition: QualifiedName(try row.string("table_schema"), try row.string("table_name")),
            parent: QualifiedName(try row.string("parent_schema"), try row.string("parent_name")),
            isLeaf: try row.bool("isleaf"), definition: try definition(row),
            comment: try row.optional("comment"),
            statisticsTargets: try (row.optional("targets") ?? "").split(separator: " ").compactMap
            {
                let pair = $0.split(separator: "=").compactMap { Int($0) }
                return pair.count == 2 ? .init(column: pair[0], target: pair[1]) : nil
            })
    }

    private func definition(_ row: Row) throws -> Definition {
        let text = try row.string("definition")
        return if let tablespace = try row.optional("tablespace") {
            .index(text, columns: [], tablespace: tablespace)
        } else {
            .index(text, columns: [])
        }
    }

    private func facts(_ row: Row) throws -> IndexFacts {
        return IndexFacts(
            name: QualifiedName(try row.string("nspname"), try row.string("relname")),
            definition: try definition(row), isUnique: try row.bool("indisunique"),
            isPrimary: try row.bool("indisprimary"), isValid: try row.bool("indisvalid"),
            constraint: try row.optional("conname"),
            isReplicaIdentity: try row.bool("indisreplident"),
            comment: try row.optional("comment"), bytes: try row.int("bytes"))
    }

    private func parent(_ row: Row) throws -> QualifiedName? {
        guard let schema = try row.optional("parent_schema"),
            let name = try row.optional("parent_name")
        else { return nil }
        return QualifiedName(schema, name)
    }

    private func index(_ oid: Int) -> SQL {
        """
        SELECT n.nspname, c.relname, tn.nspname AS table_schema, t.relname AS table_name,
               pg_get_indexdef(i.indexrelid) AS definition, s.spcname AS tablespace,
               i.indisunique, i.indisprimary, i.indisvalid AND i.indisready AS indisvalid,
               i.indisreplident, i.indisclustered, i.indexprs IS NOT NULL AS has_expression,
               c.relkind = 'I' AS is_partitioned, k.conname, pn.nspname AS parent_schema,
               p.relname AS parent_name, pg_catalog.obj_description(i.indexrelid, 'pg_class') AS comment,
               coalesce(pg_relation_size(i.indexrelid), 0) AS bytes
          FROM pg_index i
          JOIN pg_class c ON c.oid = i.indexrelid
          JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_class t ON t.oid = i.indrelid
          JOIN pg_namespace tn ON tn.oid = t.relnamespace
          LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
          LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid
           AND k.contype IN ('p', 'u', 'x')
          LEFT JOIN pg_inherits h ON h.inhrelid = i.indexrelid
          LEFT JOIN pg_class p ON p.oid = h.inhparent
          LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
         WHERE i.indexrelid = \(oid)::oid
        """
    }

    /// The indexes of the partitions, of a partitioned one.
    private func parts(_ oid: Int) -> SQL {
        """
        SELECT n.nspname, c.relname, tn.nspname AS table_schema, t.relname AS table_name,
               pn.nspname AS parent_schema, p.relname AS parent_name, tree.isleaf,
               pg_get_indexdef(c.oid) AS definition, s.spcname AS tablespace,
               pg_catalog.obj_description(c.oid, 'pg_class') AS comment,
               (SELECT pg_catalog.string_agg(a.attnum::text || '=' || a.attstattarget::text, ' ' ORDER BY a.attnum)
                  FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attstattarget >= 0) AS targets
          FROM pg_catalog.pg_partition_tree(\(oid)::oid) tree
          JOIN pg_class c ON c.oid = tree.relid
          JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_index i ON i.indexrelid = c.oid
          JOIN pg_class t ON t.oid = i.indrelid
          JOIN pg_namespace tn ON tn.oid = t.relnamespace
          JOIN pg_index pi ON pi.indexrelid = tree.parentrelid
          JOIN pg_class p ON p.oid = pi.indrelid
          JOIN pg_namespace pn ON pn.oid = p.relnamespace
          LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
         WHERE tree.level > 0
         ORDER BY tree.level, n.nspname, c.relname
        """
    }

    /// -1 for the default until 16, NULL from 17 on.
    private func statisticsTargets(_ oid: Int) -> SQL {
        """
        SELECT attnum, attstattarget AS target FROM pg_attribute
         WHERE attrelid = \(oid)::oid AND attstattarget >= 0 ORDER BY attnum
        """
    }

    private func neededBy(_ oid: Int) -> SQL {
        """
        SELECT DISTINCT pg_catalog.pg_describe_object(classid, objid, objsubid) AS description
          FROM pg_depend
         WHERE refclassid = 'pg_class'::regclass::oid AND refobjid = \(oid)::oid AND deptype = 'n'
         ORDER BY 1
        """
    }

    /// An index covers a foreign key where its first columns are the key's, in any order, and it has
    /// every row.
    private func onlyCoverOf(_ oid: Int) -> SQL {
        """
        WITH whole AS (
          SELECT o.indexrelid, o.indkey::int2[] AS columns FROM pg_index i
            JOIN pg_index o ON o.indrelid = i.indrelid AND o.indpred IS NULL AND o.indisvalid
           WHERE i.indexrelid = \(oid)::oid),
        cover AS (
          SELECT k.conname, w.indexrelid FROM pg_index i
            JOIN pg_constraint k ON k.conrelid = i.indrelid AND k.contype = 'f'
            JOIN whole w ON w.columns[0:pg_catalog.cardinality(k.conkey) - 1] @> k.conkey
           WHERE i.indexrelid = \(oid)::oid)
        SELECT pg_catalog.quote_ident(conname) AS name FROM cover
         GROUP BY conname HAVING pg_catalog.bool_and(indexrelid = \(oid)::oid) ORDER BY conname
        """
    }
}
