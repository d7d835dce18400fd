import Migration
import Postgres

/// A fill's row in the journal: how far the table goes, and which blocks are done.
///
/// `done` and `skipped` are multiranges of block numbers, so that workers on disjoint ranges commit
/// in any order and a resume knows exactly what is left.
struct FillRecord: Sendable, Equatable {
    var relfilenode: Int
    /// Blocks to walk: the table's size when our trigger had its lock.
    var blocks: Int
    var done: [BlockRange]
    /// Ranges in which rows were locked by others.
    var skipped: [BlockRange]
    var rows: Int
    /// Passes over the table, from 1, where no trigger fills moved rows.
    var pass: Int
    var rowsInPass: Int
    /// Blocks done when the table was last vacuumed by us.
    var vacuumedAt: Int

    var blocksDone: Int { done.reduce(0) { $0 + $1.count } }

    /// The blocks that are not done, lowest first.
    var left: [BlockRange] {
        var gaps: [BlockRange] = []
        var next = 0
        for range in done.sorted(by: { $0.from < $1.from }) where range.from < blocks {
            if range.from > next { gaps.append(BlockRange(from: next, to: range.from)) }
            next = max(next, range.to)
        }
        if next < blocks { gaps.append(BlockRange(from: next, to: blocks)) }
        return gaps
    }

    private static func size(of table: QualifiedName) -> SQL {
        """
        pg_catalog.pg_relation_size(\(literal: table.quoted)::pg_catalog.regclass)
          / pg_catalog.current_setting('block_size')::bigint
        """
    }

    /// NULL of a partition that is gone, or is none any more.
    static func filenode(of work: any BatchedWork) -> SQL {
        guard let whole = work.whole else {
            return
                "pg_catalog.pg_relation_filenode(\(literal: work.table.quoted)::pg_catalog.regclass)"
        }
        let partition: SQL = "pg_catalog.to_regclass(\(literal: work.table.quoted))::pg_catalog.oid"
        return """
            CASE WHEN pg_catalog.to_regclass(\(literal: whole.quoted))::pg_catalog.oid IN (
              SELECT relid::pg_catalog.oid FROM pg_catalog.pg_partition_ancestors(\(partition)))
            THEN pg_catalog.pg_relation_filenode(\(partition)) END
            """
    }

    /// What the cursor of a partition is called in the journal: its step, a blank (which no step's id
    /// has), the partition.
    static func cursor(_ step: StepID, of partition: QualifiedName) -> String {
        "\(step) \(partition.quoted)"
    }

    /// Notes the table's extent as it is now: everything written later lies with the trigger, or in
    /// the next pass. Begins anew where there was a cursor.
    static func measure(_ work: any BatchedWork, _ step: StepID, of migration: Int, pass: Int = 1)
        -> SQL
    {
        let values: SQL =
            work.isPartitioned
            ? """
            SELECT \(migration), \(literal: step) || ' ' || pg_catalog.quote_ident(n.nspname) || '.'
                   || pg_catalog.quote_ident(c.relname), pg_catalog.pg_relation_filenode(c.oid),
                   pg_catalog.pg_relation_size(c.oid)
                     / pg_catalog.current_setting('block_size')::bigint, \(pass)
              FROM tree t
              JOIN pg_catalog.pg_class c ON c.oid = t.oid AND c.relkind <> 'p'
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            """
            : "VALUES (\(migration), \(literal: step), \(filenode(of: work)), \(size(of: work.table)), \(pass))"
        let tree: SQL =
            work.isPartitioned ? "WITH RECURSIVE \(PartitionTree.tree(of: work.table))\n" : ""
        return """
            \(tree)INSERT INTO lockkeeper.backfills AS b (migration, step, relfilenode, blocks, pass)
            \(values)
            ON CONFLICT (migration, step) DO UPDATE SET relfilenode = excluded.relfilenode,
              blocks = excluded.blocks, done = '{}', skipped = '{}', pass = excluded.pass,
              rows_in_pass = 0, vacuumed_at_block = 0
            """
    }

    /// Those of a partitioned table, by the partitions' cursors.
    static func loadAll(_ step: StepID, of migration: Int, on connection: Connection) async throws
        -> [String: FillRecord]
    {
        let cursors = try await connection.query(
            """
            SELECT step FROM lockkeeper.backfills
             WHERE migration = $1 AND pg_catalog.starts_with(step, $2 || ' ')
            """, migration, step
        ).rows.map { try $0.string("step") }
        var records: [String: FillRecord] = [:]
        for cursor in cursors {
            records[cursor] = try await load(cursor, of: migration, on: connection)
        }
        return records
    }

    /// How far a step is: its own cursor, or those of all partitions together.
    struct Extent: Sendable, Equatable {
        var done: Int
        var blocks: Int
        var rows: Int
        var skipped: Int
    }

    /// Nil where nothing is measured yet.
    static func extent(of step: StepID, of migration: Int, on connection: Connection) async throws
        -> Extent?
    {
        var records = try await Array(loadAll(step, of: migration, on: connection).values)
        if let own = try await load(step, of: migration, on: connection) { records.append(own) }
        guard !records.isEmpty else { return nil }
        return records.reduce(into: Extent(done: 0, blocks: 0, rows: 0, skipped: 0)) {
            $0.done += $1.blocksDone
            $0.blocks += $1.blocks
            $0.rows += $1.rows
            $0.skipped += $1.skipped.count
        }
    }

    static func load(_ step: StepID, of migration: Int, on connection: Connection) async throws
        -> FillRecord?
    {
        let rows = try await connection.query(
            """
            SELECT relfilenode, blocks, rows_filled, pass, rows_in_pass, vacuumed_at_block,
                   (SELECT pg_catalog.string_agg(pg_catalog.lower(r)::text || '-' || pg_catalog.upper(r)::text, ' ') FROM pg_catalog.unnest(done) r) AS done,
                   (SELECT pg_catalog.string_agg(pg_catalog.lower(r)::text || '-' || pg_catalog.upper(r)::text, ' ') FROM pg_catalog.unnest(skipped) r)
                     AS skipped
              FROM lockkeeper.backfills WHERE migration = $1 AND step = $2
            """, migration, step
        ).rows
        return try rows.first.map { row in
            FillRecord(
                relfilenode: try row.int("relfilenode"), blocks: try row.int("blocks"),
                done: try ranges(row.optional("done")),
                skipped: try ranges(row.optional("skipped")), rows: try row.int("rows_filled"),
                pass: try row.int("pass"), rowsInPass: try row.int("rows_in_pass"),
                vacuumedAt: try row.int("vacuumed_at_block"))
        }
    }

    private static func ranges(_ text: String?) throws -> [BlockRange] {
        try (text ?? "").split(separator: " ").map { part in
            let ends = part.split(separator: "-").compactMap { Int($0) }
            guard ends.count == 2 else {
                throw DecodingFailure(message: "the journal holds \(part) as a range of blocks")
            }
            return BlockRange(from: ends[0], to: ends[1])
        }
    }

    /// Notes a batch; part of its transaction.
    static func advance(
        _ step: StepID, of migration: Int, over range: BlockRange, rows: Int, hasSkipped: Bool
    ) -> SQL {
        let blocks: SQL = "int8multirange(int8range(\(range.from), \(range.to)))"
        let skipped: SQL = hasSkipped ? "skipped + \(blocks)" : "skipped - \(blocks)"
        return """
            UPDATE lockkeeper.backfills SET done = done + \(blocks), skipped = \(skipped),
              rows_filled = rows_filled + \(rows), rows_in_pass = rows_in_pass + \(rows)
             WHERE migration = \(migration) AND step = \(literal: step)
            """
    }

    static func noteVacuum(_ step: StepID, of migration: Int, at blocks: Int) -> SQL {
        """
        UPDATE lockkeeper.backfills SET vacuumed_at_block = \(blocks)
         WHERE migration = \(migration) AND step = \(literal: step)
        """
    }
}

extension Plan {
    func fills(_ steps: [StepID]) -> [(step: StepID, work: any BatchedWork)] {
        steps.compactMap { id in step(id)?.action.batchedWork.map { (id, $0) } }
    }
}
