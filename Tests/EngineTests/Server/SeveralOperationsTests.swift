import Foundation
import Migration
import Postgres
import Testing

@testable import Engine

@Suite("Several operations in one migration", .fewAtATime)
struct SeveralOperationsTests {
    static let spec = """
        name: orders-status
        operations:
          - replace_column:
              table: orders
              column: status
              with: {name: status_v2, type: varchar(50)}
              up: upper(status)
              down: lower(status_v2)
              unrepresentable: reject
          - replace_column:
              table: orders
              column: note
              with: {name: remark, type: text}
              up: note
              down: remark
        settings:
          throttle: {replication_lag: null}
        checklist: []
        """

    @Test("every operation is quarantined before the first is purged, and until then all go back")
    func quarantinesFirst() async throws {
        let stage = try await Stage.make(rows: 200)
        let before = try await stage.schema()
        let (plan, _) = try await Engine.plan(
            Spec.parse(text: Self.spec, file: "x.yaml"), stage.settings)
        let contract = plan.steps(in: .contract)
        let firstPurge = try #require(contract.firstIndex { $0.isPointOfNoReturn })
        let lastUndoable = try #require(contract.lastIndex { !$0.undo.isEmpty })
        let lastProof = try #require(
            contract.lastIndex { if case .compare = $0.action { true } else { false } })
        #expect(lastUndoable < firstPurge)
        #expect(lastProof < firstPurge)

        #expect(try await stage.advance(to: .contract, Self.spec) == .reached(.contract))
        let names = try await stage.value(
            """
            SELECT count(*) FROM pg_attribute
             WHERE attrelid = 'orders'::regclass AND attname LIKE 'lk\\_%' AND NOT attisdropped
            """)
        #expect(names == "2")
        try await stage.run("UPDATE orders SET status_v2 = 'LATE', remark = 'late' WHERE id = 3")
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(try await stage.schema() == before)
        #expect(
            try await stage.row("SELECT status, note FROM orders WHERE id = 3") == ["late", "late"])
    }

    @Test("one quarantine's clock counts for all of them")
    func oneClock() throws {
        var course = Course.sample()
        let now = Date()
        let waits = ["1.contract.wait", "2.contract.wait"]
        let steps = waits.map {
            Step(id: $0, operation: 1, phase: .contract, title: "wait", action: .quarantine)
        }
        course.plan = Plan(
            name: "x", description: nil, operations: [], steps: steps, hazards: [],
            session: SessionFacts(searchPath: [], timeZone: "UTC", dateStyle: "ISO, MDY"))
        course.steps = [
            waits[0]: StepRecord(state: .done, startedAt: now.addingTimeInterval(-90_000))
        ]
        course.say(.purge, "purge")
        #expect(course.next(now: now) == .pass(steps[1]))
    }

    @Test("one operation's fill does not switch off another's sync of the same table")
    func fillsApart() async throws {
        // The first fill's row versions lie beyond the extent that the second walks: only the second
        // operation's trigger, fired by them, keeps them from being missed.
        let stage = try await Stage.make(rows: 5000)
        #expect(try await stage.advance(to: .backfill, Self.spec) == .reached(.backfill))
        #expect(
            try await stage.value(
                """
                SELECT count(*) FROM orders
                 WHERE status_v2 IS DISTINCT FROM upper(status) OR remark IS DISTINCT FROM note
                """) == "0")
        #expect(try await stage.finish(Self.spec) == .finished)
        #expect(try await stage.leftovers() == nil)
    }
}
