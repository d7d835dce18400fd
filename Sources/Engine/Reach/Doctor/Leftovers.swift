import Migration
import Postgres

/// Objects with names that only we give, which no unfinished migration's plan names.
extension Doctor {
    func leftovers() async throws -> [Ailment] {
        var found = try await triggers()
        found += try await constraints()
        found += try await columns()
        found += try await relations()
        found += try await invalidIndexes()
        found += try await functions()
        return found
    }

    /// In whose plan a name stands, the newest run first: its name and state. SQL over a column `name`.
    ///
    /// Of a name of ours the part with the hash is enough. The rest may have quotes or line ends from a
    /// name of the application's, which stand otherwise in a plan's statements and in its JSON.
    private var owner: SQL {
        guard hasMigrations else { return "NULL::text" }
        return """
            (SELECT m.state || ' ' || m.name FROM lockkeeper.migrations m
              WHERE pg_catalog.strpos(m.plan::text, COALESCE(
                    pg_catalog.substring(found.name, '^lk_[0-9a-f]{8}_'),
                    pg_catalog.substring(found.name, 'lockkeeper_[0-9a-f]{8}_[0-9]+'),
                    found.name)) > 0
              ORDER BY m.state = 'active' DESC, m.id DESC LIMIT 1)
            """
    }

    /// Rows of `schema, relation, name, owner`, of what is found and of no unfinished migration.
    private func strays(_ query: SQL) async throws -> [Stray] {
        try await connection.query(
            """
            SELECT found.*, \(owner) AS owner FROM (\(query)) AS found
             ORDER BY schema, relation, name
            """
        ).rows.map(Stray.init).filter { !$0.isOfActive }
    }

    private struct Stray {
        let table: QualifiedName
        let name: String
        let kind: String
        private let owner: String?

        init(_ row: Row) throws {
            table = QualifiedName(try row.string("schema"), try row.string("relation"))
            name = try row.string("name")
            kind = try row.string("kind")
            owner = try row.optional("owner")
        }

        var isOfActive: Bool { owner?.hasPrefix("active ") ?? false }

        /// `, which orders-status, finished, has left behind`
        var whose: String {
            guard let owner else { return ", of which the journal knows nothing" }
            let words = owner.split(separator: " ", maxSplits: 1).map(String.init)
            let state = words[0] == "finished" ? "finished" : "rolled back"
            return ", left by \(words.count > 1 ? words[1] : "a migration"), which is \(state)"
        }
    }

    private func triggers() async throws -> [Ailment] {
        try await strays(
            """
            SELECT n.nspname AS schema, c.relname AS relation, t.tgname AS name, '' AS kind
              FROM pg_catalog.pg_trigger t
              JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE NOT t.tgisinternal AND t.tgparentid = 0
               AND t.tgname ~ 'lockkeeper_[0-9a-f]{8}_[0-9]+'
            """
        ).map { stray in
            Ailment(
                "orphan-trigger", of: "\(stray.table.quoted) \(stray.name)",
                "The trigger \(stray.name) on \(stray.table) fires at every write\(stray.whose).",
                mend: "Drop it; what it kept in step goes its own ways from then on.",
                ["DROP TRIGGER IF EXISTS \(Identifier(stray.name)) ON \(stray.table)"],
                locks: [stray.table])
        }
    }

    private func constraints() async throws -> [Ailment] {
        try await strays(
            """
            SELECT n.nspname AS schema, c.relname AS relation, k.conname AS name,
                   CASE WHEN k.convalidated THEN '' ELSE ' NOT VALID' END AS kind
              FROM pg_catalog.pg_constraint k
              JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE k.conname ~ '^lk_[0-9a-f]{8}_' AND k.conparentid = 0 AND k.coninhcount = 0
            """
        ).map { stray in
            Ailment(
                "orphan-constraint", of: "\(stray.table.quoted) \(stray.name)",
                "The constraint \(stray.name)\(stray.kind) of \(stray.table) is a help of ours\(stray.whose).",
                mend: "Drop it.",
                [
                    "ALTER TABLE \(stray.table) DROP CONSTRAINT IF EXISTS \(Identifier(stray.name))"
                ], locks: [stray.table])
        }
    }

    private func columns() async throws -> [Ailment] {
        try await strays(
            """
            SELECT n.nspname AS schema, c.relname AS relation, a.attname AS name, '' AS kind
              FROM pg_catalog.pg_attribute a
              JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE a.attname ~ '^lk_[0-9a-f]{8}_' AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
               AND a.attinhcount = 0
            """
        ).map { stray in
            Ailment(
                "quarantined-column", of: "\(stray.table.quoted) \(stray.name)",
                "The column \(stray.name) of \(stray.table) was put aside\(stray.whose).",
                mend: "Look whether anybody needs what is in it; then drop it, for good.",
                ["ALTER TABLE \(stray.table) DROP COLUMN IF EXISTS \(Identifier(stray.name))"],
                locks: [stray.table])
        }
    }

    private func relations() async throws -> [Ailment] {
        try await strays(
            """
            SELECT n.nspname AS schema, c.relname AS relation, c.relname AS name,
                   c.relkind::text AS kind
              FROM pg_catalog.pg_class c
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
               AND (c.relname ~ '^lk_[0-9a-f]{8}_'
                    OR n.nspname = 'lockkeeper' AND c.relname ~ '^kept_')
            """
        ).map { stray in
            let isView = stray.kind == "v"
            let drop: SQL =
                isView
                ? "DROP VIEW IF EXISTS \(stray.table)" : "DROP TABLE IF EXISTS \(stray.table)"
            return Ailment(
                "quarantined-\(isView ? "view" : "table")", of: stray.table.quoted,
                "The \(isView ? "view" : "table") \(stray.table) was put aside\(stray.whose).",
                mend: "Look whether anybody needs what is in it; then drop it, for good.", [drop],
                locks: [stray.table])
        }
    }

    /// Only those that stand in a plan are ours to mend; others are named.
    private func invalidIndexes() async throws -> [Ailment] {
        let rows = try await connection.query(
            """
            SELECT found.*, \(owner) AS owner FROM (
              SELECT n.nspname AS schema, c.relname AS relation, c.relname AS name,
                     i.indrelid::pg_catalog.regclass::text AS kind,
                     tn.nspname AS table_schema, t.relname AS table_name
                FROM pg_catalog.pg_index i
                JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
                JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
                JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
                JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE NOT i.indisvalid
                 AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p
                                  WHERE p.index_relid = i.indexrelid)
                 AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks l
                                  WHERE l.relation = i.indrelid AND l.granted
                                    AND l.mode = 'ShareUpdateExclusiveLock')) AS found
             ORDER BY schema, relation
            """
        ).rows
        return try rows.map { row in
            let owner: String? = try row.optional("owner")
            let stray = try Stray(row)
            let indexed = QualifiedName(
                try row.string("table_schema"), try row.string("table_name"))
            let isOfActive = stray.isOfActive || isBeingBuilt(stray.table, of: indexed)
            let isOurs = owner != nil || isOfActive
            return Ailment(
                "invalid-index", of: stray.table.quoted,
                "The index \(stray.table) of \(stray.kind) is INVALID: a build of it was broken off, no query uses it, and every write pays for it"
                    + (isOurs ? "." : ". It is in no plan of ours."),
                mend: isOfActive
                    ? "The migration that builds it drops it and begins again when it goes on; or drop it."
                    : isOurs
                        ? "Drop it."
                        : "Its owner drops it (DROP INDEX CONCURRENTLY \(stray.table.quoted)) or builds it anew (REINDEX INDEX CONCURRENTLY).",
                isOurs ? ["DROP INDEX CONCURRENTLY IF EXISTS \(stray.table)"] : [],
                isOutsideTransaction: true)
        }
    }

    /// Whether an unfinished migration makes this index for a partition that came after its plan.
    private func isBeingBuilt(_ index: QualifiedName, of partition: QualifiedName) -> Bool {
        active.flatMap(\.plan.steps).contains { step in
            guard case .buildPartitionedIndex(let build) = step.action else { return false }
            return PartitionedIndexBuild.index(of: partition, as: build.index) == index
        }
    }

    private func functions() async throws -> [Ailment] {
        let strays = try await strays(
            """
            SELECT n.nspname AS schema, p.proname AS relation, p.proname AS name,
                   pg_catalog.pg_get_function_identity_arguments(p.oid) AS kind
              FROM pg_catalog.pg_proc p
              JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
             WHERE n.nspname = 'lockkeeper'
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgfoid = p.oid)
            """)
        return strays.map { stray in
            Ailment(
                "orphan-function", of: "\(stray.table.quoted) \(stray.kind)",
                "The function \(stray.table)(\(stray.kind)) is called by nothing\(stray.whose).",
                mend: "Drop it.",
                [
                    "DROP FUNCTION IF EXISTS \(stray.table)(\(SQL(writtenByUser: stray.kind)))"
                ])
        }
    }
}
