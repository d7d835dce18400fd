import Foundation
import Migration
import Postgres
import Testing

@testable import Engine

@Suite("Replacing a column of a real table", .fewAtATime)
struct ReplaceColumnRunTests {
    @Test("it goes through every phase and leaves nothing of the old structure")
    func forward() async throws {
        let stage = try await Stage.make()
        #expect(try await stage.finish() == .finished)
        #expect(
            try await stage.value(
                "SELECT string_agg(DISTINCT status_v2, ',' ORDER BY status_v2) FROM orders")
                == "NEW,PAID,SENT")
        #expect(try await stage.value("SELECT count(*) FROM orders WHERE status_v2 IS NULL") == "0")
        #expect(try await stage.leftovers() == nil)
        let schema = try await stage.schema()
        #expect(
            schema.contains(
                "status_v2 character varying(50) DEFAULT 'NEW'::character varying(50) NOT NULL"))
        #expect(!schema.contains(" status character"))
        #expect(schema.contains("(status_v2)"))
        #expect(schema.contains("COMMENT ON COLUMN public.orders.status_v2 IS 'where it stands'"))
    }

    @Test("without approvals it stops at each gate, and the same command goes on")
    func gates() async throws {
        let stage = try await Stage.make()
        var gates: [String] = []
        for _ in 0..<5 {
            let outcome = try await stage.outcome(stage.request())
            guard case .atGate(let gate) = outcome else {
                guard case .quarantined(let until) = outcome else {
                    Issue.record("it ended with \(outcome)")
                    return
                }
                #expect(until != nil)
                break
            }
            gates.append(gate.id)
            let office = try await Office.open(stage.settings)
            _ = try await office.send(.advance(gate: gate.id), to: "orders-status")
            await office.close()
        }
        #expect(gates == ["1.switch", "1.contract"])
        let office = try await Office.open(stage.settings)
        let status = try await office.statuses().first
        #expect(status?.state == .quarantined)
        #expect(status?.next == "lockkeeper purge orders-status")
        await office.close()
    }

    @Test(
        "rolled back from the end of each phase, the schema is as it was and no write is lost",
        arguments: Phase.allCases)
    func rollback(from phase: Phase) async throws {
        let stage = try await Stage.make()
        let before = try await stage.schema()
        let outcome = try await stage.outcome(
            stage.request {
                $0.approvesEveryGate = true
                $0.until = phase
            })
        #expect(outcome == .reached(phase))
        if phase > .expand {
            try await stage.run(
                "INSERT INTO orders (id, status_v2) VALUES (900001, 'RETURNED')",
                "UPDATE orders SET status_v2 = 'LOST' WHERE id = 7")
        }
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(try await stage.schema() == before)
        #expect(try await stage.leftovers() == nil)
        if phase > .expand {
            #expect(
                try await stage.value("SELECT status FROM orders WHERE id = 900001") == "returned")
            #expect(try await stage.value("SELECT status FROM orders WHERE id = 7") == "lost")
        }
    }

    @Test("back to the end of Migrate and forward again, it finishes")
    func backAndForth() async throws {
        let stage = try await Stage.make()
        let first = try await stage.outcome(
            stage.request {
                $0.approvesEveryGate = true
                $0.until = .contract
            })
        #expect(first == .reached(.contract))
        #expect(try await stage.rollBack(to: .migrate) == .rolledBack(to: .migrate))
        #expect(try await stage.value("SELECT count(*) FROM orders WHERE status IS NULL") == "0")
        #expect(try await stage.finish() == .finished)
        #expect(try await stage.leftovers() == nil)
    }

    @Test(
        "a spec whose operations changed after the run began is refused, changed settings are taken"
    )
    func changedSpec() async throws {
        let stage = try await Stage.make()
        _ = try await stage.outcome(stage.request { $0.until = .expand })
        let changed = Stage.spec.replacing("varchar(50)", with: "varchar(60)")
        await #expect(throws: OpeningError.self) { try await stage.open(stage.request(changed)) }
        let slower = Stage.spec.replacing("throttle:", with: "stall_budget: 50ms\n  throttle:")
        #expect(
            try await stage.outcome(stage.request(slower) { $0.until = .expand })
                == .reached(.expand))
        #expect(
            try await stage.value(
                "SELECT settings->>'stallBudgetMilliseconds' FROM lockkeeper.migrations") == "50")
    }

    @Test("of a finished migration it says so, of a rolled-back one it begins anew")
    func again() async throws {
        let stage = try await Stage.make(rows: 10)
        _ = try await stage.outcome(stage.request { $0.until = .migrate })
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(try await stage.finish() == .finished)
        await #expect {
            try await stage.open(stage.request())
        } throws: { error in
            if case OpeningError.alreadyFinished = error { true } else { false }
        }
    }

    @Test("an open checklist item refuses, a tick or a waiver with its reason lets it go on")
    func checklist() async throws {
        let stage = try await Stage.make(rows: 10)
        let text = Stage.spec.replacing(
            "checklist: []", with: "checklist: [Backups are fresh, Team told]")
        guard case .refused(let message) = try await stage.outcome(stage.request(text)) else {
            Issue.record("it began with open items")
            return
        }
        #expect(message.contains("backups-are-fresh"))
        let outcome = try await stage.outcome(
            stage.request(text) {
                $0.checks = ["backups-are-fresh"]
                $0.waivers = ["team-told": "nobody is there"]
                $0.until = .expand
            })
        #expect(outcome == .reached(.expand))
        #expect(
            try await stage.value("SELECT reason FROM lockkeeper.approvals WHERE kind = 'waive'")
                == "nobody is there")
    }
}
