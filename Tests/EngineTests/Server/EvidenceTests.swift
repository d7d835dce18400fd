import Foundation
import Migration
import Postgres
import Testing

@testable import Engine

/// What the checklist finds by itself, and who is told.
@Suite("Evidence before a run, and its news", .fewAtATime)
struct EvidenceTests {
    static func spec(
        checklist: String = "[{id: rehearsed, text: Rehearsed}]", notify: String = "[]",
        settings: String = "{throttle: {replication_lag: null}}"
    ) -> String {
        """
        name: orders-status
        operations:
          - replace_column:
              table: orders
              column: status
              with: {name: status_v2, type: varchar(50)}
              up: upper(status)
              down: lower(status_v2)
              unrepresentable: reject
        settings: \(settings)
        notify: \(notify)
        checklist: \(checklist)
        """
    }

    private func dsn(_ stage: Stage) -> String {
        stage.server.dsn(database: stage.database)
    }

    func run(
        _ stage: Stage, _ text: String, _ change: (inout RunRequest) -> Void = { _ in }
    )
        async throws -> Outcome
    {
        try await stage.outcome(
            stage.request(text) {
                $0.until = .expand
                change(&$0)
            })
    }

    func words(_ outcome: Outcome) -> String {
        if case .refused(let text) = outcome { text } else { "\(outcome)" }
    }

    // MARK: a rehearsal

    @Test("a finished rehearsal of the same spec on enough rows counts, and goes on counting")
    func rehearsal() async throws {
        let staging = try await Stage.make(rows: 600)
        let live = try await Stage.make(rows: 1000)
        let text = Self.spec()
        #expect(words(try await run(live, text)).contains("rehearsed: no rehearsal is named"))

        // Begun, but not at its end.
        _ = try await staging.outcome(
            staging.request(text) {
                $0.checks = ["rehearsed"]
                $0.until = .migrate
                $0.approvesEveryGate = true
            })
        await #expect(throws: OpeningError.self) {
            _ = try await RehearsalReader(source: dsn(staging)).read(
                identity: Spec.parse(text: text, file: "a.yaml").identity)
        }
        #expect(try await staging.finish(text) == .finished)

        let outcome = try await run(live, text) { $0.evidence = self.dsn(staging) }
        #expect(outcome == .reached(.expand), "\(outcome)")
        // The journal keeps it: the run goes on without the rehearsal.
        #expect(try await live.advance(to: .migrate, text) == .reached(.migrate))
        let event = try await live.value(
            "SELECT text FROM lockkeeper.events WHERE kind = 'checklist' AND text LIKE 'rehearsed: rehearsed in%'"
        )
        #expect(event?.contains("with 60 % of the rows") == true, "\(event ?? "no event")")
    }

    @Test(
        "a rehearsal on too few rows, of another spec, or of none, leaves the item open and says why"
    )
    func poorRehearsal() async throws {
        let staging = try await Stage.make(rows: 300)
        let live = try await Stage.make(rows: 1000)
        let asked = Self.spec(checklist: "[{id: rehearsed, text: Rehearsed, rows: 80%}]")
        let nobody = await #expect(throws: OpeningError.self) {
            _ = try await run(live, asked) { $0.evidence = self.dsn(staging) }
        }
        #expect(nobody?.description.contains("no journal") == true)
        #expect(
            try await staging.outcome(
                staging.request(asked) {
                    $0.checks = ["rehearsed"]
                    $0.approvesEveryGate = true
                }) != .finished)
        let few = try await run(live, asked) { $0.evidence = self.dsn(staging) }
        #expect(words(few).contains("had 30 % of the rows, and 80 % are asked for"), "\(few)")

        let office = try await Office.open(staging.settings)
        var rehearsal = try await office.rehearsal("orders-status")
        await office.close()
        #expect(rehearsal.isBeforePurge)
        rehearsal.specHash = "00"
        let file = FileManager.default.temporaryDirectory.appending(
            path: "rehearsal-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        try CompactJSON.encode(rehearsal).write(to: file, atomically: true, encoding: .utf8)
        let other = try await run(live, asked) { $0.evidence = file.path }
        #expect(words(other).contains("is another spec"), "\(other)")
        rehearsal.seconds["1.backfill.fill"] = 1e300
        try CompactJSON.encode(rehearsal).write(to: file, atomically: true, encoding: .utf8)
        let long = try await run(live, asked) { $0.evidence = file.path }
        #expect(words(long).contains("nothing takes as long"), "\(long)")
        try "{}".write(to: file, atomically: true, encoding: .utf8)
        let bad = try await run(live, asked) { $0.evidence = file.path }
        #expect(words(bad).contains("history NAME --format rehearsal"), "\(bad)")
    }

    @Test("rows are those that are there, not those of old statistics")
    func oldStatistics() async throws {
        let staging = try await Stage.make(rows: 100)
        let live = try await Stage.make(rows: 100)
        for stage in [staging, live] {
            try await stage.run("ALTER TABLE orders SET (autovacuum_enabled = off)")
        }
        try await live.run("INSERT INTO orders (status) SELECT 'new' FROM generate_series(1, 900)")
        let text = Self.spec()
        #expect(
            try await staging.outcome(
                staging.request(text) {
                    $0.checks = ["rehearsed"]
                    $0.approvesEveryGate = true
                    $0.purgesAtOnce = true
                }) == .finished)
        let grown = try await run(live, text) { $0.evidence = self.dsn(staging) }
        #expect(words(grown).contains("had 10 % of the rows"), "\(grown)")

        let emptied = try await Stage.make(rows: 1000)
        try await emptied.run(
            "ALTER TABLE orders SET (autovacuum_enabled = off)", "DELETE FROM orders")
        #expect(
            try await emptied.outcome(
                emptied.request(text) {
                    $0.checks = ["rehearsed"]
                    $0.approvesEveryGate = true
                    $0.purgesAtOnce = true
                }) == .finished)
        let none = try await run(live, text) { $0.evidence = self.dsn(emptied) }
        #expect(words(none).contains("had 0 % of the rows"), "\(none)")
    }

    @Test("a rehearsal of a plan that only makes tables counts")
    func newTables() async throws {
        let text = """
            name: notes
            operations:
              - create_table: {table: notes, columns: [{name: id, type: bigint, nullable: false}], constraints: [{primary_key: [id]}]}
            checklist: [{id: rehearsed, text: Rehearsed}]
            """
        let staging = try await Stage.make(rows: 0)
        let live = try await Stage.make(rows: 0)
        #expect(
            try await staging.outcome(staging.request(text) { $0.checks = ["rehearsed"] })
                == .finished)
        let outcome = try await run(live, text) { $0.evidence = self.dsn(staging) }
        #expect(outcome == .reached(.expand), "\(outcome)")
    }

    @Test("a journal that somebody has locked is not waited for", .timeLimit(.minutes(1)))
    func lockedJournal() async throws {
        let staging = try await Stage.make(rows: 10)
        let text = Self.spec(checklist: "[]")
        #expect(try await staging.finish(text) == .finished)
        let other = try await staging.connect()
        try await other.run("BEGIN", "LOCK TABLE lockkeeper.migrations IN ACCESS EXCLUSIVE MODE")
        let identity = try Spec.parse(text: text, file: "a.yaml").identity
        let error = await #expect(throws: ServerError.self) {
            _ = try await RehearsalReader(source: dsn(staging)).read(identity: identity)
        }
        #expect(error?.sqlState == .lockNotAvailable)
        await other.close()
    }

    @Test("a plan reckons with a rehearsal, by the size of the table")
    func reckoned() async throws {
        let staging = try await Stage.make(rows: 2000)
        let live = try await Stage.make(rows: 4000)
        let text = Self.spec(checklist: "[]")
        #expect(try await staging.finish(text) == .finished)
        let spec = try Spec.parse(text: text, file: "orders-status.yaml")
        let (plan, facts) = try await Engine.plan(
            spec, live.settings, evidence: dsn(staging))
        let seconds = try #require(facts.surroundings.rehearsal?.seconds["1.backfill.fill"])
        let estimate = try #require(plan.step("1.backfill.fill")?.estimate)
        #expect(try #require(estimate.seconds) > seconds)
        #expect(estimate.basis.contains("in the rehearsal in \(staging.database) on"))
    }

    @Test("monitoring is in place where statements are tracked; a hint where nobody counts them")
    func monitored() async throws {
        let stage = try await Stage.make(rows: 10)
        let item = Self.spec(checklist: "[{id: monitored, text: Monitored}]")
        try await stage.run(
            "ALTER DATABASE \(Identifier(stage.database)) SET track_activities = off")
        let blind = try await run(stage, item)
        #expect(words(blind).contains("track_activities is off"), "\(blind)")
        try await stage.run("ALTER DATABASE \(Identifier(stage.database)) RESET track_activities")
        #expect(try await run(stage, item) == .reached(.expand))
        #expect(
            try await stage.value(
                "SELECT text FROM lockkeeper.events WHERE text LIKE 'monitored:%' ORDER BY id DESC LIMIT 1"
            )?.contains("pg_stat_statements is not installed") == true)
    }

    // MARK: who is told

    @Test("a command that ends well is the evidence that the team was told; it gets the event")
    func told() async throws {
        let stage = try await Stage.make(rows: 50)
        let file = FileManager.default.temporaryDirectory.appending(
            path: "told-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        let text = Self.spec(
            checklist: "[{id: notified, text: Told}]",
            notify: "['echo $LOCKKEEPER_EVENT $(cat) >> \(file.path)']")
        #expect(try await run(stage, text) == .reached(.expand))
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        #expect(lines.first?.hasPrefix("checklist {") == true)
        #expect(lines.first?.contains("replace public.orders.status") == true)
        #expect(lines.contains { $0.hasPrefix("phase_started {") })
        #expect(
            try await stage.value(
                "SELECT reason FROM lockkeeper.approvals WHERE kind = 'evidence'")?
                .hasPrefix("told by echo") == true)
    }

    @Test("a command that ends well may say much about it")
    func wordy() async throws {
        let stage = try await Stage.make(rows: 50)
        let text = Self.spec(
            checklist: "[{id: notified, text: Told}]",
            notify: "['head -c 100000 /dev/zero >&2']")
        #expect(try await run(stage, text) == .reached(.expand))
    }

    @Test("a command that fails, or hangs, leaves the item open with its words and stalls nothing")
    func notTold() async throws {
        let stage = try await Stage.make(rows: 50)
        let item = "[{id: notified, text: Told}]"
        let failing = try await run(
            stage, Self.spec(checklist: item, notify: "['echo no mail here >&2; exit 3']"))
        #expect(words(failing).contains("no mail here"), "\(failing)")
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: file) }
        let hanging = Self.spec(
            checklist: item, notify: "['sleep 1000 & echo $! > \(file.path); wait']")
        let refused = try await run(stage, hanging) { $0.notifyPatience = .milliseconds(300) }
        #expect(words(refused).contains("wait: ended after 0.3 seconds"), "\(refused)")
        let text = try String(contentsOf: file, encoding: .utf8)
        let child = try #require(Int32(text.trimmingCharacters(in: .newlines)))
        // What the shell had started is gone with it.
        try await stage.until { kill(child, 0) != 0 }
        // Ticked by hand it runs to its end, though every one of its news hangs.
        let outcome = try await stage.outcome(
            stage.request(hanging) {
                $0.checks = ["notified"]
                $0.approvesEveryGate = true
                $0.purgesAtOnce = true
                $0.notifyPatience = .milliseconds(300)
            })
        #expect(outcome == .finished)
    }

    @Test("a stop ends a command that hangs before Expand, and is not kept waiting by it")
    func stoppedWhileTelling() async throws {
        let stage = try await Stage.make(rows: 50)
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: file) }
        let request = try stage.request(
            Self.spec(
                checklist: "[{id: notified, text: Told}]",
                notify: "['sleep 1000 & echo $! > \(file.path); wait']")
        ) {
            $0.notifyPatience = .seconds(600)
        }
        let engine = try await stage.open(request)
        async let outcome = engine.run()
        try await stage.until {
            (try? String(contentsOf: file, encoding: .utf8))?.hasSuffix("\n") == true
        }
        let text = try String(contentsOf: file, encoding: .utf8)
        let child = try #require(Int32(text.trimmingCharacters(in: .newlines)))
        try await engine.perform(.stop)
        #expect(await outcome == .stopped)
        try await stage.until { kill(child, 0) != 0 }
        #expect(
            try await stage.value(
                "SELECT count(*) FROM lockkeeper.approvals WHERE kind = 'evidence'") == "0")
    }

    @Test("a long pause is told once")
    func longPause() async throws {
        let stage = try await Stage.make(rows: 50)
        let request = try stage.request(Self.spec(checklist: "[]")) {
            $0.approvesEveryGate = true
            $0.until = .backfill
            $0.waits = true
            $0.longPauseSeconds = 0.5
        }
        let engine = try await stage.open(request)
        try await engine.perform(.pause)
        async let outcome = engine.run()
        try await stage.until(
            "EXISTS (SELECT FROM lockkeeper.events WHERE kind = 'long_pause' AND text LIKE 'Standing still for %: paused by %')"
        )
        try await engine.perform(.resume)
        #expect(await outcome == .reached(.backfill))
        #expect(
            try await stage.value(
                "SELECT count(*) FROM lockkeeper.events WHERE kind = 'long_pause'") == "1")
    }
}
