import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

/// DESIGN.md, "Asking for locks", as the application meets it.
@Suite("The rules of asking for locks", .serialized, .fewAtATime)
struct LockRuleTests {
    /// Runs one statement again and again, as an application does, and keeps what each took.
    private struct Client {
        let task: Task<[Duration], any Error>

        init(
            _ stage: Stage, _ statement: SQL = "UPDATE orders SET amount = amount + 1 WHERE id = 1"
        ) {
            task = Task {
                let connection = try await stage.connect()
                var all: [Duration] = []
                while !Task.isCancelled {
                    let began = ContinuousClock.now
                    // In a task of its own, which is not cancelled with this one.
                    try await Task { _ = try await connection.run(statement) }.value
                    all.append(ContinuousClock.now - began)
                }
                await connection.close()
                return all
            }
        }

        func stop() async throws -> [Duration] {
            task.cancel()
            return try await task.value
        }
    }

    @Test(
        "a request that is refused again and again stalls nobody longer than its budget, and is rarely there"
    )
    func bounded() async throws {
        let stage = try await Stage.make(rows: 100)
        let reader = try await stage.connect()
        try await reader.run("BEGIN", "SELECT count(*) FROM orders")
        let engine = try await stage.open(stage.request { $0.until = .expand })
        // Hidden from the look, as one that comes right after it would be.
        let pid = Int(reader.backendPID)
        await engine.control.change { $0.ownPIDs.insert(pid) }
        let running = Task { await engine.run() }
        try await stage.until(
            "SELECT tries > 0 FROM lockkeeper.steps WHERE step = '1.expand.add-column'")
        let client = Client(stage)
        let probe = try await stage.connect()
        var (looks, queued) = (0, 0)
        // How long each request of ours has been in the queue, by the server's clock: when it began,
        // and the last that was seen of it.
        var requests: [String: Double] = [:]
        let began = ContinuousClock.now
        var tries = 0
        while tries < 5, ContinuousClock.now - began < .seconds(60) {
            let request = try await probe.query(
                """
                SELECT min(waitstart)::text AS since,
                       extract(epoch FROM clock_timestamp() - min(waitstart)) * 1000 AS waited
                  FROM pg_locks
                 WHERE NOT granted AND relation = 'orders'::regclass AND mode = 'AccessExclusiveLock'
                """
            ).onlyRow()
            if let since: String = try request.optional("since") {
                queued += 1
                requests[since] = try request.double("waited")
            }
            looks += 1
            tries = try await probe.query(
                "SELECT tries FROM lockkeeper.steps WHERE step = '1.expand.add-column'"
            ).onlyRow().int("tries")
        }
        await probe.close()
        let waits = try await client.stop()
        #expect(tries == 5)
        // The middle one: what a busy machine does to one of them says nothing of the rule.
        let middle = try #require(requests.values.sorted().middle, "it never asked")
        #expect(middle < 150, "a budget of 100 ms: \(requests)")
        // What the client waited for it, likewise; without a bound each would last as long as the reader.
        let stalls = waits.filter { $0 > .milliseconds(50) }.sorted()
        let stall = try #require(stalls.middle, "it stalled nobody, so nothing was measured")
        #expect(stall < .milliseconds(200), "\(stalls)")
        #expect(Double(queued) / Double(looks) < 0.2)
        try await reader.run("COMMIT")
        await reader.close()
        #expect(await running.value == .reached(.expand))
    }

    @Test("the statements of one step together stay within the budget, or are undone")
    func sumOfStatements() async throws {
        let stage = try await Stage.make(rows: 100)
        #expect(try await stage.advance(to: .expand) == .reached(.expand))
        // 60 ms each: every single one is within the budget of 100 ms, all of them are not.
        try await stage.run(
            """
            CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(0.06); END $$
            """,
            """
            CREATE EVENT TRIGGER slow ON ddl_command_end
             WHEN TAG IN ('CREATE FUNCTION', 'CREATE TRIGGER', 'ALTER TABLE') EXECUTE FUNCTION slow()
            """)
        let outcome = try await stage.advance(to: .migrate)
        guard case .failed(let message) = outcome else {
            Issue.record("it held its lock for longer than the budget: \(outcome)")
            return
        }
        #expect(message.contains("stall_budget"))
        // 60 and 60 are more than 100: it ended in the second statement at the latest.
        #expect(!message.contains("ENABLE ALWAYS"), "\(message)")
        try await stage.run("DROP EVENT TRIGGER slow")
        #expect(try await stage.advance(to: .migrate) == .reached(.migrate))
    }

    @Test("several tables are asked for in one order, whatever the statement names first")
    func globalOrder() async throws {
        let stage = try await Stage.make(
            of: "CREATE TABLE alpha (id int PRIMARY KEY)", "INSERT INTO alpha VALUES (1)",
            "CREATE TABLE zeta (id int PRIMARY KEY, alpha_id int REFERENCES alpha)",
            "INSERT INTO zeta VALUES (1, 1)")
        let text = """
            name: orders-status
            operations:
              - replace_column:
                  table: zeta
                  column: alpha_id
                  with: {name: alpha_ref, type: int}
                  up: alpha_id
                  down: alpha_ref
            settings: {stall_budget: 3s, throttle: {replication_lag: null}}
            checklist: []
            """
        #expect(try await stage.advance(to: .migrate, text) == .reached(.migrate))
        let writer = try await stage.connect()
        let engine = try await stage.open(
            stage.request(text) {
                $0.approvesEveryGate = true
                $0.until = .backfill
            })
        let pid = Int(writer.backendPID)
        await engine.control.change { $0.ownPIDs.insert(pid) }
        try await writer.run("BEGIN", "LOCK TABLE alpha IN ROW EXCLUSIVE MODE")
        let running = Task { await engine.run() }
        try await stage.until(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'alpha'::regclass AND NOT granted)"
        )
        let held = try await stage.value(
            """
            SELECT string_agg(mode, ', ') FROM pg_locks
             WHERE relation = 'zeta'::regclass AND granted AND mode ~ '^(Share|Access|)(Row)?Exclusive'
            """)
        #expect(held == nil)
        try await writer.run("COMMIT")
        await writer.close()
        #expect(await running.value == .reached(.backfill))
    }

    @Test("strong locks are not held while a standby confirms: those steps commit locally")
    func commitsLocally() async throws {
        let stage = try await Stage.make(rows: 20)
        try await stage.run(
            "CREATE TABLE seen (statement text, synchronous text)",
            """
            CREATE FUNCTION see() RETURNS event_trigger LANGUAGE plpgsql AS $$
            BEGIN
              INSERT INTO public.seen VALUES (current_query(), current_setting('synchronous_commit'));
            END $$
            """,
            """
            CREATE EVENT TRIGGER see ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'CREATE TRIGGER')
              EXECUTE FUNCTION see()
            """)
        #expect(try await stage.finish() == .finished)
        // VALIDATE takes no lock that stalls, and may wait.
        let rows = try await stage.row(
            """
            SELECT count(*) FILTER (WHERE statement !~ 'VALIDATE') > 5,
                   string_agg(DISTINCT synchronous, ',') FILTER (WHERE statement !~ 'VALIDATE')
              FROM seen
            """)
        #expect(rows == ["t", "local"])
    }

    @Test("VALIDATE is a transaction of its own")
    func validatesAlone() async throws {
        let stage = try await Stage.make(rows: 20)
        try await stage.run("ALTER TABLE orders ADD CHECK (status <> '')")
        let (plan, _) = try await Engine.plan(
            Spec.parse(text: Stage.spec, file: "x.yaml"), stage.settings)
        let actions = plan.steps.map(\.action) + plan.steps.flatMap { $0.undo.map(\.action) }
        let validations = actions.filter { $0.statements.contains { $0.text.contains("VALIDATE") } }
        #expect(validations.count >= 3)
        #expect(validations.allSatisfy { $0.statements.count == 1 })
    }
}

extension Array {
    /// Of a sorted array the one in the middle; nil of none.
    fileprivate var middle: Element? { isEmpty ? nil : self[count / 2] }
}
