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

    static func filenode(of table: QualifiedName) -> SQL {
        "pg_catalog.pg_relation_filenode(\(literal: table.quoted)::pg_catalog.regclass)"
    }

    /// Notes the table's extent as it is now: everything written later lies with the trigger, or in
    /// the next pass. Begins anew where there was a cursor.
    static func measure(_ work: any BatchedWork, _ step: StepID, of migration: Int, pass: Int = 1)
        -> SQL
    {
        """
        INSERT INTO lockkeeper.backfills AS b (migration, step, relfilenode, blocks, pass)
        VALUES (\(migration), \(literal: step), \(filenode(of: work.table)), \(size(of: work.table)), \(pass))
        ON CONFLICT (migration, step) DO UPDATE SET relfilenode = excluded.relfilenode,
          blocks = excluded.blocks, done = '{}', skipped = '{}', pass = excluded.pass,
          rows_in_pass = 0, vacuumed_at_block = 0
        """
    }

    static func load(_ step: StepID, of migration: Int, on connection: Connection) async throws
        -> FillRecord?
    {
        let rows = try await connection.query(
            """
            SELECT relfilenode, blocks, rows_filled, pass, rows_in_pass, vacuumed_at_block,
                   (SELECT string_agg(lower(r) || '-' || upper(r), ' ') FROM unnest(done) r) AS done,
                   (SELECT string_agg(lower(r) || '-' || upper(r), ' ') FROM unnest(skipped) r)
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
