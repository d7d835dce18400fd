import Foundation
import Migration
import Postgres
import Testing

@testable import Engine

/// One way in which an operation is used, with what must be true of it afterwards.
///
/// The table is `orders (id, status, amount, note)` of `Stage`. `ops` is the list under `operations:`.
struct Variant: Sendable, CustomTestStringConvertible {
    let name: String
    var operations: String
    /// Statements before the run, after the table is there.
    var setup: [SQL] = []
    /// What a client of the old version writes, and of the new one; nil where it has nothing to write.
    var old: Dialect? = Dialect()
    var new: Dialect?
    /// The phase at whose end the new version is deployed.
    var newAfter = Phase.migrate
    /// What is read of each row in the end, from which table, and what the model says of it.
    var result: String = "status"
    var resultTable: SQL = "orders"
    var expected: @Sendable (ModelRow) -> [String?] = { [$0.status] }
    /// The phases from the end of which it is rolled back.
    var backFrom: [Phase] = [.backfill, .contract]
    /// What `pg_dump` shows when it is finished, and what it no longer does.
    var shows: [String] = []
    var hides: [String] = []
    /// More than the usual where one statement has several tables to change, also on a busy machine.
    var stallBudget = "100ms"

    /// After Contract there is only a way back where a purge is still to come.
    var phasesBack: [Phase] {
        guard ConformanceEffort.chosen.everyPhase, !backFrom.isEmpty else { return backFrom }
        return Phase.allCases.filter { $0 != .contract || backFrom.contains($0) }
    }

    var testDescription: String { name }

    var spec: String {
        """
        name: orders-status
        operations:
        \(operations)
        settings:
          throttle: {replication_lag: null}
          stall_budget: \(stallBudget)
        checklist: []
        """
    }
}

/// How a version of the application says the status of an order.
struct Dialect: Sendable {
    /// Nil: it knows of no status.
    var column: String? = "status"
    /// The table's name as it says it.
    var table: SQL = "orders"
    var write: @Sendable (String) -> String = { $0 }
    /// What the row's status is after an insert that names none.
    var fallback = "new"
}

/// An order as the model outside the database has it, in the old version's words.
struct ModelRow: Sendable, Equatable {
    var status: String
    var amount: Int
}

/// A client that writes at random from a seed, on ids of its own, and keeps what must come of it.
actor ModelClient {
    private var random: SeededRandom
    private let dialect: Dialect
    private let stage: Stage
    private var next: Int
    private(set) var rows: [Int: ModelRow] = [:]
    private(set) var errors: [String] = []
    /// Statements sent so far.
    private(set) var count = 0
    private var task: Task<Void, Never>?

    init(_ stage: Stage, _ dialect: Dialect, seed: UInt64, ids: Int, rows: [Int: ModelRow] = [:]) {
        self.stage = stage
        self.dialect = dialect
        random = SeededRandom(seed)
        next = ids
        self.rows = rows
    }

    func start() { task = Task { await self.work() } }

    var isAtWork: Bool { task != nil }

    /// Ends after the statement in hand.
    func stop() async {
        task?.cancel()
        await task?.value
        task = nil
    }

    private func work() async {
        do {
            let connection = try await stage.connect()
            while !Task.isCancelled {
                // In a task of its own: a statement that was begun is ended, and counted.
                await Task { await self.act(on: connection) }.value
                try? await Task.sleep(for: .milliseconds(2))
            }
            await connection.close()
        } catch is CancellationError {
            // Stopped before it had a connection.
        } catch {
            errors.append("\(error)")
        }
    }

    private func act(on connection: Connection) async {
        let status = ["new", "paid", "sent", "lost"].randomElement(using: &random) ?? "new"
        let table = dialect.table
        let column = SQL(writtenByUser: dialect.column ?? "")
        let isStatusKnown = dialect.column != nil
        let said = SQL.literal(dialect.write(status))
        let id = rows.keys.sorted().randomElement(using: &random)
        var statement: SQL
        var change: @Sendable (inout [Int: ModelRow]) -> Void
        switch (Int.random(in: 0..<10, using: &random), id) {
        case (0..<3, _), (_, nil):
            let fresh = next
            next += 1
            let fallback = dialect.fallback
            if Bool.random(using: &random), isStatusKnown {
                statement = "INSERT INTO \(table) (id, \(column)) VALUES (\(fresh), \(said))"
                change = { $0[fresh] = ModelRow(status: status, amount: 0) }
            } else {
                statement = "INSERT INTO \(table) (id) VALUES (\(fresh))"
                change = { $0[fresh] = ModelRow(status: fallback, amount: 0) }
            }
        case (3..<6, let id?) where isStatusKnown:
            statement = "UPDATE \(table) SET \(column) = \(said) WHERE id = \(id)"
            change = { $0[id]?.status = status }
        case (3..<9, let id?):
            statement = "UPDATE \(table) SET amount = amount + 1 WHERE id = \(id)"
            change = { $0[id]?.amount += 1 }
        case (_, let id?):
            statement = "DELETE FROM \(table) WHERE id = \(id)"
            change = { $0[id] = nil }
        }
        count += 1
        do {
            try await connection.query(statement)
            change(&rows)
        } catch {
            errors.append("\(statement): \(error)")
        }
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

    static let rows = 400

    /// Goes through a rehearsal; its clients end whatever happens.
    static func of(_ variant: Variant, _ body: (Rehearsal) async throws -> Void) async throws {
        for seed in ConformanceEffort.chosen.seeds {
            if ConformanceEffort.chosen.isAsked { print("\(variant.name): seed \(seed)") }
            try await of(variant, seed: seed, body)
        }
    }

    private static func of(
        _ variant: Variant, seed: UInt64, _ body: (Rehearsal) async throws -> Void
    ) async throws {
        let result: Result<Void, any Error>
        do {
            let rehearsal = try await Rehearsal(variant, seed: seed)
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

    private init(_ variant: Variant, seed: UInt64) async throws {
        self.variant = variant
        self.seed = seed
        stage = try await Stage.make(rows: 0)
        let names = ["new", "paid", "sent"]
        var rows: [Int: ModelRow] = [:]
        for id in 1...Self.rows { rows[id] = ModelRow(status: names[id % 3], amount: id) }
        try await stage.run(
            """
            INSERT INTO orders (id, status, amount, note)
            SELECT n, (ARRAY['new', 'paid', 'sent'])[1 + n % 3], n, repeat('x', 120)
              FROM generate_series(1, \(Self.rows)) n
            """)
        for statement in variant.setup { try await stage.run(statement) }
        before = try await stage.schema()
        let odd = rows.filter { $0.key % 2 == 1 }
        let even = rows.filter { $0.key % 2 == 0 }
        let stage = stage
        old = variant.old.map { ModelClient(stage, $0, seed: seed, ids: 100_000, rows: odd) }
        new = variant.new.map { ModelClient(stage, $0, seed: seed &+ 1, ids: 200_000, rows: even) }
        untouched =
            (variant.old == nil ? odd : [:]).merging(variant.new == nil ? even : [:]) { first, _ in
                first
            }
    }

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
            "seed \(seed): \(found.count) rows, \(wanted.count) wanted; first difference: \(String(describing: different))",
            sourceLocation: sourceLocation)
        for client in [old, new].compactMap({ $0 }) {
            let errors = await client.errors
            #expect(errors.isEmpty, "seed \(seed)", sourceLocation: sourceLocation)
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
            #expect(outcome == .reached(next), "seed \(seed)")
            if next == variant.newAfter { await new?.start() }
            if next == phase { break }
        }
        return true
    }

    func finish(stopping: Bool = false) async throws {
        // The interim name is nobody's in the end.
        if ["final_name", "change_type"].contains(where: variant.operations.contains) {
            await new?.stop()
        }
        let outcome = try await run(stopping: stopping) {
            $0.approvesEveryGate = true
            $0.purgesAtOnce = true
        }
        #expect(outcome == .finished, "seed \(seed)")
    }

    /// Back to where it began. The new version is retired first, as the gate asks.
    func rollBack(stopping: Bool = false) async throws {
        await new?.stop()
        let outcome = try await run(stopping: stopping) {
            $0.spec = nil
            $0.rollback = .init(to: nil, purges: true)
            $0.approvesEveryGate = true
        }
        #expect(outcome == .rolledBack(to: nil), "seed \(seed)")
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
