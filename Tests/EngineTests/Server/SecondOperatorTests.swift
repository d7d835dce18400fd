import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

@Suite("A second operator, with nothing but the database between them", .serialized)
struct SecondOperatorTests {
    private static let gates = Stage.spec + "\ngates: {1.switch: {text: Deployed, approvals: 2}}\n"

    /// An engine's session that does nothing any more: it has the lock and takes no command.
    private func frozenEngine(on stage: Stage, silentFor seconds: Int = 0) async throws
        -> Connection
    {
        let connection = try await stage.connect()
        let id = try await connection.query("SELECT id FROM lockkeeper.migrations").onlyRow().int(
            "id")
        try await connection.query(
            "SELECT pg_advisory_lock(\(JournalSchema.advisoryClass), \(id))")
        try await connection.query(
            """
            INSERT INTO lockkeeper.engines
              (migration, host, pid, os_user, backend_pid, interactive, heartbeat_at)
            VALUES ($1, 'ops1', 4711, 'ada', pg_backend_pid(), false,
                    now() - make_interval(secs => \(seconds)))
            """, id)
        return connection
    }

    /// A watcher's pictures as they come.
    private func watching(
        _ stage: Stage, _ body: (Watcher, inout AsyncStream<Snapshot>.Iterator) async throws -> Void
    ) async throws {
        let watcher = Watcher(name: "orders-status", settings: stage.settings, refresh: 0.2)
        let running = Task { await watcher.run() }
        var pictures = watcher.snapshots.makeAsyncIterator()
        do { try await body(watcher, &pictures) } catch {
            try await watcher.perform(.stop)
            await running.value
            throw error
        }
        try await watcher.perform(.stop)
        await running.value
    }

    private func picture(
        _ pictures: inout AsyncStream<Snapshot>.Iterator, _ what: String,
        sourceLocation: SourceLocation = #_sourceLocation, where condition: (Snapshot) -> Bool
    ) async throws -> Snapshot {
        let deadline = ContinuousClock.now + .seconds(30)
        var last: Snapshot?
        while let next = await pictures.next() {
            last = next
            if condition(next) { return next }
            if ContinuousClock.now > deadline { break }
        }
        Issue.record(
            "no picture with \(what); the last: \(String(describing: last?.waiting)) \(String(describing: last?.commands)) \(last?.serverTrouble ?? "")",
            sourceLocation: sourceLocation)
        return try #require(last)
    }

    @Test("two roles pass a gate that asks for two people; which difference counted is journalled")
    func twoRoles() async throws {
        let stage = try await Stage.make()
        let role = try await otherRole(stage)
        let engine = try await stage.open(stage.request(Self.gates) { $0.waits = true })
        let running = Task { await engine.run() }
        try await stage.until("EXISTS (SELECT FROM lockkeeper.events WHERE kind = 'gate')")

        let first = try await Office.open(stage.settings)
        let second = try await Office.open(role)
        _ = try await first.send(.advance(gate: "1.switch"), to: "orders-status")
        let again = await #expect(throws: ActionRefusal.self) {
            try await first.send(.advance(gate: "1.switch"), to: "orders-status")
        }
        #expect(again?.message.contains("has said so already") == true, "\(again?.message ?? "")")
        #expect(again?.message.contains("missing: another database user") == true)
        // The shared role at the same host is no other person, whatever OS user it names.
        try await ask(stage, user: "root2", host: Person.current(databaseUser: "").host)
        try await stage.until(
            "(SELECT refusal FROM lockkeeper.commands ORDER BY id DESC LIMIT 1) LIKE '%does not count%'"
        )
        var status = try #require(try await second.statuses("orders-status").first)
        #expect(status.state == .waiting)
        #expect(status.approvals.count == 1)
        #expect(status.sentence.contains("1 of 2"), "\(status.sentence)")

        _ = try await second.send(.advance(gate: "1.switch"), to: "orders-status")
        try await stage.until(
            "EXISTS (SELECT FROM lockkeeper.events WHERE kind = 'gate' AND fields ->> 'gate' = '1.contract')"
        )
        let journalled = try await stage.value(
            """
            SELECT string_agg(coalesce(reason, 'first'), '; ' ORDER BY id)
              FROM lockkeeper.approvals WHERE kind = 'gate'
            """)
        #expect(journalled == "first; another database user")
        #expect(
            try await stage.value(
                """
                SELECT string_agg(fields ->> 'approvals' || ' of ' || (fields ->> 'approvals_needed'),
                                  ', ' ORDER BY id)
                  FROM lockkeeper.events WHERE kind = 'gate' AND fields ->> 'gate' = '1.switch'
                """) == "0 of 2, 1 of 2")
        status = try #require(try await second.statuses("orders-status").first)
        #expect(status.approvals.map(\.countedBy) == [nil, "another database user"])
        await first.close()
        await second.close()
        try await engine.perform(.stop)
        #expect(await running.value == .stopped)
    }

    /// A member of the role that migrates, as the journal's rights want it.
    private func otherRole(_ stage: Stage) async throws -> ConnectionSettings {
        try await stage.run(
            """
            DO $$ BEGIN CREATE ROLE second_operator LOGIN SUPERUSER;
            EXCEPTION WHEN duplicate_object THEN NULL; END $$
            """)
        return stage.server.settings(database: stage.database, user: "second_operator")
    }

    /// A command as somebody's program elsewhere writes it.
    private func ask(_ stage: Stage, user: String, host: String) async throws {
        let connection = try await stage.connect()
        try await connection.query(
            """
            INSERT INTO lockkeeper.commands (migration, action, os_user, host)
            SELECT id, '{"advance": {"gate": "1.switch"}}', $1, $2 FROM lockkeeper.migrations
            """, user, host)
        await connection.close()
    }

    @Test("a shared role counts twice for another OS user at another host; --approve is one person")
    func sharedRole() async throws {
        let stage = try await Stage.make()
        let outcome = try await stage.outcome(
            stage.request(Self.gates) { $0.approvesEveryGate = true })
        guard case .atGate(let gate) = outcome else {
            Issue.record("one person's --approve passed a gate that asks for two: \(outcome)")
            return
        }
        #expect(gate.approvedBy.count == 1)
        #expect(gate.missing?.contains("missing: another database user") == true)
        let again = try await stage.outcome(
            stage.request(Self.gates) { $0.approvesEveryGate = true })
        guard case .atGate(let still) = again else {
            Issue.record("the same person's second --approve counted: \(again)")
            return
        }
        #expect(still.approvedBy == gate.approvedBy && still.missing == gate.missing)

        let engine = try await stage.open(stage.request(Self.gates) { $0.waits = true })
        let running = Task { await engine.run() }
        try await ask(stage, user: "bob", host: "elsewhere")
        try await stage.until(
            "EXISTS (SELECT FROM lockkeeper.events WHERE kind = 'gate' AND fields ->> 'gate' = '1.contract')"
        )
        #expect(
            try await stage.value(
                "SELECT reason FROM lockkeeper.approvals WHERE kind = 'gate' ORDER BY id DESC LIMIT 1"
            )
                == "another OS user at another host, the role postgres is shared")
        try await engine.perform(.stop)
        #expect(await running.value == .stopped)
    }

    @Test(
        "sees the engine's picture: the fill's rate and rest, a gate's evidence, who else looks on")
    func samePicture() async throws {
        let stage = try await Stage.make(rows: 20000)
        let text =
            Stage.spec.replacing(
                "settings:", with: "settings:\n  backfill: {batch: 10ms, pause: 400ms}")
        let engine = try await stage.open(stage.request(text) { $0.waits = true })
        let running = Task { await engine.run() }
        let other = Watcher(name: "orders-status", settings: stage.settings, refresh: 5)
        let others = Task { await other.run() }
        try await watching(stage) { watcher, pictures in
            let fill = try await picture(&pictures, "the fill's own figures") {
                $0.progress.contains { $0.batchMilliseconds != nil && $0.rows > 0 }
            }
            #expect(fill.state == .running)
            #expect(fill.engine?.isThis == false)
            #expect(fill.engine?.isAlive == true)
            try await watcher.perform(.pause)
            let paused = try await picture(&pictures, "the pause's reason at the bar") {
                $0.state == .paused && $0.progress.contains { $0.pauseReason != nil }
            }
            #expect(paused.watchers.count == 1, "\(paused.watchers)")
            try await watcher.perform(.set(key: "backfill.pause", value: "0ms"))
            try await watcher.perform(.resume)
            _ = try await picture(&pictures, "the first gate") {
                if case .gate(let gate) = $0.waiting { gate.id == "1.switch" } else { false }
            }
            try await watcher.perform(.advance(gate: "1.switch"))
            let gate = try await picture(&pictures, "the gate with its evidence") {
                if case .gate(let gate) = $0.waiting { !gate.evidence.isEmpty } else { false }
            }
            guard case .gate(let view) = gate.waiting else { return }
            #expect(view.askedAt != nil)
            #expect(view.evidence.map(\.title) == (await engine.gateLook?.views.map(\.title)))
            try await stage.until({ await engine.current.watchers.count == 2 })
            try await other.perform(.stop)
            await others.value
            _ = try await picture(&pictures, "nobody else") { $0.watchers.isEmpty }
        }
        try await engine.perform(.stop)
        #expect(await running.value == .stopped)
        #expect(try await stage.value("SELECT count(*) FROM lockkeeper.watchers") == "0")
    }

    @Test("a command that is not taken is shown to all, and can be withdrawn by any of them")
    func withdrawn() async throws {
        let stage = try await Stage.make()
        _ = try await stage.advance(to: .expand)
        let frozen = try await frozenEngine(on: stage)
        let sender = try await Office.open(stage.settings)
        let sending = Task { try await sender.send(.pause, to: "orders-status") }
        try await watching(stage) { watcher, pictures in
            let shown = try await picture(&pictures, "the command") { !$0.commands.isEmpty }
            #expect(shown.commands.map(\.words) == ["pause"])
            #expect(shown.commands.first?.isTaken == false)
            let status = try await Office.open(stage.settings)
            #expect(try await status.statuses().first?.commands.count == 1)
            await status.close()
            try await watcher.perform(.withdraw(command: shown.commands[0].id))
            _ = try await picture(&pictures, "no command") { $0.commands.isEmpty }
            await #expect(throws: ActionRefusal.self) {
                try await watcher.perform(.withdraw(command: shown.commands[0].id))
            }
        }
        let refusal = await #expect(throws: ActionRefusal.self) { try await sending.value }
        #expect(refusal?.message.hasPrefix("withdrawn: by ") == true, "\(refusal?.message ?? "")")
        // A sender that is interrupted takes its command with it.
        let interrupted = Task { try await sender.send(.pause, to: "orders-status") }
        try await stage.until(
            "EXISTS (SELECT FROM lockkeeper.commands WHERE answered_at IS NULL)")
        interrupted.cancel()
        _ = await #expect(throws: ActionRefusal.self) { try await interrupted.value }
        #expect(
            try await stage.value(
                "SELECT count(*) FROM lockkeeper.commands WHERE answered_at IS NULL") == "0")
        // The engine's end is noticed at once, and nothing of the command happens later.
        let last = Task { try await sender.send(.pause, to: "orders-status") }
        try await stage.until(
            "EXISTS (SELECT FROM lockkeeper.commands WHERE answered_at IS NULL)")
        await frozen.close()
        let ended = await #expect(throws: ActionRefusal.self) { try await last.value }
        #expect(
            ended?.message.contains("ended before it took this") == true, "\(ended?.message ?? "")")
        await sender.close()
        _ = try await stage.advance(to: .migrate)
        #expect(try await stage.value("SELECT paused_by FROM lockkeeper.migrations") == nil)
    }

    @Test("two who start the same phase start it once, and not the one behind it")
    func atOnce() async throws {
        let stage = try await Stage.make()
        let engine = try await stage.open(stage.request { $0.isInteractive = true })
        let running = Task { await engine.run() }
        try await stage.until({ await engine.current.waiting == .phaseStart(.expand) })
        let offices = [
            try await Office.open(stage.settings), try await Office.open(stage.settings),
        ]
        let answers = await withTaskGroup(of: String?.self) { group in
            for office in offices {
                group.addTask {
                    do {
                        _ = try await office.send(.start(phase: .expand), to: "orders-status")
                        return nil
                    } catch { return "\(error)" }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let refusals = answers.compactMap { $0 }
        #expect(refusals.count == 1, "\(answers)")
        #expect(refusals.first?.contains("does not wait to be started") == true, "\(refusals)")
        try await stage.until({ await engine.current.waiting == .phaseStart(.migrate) })
        #expect(
            try await stage.value(
                "SELECT string_agg(subject, ',') FROM lockkeeper.approvals WHERE kind = 'phase'")
                == "expand")
        for office in offices { await office.close() }
        try await engine.perform(.stop)
        #expect(await running.value == .stopped)
    }

    @Test("takes over from an engine that stands still, whose sessions end; it can't come back")
    func takenOver() async throws {
        let stage = try await Stage.make()
        _ = try await stage.advance(to: .expand)
        let frozen = try await frozenEngine(on: stage, silentFor: 60)
        // A batch in hand that holds the fence, and a session that only has the mark.
        let worker = try await stage.connect()
        try await worker.run(
            "SELECT pg_advisory_lock_shared(\(JournalSchema.sessionClass), 1)", "BEGIN",
            "SELECT token FROM lockkeeper.fences FOR SHARE")
        let statuses = try await Office.open(stage.settings)
        let status = try #require(try await statuses.statuses().first)
        #expect(!status.engine.alive)
        #expect(status.sentence.contains("gives no sign of life for 1 min"), "\(status.sentence)")
        await statuses.close()

        let request = try stage.request {
            $0.takesOver = true
            $0.until = .migrate
        }
        #expect(try await stage.outcome(request) == .reached(.migrate))
        await #expect(throws: (any Error).self) { try await frozen.query("SELECT 1") }
        await #expect(throws: (any Error).self) { try await worker.query("COMMIT") }
    }

    @Test("taking over from an engine that is alive ends it, and it says so")
    func fenced() async throws {
        let stage = try await Stage.make(rows: 20000)
        let text =
            Stage.spec.replacing(
                "settings:", with: "settings:\n  backfill: {batch: 10ms, pause: 40ms}")
        let engine = try await stage.open(stage.request(text))
        let running = Task { await engine.run() }
        try await stage.until("EXISTS (SELECT FROM lockkeeper.backfills WHERE rows_filled > 0)")
        let next = try await stage.outcome(
            stage.request(text) {
                $0.takesOver = true
                $0.until = .backfill
            })
        #expect(next == .reached(.backfill))
        switch await running.value {
        case .failed(let message), .refused(let message):
            #expect(message.contains("lockkeeper"), "\(message)")
        case let other: Issue.record("it ended as \(other)")
        }
        #expect(
            try await stage.value("SELECT count(*) FROM orders WHERE status_v2 IS NULL") == "0")
    }

    @Test("a journal of before is read as it is, and brought up to date by who changes something")
    func olderJournal() async throws {
        let stage = try await Stage.make()
        _ = try await stage.outcome(stage.request { _ in })
        try await stage.run(
            "DROP TABLE lockkeeper.watchers",
            "ALTER TABLE lockkeeper.commands DROP COLUMN taken_at",
            "ALTER TABLE lockkeeper.engines DROP COLUMN report",
            "UPDATE lockkeeper.meta SET version = 1")
        let office = try await Office.open(stage.settings)
        #expect(
            try await office.statuses().first?.next == "lockkeeper advance orders-status 1.switch")
        try await watching(stage) { _, pictures in
            _ = try await picture(&pictures, "the gate") {
                if case .gate = $0.waiting { true } else { false }
            }
        }
        #expect(try await stage.value("SELECT version FROM lockkeeper.meta") == "1")
        _ = try await office.send(.advance(gate: "1.switch"), to: "orders-status")
        #expect(
            try await stage.value("SELECT version FROM lockkeeper.meta")
                == "\(JournalSchema.version)")
        await office.close()
        #expect(try await stage.finish() == .finished)
    }
}
