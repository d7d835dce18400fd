import Engine
import Foundation
import Migration
import Postgres
import Sandbox

/// Where one operation is measured: a fresh copy of the tables, an autovacuum at work on them, clients.
struct Ground {
    let server: SandboxServer
    let rows: Int
    let budget: Int

    func make() async throws {
        _ = try await server.makeDatabase("ground")
        let connection = try await server.connect(database: "ground")
        try await connection.run(
            "CREATE TABLE customers (id bigint PRIMARY KEY, visits int NOT NULL DEFAULT 0)",
            "INSERT INTO customers SELECT n FROM generate_series(1, 1000) n",
            """
            CREATE TABLE orders (
              id bigint PRIMARY KEY, customer_id bigint NOT NULL,
              status varchar(20) NOT NULL DEFAULT 'new', amount numeric NOT NULL DEFAULT 0,
              note text, token uuid DEFAULT gen_random_uuid())
            """,
            """
            INSERT INTO orders (id, customer_id, status, note)
            SELECT n, 1 + n % 1000, 'status ' || n % 10, CASE WHEN n % 2 = 0 THEN repeat('x', 120) END
              FROM generate_series(1, \(rows)) n
            """,
            "CREATE INDEX orders_status ON orders (status)",
            // Vacuumed whenever a row is dead, at ten blocks a second.
            """
            ALTER TABLE orders SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0,
              autovacuum_analyze_threshold = 100000000)
            """)
        try await connection.query("ANALYZE")
        await connection.close()
    }

    private func copy() async throws -> ConnectionSettings {
        let admin = try await server.connect()
        try await admin.query("DROP DATABASE IF EXISTS trial WITH (FORCE)")
        try await admin.query("CREATE DATABASE trial TEMPLATE ground STRATEGY file_copy")
        await admin.close()
        let settings = server.settings(database: "trial")
        let connection = try await Connection.open(settings)
        try await connection.run("UPDATE orders SET amount = amount + 1")
        await connection.close()
        return settings
    }

    /// Until an autovacuum of the orders is at work.
    private func awaitAutovacuum(_ settings: ConnectionSettings) async throws {
        let connection = try await Connection.open(settings)
        let deadline = ContinuousClock.now + .seconds(90)
        while try await connection.query(
            "SELECT count(*) AS n FROM pg_stat_progress_vacuum WHERE relid = 'orders'::regclass"
        ).onlyRow().int("n") == 0 {
            guard ContinuousClock.now < deadline else {
                throw BenchmarkFailure("no autovacuum came in 90 s")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        await connection.close()
    }

    /// Until the reader is in its transaction.
    private func awaitReader(_ settings: ConnectionSettings) async throws {
        let connection = try await Connection.open(settings)
        while try await connection.query(
            """
            SELECT count(*) AS n FROM pg_stat_activity
             WHERE datname = current_database() AND state = 'idle in transaction'
            """
        ).onlyRow().int("n") == 0 { try await Task.sleep(for: .milliseconds(20)) }
        await connection.close()
    }

    private var displaced: Int {
        server.log(lines: .max).components(separatedBy: "canceling autovacuum task").count - 1
    }

    // MARK: what is measured

    struct Waits {
        /// Milliseconds.
        var worst = 0.0
        /// DDL steps, and the one in which the worst statement was.
        var steps = 0
        var worstStep = ""
        var displaced = 0
        var errors: [String] = []
        var seconds = 0.0
        var outcome = ""

        var oneLine: String {
            String(format: "worst %.1f ms", worst)
                + " (\(worstStep)), \(steps) DDL steps, \(displaced) autovacuums displaced, "
                + "\(errors.count) errors\(errors.first.map { " (\($0))" } ?? ""), "
                + String(format: "%.0f s", seconds) + " \(outcome)"
        }
    }

    /// The same traffic and autovacuum for ten seconds, without anything of ours.
    func withoutMigration() async throws -> Waits {
        let settings = try await copy()
        try await awaitAutovacuum(settings)
        let clients = try await Clients.start(settings, besideReader: true)
        try await Task.sleep(for: .seconds(10))
        let timeline = try await clients.stop()
        return Waits(worst: timeline.worst, errors: timeline.errors, seconds: 10)
    }

    /// The whole operation, its purge included, by Lockkeeper.
    func migrate(_ operation: Operation, besideReader: Bool) async throws -> Waits {
        let settings = try await copy()
        try await setUp(operation, settings)
        try await awaitAutovacuum(settings)
        let before = displaced
        let (plan, _) = try await Engine.plan(
            Spec.parse(text: operation.spec(budget: budget), file: "bench.yaml"), settings)
        let ddl = Set(plan.steps.filter(\.isDDL).map(\.id))
        let clients = try await Clients.start(settings, besideReader: besideReader)
        let began = Date()
        var windows: [(step: StepID, window: ClosedRange<Date>)] = []
        var outcome: Outcome
        do {
            outcome = try await run(operation, until: .switch, settings, &windows)
            if let name = operation.newName { clients.use(name) }
            if outcome == .reached(.switch) {
                outcome = try await run(operation, until: nil, settings, &windows)
            }
        } catch {
            _ = try await clients.stop()
            throw error
        }
        let ended = Date()
        let timeline = try await clients.stop()
        var waits = Waits(
            displaced: displaced - before, errors: timeline.errors,
            seconds: ended.timeIntervalSince(began))
        for (step, window) in windows where ddl.contains(step) {
            waits.steps += 1
            let worst = timeline.worst(in: window)
            if worst > waits.worst { (waits.worst, waits.worstStep) = (worst, step) }
        }
        if outcome != .finished { waits.outcome = "\(outcome)" }
        return waits
    }

    private func run(
        _ operation: Operation, until phase: Phase?, _ settings: ConnectionSettings,
        _ windows: inout [(step: StepID, window: ClosedRange<Date>)]
    ) async throws -> Outcome {
        let text = operation.spec(budget: budget)
        let spec = try Spec.parse(text: text, file: "bench.yaml")
        var request = RunRequest(name: spec.name)
        request.spec = spec
        request.specText = text
        request.specFile = "bench.yaml"
        request.until = phase
        request.approvesEveryGate = true
        request.purgesAtOnce = phase == nil
        let engine = try await Engine.open(request, settings)
        let reading = Task {
            var begun: [StepID: Date] = [:]
            var windows: [(step: StepID, window: ClosedRange<Date>)] = []
            for await event in engine.events {
                guard let step = event.step else { continue }
                if event.kind == .stepStarted { begun[step] = event.time }
                if event.kind == .stepFinished, let start = begun[step], start <= event.time {
                    windows.append((step, start...event.time))
                }
            }
            return windows
        }
        let outcome = await engine.run()
        windows += await reading.value
        return outcome
    }

    private func setUp(_ operation: Operation, _ settings: ConnectionSettings) async throws {
        let connection = try await Connection.open(settings)
        for statement in operation.setup { try await connection.query(statement) }
        await connection.close()
    }

    struct Plain {
        var worst = 0.0
        var tries = 0
        var isDone = false

        var oneLine: String {
            String(format: "worst %.1f ms", worst) + ", \(tries) tries, "
                + (isDone ? "done" : "given up")
        }
    }

    /// The first strong lock of the operation under `lock_timeout = 500ms`, in the same company; nil
    /// for an operation that takes none.
    func plainly(_ operation: Operation) async throws -> Plain? {
        let settings = try await copy()
        try await setUp(operation, settings)
        let (plan, _) = try await Engine.plan(
            Spec.parse(text: operation.spec(budget: budget), file: "bench.yaml"), settings)
        let strong = plan.steps.lazy.compactMap { step -> (StepID, TransactionAction)? in
            guard case .transaction(let action) = step.action, action.stallsApplication else {
                return nil
            }
            return (step.id, action)
        }.first
        guard let (step, action) = strong else { return nil }
        let earlier = plan.steps.prefix { $0.id != step }.map(\.action)
        // What comes after a fill is not measured plainly: it would need the fill.
        if earlier.contains(where: { $0.batchedWork != nil }) { return nil }
        let connection = try await Connection.open(settings)
        try await connection.run("CREATE SCHEMA IF NOT EXISTS lockkeeper")
        for case .transaction(let before) in earlier {
            try await connection.run(before.statements.map(\.sql))
        }
        try await awaitAutovacuum(settings)
        let clients = try await Clients.start(settings, besideReader: true)
        try await awaitReader(settings)
        var plain = Plain()
        let began = Date()
        while plain.tries < 3, !plain.isDone {
            plain.tries += 1
            do {
                try await connection.run(["BEGIN", "SET LOCAL lock_timeout = '500ms'"])
                try await connection.run(action.statements.map(\.sql) + ["COMMIT"])
                plain.isDone = true
            } catch let error as ServerError where error.sqlState == .lockNotAvailable {
                try await connection.run("ROLLBACK")
                try await Task.sleep(for: .seconds(1))
            }
        }
        let ended = Date()
        await connection.close()
        plain.worst = try await clients.stop().worst(in: began...ended)
        return plain
    }
}

extension Step {
    /// Whether it changes the schema: its statements, or an index outside a transaction.
    fileprivate var isDDL: Bool {
        switch action {
        case .transaction, .buildIndex, .dropIndex, .buildPartitionedIndex, .dropPartitionedIndex,
            .outsideTransaction:
            true
        default: false
        }
    }
}
