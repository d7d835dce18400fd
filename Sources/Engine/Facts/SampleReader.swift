import Foundation
import Migration
import Postgres

/// Reads some blocks of each table of a plan and notes how long the server took, so that the plan can
/// say how long reading all of them will.
///
/// At most `Self.ranges` times `Self.blocks` blocks a table, in a READ ONLY transaction; takes ACCESS
/// SHARE on the table for moments. A table that can't be read in `patience`, or its expressions not
/// evaluated, has no sample.
struct SampleReader {
    let facts: Facts
    let connection: Connection

    static let ranges = 16
    static let blocks = 64
    /// Milliseconds for one statement.
    static let patience = 500

    func read() async throws -> [TableSample] {
        let tables = facts.tables.filter { $0.value.sampled != nil }
            .sorted { $0.key < $1.key }
        guard !tables.isEmpty else { return [] }
        try await connection.run(
            "BEGIN READ ONLY", "SET LOCAL statement_timeout = \(Self.patience)",
            "SET LOCAL lock_timeout = \(Self.patience)", "SET LOCAL jit = off",
            "SET LOCAL row_security = off")
        do {
            // Names in expressions mean what they meant to the facts.
            try await connection.query(
                "SELECT pg_catalog.set_config('search_path', $1, true)",
                facts.session.searchPath.map(\.quoted).joined(separator: ", "))
            var samples: [TableSample] = []
            for (name, table) in tables where !samples.contains(where: { $0.table == table.name }) {
                do {
                    if let sample = try await sample(table, named: name) { samples.append(sample) }
                } catch is TooSlow {
                    // What was found of it until then says far too little.
                }
            }
            try await connection.run("COMMIT")
            return samples
        } catch {
            // The error that is thrown matters more than one of ROLLBACK's own.
            _ = try? await connection.run("ROLLBACK")
            throw error
        }
    }

    /// Throws `TooSlow`.
    private func sample(_ table: TableFacts, named name: String) async throws -> TableSample? {
        guard let sampled = table.sampled else { return nil }
        let ranges = Self.spread(over: sampled.heapBytes / facts.server.blockSize)
        guard !ranges.isEmpty else {
            return TableSample(
                table: table.name, blocks: 0, rows: 0, readMilliseconds: 0, evaluateMilliseconds: 0)
        }
        guard let plain = try await run(Self.statement(table, sampled.name, ranges, reading: nil))
        else { return nil }
        var evaluation = plain.milliseconds
        for (question, answer) in facts.expressions
        where question.table == name && answer.canBeSampled && !question.isOfNewTable
            && question.over.isEmpty
        {
            // One that raises on a row says so when its turn comes.
            if let found = try await run(
                Self.statement(table, sampled.name, ranges, reading: question))
            {
                evaluation += max(0, found.milliseconds - plain.milliseconds)
            }
        }
        return TableSample(
            table: table.name, blocks: ranges.reduce(0) { $0 + $1.count }, rows: plain.rows,
            readMilliseconds: plain.milliseconds, evaluateMilliseconds: evaluation)
    }

    /// Ranges at equal distances, from the first block to the last; everything of a small table.
    static func spread(over total: Int) -> [BlockRange] {
        guard total > ranges * blocks else {
            return total > 0 ? [BlockRange(from: 0, to: total)] : []
        }
        return (0..<ranges).map { index in
            let from = (total - blocks) * index / (ranges - 1)
            return BlockRange(from: from, to: from + blocks)
        }
    }

    private static func statement(
        _ table: TableFacts, _ sampled: QualifiedName, _ ranges: [BlockRange],
        reading question: ExpressionQuestion?
    ) -> SQL {
        var row = ExpressionRow(table: table.name, columns: [])
        var counted: SQL = "count(*)"
        if let question {
            for column in table.columns {
                row = row.with(.init(name: column.name, type: column.type, isNew: false))
            }
            for new in question.newColumns {
                row = row.with(.init(name: new.name, type: new.text, isNew: true))
            }
            counted = "count(*), pg_catalog.count((\(SQL(writtenByUser: question.text))\n))"
        }
        let rows = ranges.map { "\(row.rows(of: sampled)) WHERE \($0.predicate)" as SQL }
        return """
            EXPLAIN (ANALYZE, TIMING off, FORMAT json)
            SELECT \(counted) FROM (\(rows.joined(separator: " UNION ALL "))) \(row.alias)
            """
    }

    private struct Measured {
        let rows: Int
        let milliseconds: Double
    }

    /// A statement did not end in `patience`.
    private struct TooSlow: Error {}

    /// Nil where the server refused it: not readable by us, locked, a value that raises. Throws
    /// `TooSlow`.
    private func run(_ statement: SQL) async throws -> Measured? {
        try await connection.run("SAVEPOINT lk_sample")
        do {
            let text: String = try await connection.query(statement).onlyRow().string("QUERY PLAN")
            try await connection.run("RELEASE lk_sample")
            let explained = try JSONDecoder().decode([Explained].self, from: Data(text.utf8))
            guard let first = explained.first else { return nil }
            return Measured(rows: first.rows, milliseconds: first.milliseconds)
        } catch let error as ServerError where !error.isConnectionTrouble {
            try await connection.run("ROLLBACK TO lk_sample", "RELEASE lk_sample")
            if error.sqlState == .queryCanceled { throw TooSlow() }
            return nil
        }
    }

    private struct Explained: Decodable {
        let rows: Int
        let milliseconds: Double

        private struct Node: Decodable {
            let rows: Double
            let below: [Node]?

            enum CodingKeys: String, CodingKey {
                case rows = "Actual Rows"
                case below = "Plans"
            }
        }

        enum CodingKeys: String, CodingKey {
            case plan = "Plan"
            case milliseconds = "Execution Time"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            let aggregate = try container.decode(Node.self, forKey: .plan)
            rows = Int(aggregate.below?.first?.rows ?? 0)
            milliseconds = try container.decode(Double.self, forKey: .milliseconds)
        }
    }
}

extension TableFacts {
    /// What is read for it: itself, or the largest of its partitions; nil where there is nothing to read.
    fileprivate var sampled: (name: QualifiedName, heapBytes: Int)? {
        guard isPartitioned else { return kind == .table ? (name, heapBytes) : nil }
        let leaves = partitions.filter { $0.kind == .table }
        return leaves.max { $0.heapBytes < $1.heapBytes }.map { ($0.name, $0.heapBytes) }
    }
}

extension ExpressionFacts {
    /// Evaluating it changes nothing and reads nothing but its row.
    fileprivate var canBeSampled: Bool {
        error == nil && !isVolatile && !hasSubquery && isNotScalar == nil
    }
}
