import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

/// Rows and partitions that move while a partitioned table is filled.
@Suite("The rules of partitions", .fewAtATime)
struct PartitionRuleTests {
    /// Two levels: `a`, and `b` with `b_one` and `b_two`. New values of the new side are kept as they
    /// are written, the old side has them in small letters: a map that loses something.
    private static let tables: [SQL] = [
        """
        CREATE TABLE orders (id int, region text DEFAULT 'a', status text DEFAULT 'new',
          PRIMARY KEY (id, region)) PARTITION BY LIST (region)
        """,
        "CREATE TABLE a PARTITION OF orders FOR VALUES IN ('a')",
        "CREATE TABLE b PARTITION OF orders FOR VALUES IN ('b', 'c') PARTITION BY LIST (region)",
        "CREATE TABLE b_one PARTITION OF b FOR VALUES IN ('b')",
        "CREATE TABLE b_two PARTITION OF b DEFAULT",
        """
        INSERT INTO orders SELECT n, (ARRAY['a', 'b', 'c'])[1 + n % 3], 'paid'
          FROM generate_series(1, 900) n
        """, "ANALYZE orders",
    ]

    static let spec = """
        name: orders-status
        operations:
          - replace_column:
              table: orders
              column: status
              with: {name: status_v2, type: text}
              up: upper(status)
              down: lower(status_v2)
              unrepresentable: reject
        settings: {throttle: {replication_lag: null}}
        checklist: []
        """

    func stage() async throws -> Stage {
        let server = try await SandboxServer.shared()
        let stage = Stage(server: server, database: try await server.makeDatabase())
        for statement in Self.tables { try await stage.run(statement) }
        return stage
    }

    /// Runs the fill until it has walked `a` and stands before rows of `b_one` that are locked, does
    /// something, and lets it go on.
    private func whileStanding(
        _ stage: Stage, _ body: (Connection) async throws -> Void
    ) async throws -> Outcome {
        #expect(try await stage.advance(to: .migrate, Self.spec) == .reached(.migrate))
        let client = try await stage.connect()
        try await client.run("BEGIN", "SELECT id FROM b_one WHERE id <= 40 FOR UPDATE")
        let running = Task { try await stage.advance(to: .backfill, Self.spec) }
        try await stage.until(
            """
            SELECT count(*) = 1 FROM lockkeeper.backfills
             WHERE step = '1.backfill.fill public.b_one' AND NOT isempty(skipped)
            """)
        #expect(try await stage.value("SELECT count(*) FROM a WHERE status_v2 IS NULL") == "0")
        try await body(client)
        await client.close()
        return try await running.value
    }

    private static let unfilled: SQL =
        "SELECT count(*) FROM orders WHERE status_v2 IS DISTINCT FROM upper(status)"

    @Test("an unfilled row that moves to a partition that is walked already is filled on its way")
    func mover() async throws {
        let stage = try await stage()
        let outcome = try await whileStanding(stage) { client in
            #expect(
                try await client.query("SELECT status_v2 FROM b_one WHERE id = 1").onlyRow().values
                    == [nil])
            try await client.run(
                "UPDATE orders SET region = 'a' WHERE id = 1",
                "UPDATE orders SET region = 'c', status = 'sent' WHERE id = 4",
                "UPDATE orders SET region = 'a', status_v2 = 'LOST' WHERE id = 7", "COMMIT")
        }
        #expect(outcome == .reached(.backfill))
        #expect(try await stage.value(Self.unfilled) == "0")
        #expect(
            try await stage.value(
                """
                SELECT string_agg(tableoid::regclass || ' ' || status || ' ' || status_v2, ', ' ORDER BY id)
                  FROM orders WHERE id IN (1, 4, 7)
                """) == "a paid PAID, b_two sent SENT, a lost LOST")
    }

    @Test("stopped in the second partition, it goes on there and does not walk the first again")
    func resumes() async throws {
        let stage = try await stage()
        let first: SQL =
            "SELECT xmin || ' ' || done::text FROM lockkeeper.backfills WHERE step = '1.backfill.fill public.a'"
        #expect(try await stage.advance(to: .migrate, Self.spec) == .reached(.migrate))
        let client = try await stage.connect()
        try await client.run("BEGIN", "SELECT id FROM b_one WHERE id <= 40 FOR UPDATE")
        let engine = try await stage.open(
            stage.request(Self.spec) {
                $0.approvesEveryGate = true
                $0.until = .backfill
            })
        let running = Task { await engine.run() }
        try await stage.until(
            """
            SELECT count(*) = 1 FROM lockkeeper.backfills
             WHERE step = '1.backfill.fill public.b_one' AND NOT isempty(skipped)
            """)
        let cursor = try await stage.value(first)
        try await engine.perform(.stop)
        #expect(await running.value == .stopped)
        let office = try await Office.open(stage.settings)
        let progress = try #require(try await office.statuses().first?.progress)
        await office.close()
        let measured = try await stage.row(
            """
            SELECT sum(blocks), sum((SELECT sum(upper(r) - lower(r)) FROM unnest(done) r))
              FROM lockkeeper.backfills
            """)
        #expect([String(progress.total), String(progress.done)] == measured)
        try await client.run("COMMIT")
        await client.close()
        #expect(try await stage.advance(to: .backfill, Self.spec) == .reached(.backfill))
        #expect(try await stage.value(first) == cursor)
        #expect(try await stage.value(Self.unfilled) == "0")
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
    }

    @Test("a row that moves away while a batch waits for it does not end the fill")
    func movesAway() async throws {
        let stage = try await stage()
        let engine = try await stage.open(
            stage.request(Self.spec) {
                $0.approvesEveryGate = true
                $0.until = .migrate
            })
        #expect(await engine.run() == .reached(.migrate))
        let plan = await engine.course.plan
        guard case .fill(let whole) = plan.step("1.backfill.fill")?.action else {
            Issue.record("no fill")
            return
        }
        let fill = whole.on(QualifiedName("public", "b_one"))
        let context = StepContext(
            migration: await engine.record.id, plan: plan, fence: await engine.fence,
            sessions: await engine.sessions, control: await engine.control, phase: .backfill)
        // A session of a run is opened only where its engine has its lock.
        let owner = try await stage.connect()
        try await owner.query(
            "SELECT pg_advisory_lock(\(JournalSchema.advisoryClass), \(context.migration))")
        let connection = try await context.sessions.open()
        let batch = FillBatch(
            work: fill, step: "1.backfill.fill",
            cursor: FillRecord.cursor("1.backfill.fill", of: fill.table), context: context,
            connection: connection)
        let mover = try await stage.connect()
        try await mover.run("BEGIN", "UPDATE orders SET region = 'a' WHERE id = 1")
        let running = Task {
            try await batch.run(BlockRange(from: 0, to: 100), patience: 20_000)
        }
        try await stage.until(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pid = \(connection.backendPID))"
        )
        try await mover.run("COMMIT")
        guard case .moved = try await running.value else {
            Issue.record("it did not meet the row that moved away")
            return
        }
        guard
            case .done(let outcome) = try await batch.run(BlockRange(from: 0, to: 100))
        else {
            Issue.record("it does not go on")
            return
        }
        #expect(outcome.rows == 299)
        await mover.close()
        await connection.close()
        #expect(try await stage.value("SELECT status_v2 FROM a WHERE id = 1") == "PAID")
    }

    @Test("partitions that are attached, detached and dropped while the fill stands in another")
    func comeAndGo() async throws {
        let stage = try await stage()
        let outcome = try await whileStanding(stage) { client in
            try await stage.run(
                "CREATE TABLE late (LIKE orders INCLUDING ALL)",
                "INSERT INTO late SELECT n, 'd', 'paid' FROM generate_series(2001, 2050) n",
                "ALTER TABLE orders ATTACH PARTITION late FOR VALUES IN ('d')",
                "ALTER TABLE orders DETACH PARTITION a", "DROP TABLE b_two")
            try await client.run("COMMIT")
        }
        #expect(outcome == .reached(.backfill))
        #expect(try await stage.value(Self.unfilled) == "0")
        #expect(try await stage.value("SELECT count(*) FROM orders") == "350")
        #expect(try await stage.finish(Self.spec) == .finished)
    }

    @Test(
        "rows that a partition brings after the fill are counted and named, and an UPDATE fills them",
        arguments: [
            """
            replace_column:
                  table: orders
                  column: status
                  with: {name: status_v2, type: text, nullable: false}
                  up: upper(status)
                  down: lower(status_v2)
                  unrepresentable: reject
            """,
            """
            add_column:
                  table: orders
                  column: {name: status_v2, type: text, nullable: false}
                  up: upper(status)
            """,
        ])
    func attachedAfterTheFill(operation: String) async throws {
        let text = """
            name: orders-status
            operations:
              - \(operation)
            settings: {throttle: {replication_lag: null}}
            checklist: []
            """
        let stage = try await stage()
        #expect(try await stage.advance(to: .migrate, text) == .reached(.migrate))
        // In the way of the next ALTER, and not of the fill; as strong as attaching is, which could not
        // be had later from whoever waits with it for the ALTER's lock.
        let client = try await stage.connect()
        try await client.run("BEGIN", "LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE")
        let running = Task { try await stage.advance(to: .backfill, text) }
        try await stage.until(
            """
            SELECT EXISTS (SELECT FROM lockkeeper.events
              WHERE kind = 'step_finished' AND step = '1.backfill.fill')
            """)
        try await client.run(
            "CREATE TABLE late (LIKE orders INCLUDING ALL)",
            "INSERT INTO late SELECT n, 'd', 'paid' FROM generate_series(2001, 2050) n",
            "ALTER TABLE orders ATTACH PARTITION late FOR VALUES IN ('d')", "COMMIT")
        await client.close()
        guard case .failed(let message) = try await running.value else {
            Issue.record("it did not stop")
            return
        }
        #expect(message.contains("50 rows of public.orders have NULL in status_v2"))
        #expect(message.contains("id=2001"))
        #expect(message.contains("lets the trigger fill them"))
        try await stage.run("UPDATE orders SET status = status WHERE status_v2 IS NULL")
        #expect(try await stage.advance(to: .backfill, text) == .reached(.backfill))
        #expect(try await stage.value(Self.unfilled) == "0")
        #expect(try await stage.finish(text) == .finished)
    }

    @Test("the partition in which the fill stands is detached: it goes on with the others")
    func detached() async throws {
        let stage = try await stage()
        let outcome = try await whileStanding(stage) { client in
            // In the transaction that has the rows: none of them is free in between.
            try await client.run("ALTER TABLE b DETACH PARTITION b_one", "COMMIT")
        }
        #expect(
            try await stage.value("SELECT count(*) > 0 FROM b_one WHERE status_v2 IS NULL") == "t",
            "what is no partition any more is left alone")
        #expect(outcome == .reached(.backfill))
        #expect(try await stage.value(Self.unfilled) == "0")
    }

    @Test("rows keep moving while both sides are written: none is lost, and none is mended")
    func movers() async throws {
        let stage = try await stage()
        #expect(try await stage.advance(to: .expand, Self.spec) == .reached(.expand))
        let movers = (0..<2).map { number in
            Task {
                let client = try await stage.connect()
                var turn = 0
                while !Task.isCancelled {
                    turn += 1
                    let id = 1 + (turn * 2 + number) % 900
                    let region = ["a", "b", "c"][(turn + id) % 3]
                    try await Task {
                        try await Self.insisting {
                            try await client.query(
                                "UPDATE orders SET region = \(literal: region) WHERE id = \(id)")
                        }
                    }.value
                }
                await client.close()
                return turn
            }
        }
        // What only the new version can say: its capitals are not in the old side.
        #expect(try await stage.advance(to: .backfill, Self.spec) == .reached(.backfill))
        try await Self.insisting {
            try await stage.run("UPDATE orders SET status_v2 = 'MiXed' WHERE id % 9 = 0")
        }
        #expect(try await stage.advance(to: .switch, Self.spec) == .reached(.switch))
        try await Self.insisting {
            try await stage.run(
                "UPDATE orders SET region = CASE region WHEN 'a' THEN 'b' ELSE 'a' END")
        }
        for mover in movers {
            mover.cancel()
            #expect(try await mover.value > 20)
        }
        #expect(try await stage.finish(Self.spec) == .finished)
        #expect(
            try await stage.value(
                "SELECT string_agg(DISTINCT (id % 9 = 0) || ' ' || status_v2, ', ') FROM orders")
                == "false PAID, true MiXed")
        #expect(try await stage.value("SELECT count(*) FROM orders") == "900")
    }

    /// Again where another client has moved the row meanwhile: without us it would be so too.
    private static func insisting(_ body: () async throws -> Void) async throws {
        while true {
            do { return try await body() } catch let error as ServerError
                where error.sqlState == .serializationFailure || error.sqlState == .deadlockDetected
            {
                continue
            }
        }
    }

    @Test("a sync trigger that is off on one partition alone stops the next phase")
    func triggerOff() async throws {
        let stage = try await stage()
        #expect(try await stage.advance(to: .migrate, Self.spec) == .reached(.migrate))
        let trigger = try #require(
            await stage.value("SELECT tgname FROM pg_trigger WHERE tgrelid = 'b_one'::regclass"))
        try await stage.run("ALTER TABLE b_one DISABLE TRIGGER \(Identifier(trigger))")
        guard case .failed(let message) = try await stage.advance(to: .backfill, Self.spec) else {
            Issue.record("a partition without the trigger")
            return
        }
        #expect(message.contains("gone or disabled"))
    }

    @Test("a trigger of one partition alone fires before ours")
    func triggerOfPartition() async throws {
        let stage = try await stage()
        try await stage.run(
            "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.status := NEW.status || ''!''; RETURN NEW; END'",
            "CREATE TRIGGER zzzz BEFORE UPDATE ON b_two FOR EACH ROW EXECUTE FUNCTION shout()")
        #expect(try await stage.advance(to: .migrate, Self.spec) == .reached(.migrate))
        try await stage.run("UPDATE orders SET status = 'sent' WHERE id = 2")
        #expect(
            try await stage.value("SELECT status || ' ' || status_v2 FROM orders WHERE id = 2")
                == "sent! SENT!")
    }
}
