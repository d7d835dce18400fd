import Foundation
import Migration
import Monitor
import Postgres
import Sandbox
import Testing

@testable import Engine

/// What an operator sees of a lock that is not to be had, and what they can do about it.
@Suite("A lock that somebody is in the way of", .serialized, .fewAtATime)
struct LockProtocolTests {
    private func lockWaits(_ engine: Engine) -> Task<[EngineEvent], Never> {
        Task {
            var all: [EngineEvent] = []
            for await event in engine.events where event.kind == .lockWait { all.append(event) }
            return all
        }
    }

    private func blockers(_ event: EngineEvent) -> [[String: JSONValue]] {
        guard case .array(let blockers)? = event.fields["blockers"] else { return [] }
        return blockers.compactMap { if case .object(let fields) = $0 { fields } else { nil } }
    }

    @Test(
        "in a chain of three waiters with our ALTER in the middle, the one behind us is told, the one before us is not",
        .timeLimit(.minutes(10)))
    func chain() async throws {
        let stage = try await Stage.make(rows: 100)
        let text = Stage.spec.replacing("settings:", with: "settings:\n  stall_budget: 4s")
        let engine = try await stage.open(stage.request(text) { $0.until = .expand })
        let events = lockWaits(engine)
        // Younger than the budget: we ask behind them. The first waits for the holder's row, and has
        // the table's lock for that; ours waits for both.
        let holder = try await stage.connect()
        let before = try await stage.connect()
        let behind = try await stage.connect()
        try await holder.run("BEGIN", "UPDATE orders SET amount = 1 WHERE id = 1")
        let first = Task { try await before.run("UPDATE orders SET amount = 2 WHERE id = 1") }
        func isWaiting(_ pid: Int) -> SQL {
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pid = \(pid))"
        }
        try await stage.until(isWaiting(Int(before.backendPID)))
        let running = Task { await engine.run() }
        try await stage.until(
            """
            SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'orders'::regclass
                              AND mode = 'AccessExclusiveLock' AND NOT granted)
            """)
        let third = Task { try await behind.run("SELECT count(*) FROM orders") }
        try await stage.until(isWaiting(Int(behind.backendPID)))
        // Until our try has ended: the one behind us goes on, the one before us still waits.
        _ = try await third.value
        try await stage.until {
            await engine.current.lockRequest?.blockers.map(\.pid).contains(
                Int(holder.backendPID)) == true
        }
        #expect(try await stage.value(isWaiting(Int(before.backendPID))) == "t")
        try await holder.run("COMMIT")
        _ = try await first.value
        #expect(await running.value == .reached(.expand))
        let told = try #require(
            await events.value.first { $0.fields["queued"] != .array([]) }, "nobody was told of")
        #expect(told.fields["queued"] == .array([.int(Int(behind.backendPID))]))
        #expect(told.fields["try"] == .int(1))
        #expect(told.fields["budget_ms"] == .int(4000))
        let worst = try await stage.value(
            "SELECT worst_wait_ms BETWEEN 100 AND 4000 FROM lockkeeper.migrations")
        #expect(worst == "t")
        for connection in [holder, before, behind] { await connection.close() }
    }

    @Test("who is in the way is told with user, application, state, age, lock and statement")
    func culprit() async throws {
        let stage = try await Stage.make(rows: 100)
        let holder = try await stage.connect()
        try await holder.run(
            "SET application_name = 'nightly report'", "BEGIN",
            "SELECT count(*) FROM orders /* the report */")
        let engine = try await stage.open(stage.request { $0.until = .expand })
        let events = lockWaits(engine)
        let running = Task { await engine.run() }
        try await stage.until { await engine.current.lockRequest?.blockers.isEmpty == false }
        let shown = try #require(await engine.current.lockRequest)
        #expect(shown.attempt == 0)
        #expect(!shown.isQueued)
        #expect(shown.lock == "ACCESS EXCLUSIVE")
        #expect(shown.table == "public.orders")
        try await holder.run("COMMIT")
        #expect(await running.value == .reached(.expand))
        let event = try #require(await events.value.first { !blockers($0).isEmpty })
        let blocker = try #require(blockers(event).first)
        #expect(blocker["pid"] == .int(Int(holder.backendPID)))
        #expect(blocker["user"] == .string("postgres"))
        #expect(blocker["application"] == .string("nightly report"))
        #expect(blocker["state"] == .string("idle in transaction"))
        #expect(blocker["lock"] == .string("ACCESS SHARE"))
        guard case .string(let query)? = blocker["query"],
            case .double(let age)? = blocker["age_seconds"]
        else {
            Issue.record("no statement or age: \(blocker)")
            return
        }
        #expect(query.contains("the report"))
        #expect(age > 0.1)
        await holder.close()
    }

    @Test("nothing is ended unasked; asked for, the blocker's session is, and the step goes on")
    func terminates() async throws {
        let stage = try await Stage.make(rows: 100)
        let holder = try await stage.connect()
        try await holder.run("BEGIN", "SELECT count(*) FROM orders")
        let engine = try await stage.open(stage.request { $0.until = .expand })
        let running = Task { await engine.run() }
        let pid = Int(holder.backendPID)
        try await stage.until {
            await engine.current.lockRequest?.blockers.map(\.pid) == [pid]
        }
        // Some looks later it is still there, and has answered.
        let seen = try #require(await engine.current.server?.takenAt)
        try await stage.until { await (engine.current.server?.takenAt ?? seen) > seen + 2 }
        try await holder.run("SELECT 1")
        try await engine.perform(.terminateSession(pid: pid))
        #expect(await running.value == .reached(.expand))
        await #expect(throws: (any Error).self) { try await holder.run("SELECT 1") }
        #expect(
            try await stage.value(
                "SELECT count(*) FROM lockkeeper.events WHERE kind = 'operator' AND text LIKE '%pg_terminate_backend(\(pid))'"
            ) == "1")
        await holder.close()
    }

    @Test("a blocker's statement is cancelled when the operator asks for it")
    func cancels() async throws {
        let stage = try await Stage.make(rows: 100)
        let holder = try await stage.connect()
        let working = Task { try await holder.run("SELECT count(*), pg_sleep(300) FROM orders") }
        let pid = Int(holder.backendPID)
        try await stage.until(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'orders'::regclass AND pid = \(pid))"
        )
        let engine = try await stage.open(stage.request { $0.until = .expand })
        let running = Task { await engine.run() }
        try await stage.until {
            await engine.current.lockRequest?.blockers.map(\.pid) == [pid]
        }
        try await engine.perform(.cancelQuery(pid: pid))
        #expect(await running.value == .reached(.expand))
        let error = await #expect(throws: ServerError.self) { try await working.value }
        #expect(error?.sqlState == .queryCanceled)
        await holder.close()
    }

    @Test(
        "the budget of a running request is changed live, from elsewhere, and the next try has it")
    func liveBudget() async throws {
        let stage = try await Stage.make(rows: 100)
        let holder = try await stage.connect()
        try await holder.run("BEGIN", "SELECT count(*) FROM orders")
        let engine = try await stage.open(stage.request { $0.until = .expand })
        // Hidden from the look, so that we ask.
        let pid = Int(holder.backendPID)
        await engine.control.change { $0.ownPIDs.insert(pid) }
        let events = lockWaits(engine)
        let running = Task { await engine.run() }
        try await stage.until { await (engine.current.lockRequest?.attempt ?? 0) >= 2 }
        let office = try await Office.open(stage.settings)
        _ = try await office.send(.set(key: "stall_budget", value: "37ms"), to: "orders-status")
        await office.close()
        try await stage.until { await engine.current.lockRequest?.budgetMilliseconds == 37 }
        let tries = await engine.current.lockRequest?.attempt ?? 0
        try await stage.until { await (engine.current.lockRequest?.attempt ?? 0) > tries }
        try await holder.run("COMMIT")
        await holder.close()
        #expect(await running.value == .reached(.expand))
        let budgets = await events.value.compactMap { $0.fields["budget_ms"] }
        #expect(budgets.first == .int(100))
        #expect(budgets.last == .int(37))
    }

    @Test("a request that is given up leaves the queue and asks no more until it is resumed")
    func givesUp() async throws {
        let stage = try await Stage.make(rows: 100)
        let holder = try await stage.connect()
        try await holder.run("BEGIN", "SELECT count(*) FROM orders")
        let engine = try await stage.open(stage.request { $0.until = .expand })
        let pid = Int(holder.backendPID)
        await engine.control.change { $0.ownPIDs.insert(pid) }
        let running = Task { await engine.run() }
        try await stage.until { await (engine.current.lockRequest?.attempt ?? 0) >= 1 }
        // What `w` does on the lock panel.
        try await engine.perform(.pause)
        // A try that had begun ends within its budget.
        let counted: SQL = "SELECT tries FROM lockkeeper.steps WHERE step = '1.expand.add-column'"
        try await stage.until(
            "SELECT count(*) = 0 FROM pg_locks WHERE relation = 'orders'::regclass AND NOT granted")
        var tries = try await stage.value(counted)
        let seen = try #require(await engine.current.server?.takenAt)
        try await stage.until {
            // The one that was decided on before the pause.
            if await (engine.current.server?.takenAt ?? seen) < seen + 1.5 {
                tries = try await stage.value(counted)
                return false
            }
            return await (engine.current.server?.takenAt ?? seen) > seen + 4
        }
        #expect(try await stage.value(counted) == tries)
        try await holder.run("COMMIT")
        await holder.close()
        try await engine.perform(.resume)
        #expect(await running.value == .reached(.expand))
    }

    @Test("a foreign key's tables are asked for in one order with those of any other step")
    func referencedOrder() async throws {
        let stage = try await Stage.make(
            of: "CREATE TABLE parents (id int PRIMARY KEY)",
            "CREATE TABLE a_children (id int PRIMARY KEY, parent int)",
            "CREATE TABLE z_children (id int PRIMARY KEY, parent int)")
        let text = """
            name: orders-status
            operations:
              - add_foreign_key: {table: a_children, columns: [parent], references: {table: parents, columns: [id]}}
              - add_foreign_key: {table: z_children, columns: [parent], references: {table: parents, columns: [id]}}
            settings: {throttle: {replication_lag: null}}
            checklist: []
            """
        let (plan, _) = try await Engine.plan(
            Spec.parse(text: text, file: "x.yaml"), stage.settings)
        let orders = plan.steps.compactMap { step -> [String]? in
            guard case .transaction(let action) = step.action, action.stallsApplication else {
                return nil
            }
            return action.locks.filter(\.mode.stallsApplication).map(\.table.quoted)
        }.filter { $0.count > 1 }
        #expect(
            orders == [
                ["public.a_children", "public.parents"], ["public.parents", "public.z_children"],
            ])
        #expect(try await stage.finish(text) == .finished)
    }
}
