import Foundation
import Migration
import Postgres
import Testing

@testable import Engine

/// DESIGN.md, "Keeping both sides equal", rule by rule: the trigger is in place and nothing is filled.
@Suite("The rules of the sync trigger", .fewAtATime)
struct SyncRuleTests {
    /// Five orders: 1 paid, 2 sent, 3 new, 4 paid, 5 sent.
    private func synced(_ text: String = Stage.spec) async throws -> Stage {
        let stage = try await Stage.make(rows: 5)
        #expect(try await stage.advance(to: .migrate, text) == .reached(.migrate))
        return stage
    }

    private func sides(_ stage: Stage, _ id: Int) async throws -> [String?] {
        try await stage.row("SELECT status, status_v2 FROM orders WHERE id = \(id)")
    }

    @Test(
        "an update leaves both sides equal",
        arguments: [
            ("status = 'back'", "back", "BACK"),
            ("status_v2 = 'BACK'", "back", "BACK"),
            ("status = 'one', status_v2 = 'OTHER'", "one", "OTHER"),
            ("note = 'touched'", "paid", "PAID"),
            ("note = note", "paid", "PAID"),
        ])
    func update(_ assignment: String, _ old: String, _ new: String) async throws {
        let stage = try await synced()
        try await stage.run("UPDATE orders SET \(SQL(writtenByUser: assignment)) WHERE id = 1")
        #expect(try await sides(stage, 1) == [old, new])
    }

    @Test(
        "an insert leaves both sides equal, whichever version wrote it",
        arguments: [
            ("(id, note) VALUES (9, 'x')", "new", "NEW"),
            ("(id, status) VALUES (9, 'sent')", "sent", "SENT"),
            ("(id, status) VALUES (9, DEFAULT)", "new", "NEW"),
            ("(id, status_v2) VALUES (9, 'SENT')", "sent", "SENT"),
            ("(id, status, status_v2) VALUES (9, DEFAULT, 'SENT')", "sent", "SENT"),
            ("(id, status, status_v2) VALUES (9, 'new', 'SENT')", "sent", "SENT"),
            ("(id, status, status_v2) VALUES (9, 'one', 'OTHER')", "one", "OTHER"),
            ("(id, status, status_v2) VALUES (9, 'paid', NULL)", "paid", "PAID"),
            ("(id, status, status_v2) VALUES (9, 'new', 'NEW')", "new", "NEW"),
        ])
    func insert(_ values: String, _ old: String, _ new: String) async throws {
        let stage = try await synced()
        try await stage.run("INSERT INTO orders \(SQL(writtenByUser: values))")
        #expect(try await sides(stage, 9) == [old, new])
    }

    @Test(
        "what an application wrote to both sides stands, also where down alone would say otherwise")
    func bothWritten() async throws {
        // up keeps two letters, so down('NE') is not 'new': but 'NE' is the image of 'new'.
        let stage = try await synced(
            Stage.spec.replacing("upper(status)", with: "\"upper(left(status, 2))\""))
        try await stage.run("INSERT INTO orders (id, status, status_v2) VALUES (9, 'new', 'NE')")
        #expect(try await sides(stage, 9) == ["new", "NE"])
    }

    @Test("rows that the application updates while it is filled are not missed")
    func unrelatedUpdates() async throws {
        let stage = try await Stage.make(rows: 20_000)
        let engine = try await stage.open(
            stage.request(InterruptionTests.slow) {
                $0.approvesEveryGate = true
                $0.until = .backfill
            })
        let seed = UInt64.random(in: 0...999_999)
        let writers = (UInt64(0)..<3).map { number in
            Task {
                var random = SeededRandom(seed &+ number)
                let connection = try await stage.connect()
                while !Task.isCancelled {
                    let id = Int.random(in: 1...20_000, using: &random)
                    try await connection.query(
                        "UPDATE orders SET amount = amount + 1 WHERE id BETWEEN \(id) AND \(id + 9)"
                    )
                }
                await connection.close()
            }
        }
        let outcome = await engine.run()
        for writer in writers {
            writer.cancel()
            try? await writer.value
        }
        #expect(outcome == .reached(.backfill))
        let missed = try await stage.value("SELECT count(*) FROM orders WHERE status_v2 IS NULL")
        #expect(missed == "0", "seed \(seed)")
    }

    @Test("a change that only the image shows is a change: 1.0 to 1.00")
    func byImage() async throws {
        let stage = try await Stage.make(
            of: "CREATE TABLE prices (id int PRIMARY KEY, price numeric, doc json)",
            "INSERT INTO prices VALUES (1, 1.0, '{}')")
        let text = """
            name: orders-status
            operations:
              - replace_column:
                  table: prices
                  column: price
                  with: {name: cost, type: numeric}
                  up: price
                  down: cost
              - replace_column:
                  table: prices
                  column: doc
                  with: {name: document, type: json}
                  up: doc
                  down: document
            settings: {throttle: {replication_lag: null}}
            checklist: []
            """
        #expect(try await stage.advance(to: .backfill, text) == .reached(.backfill))
        try await stage.run("UPDATE prices SET price = 1.00, doc = '{ }'")
        #expect(try await stage.row("SELECT cost, document FROM prices") == ["1.00", "{ }"])
        try await stage.run("UPDATE prices SET cost = 1.000, document = '{  }'")
        #expect(try await stage.row("SELECT price, doc FROM prices") == ["1.000", "{  }"])
    }

    @Test(
        "a session that has filled before is synced again after its commit, when the setting is ''")
    func settingAfterCommit() async throws {
        let stage = try await synced()
        let writer = try await stage.connect()
        let set: SQL = "SELECT set_config('lockkeeper.fill', 'orders-status/1', true)"
        try await writer.run(
            "BEGIN", set, "UPDATE orders SET status = 'raw' WHERE id = 1", "COMMIT")
        #expect(try await sides(stage, 1) == ["raw", nil])
        #expect(
            try await writer.query("SELECT current_setting('lockkeeper.fill', true) AS s").onlyRow()
                .string("s") == "")
        try await writer.run("UPDATE orders SET status = 'sent' WHERE id = 1")
        #expect(try await sides(stage, 1) == ["sent", "SENT"])
        // Another operation's id lets nothing pass.
        try await writer.run(
            "BEGIN", "SELECT set_config('lockkeeper.fill', 'orders-status/2', true)",
            "UPDATE orders SET status = 'paid' WHERE id = 1", "COMMIT")
        #expect(try await sides(stage, 1) == ["paid", "PAID"])
        await writer.close()
    }

    @Test("what a user's trigger writes in the middle of a batch is synced")
    func nested() async throws {
        let stage = try await Stage.make(rows: 400)
        try await stage.run(
            """
            CREATE FUNCTION neighbour() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              UPDATE orders SET status = 'moved' WHERE id = NEW.id + 1;
              RETURN NULL;
            END $$
            """,
            """
            CREATE TRIGGER neighbour AFTER UPDATE ON orders FOR EACH ROW
             WHEN (NEW.id % 4 = 0 AND pg_trigger_depth() = 0) EXECUTE FUNCTION neighbour()
            """)
        #expect(try await stage.advance(to: .backfill) == .reached(.backfill))
        #expect(try await stage.value("SELECT count(*) FROM orders WHERE status = 'moved'") == "99")
        #expect(
            try await stage.value(
                "SELECT count(*) FROM orders WHERE status_v2 IS DISTINCT FROM upper(status)") == "0"
        )
    }

    @Test("a writer that replays as a replica does is synced too")
    func always() async throws {
        let stage = try await synced()
        let writer = try await stage.connect()
        try await writer.run(
            "SET session_replication_role = replica",
            "UPDATE orders SET status = 'sent' WHERE id = 1",
            "INSERT INTO orders (id, status_v2) VALUES (9, 'SENT')")
        await writer.close()
        #expect(try await sides(stage, 1) == ["sent", "SENT"])
        #expect(try await sides(stage, 9) == ["sent", "SENT"])
    }

    @Test("the fill fires the user's own triggers, unless it is told otherwise")
    func userTriggersFire() async throws {
        let stage = try await Stage.make(rows: 50)
        try await stage.run(
            "CREATE TABLE audit (id bigint)",
            """
            CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO audit VALUES (NEW.id); RETURN NULL; END $$
            """, "CREATE TRIGGER audit AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION audit()"
        )
        #expect(try await stage.advance(to: .backfill) == .reached(.backfill))
        #expect(try await stage.value("SELECT count(*) FROM audit") == "50")
    }

    // MARK: the last to fire

    private static let normalizer: [SQL] = [
        """
        CREATE FUNCTION trim_status() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.status := btrim(NEW.status); RETURN NEW; END $$
        """
    ]

    @Test(
        "it sorts behind a trigger whose name is late in the alphabet, and sees what that assigns")
    func sortsLast() async throws {
        let stage = try await Stage.make(rows: 5)
        for statement in Self.normalizer { try await stage.run(statement) }
        try await stage.run(
            """
            CREATE TRIGGER zzzzzz BEFORE INSERT OR UPDATE ON orders
             FOR EACH ROW EXECUTE FUNCTION trim_status()
            """)
        #expect(try await stage.advance(to: .migrate) == .reached(.migrate))
        try await stage.run("UPDATE orders SET status = '  sent ' WHERE id = 1")
        #expect(try await sides(stage, 1) == ["sent", "SENT"])
    }

    @Test(
        "a trigger that was made later and fires behind it is found at the next phase",
        arguments: [Phase.backfill, .switch, .contract])
    func behind(_ phase: Phase) async throws {
        let stage = try await Stage.make(rows: 5)
        let before = try #require(Phase.allCases.last { $0 < phase })
        #expect(try await stage.advance(to: before) == .reached(before))
        for statement in Self.normalizer { try await stage.run(statement) }
        try await stage.run(
            """
            CREATE TRIGGER "~late" BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION trim_status()
            """)
        guard case .failed(let message) = try await stage.advance(to: phase) else {
            Issue.record("it went on with a trigger behind its own")
            return
        }
        #expect(message.contains("~late"))
        try await stage.run("ALTER TRIGGER \"~late\" ON orders RENAME TO early")
        #expect(try await stage.advance(to: phase) == .reached(phase))
    }

    @Test(
        "a sync trigger that is gone or switched off is found at the next phase",
        arguments: [Phase.backfill, .switch, .contract],
        ["DISABLE TRIGGER ALL", "ENABLE TRIGGER ALL"])
    func gone(_ phase: Phase, _ change: String) async throws {
        let stage = try await Stage.make(rows: 5)
        let before = try #require(Phase.allCases.last { $0 < phase })
        #expect(try await stage.advance(to: before) == .reached(before))
        try await stage.run("ALTER TABLE orders \(SQL(writtenByUser: change))")
        guard case .failed(let message) = try await stage.advance(to: phase) else {
            Issue.record("it went on without its trigger")
            return
        }
        #expect(message.contains("is gone or disabled"))
    }

    // MARK: names and paths

    @Test("a writer's own search_path and temporary tables change nothing in it")
    func hostilePath() async throws {
        let stage = try await Stage.make(rows: 5)
        try await stage.run(
            "CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT upper($1) $$",
            "CREATE SCHEMA evil",
            "CREATE FUNCTION evil.shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'evil' $$",
            "CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'evil' $$",
            "CREATE FUNCTION evil.lower(varchar) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'evil' $$"
        )
        let text = Stage.spec.replacing("upper(status)", with: "shout(status)")
        #expect(try await stage.advance(to: .migrate, text) == .reached(.migrate))
        for path in ["evil, pg_catalog, public", "''", "pg_temp, evil, public, pg_catalog"] {
            let writer = try await stage.connect()
            try await writer.run(
                "SET search_path = \(SQL(writtenByUser: path))",
                "CREATE TEMP TABLE orders (status text, status_v2 text)",
                "UPDATE public.orders SET status = 'loud' WHERE id = 1",
                "UPDATE public.orders SET status_v2 = 'QUIET' WHERE id = 2")
            await writer.close()
            #expect(try await sides(stage, 1) == ["loud", "LOUD"], "\(path)")
            #expect(try await sides(stage, 2) == ["quiet", "QUIET"], "\(path)")
            try await stage.run("UPDATE orders SET status = 'calm' WHERE id IN (1, 2)")
        }
    }

    @Test(
        "columns called new, old, found, tg_op and begin, in a table called Select, go all the way")
    func oddNames() async throws {
        let stage = try await Stage.make(
            of: "CREATE SCHEMA \"Order Desk\"", "CREATE TYPE pair AS (a text, b text)",
            """
            CREATE TABLE "Order Desk"."Select" (
              "Id" int PRIMARY KEY, "new" text NOT NULL DEFAULT 'a', "old" text, "found" boolean,
              "tg_op" text, "begin" text, "Mixed Case" text, "lk_new" pair)
            """,
            """
            INSERT INTO "Order Desk"."Select"
            SELECT n, 'v' || n, 'o', n % 2 = 0, 'op', 'b', 'm', row('l'::text, 'k'::text)::pair FROM generate_series(1, 300) n
            """)
        let text = """
            name: orders-status
            operations:
              - replace_column:
                  table: Order Desk.Select
                  column: new
                  with: {name: New, type: text}
                  up: upper("new")
                  down: lower("New")
                  unrepresentable: reject
              - replace_column:
                  table: Order Desk.Select
                  column: Mixed Case
                  with: {name: end, type: text}
                  up: "\\"Mixed Case\\" || coalesce(\\"old\\", '') || \\"found\\" || \\"tg_op\\" || \\"begin\\" || (\\"lk_new\\").a"
            settings: {throttle: {replication_lag: null}}
            checklist: []
            """
        let before = try await stage.schema()
        #expect(try await stage.advance(to: .switch, text) == .reached(.switch))
        try await stage.run(
            "UPDATE \"Order Desk\".\"Select\" SET \"New\" = 'FRESH', \"found\" = NULL WHERE \"Id\" = 1",
            "UPDATE \"Order Desk\".\"Select\" SET \"old\" = 'p', \"tg_op\" = 'q' WHERE \"Id\" = 2")
        #expect(
            try await stage.row(
                "SELECT \"new\", \"New\", \"end\" FROM \"Order Desk\".\"Select\" WHERE \"Id\" = 1")
                == ["fresh", "FRESH", nil])
        #expect(
            try await stage.row(
                "SELECT \"new\", \"New\", \"end\" FROM \"Order Desk\".\"Select\" WHERE \"Id\" = 2")
                == ["v2", "V2", "mptrueqbl"])
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(try await stage.schema() == before)
        #expect(try await stage.finish(text) == .finished)
        #expect(try await stage.leftovers() == nil)
    }

    // MARK: values that do not fit

    @Test("up that gives NULL for some rows ends all the same")
    func upGivesNull() async throws {
        let stage = try await Stage.make(rows: 30)
        let text = Stage.spec.replacing("upper(status)", with: "nullif(upper(status), 'NEW')")
            .replacing("varchar(50)}", with: "varchar(50), nullable: true}")
            .replacing("lower(status_v2)", with: "coalesce(lower(status_v2), 'new')")
        #expect(try await stage.finish(text) == .finished)
        #expect(
            try await stage.value("SELECT count(*) FROM orders WHERE status_v2 IS NULL") == "10")
        // And writes only what it has a value for.
        #expect(try await stage.value("SELECT rows_filled FROM lockkeeper.backfills") == "20")
    }

    @Test("a value that the old side can't hold is refused to the application, not cut to fit")
    func rejects() async throws {
        let stage = try await synced(
            Stage.spec.replacing("varchar(50)}", with: "text}").replacing(
                "upper(status)", with: "status"
            )
            .replacing("lower(status_v2)", with: "status_v2"))
        let long = String(repeating: "x", count: 51)
        for statement in [
            "UPDATE orders SET status_v2 = \(literal: long) WHERE id = 1",
            "INSERT INTO orders (id, status_v2) VALUES (9, \(literal: long))",
        ] as [SQL] {
            await #expect {
                try await stage.run(statement)
            } throws: { error in
                (error as? ServerError)?.sqlState.rawValue == "22001"
            }
        }
        #expect(try await stage.row("SELECT status FROM orders WHERE id = 1") == ["paid"])
        #expect(try await stage.value("SELECT count(*) FROM orders") == "5")
    }

    @Test(
        "without down the old side stays as it is, and lets the new version's rows in after the switch"
    )
    func withoutDown() async throws {
        let stage = try await Stage.make(
            of: "CREATE TABLE orders (id int PRIMARY KEY, status text NOT NULL)",
            "INSERT INTO orders SELECT n, 'paid' FROM generate_series(1, 20) n")
        let text = """
            name: orders-status
            operations:
              - replace_column:
                  table: orders
                  column: status
                  with: {name: status_v2, type: text}
                  up: upper(status)
            settings: {throttle: {replication_lag: null}}
            checklist: []
            """
        let before = try await stage.schema()
        #expect(try await stage.advance(to: .switch, text) == .reached(.switch))
        try await stage.run(
            "UPDATE orders SET status_v2 = 'SENT' WHERE id = 1",
            "UPDATE orders SET status = 'back' WHERE id = 2",
            "INSERT INTO orders (id, status_v2) VALUES (30, 'SENT')")
        #expect(try await sides(stage, 1) == ["paid", "SENT"])
        #expect(try await sides(stage, 2) == ["back", "BACK"])
        #expect(try await sides(stage, 30) == [nil, "SENT"])
        try await stage.run("DELETE FROM orders WHERE id = 30")
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(try await stage.schema() == before)
    }

    @Test(
        "the new column has no default while both sides live, and takes the image of the old one's then"
    )
    func defaultAtTheEnd() async throws {
        let stage = try await synced()
        let fallback: SQL = """
            SELECT pg_get_expr(adbin, adrelid) FROM pg_attribute a
              LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
             WHERE attrelid = 'orders'::regclass AND attname = 'status_v2'
            """
        #expect(try await stage.value(fallback) == nil)
        #expect(try await stage.advance(to: .contract) == .reached(.contract))
        #expect(try await stage.value(fallback) == nil)
        #expect(try await stage.finish() == .finished)
        try await stage.run("INSERT INTO orders (id) VALUES (9)")
        #expect(try await stage.row("SELECT status_v2 FROM orders WHERE id = 9") == ["NEW"])
    }
}
