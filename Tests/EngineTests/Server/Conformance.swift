import Conformance
import Foundation
import Migration
import Postgres
import Testing

@testable import Engine

extension Variant: CustomTestStringConvertible {
    package var testDescription: String { name }

    /// After Contract there is only a way back where a purge is still to come.
    var phasesBack: [Phase] {
        guard ConformanceEffort.chosen.everyPhase, !backFrom.isEmpty else { return backFrom }
        return Phase.allCases.filter { $0 != .contract || backFrom.contains($0) }
    }
}

/// A stage with clients of the versions on it, and the model of what it must hold.
struct Rehearsal: Sendable {
    let variant: Variant
    let stage: Stage
    let seed: UInt64
    let before: String
    let old: ModelClient?
    let new: ModelClient?

    /// Goes through a rehearsal; its clients end whatever happens.
    ///
    /// - Parameter place: makes the database, with the table and without rows.
    static func of(
        _ variant: Variant, on place: () async throws -> Stage = { try await Stage.make(rows: 0) },
        _ body: (Rehearsal) async throws -> Void
    ) async throws {
        for seed in ConformanceEffort.chosen.seeds {
            if ConformanceEffort.chosen.isAsked { print("\(variant.name): seed \(seed)") }
            try await of(variant, seed: seed, on: place, body)
        }
    }

    private static func of(
        _ variant: Variant, seed: UInt64, on place: () async throws -> Stage,
        _ body: (Rehearsal) async throws -> Void
    ) async throws {
        let result: Result<Void, any Error>
        do {
            let rehearsal = try await Rehearsal(variant, seed: seed, on: place())
            await rehearsal.old?.start()
            do {
                try await body(rehearsal)
                result = .success(())
            } catch {
                result = .failure(error)
            }
            await rehearsal.old?.stop()
            await rehearsal.new?.stop()
        } catch {
            result = .failure(error)
        }
        try result.get()
    }

    private init(_ variant: Variant, seed: UInt64, on stage: Stage) async throws {
        self.variant = variant
        self.seed = seed
        self.stage = stage
        let rows = Orders.model
        try await stage.run(Orders.filling)
        for statement in variant.setup { try await stage.run(statement) }
        before = try await stage.schema()
        let odd = rows.filter { $0.key % 2 == 1 }
        let even = rows.filter { $0.key % 2 == 0 }
        old = variant.old.map {
            ModelClient(stage.clientSettings, $0, seed: seed, ids: 100_000, rows: odd)
        }
        new = variant.new.map {
            ModelClient(stage.clientSettings, $0, seed: seed &+ 1, ids: 200_000, rows: even)
        }
        untouched =
            (variant.old == nil ? odd : [:]).merging(variant.new == nil ? even : [:]) { first, _ in
                first
            }
    }

    /// Which it is, and how to see it again.
    var label: String { "\(variant.name), on \(stage.server.binaries.folder), seed \(seed)" }

    /// Rows on which no client works.
    let untouched: [Int: ModelRow]

    /// What the rows must be, `id` and the variant's columns.
    private func model() async -> [String] {
        var all = untouched
        for client in [old, new].compactMap({ $0 }) {
            all.merge(await client.rows) { first, _ in first }
        }
        return all.sorted { $0.key < $1.key }.map { id, row in
            "\(id) \(row.amount): "
                + variant.expected(row).map { $0 ?? "NULL" }.joined(separator: ", ")
        }
    }

    /// Compares every row with the model, `columns` standing for what `expected` gives.
    func expectModel(
        _ columns: String, from table: SQL = "orders",
        expected: (@Sendable (ModelRow) -> [String?])? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        for client in [old, new].compactMap({ $0 }) { await client.stop() }
        let connection = try await stage.connect()
        let rows = try await connection.query(
            "SELECT id, trunc(amount)::int, \(SQL(writtenByUser: columns)) FROM \(table) ORDER BY id"
        ).rows
        await connection.close()
        let found = rows.map { row in
            let values = row.values.map { $0 ?? "NULL" }
            return "\(values[0]) \(values[1]): \(values[2...].joined(separator: ", "))"
        }
        var wanted = await model()
        if let expected {
            var all = untouched
            for client in [old, new].compactMap({ $0 }) {
                all.merge(await client.rows) { first, _ in first }
            }
            wanted = all.sorted { $0.key < $1.key }.map { id, row in
                "\(id) \(row.amount): "
                    + expected(row).map { $0 ?? "NULL" }.joined(separator: ", ")
            }
        }
        let different = zip(found, wanted).first { $0 != $1 }
        #expect(
            different == nil && found.count == wanted.count,
            "\(label): \(found.count) rows, \(wanted.count) wanted; first difference: \(String(describing: different))",
            sourceLocation: sourceLocation)
        for client in [old, new].compactMap({ $0 }) {
            let errors = await client.errors
            #expect(errors.isEmpty, "\(label)", sourceLocation: sourceLocation)
        }
    }

    // MARK: the way

    /// Runs to the end of a phase, the versions deployed and retired as its gates ask.
    ///
    /// False where it is finished, because Contract had nothing to keep in quarantine.
    ///
    /// - Parameter stopping: the engine is stopped as soon as each step starts, and run again.
    @discardableResult
    func advance(to phase: Phase, stopping: Bool = false) async throws -> Bool {
        // Where a version is deployed or retired, and the end.
        for next in [Phase.migrate, .switch, .contract, phase] where next <= phase {
            if next == .contract { await old?.stop() }
            let outcome = try await run(stopping: stopping) {
                $0.approvesEveryGate = true
                $0.until = next
            }
            if next == .contract, outcome == .finished { return false }
            #expect(outcome == .reached(next), "\(label)")
            if next == variant.newAfter { await new?.start() }
            if next == phase { break }
        }
        return true
    }

    func finish(stopping: Bool = false) async throws {
        // The interim name is nobody's in the end.
        if variant.takesOldName { await new?.stop() }
        let outcome = try await run(stopping: stopping) {
            $0.approvesEveryGate = true
            $0.purgesAtOnce = true
        }
        #expect(outcome == .finished, "\(label)")
    }

    /// Back to where it began. The new version is retired first, as the gate asks.
    func rollBack(stopping: Bool = false) async throws {
        await new?.stop()
        let outcome = try await run(stopping: stopping) {
            $0.spec = nil
            $0.rollback = .init(to: nil, purges: true)
            $0.approvesEveryGate = true
        }
        #expect(outcome == .rolledBack(to: nil), "\(label)")
    }

    /// Lets each client that works write for as long as the effort says.
    private func letWrite() async throws {
        let writes = ConformanceEffort.chosen.writes
        guard writes > 0 else { return }
        for client in [old, new].compactMap({ $0 }) where await client.isAtWork {
            let goal = await client.count + writes
            try await stage.until { await client.count >= goal }
        }
    }

    private func run(stopping: Bool, _ change: (inout RunRequest) -> Void) async throws -> Outcome {
        try await letWrite()
        var seen: Set<String> = []
        while true {
            let engine = try await stage.open(stage.request(variant.spec, change))
            let met = seen
            let stopper = Task { () -> String? in
                for await event in engine.events where event.kind == .stepStarted {
                    guard stopping, let step = event.step, !met.contains(step) else { continue }
                    try? await engine.perform(.stop)
                    return step
                }
                return nil
            }
            let outcome = await engine.run()
            let step = await stopper.value
            guard outcome == .stopped, let step else { return outcome }
            seen.insert(step)
        }
    }
}
