import Foundation
import SQLText

/// A run of the same operations on another database, as that database's journal has it: evidence for
/// the checklist, and what estimates rest on.
public struct Rehearsal: Codable, Sendable, Equatable {
    public var migration: String
    /// SHA-256 of the spec's identity (its name and operations), in hexadecimal digits.
    public var specHash: String
    /// `shop_staging on 10.0.0.7:5432`
    public var place: String
    /// As `server_version_num`.
    public var serverVersion: Int
    public var finishedAt: Date
    /// It ended in quarantine: all but the purge was done.
    public var isBeforePurge: Bool
    public var tables: [Table]
    /// Seconds, by step.
    public var seconds: [StepID: Double]
    /// The longest that a statement of the application was seen to wait, milliseconds.
    public var worstWaitMilliseconds: Double?

    public struct Table: Codable, Sendable, Equatable {
        public var name: QualifiedName
        /// Before the run; nil where nobody had counted.
        public var rows: Int?
        /// Of the heap, before the run.
        public var bytes: Int

        public init(name: QualifiedName, rows: Int?, bytes: Int) {
            self.name = name
            self.rows = rows
            self.bytes = bytes
        }
    }

    public init(
        migration: String, specHash: String, place: String, serverVersion: Int, finishedAt: Date,
        isBeforePurge: Bool, tables: [Table], seconds: [StepID: Double],
        worstWaitMilliseconds: Double?
    ) {
        self.migration = migration
        self.specHash = specHash
        self.place = place
        self.serverVersion = serverVersion
        self.finishedAt = finishedAt
        self.isBeforePurge = isBeforePurge
        self.tables = tables
        self.seconds = seconds
        self.worstWaitMilliseconds = worstWaitMilliseconds
    }

    /// The smallest share of rows (of bytes, where rows are not known) that one of the tables had, of
    /// what it has here: 1 is as much, also where a plan has only tables that it makes itself. Nil
    /// where it lacked one of them.
    public func share(of tables: [Table]) -> Double? {
        guard !tables.isEmpty else { return 1 }
        let shares = tables.compactMap { here -> Double? in
            guard let there = self.tables.first(where: { $0.name == here.name }) else { return nil }
            return Self.ratio(there.rows, here.rows) ?? Self.ratio(there.bytes, here.bytes)
        }
        return shares.count == tables.count ? shares.min() : nil
    }

    private static func ratio(_ there: Int?, _ here: Int?) -> Double? {
        guard let there, let here else { return nil }
        return here == 0 ? 1 : Double(there) / Double(here)
    }
}

extension Facts {
    /// The tables of a plan with their sizes.
    public func sizes(of plan: Plan) -> [Rehearsal.Table] {
        Set(plan.operations.flatMap(\.tables)).sorted().compactMap { name in
            guard let table = tables.values.first(where: { $0.name == name }) else { return nil }
            let sample = surroundings.samples.first { $0.table == name && $0.blocks > 0 }
            let sampled = sample.map { $0.rows * (table.heapBytes / server.blockSize) / $0.blocks }
            // What was seen a moment ago is worth more than statistics, which may be old.
            return Rehearsal.Table(
                name: name, rows: sampled ?? table.knownRows, bytes: table.heapBytes)
        }
    }
}
