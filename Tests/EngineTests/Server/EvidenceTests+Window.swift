import Foundation
import Migration
import Postgres
import Testing

@testable import Engine

/// The window in which phases may begin.
extension EvidenceTests {
    @Test("a phase of which only a gate was passed in the window has not begun outside it")
    func gateInWindow() async throws {
        let stage = try await Stage.make(rows: 50)
        let open = "{window: {closes: 2999-01-01T00:00:00Z}}"
        let text = Self.spec(checklist: "[]", settings: open)
        #expect(try await stage.advance(to: .switch, text) == .reached(.switch))
        // Contract looks at its trigger, and stands at its gate.
        let atGate = try await stage.outcome(stage.request(text))
        guard case .atGate = atGate else {
            Issue.record("\(atGate)")
            return
        }
        let closed = Self.spec(checklist: "[]", settings: Self.late)
        let refused = try await stage.outcome(
            stage.request(closed) { $0.approvesEveryGate = true })
        #expect(words(refused).contains("Contract does not begin"), "\(refused)")
        #expect(
            try await stage.value(
                "SELECT count(*) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'status'"
            )
                == "1")
    }

    private static let early = "{window: {opens: 2999-01-01T00:00:00Z}}"
    private static let late = "{window: {closes: 2001-01-01T00:00:00Z}}"

    @Test("outside its window a run begins no phase, but for a reason", arguments: [early, late])
    func outside(settings: String) async throws {
        let stage = try await Stage.make(rows: 50)
        let text = Self.spec(checklist: "[]", settings: settings)
        let refused = try await run(stage, text)
        #expect(words(refused).contains("Expand does not begin"), "\(refused)")
        #expect(words(refused).contains("--override WINDOW=REASON"))
        #expect(try await stage.value("SELECT count(*) FROM lockkeeper.steps") == "0")
        let outcome = try await run(stage, text) { $0.windowOverride = "agreed with Ada" }
        #expect(outcome == .reached(.expand))
        #expect(
            try await stage.value(
                "SELECT count(*) FROM lockkeeper.events WHERE text LIKE '%outside the window: agreed with Ada'"
            ) == "1")
    }

    @Test("outside its window a run begins no phase by passing its gate")
    func gateOutside() async throws {
        let stage = try await Stage.make(rows: 50)
        let text = """
            name: orders-note
            operations:
              - drop_column: {table: orders, column: note}
            settings: \(Self.early)
            checklist: []
            """
        let refused = try await run(stage, text) {
            $0.approvesEveryGate = true
            $0.until = .migrate
        }
        #expect(words(refused).contains("Migrate does not begin"), "\(refused)")
        #expect(try await stage.value("SELECT count(*) FROM lockkeeper.steps") == "0")
        // What was said of the gate holds.
        let outcome = try await run(stage, text) {
            $0.windowOverride = "agreed with Ada"
            $0.until = .migrate
        }
        #expect(outcome == .reached(.migrate), "\(outcome)")
    }

    @Test("an operator's key is refused outside the window, with the reason")
    func operatorOutside() async throws {
        let stage = try await Stage.make(rows: 50)
        let request = try stage.request(Self.spec(checklist: "[]", settings: Self.early)) {
            $0.isInteractive = true
        }
        let engine = try await stage.open(request)
        async let outcome = engine.run()
        try await stage.until { await engine.current.waiting == .phaseStart(.expand) }
        let refusal = await #expect(throws: ActionRefusal.self) {
            try await engine.perform(.advance(gate: nil))
        }
        #expect(refusal?.message.contains("The window opens at 2999-01-01") == true)
        try await engine.perform(.set(key: "window.opens", value: "2001-01-01T00:00:00Z"))
        try await engine.perform(.advance(gate: nil))
        try await stage.until("EXISTS (SELECT FROM lockkeeper.steps WHERE state = 'done')")
        try await engine.perform(.stop)
        #expect(await outcome == .stopped)
    }

    @Test("an operator passes no gate before the work of a phase outside the window")
    func operatorAtGate() async throws {
        let stage = try await Stage.make(rows: 50)
        let open = Self.spec(
            checklist: "[]", settings: "{window: {closes: 2999-01-01T00:00:00Z}}")
        #expect(try await stage.advance(to: .switch, open) == .reached(.switch))
        let engine = try await stage.open(stage.request(open) { $0.isInteractive = true })
        async let outcome = engine.run()
        try await stage.until { await engine.current.waiting == .phaseStart(.contract) }
        try await engine.perform(.advance(gate: nil))
        try await stage.until {
            if case .gate = await engine.current.waiting { true } else { false }
        }
        try await engine.perform(.set(key: "window.closes", value: "2001-01-01T00:00:00Z"))
        let refusal = await #expect(throws: ActionRefusal.self) {
            try await engine.perform(.advance(gate: "1.contract"))
        }
        #expect(refusal?.message.contains("Contract does not begin") == true)
        try await engine.perform(.set(key: "window.closes", value: "2999-01-01T00:00:00Z"))
        try await engine.perform(.advance(gate: "1.contract"))
        try await stage.until(
            "EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname LIKE 'lk_%')"
        )
        try await engine.perform(.stop)
        #expect(await outcome == .stopped)
    }

    @Test(
        "a forecast beyond the window's end is said early; at its end the fill stands, and goes on later"
    )
    func closing() async throws {
        let stage = try await Stage.make(rows: 30_000)
        let request = try stage.request(
            Self.spec(
                checklist: "[]",
                settings:
                    "{throttle: {replication_lag: null}, backfill: {batch: 5ms, pause: 50ms}, window: {closes: 2999-01-01T00:00:00Z}}"
            )
        ) {
            $0.approvesEveryGate = true
            $0.until = .backfill
        }
        let engine = try await stage.open(request)
        async let outcome = engine.run()
        try await stage.until {
            (await engine.current.progress.first { $0.id == "1.backfill.fill" }?.etaSeconds ?? 0)
                > 2
        }
        #expect(
            await engine.current.forecast?.overrun(of: engine.control.settings.window, now: .now)
                == nil)
        try await engine.perform(
            .set(key: "window.closes", value: Date(timeIntervalSinceNow: 1).rfc3339))
        try await stage.until("EXISTS (SELECT FROM lockkeeper.events WHERE kind = 'forecast')")
        try await stage.until {
            await engine.current.progress.contains {
                $0.pauseReason?.contains("the migration window has closed") == true
            }
        }
        let done = await engine.current.progress.first { $0.id == "1.backfill.fill" }?.done
        try await engine.perform(.set(key: "backfill.pause", value: "0ms"))
        #expect(await engine.current.progress.first { $0.id == "1.backfill.fill" }?.done == done)
        try await engine.perform(.set(key: "window.closes", value: "2999-01-01T00:00:00Z"))
        #expect(await outcome == .reached(.backfill))
    }
}
