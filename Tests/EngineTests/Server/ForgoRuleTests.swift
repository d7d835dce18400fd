import Foundation
import Migration
import Postgres
import Testing

@testable import Engine

/// `unrepresentable: forgo_rollback`: what the old side can't hold is let in, counted, and given up by
/// a rollback that keeps everything else.
@Suite("The rules of a rollback that is given up for single rows", .fewAtATime)
struct ForgoRuleTests {
    private static let spec = """
        name: orders-status
        operations:
          - replace_column:
              table: orders
              column: code
              with: {name: number, type: bigint, check: number > 0}
              up: code::bigint * 10
              down: (number / 10)::integer
              unrepresentable: forgo_rollback
        settings: {throttle: {replication_lag: null}}
        checklist: []
        """

    private func sides(_ stage: Stage, _ id: Int) async throws -> [String?] {
        try await stage.row("SELECT code, number FROM orders WHERE id = \(id)")
    }

    /// Codes up to a thousand, by a check; NOT NULL with a default.
    private func stage(to phase: Phase = .switch) async throws -> Stage {
        let stage = try await Stage.make(
            of: """
                CREATE TABLE orders (id int PRIMARY KEY, amount int NOT NULL DEFAULT 0,
                  code integer NOT NULL DEFAULT 7 CONSTRAINT small CHECK (code <= 1000 AND code > 0))
                """, "INSERT INTO orders (id, code) SELECT n, n FROM generate_series(1, 100) n")
        #expect(try await stage.advance(to: phase, Self.spec) == .reached(phase))
        return stage
    }

    @Test(
        "a value that the old side can't hold is let in and leaves the old side as it was, until it fits again"
    )
    func letsIn() async throws {
        let stage = try await stage()
        try await stage.run(
            // Out of the type's range, and refused by the check.
            "UPDATE orders SET number = 99999999999999 WHERE id = 1",
            "UPDATE orders SET number = 20000 WHERE id = 2",
            "UPDATE orders SET number = 5000 WHERE id = 3",
            "INSERT INTO orders (id, number) VALUES (201, 99999999999999), (202, 20000), (203, 500)",
            // What has nothing to do with either side leaves them alone.
            "UPDATE orders SET amount = 5 WHERE id IN (1, 2, 201)")
        #expect(try await sides(stage, 1) == ["1", "99999999999999"])
        #expect(try await sides(stage, 2) == ["2", "20000"])
        #expect(try await sides(stage, 3) == ["500", "5000"])
        #expect(try await sides(stage, 201) == ["7", "99999999999999"])
        #expect(try await sides(stage, 202) == ["7", "20000"])
        #expect(try await sides(stage, 203) == ["50", "500"])
        try await stage.run(
            "UPDATE orders SET number = 80 WHERE id = 1", "UPDATE orders SET code = 9 WHERE id = 2")
        #expect(try await sides(stage, 1) == ["8", "80"])
        #expect(try await sides(stage, 2) == ["9", "90"])
    }

    @Test(
        "such rows are no difference, are counted and named at the gates and before a rollback, which keeps every other write"
    )
    func countsAndGoesBack() async throws {
        let stage = try await stage()
        let before = try await stage.value(
            "SELECT string_agg(attname || ' ' || atttypid::regtype, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0 AND attname <> 'number'"
        )
        try await stage.run(
            "UPDATE orders SET number = 99999999999999 WHERE id = 1",
            "UPDATE orders SET number = 770 WHERE id = 4",
            "INSERT INTO orders (id, number) VALUES (201, 20000)")
        guard
            case .atGate(let gate) = try await stage.outcome(stage.request(Self.spec))
        else {
            Issue.record("no gate")
            return
        }
        #expect(gate.id == "1.contract")
        // What the gate shows is its query.
        let evidence = try #require(gate.evidence.first { $0.title.contains("gives up") })
        #expect(evidence.findings == ["2 rows, the first: id=1; id=201"])

        let said = try await events(
            stage,
            of: try stage.request(Self.spec) {
                $0.approvesEveryGate = true
                $0.until = .contract
            }, .reached(.contract))
        #expect(
            said.contains {
                $0.hasPrefix(
                    "2 of 101 rows of public.orders have a value that the old side can't hold: a rollback gives them up. The first: id=1 (code=1, number=99999999999999); id=201"
                )
            }, "\(said)")
        // Still so in quarantine, where the old side has another name.
        try await stage.run("UPDATE orders SET number = 30000 WHERE id = 5")
        var request = RunRequest(name: "orders-status")
        request.rollback = .init(to: nil)
        request.approvesEveryGate = true
        request.refresh = 0.2
        let back = try await events(stage, of: request, .rolledBack(to: nil))
        #expect(back.contains { $0.hasPrefix("3 of 101 rows of public.orders have") }, "\(back)")
        #expect(
            try await stage.value(
                "SELECT string_agg(code::text, ',' ORDER BY id) FROM orders WHERE id IN (1, 4, 5, 201)"
            )
                == "1,77,5,7")
        #expect(
            try await stage.value(
                "SELECT string_agg(attname || ' ' || atttypid::regtype, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0 AND NOT attisdropped"
            ) == before)
        #expect(try await stage.leftovers() == nil)
    }

    private func events(
        _ stage: Stage, of request: RunRequest, _ outcome: Outcome
    ) async throws -> [String] {
        let engine = try await stage.open(request)
        let listener = Task {
            var found: [String] = []
            for await event in engine.events { found.append(event.text) }
            return found
        }
        #expect(await engine.run() == outcome)
        return await listener.value
    }

    @Test("a real difference is still one, also where the new value would not fit")
    func realDifference() async throws {
        let stage = try await stage(to: .backfill)
        try await stage.run(
            "ALTER TABLE orders DISABLE TRIGGER USER",
            "UPDATE orders SET number = 4440 WHERE id = 9",
            "UPDATE orders SET number = 999990 WHERE id = 10",
            "DO $$ DECLARE t text := (SELECT tgname FROM pg_trigger WHERE NOT tgisinternal); BEGIN EXECUTE format('ALTER TABLE orders ENABLE ALWAYS TRIGGER %I', t); END $$"
        )
        guard case .failed(let message) = try await stage.advance(to: .switch, Self.spec) else {
            Issue.record("it went on")
            return
        }
        #expect(message.contains("1 of 100 rows of public.orders differ"), "\(message)")
        #expect(message.contains("id=9 (code=9, number=4440)"))
    }

    @Test("it ends with nothing of ours left, values that were given up included")
    func finishes() async throws {
        let stage = try await stage(to: .contract)
        try await stage.run("UPDATE orders SET number = 99999999999999 WHERE id = 1")
        #expect(try await stage.finish(Self.spec) == .finished)
        #expect(
            try await stage.value("SELECT number FROM orders WHERE id = 1") == "99999999999999")
        #expect(try await stage.leftovers() == nil)
    }

    @Test("change_type gives up what the narrower type can't hold, cut to fit nowhere")
    func changeType() async throws {
        let stage = try await Stage.make(rows: 20)
        let text = """
            name: orders-status
            operations:
              - change_type: {table: orders, column: status, type: text, method: replace, with: state, unrepresentable: forgo_rollback}
            settings: {throttle: {replication_lag: null}}
            checklist: []
            """
        let before = try await stage.schema()
        #expect(try await stage.advance(to: .switch, text) == .reached(.switch))
        let long = String(repeating: "y", count: 60)
        try await stage.run(
            "UPDATE orders SET state = \(literal: long) WHERE id = 3",
            "INSERT INTO orders (id, state) VALUES (100, \(literal: long)), (101, 'short')")
        #expect(
            try await stage.row("SELECT status, length(state) FROM orders WHERE id = 3") == [
                "new", "60",
            ])
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(
            try await stage.value(
                "SELECT string_agg(status, ',' ORDER BY id) FROM orders WHERE id IN (3, 100, 101)")
                == "new,new,short")
        #expect(try await stage.schema() == before)
        #expect(try await stage.leftovers() == nil)
    }
}
