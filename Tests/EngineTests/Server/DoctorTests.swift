import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

@Suite("The doctor", .fewAtATime)
struct DoctorTests {
    func examine(_ stage: Stage) async throws -> [Ailment] {
        let office = try await Office.open(stage.settings)
        let found = try await office.examine()
        await office.close()
        return found
    }

    func mend(_ id: String, on stage: Stage) async throws -> String {
        let office = try await Office.open(stage.settings)
        do {
            let answer = try await office.mend(id)
            await office.close()
            return answer
        } catch {
            await office.close()
            throw error
        }
    }

    @Test(
        "finds nothing in a database without a journal, and at no phase of a migration",
        arguments: [nil] + Phase.allCases.map { Optional($0) })
    func healthy(_ phase: Phase?) async throws {
        let stage = try await Stage.make(rows: 50)
        if let phase { _ = try await stage.advance(to: phase) }
        #expect(try await examine(stage) == [])
        guard phase != nil else { return }
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        // What was written into the new column is put aside, which is no surprise and yet a leftover.
        #expect(Set(try await examine(stage).map(\.rule)).isSubset(of: ["quarantined-column"]))
    }

    @Test("finds nothing half way back, and where a replacement has finished")
    func otherHealthy() async throws {
        let stage = try await Stage.make(rows: 50)
        _ = try await stage.advance(to: .contract)
        #expect(try await stage.rollBack(to: .migrate) == .rolledBack(to: .migrate))
        #expect(try await examine(stage) == [])
        #expect(try await stage.finish() == .finished)
        #expect(try await examine(stage) == [])
    }

    @Test("a trigger of a migration that is no more is named, and dropped when told")
    func orphans() async throws {
        let stage = try await Stage.make(rows: 50)
        _ = try await stage.advance(to: .backfill)
        try await stage.run("UPDATE lockkeeper.migrations SET state = 'finished'")
        let found = try await examine(stage)
        let trigger = try #require(found.first { $0.rule == "orphan-trigger" })
        #expect(trigger.text.contains("orders-status, which is finished"))
        #expect(trigger.statements.first?.hasPrefix("DROP TRIGGER IF EXISTS") == true)
        #expect(try await examine(stage).map(\.id) == found.map(\.id))
        #expect(try await mend(trigger.id, on: stage) == "\(trigger.id) is mended.")
        #expect(
            try await stage.value("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal") == "0")
        // Its functions are nobody's now.
        let functions = try await examine(stage)
        #expect(Set(functions.map(\.rule)) == ["orphan-function"], "\(functions)")
        for ailment in functions { _ = try await mend(ailment.id, on: stage) }
        #expect(try await examine(stage) == [])
    }

    @Test("with the journal dropped it still knows our things by their names")
    func withoutJournal() async throws {
        let stage = try await Stage.make(rows: 50)
        _ = try await stage.advance(to: .contract)
        try await stage.run("DROP SCHEMA lockkeeper CASCADE")
        let found = try await examine(stage)
        #expect(found.map(\.rule) == ["quarantined-column"])
        #expect(found.first?.text.contains("of which the journal knows nothing") == true)
    }

    @Test("names the copy of a run whose journal was dropped, as does the plan that begins anew")
    func copyWithoutJournal() async throws {
        let stage = try await Stage.make(rows: 50)
        let spec = CopyRuleTests.spec
        #expect(try await stage.advance(to: .backfill, spec) == .reached(.backfill))
        let copy = try await CopyRuleTests.copy(stage).text
        try await stage.run("DROP SCHEMA lockkeeper CASCADE")
        let (plan, _) = try await Engine.plan(
            Spec.parse(text: spec, file: "x.yaml"), stage.settings)
        let hazard = plan.hazards.first { $0.rule == "leftover-copy" }
        #expect(hazard?.message.contains(copy) == true, "\(plan.hazards)")
        #expect(try await stage.finish(spec) == .finished)
        let left = try #require(try await examine(stage).first { $0.rule == "quarantined-table" })
        #expect(left.text.contains(copy))
        #expect(try await mend(left.id, on: stage) == "\(left.id) is mended.")
        #expect(try await stage.leftovers() == nil)
    }

    @Test("waits for no lock that somebody holds, and says who is in the way")
    func lockProtocol() async throws {
        let stage = try await Stage.make(rows: 50)
        try await stage.run(
            "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "CREATE TRIGGER zz_lockkeeper_01234567_1 BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION nothing()"
        )
        let id = try #require(try await examine(stage).first?.id)
        let reader = try await stage.connect()
        try await reader.run("BEGIN", "SELECT count(*) FROM orders")
        let mending = Task { try await mend(id, on: stage) }
        // A writer is not kept waiting behind the doctor.
        let writer = try await stage.connect()
        try await writer.run("SET lock_timeout = '300ms'")
        for _ in 0..<20 {
            try await writer.query("UPDATE orders SET amount = amount + 1 WHERE id = 1")
            try await Task.sleep(for: .milliseconds(20))
        }
        await writer.close()
        try await reader.run("COMMIT")
        await reader.close()
        #expect(try await mending.value == "\(id) is mended.")
    }

    @Test("an INVALID index of ours and its step, and one of somebody else's")
    func invalidIndexes() async throws {
        let stage = try await Stage.make(rows: 50)
        _ = try await stage.advance(to: .backfill)
        try await stage.run(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid IN ('orders_status_v2'::regclass, 'orders_pkey'::regclass)"
        )
        let found = try await examine(stage).filter { $0.rule == "invalid-index" }
        #expect(found.map(\.isFixable) == [false, true])
        #expect(found.first?.mend.contains("REINDEX INDEX CONCURRENTLY") == true)
    }

    @Test("an object that a step has made and somebody dropped is missing")
    func missingObject() async throws {
        let stage = try await Stage.make(rows: 50)
        _ = try await stage.advance(to: .backfill)
        try await stage.run("DROP INDEX orders_status_v2")
        let found = try await examine(stage)
        #expect(found.map(\.rule) == ["missing-object"])
        #expect(found.first?.text.contains("index public.orders_status_v2 is missing") == true)
        #expect(found.first?.isFixable == false)
    }

    @Test("a done step whose row is lost is noted again when told, and the migration goes on")
    func lostStep() async throws {
        let stage = try await Stage.make(rows: 50)
        _ = try await stage.advance(to: .migrate)
        try await stage.run("DELETE FROM lockkeeper.steps WHERE step LIKE '%add-column'")
        let found = try await examine(stage)
        let lost = try #require(found.first { $0.rule == "lost-step" })
        #expect(found.count == 1, "\(found)")
        _ = try await mend(lost.id, on: stage)
        #expect(try await examine(stage) == [])
        #expect(try await stage.finish() == .finished)
    }

    @Test("a damaged journal is described, and mended where that loses nothing")
    func damagedJournal() async throws {
        let stage = try await Stage.make(rows: 50)
        _ = try await stage.advance(to: .migrate)
        try await stage.run(
            "DELETE FROM lockkeeper.meta", "DELETE FROM lockkeeper.fences",
            "DROP TABLE lockkeeper.commands",
            "INSERT INTO lockkeeper.steps (migration, step, state) VALUES (1, '9.no.such', 'done')",
            "INSERT INTO lockkeeper.engines (migration, host, pid, os_user, backend_pid, interactive) VALUES (1, 'far', 7, 'who', 7, false)"
        )
        let found = try await examine(stage)
        #expect(
            Set(found.map(\.rule)) == [
                "journal-table", "journal-version", "journal-fence", "unknown-step", "dead-engine",
            ])
        // To make a table anew makes the version's row as well.
        while let next = try await examine(stage).first { _ = try await mend(next.id, on: stage) }
        #expect(try await stage.finish() == .finished)
    }

    @Test(
        "a row of the journal that can't be read is named, and is nobody's to mend but a backup's")
    func damagedPlan() async throws {
        let stage = try await Stage.make(rows: 50)
        _ = try await stage.advance(to: .migrate)
        try await stage.run("UPDATE lockkeeper.migrations SET plan = '{}'")
        let found = try await examine(stage).filter { $0.rule == "journal-row" }
        #expect(found.count == 1)
        let id = try #require(found.first?.id)
        await #expect(throws: ActionRefusal.self) { try await mend(id, on: stage) }
    }

    @Test("a session that holds a migration's lock and is no engine of it is ended when told")
    func strayLock() async throws {
        let stage = try await Stage.make(rows: 50)
        _ = try await stage.advance(to: .migrate)
        let stranger = try await stage.connect()
        try await stranger.query("SELECT pg_advisory_lock(\(JournalSchema.advisoryClass), 1)")
        let found = try await examine(stage)
        #expect(found.map(\.rule) == ["stray-lock"])
        _ = try await mend(try #require(found.first?.id), on: stage)
        await stranger.close()
    }

    @Test("a purge that is due is said, with what to type")
    func duePurge() async throws {
        let stage = try await Stage.make(rows: 50)
        _ = try await stage.advance(to: .contract)
        _ = try await stage.outcome(stage.request { $0.approvesEveryGate = true })
        try await stage.run(
            """
            UPDATE lockkeeper.steps SET started_at = now() - interval '3 days'
             WHERE state = 'running'
            """)
        let found = try await examine(stage)
        #expect(found.map(\.rule) == ["purge-due"])
        #expect(found.first?.mend.contains("lockkeeper purge orders-status") == true)
    }
}
