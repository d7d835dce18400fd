import Analysis
import Migration
import Postgres

/// What a database has, for `lockkeeper check --dsn`: statements that would make its tables, and their
/// sizes. Takes ACCESS SHARE on system catalogues and, to print their definitions and measure them, on
/// the tables, for moments.
///
/// Throws `ServerError` with `SQLState.lockNotAvailable` where somebody has had one of them locked
/// ACCESS EXCLUSIVE for 2 s.
public enum CatalogueReader {
    public static func read(_ settings: ConnectionSettings) async throws -> (
        definitions: String, sizes: [RelationName: Check.TableSize]
    ) {
        let connection: Connection
        do { connection = try await Connection.open(settings) } catch let error as ConnectionError {
            throw OpeningError.noConnection(error.description)
        }
        do {
            // Every name is printed with its schema.
            try await connection.run(
                "BEGIN READ ONLY", "SET LOCAL search_path = pg_catalog",
                "SET LOCAL statement_timeout = '30s'", "SET LOCAL lock_timeout = '2s'")
            let definitions = try await connection.query(Self.definitions).rows.map {
                try $0.string("definition")
            }
            var sizes: [RelationName: Check.TableSize] = [:]
            for row in try await connection.query(Self.sizes).rows {
                let table = RelationName(
                    schema: try row.string("nspname"), name: try row.string("relname"))
                sizes[table] = Check.TableSize(
                    rows: try row.optionalInt("rows"), bytes: try row.int("bytes"))
            }
            try await connection.run("COMMIT")
            await connection.close()
            return (definitions.joined(separator: ";\n") + ";\n", sizes)
        } catch {
            await connection.close()
            throw error
        }
    }

    private static let tables: SQL = """
        pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
           AND n.nspname !~ '^pg_(toast|temp)' AND n.nspname <> 'lockkeeper'
        """

    /// Tables first, then keys and checks, then indexes that belong to no constraint.
    private static let definitions: SQL = """
        WITH relations AS (SELECT c.oid, n.nspname, c.relname FROM \(tables))
        SELECT 1 AS stage, pg_catalog.format('CREATE TABLE %I.%I (%s)', r.nspname, r.relname, pg_catalog.string_agg(
                 pg_catalog.format('%I %s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod))
                   || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END, ', ' ORDER BY a.attnum))
                 AS definition
          FROM relations r JOIN pg_attribute a
            ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
         GROUP BY r.oid, r.nspname, r.relname
         UNION ALL
        SELECT 2, pg_catalog.format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', r.nspname, r.relname, k.conname,
                 pg_get_constraintdef(k.oid))
          FROM relations r JOIN pg_constraint k ON k.conrelid = r.oid
         WHERE k.contype IN ('p', 'u', 'c', 'f')
         UNION ALL
        SELECT 3, pg_get_indexdef(i.indexrelid)
          FROM relations r JOIN pg_index i ON i.indrelid = r.oid
         WHERE i.indisvalid AND NOT EXISTS (
                 SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = r.oid)
         ORDER BY 1, 2
        """

    /// A partitioned table has its partitions' rows and bytes.
    private static let sizes: SQL = """
        WITH RECURSIVE members (root, oid) AS (
                SELECT c.oid, c.oid FROM \(tables)
                 UNION ALL
                SELECT m.root, i.inhrelid FROM members m
                  JOIN pg_class p ON p.oid = m.oid AND p.relkind = 'p'
                  JOIN pg_inherits i ON i.inhparent = m.oid),
             measured AS (
                SELECT m.root, \(TableQueries.density("c")) AS density,
                       c.reltuples >= 0 OR c.relkind = 'p' AS is_counted,
                       coalesce(pg_relation_size(c.oid), 0) AS bytes
                  FROM members m JOIN pg_class c ON c.oid = m.oid)
        SELECT n.nspname, c.relname, pg_catalog.sum(s.bytes)::bigint AS bytes,
               CASE WHEN pg_catalog.sum(s.bytes) > 0 THEN
                 (pg_catalog.sum(s.density * s.bytes) * pg_catalog.sum(s.bytes)::float8
                   / nullif(pg_catalog.sum(s.bytes) FILTER (WHERE s.density IS NOT NULL), 0::numeric)::float8)::bigint
                 WHEN pg_catalog.bool_and(s.is_counted) THEN 0 END AS rows
          FROM measured s JOIN pg_class c ON c.oid = s.root JOIN pg_namespace n ON n.oid = c.relnamespace
         GROUP BY c.oid, n.nspname, c.relname
        """
}
