import Conformance
import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

/// What a run leaves behind when it ends, however its last moments go.
@Suite("The end of a run", .fewAtATime)
struct EndOfRunTests {
    @Test(
        "a heartbeat that is under way when the run ends does not cost the journal its last words")
    func heartbeatUnderWay() async throws {
        let stage = try await Stage.make(rows: 10)
        let tap = try Wiretap(stage.server) { text in
            text.contains("SET heartbeat_at")
                ? .beforeAnswer { Thread.sleep(forTimeInterval: 0.4) } : .pass
        }
        defer { tap.close() }
        var request = try stage.request { $0.approvesEveryGate = true }
        request.purgesAtOnce = true
        let outcome = try await Engine.open(request, tap.settings(database: stage.database)).run()
        #expect(outcome == .finished)
        #expect(try await stage.value("SELECT count(*) FROM lockkeeper.engines") == "0")
        #expect(
            try await stage.value(
                "SELECT kind FROM lockkeeper.events ORDER BY id DESC LIMIT 1") == "finished")
    }

    @Test(
        "a session lost at the very end leaves neither an engine in the journal nor an end untold")
    func answerOfTheEndLost() async throws {
        let stage = try await Stage.make(rows: 10)
        let once = Once()
        let tap = try Wiretap(stage.server) { text in
            text.contains("SET state = $2") && once.take() ? .loseAnswer : .pass
        }
        defer { tap.close() }
        var request = try stage.request { $0.approvesEveryGate = true }
        request.purgesAtOnce = true
        let engine = try await Engine.open(request, tap.settings(database: stage.database))
        let told = Task {
            var count = 0
            for await event in engine.events where event.kind == .finished { count += 1 }
            return count
        }
        #expect(await engine.run() == .finished)
        #expect(await told.value == 1)
        #expect(once.hasHappened)
        #expect(try await stage.value("SELECT count(*) FROM lockkeeper.engines") == "0")
        #expect(
            try await stage.value(
                "SELECT count(*) FROM lockkeeper.events WHERE kind = 'finished'") == "1")
    }

    @Test("events that nobody hears are not kept for anybody, and are journalled all the same")
    func forgone() async throws {
        let stage = try await Stage.make(rows: 500)
        var request = try stage.request { $0.approvesEveryGate = true }
        request.purgesAtOnce = true
        let engine = try await Engine.open(request, stage.settings)
        engine.forgoEvents()
        #expect(await engine.run() == .finished)
        var kept = 0
        for await _ in engine.events { kept += 1 }
        #expect(kept == 0)
        #expect(
            try await stage.value(
                "SELECT count(*) > 5 FROM lockkeeper.events WHERE kind <> 'batch'") == "t")
    }

    @Test("a run that dies between its end and its last statement leaves no engine in the journal")
    func diesBehindItsEnd() async throws {
        let stage = try await Stage.make(rows: 10)
        let tap = try Wiretap(stage.server) { text in
            text.contains("DELETE FROM lockkeeper.engines") && text.contains("backend_pid")
                ? .hold : .pass
        }
        defer { tap.close() }
        var request = try stage.request { $0.approvesEveryGate = true }
        request.purgesAtOnce = true
        let engine = try await Engine.open(request, tap.settings(database: stage.database))
        let running = Task { await engine.run() }
        try await stage.until { tap.isHolding }
        #expect(try await stage.value("SELECT state FROM lockkeeper.migrations") == "finished")
        #expect(try await stage.value("SELECT count(*) FROM lockkeeper.engines") == "0")
        tap.release()
        #expect(await running.value == .finished)
    }

    @Test("timeouts of the database's own end neither a plan nor a run")
    func timeoutsOfTheDatabase() async throws {
        let stage = try await Stage.make(rows: 3000)
        let name = Identifier(stage.database)
        let settings: [SQL] = [
            "statement_timeout = 25", "lock_timeout = 5",
            "idle_in_transaction_session_timeout = 10", "idle_session_timeout = 20",
            "default_transaction_read_only = on",
        ]
        for setting in settings { try await stage.run("ALTER DATABASE \(name) SET \(setting)") }
        #expect(try await stage.finish() == .finished)
    }

    @Test("a pooler in session mode is as good as the server", .enabled(if: Pooler.program != nil))
    func sessionPooler() async throws {
        let stage = try await Stage.make(rows: 500)
        let pooler = try await Pooler.start(
            "session", before: stage.server.folder, database: stage.database)
        var request = try stage.request { $0.approvesEveryGate = true }
        request.purgesAtOnce = true
        let outcome: Outcome
        do {
            outcome = try await Engine.open(request, ConnectionSettings(dsn: pooler.dsn)).run()
            await pooler.end()
        } catch {
            await pooler.end()
            throw error
        }
        #expect(outcome == .finished)
        #expect(try await stage.leftovers() == nil)
    }

    @Test(
        "a pooler in transaction mode is refused before anything is made, and the reason said",
        .enabled(if: Pooler.program != nil))
    func transactionPooler() async throws {
        let stage = try await Stage.make(rows: 10)
        let pooler = try await Pooler.start(
            "transaction", before: stage.server.folder, database: stage.database)
        await #expect {
            try await Engine.open(stage.request(), ConnectionSettings(dsn: pooler.dsn))
        } throws: { error in
            "\(error)".contains("transaction mode")
        }
        await pooler.end()
        #expect(try await stage.value("SELECT to_regnamespace('lockkeeper') IS NULL") == "t")
    }
}
