import Migration
import Postgres

/// The tables below a partitioned one as they are now.
///
/// From `pg_inherits` alone: `pg_partition_tree` locks every partition, and waits for one that
/// somebody else has locked. One that is being detached concurrently is none any more.
enum PartitionTree {
    /// `nspname`, `relname`, `parent_schema`, `parent_name`, `is_leaf`: the table itself first, then
    /// level by level.
    static func query(of table: QualifiedName) -> SQL {
        """
        WITH RECURSIVE \(tree(of: table))
        SELECT n.nspname, c.relname, pn.nspname AS parent_schema, p.relname AS parent_name,
               c.relkind <> 'p' AS is_leaf
          FROM tree t
          JOIN pg_catalog.pg_class c ON c.oid = t.oid
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_catalog.pg_class p ON p.oid = t.parent
          LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
         ORDER BY t.level, n.nspname, c.relname
        """
    }

    /// `tree(oid, parent, level)`, to stand behind WITH RECURSIVE.
    static func tree(of table: QualifiedName) -> SQL {
        """
        tree(oid, parent, level) AS (
          SELECT pg_catalog.to_regclass(\(literal: table.quoted))::oid, NULL::oid, 0
           WHERE pg_catalog.to_regclass(\(literal: table.quoted)) IS NOT NULL
          UNION ALL
          SELECT i.inhrelid, i.inhparent, t.level + 1 FROM tree t
            JOIN pg_catalog.pg_class p ON p.oid = t.oid AND p.relkind = 'p'
            JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid AND NOT i.inhdetachpending)
        """
    }

    static func name(_ row: Row) throws -> QualifiedName {
        QualifiedName(try row.string("nspname"), try row.string("relname"))
    }

    static func parent(_ row: Row) throws -> QualifiedName? {
        guard let schema = try row.optional("parent_schema"),
            let name = try row.optional("parent_name")
        else { return nil }
        return QualifiedName(schema, name)
    }
}
