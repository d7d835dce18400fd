import Foundation
import Testing

@Suite("A run without a screen", .serialized)
struct RunTests {
    private static var rfc3339: Regex<Substring> { #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/# }

    @Test("plan shows every phase and changes nothing")
    func plan() async throws {
        let place = try await Workplace.make()
        let before = try await place.schema()
        let text = try await place.run("plan", place.spec)
        #expect(text.code == 0, "\(text)")
        for phase in ["1 Expand", "2 Migrate", "3 Backfill", "4 Switch", "5 Contract"] {
            #expect(text.output.contains(phase), "\(text)")
        }
        #expect(text.output.contains("Point of no return: 1.contract."), "\(text)")
        let json = try await place.run("plan", place.spec, "--format", "json")
        #expect(json.code == 0, "\(json)")
        let plan = try #require(JSON(json.output))
        #expect(plan["name"] == .string("orders-status"))
        let phases = try #require(plan["phases"]?.array)
        #expect(
            phases.compactMap { $0["phase"]?.string }
                == ["expand", "migrate", "backfill", "switch", "contract"])
        let steps = phases.flatMap { $0["steps"]?.array ?? [] }
        let last = try #require(plan["point_of_no_return"]?.string)
        #expect(steps.contains { $0["id"]?.string == last })
        // What the document says runs is what the page says runs.
        for statement in steps.flatMap({ $0["sql"]?.array ?? [] }).compactMap(\.string) {
            let first = statement.split(separator: "\n").first.map(String.init) ?? statement
            #expect(text.output.contains(first))
        }
        #expect(try await place.schema() == before)
        #expect(try await place.value("SELECT to_regnamespace('lockkeeper')::text") == nil)
    }

    @Test("stops at every gate with exit 3, and status says each time what to type")
    func gates() async throws {
        let place = try await Workplace.make(checklist: nil)
        // The checklist first: two items are open that nothing on this server can settle.
        let refused = try await place.run("run", place.spec, "--headless")
        #expect(refused.code == 4, "\(refused)")
        #expect(refused.errors.contains("--check rehearsed"), "\(refused)")
        var status = try await place.status()
        #expect(status["state"] == .string("waiting"))
        #expect(status["phase"] == .string("expand"))
        #expect(
            status["next"]
                == .string(
                    "lockkeeper run \(place.spec) --check rehearsed --check notified"), "\(status)")
        let begun = try #require(status["updated"]?.string)

        let unknown = try await place.run("run", place.spec, "--headless", "--check", "rehearsd")
        #expect(unknown.code == 4 && unknown.errors.contains("rehearsed"), "\(unknown)")

        let first = try await place.run(
            "run", place.spec, "--headless", "--check", "rehearsed", "--waive",
            "notified=nobody is awake")
        #expect(first.code == 3, "\(first)")
        #expect(first.output.contains("lockkeeper advance orders-status 1.switch"), "\(first)")
        status = try await place.status()
        #expect(status["state"] == .string("waiting"))
        #expect(status["phase"] == .string("switch"))
        #expect(status["step"] == .string("1.switch.gate"))
        #expect(status["next"] == .string("lockkeeper advance orders-status 1.switch"))
        #expect(status["engine"]?["alive"] == .bool(false))
        #expect(try #require(status["updated"]?.string) > begun, "it has gone on since")

        let other = try await place.run("advance", "orders-status", "1.contract")
        #expect(other.code == 4 && other.errors.contains("1.switch"), "\(other)")
        let passed = try await place.run("advance", "orders-status", "1.switch")
        #expect(passed.code == 0, "\(passed)")
        status = try await place.status()
        #expect(status["state"] == .string("interrupted"))
        #expect(status["next"] == .string("lockkeeper run \(place.spec)"))

        let second = try await place.run("run", place.spec, "--headless")
        #expect(second.code == 3 && second.output.contains("1.contract"), "\(second)")
        status = try await place.status()
        #expect(status["phase"] == .string("contract"))
        #expect(status["next"] == .string("lockkeeper advance orders-status 1.contract"))

        let third = try await place.run("run", place.spec, "--headless", "--approve", "1.contract")
        #expect(third.code == 3 && third.output.contains("quarantine"), "\(third)")
        status = try await place.status()
        #expect(status["state"] == .string("quarantined"))
        #expect(status["next"] == .string("lockkeeper purge orders-status"))
        let early = try await place.run("purge", "orders-status", "--yes", "orders-status")
        #expect(early.code == 3 && early.errors.contains("until"), "\(early)")

        let last = try await place.run(
            "run", place.spec, "--headless", "--approve", "all", "--purge")
        #expect(last.code == 0 && last.output.contains("finished"), "\(last)")
        status = try await place.status()
        #expect(status["state"] == .string("finished"))
        #expect(status["next"] == .string(""))
        #expect(try await place.leftovers() == nil)
        let differing = try await place.value(
            "SELECT count(*) FROM orders WHERE status_v2 <> upper(status_v2)")
        #expect(differing == "0")

        let again = try await place.run("run", place.spec, "--headless")
        #expect(again.code == 0 && (again.output + again.errors).contains("finished"), "\(again)")
    }

    @Test("--until stops at the end of each phase with exit 0")
    func until() async throws {
        let place = try await Workplace.make()
        for phase in ["expand", "migrate", "backfill", "switch", "contract"] {
            let ended = try await place.run(
                "run", place.spec, "--headless", "--approve", "all", "--until", phase)
            #expect(ended.code == 0, "\(phase): \(ended)")
            let status = try await place.status()
            let expected = phase == "contract" ? "quarantined" : "interrupted"
            #expect(status["state"] == .string(expected), "\(phase): \(status)")
            // What was asked for is done, so asking again does nothing more.
            let again = try await place.run(
                "run", place.spec, "--headless", "--approve", "all", "--until", phase)
            #expect(again.code == 0, "\(phase): \(again)")
        }
        // The old column is out of sight and in sync.
        let hidden = try await place.value(
            """
            SELECT count(*) FROM pg_attribute
             WHERE attrelid = 'orders'::regclass AND attname LIKE 'lk%' AND NOT attisdropped
            """)
        #expect(hidden == "1")
    }

    @Test("--format json prints one object a line, each with time, migration and event")
    func lines() async throws {
        let place = try await Workplace.make()
        let ended = try await place.run(
            "run", place.spec, "--headless", "--format", "json", "--approve", "all", "--purge")
        #expect(ended.code == 0, "\(ended)")
        let events = ended.events()
        for event in events {
            #expect(event["migration"] == .string("orders-status"), "\(event)")
            let time = try #require(event["time"]?.string)
            #expect(time.wholeMatch(of: Self.rfc3339) != nil, "\(time)")
            #expect(event["event"]?.string?.isEmpty == false, "\(event)")
            #expect(event["phase"] != nil && event["step"] != nil, "\(event)")
        }
        let kinds = events.compactMap { $0["event"]?.string }
        #expect(kinds.filter { $0 == "phase_started" }.count == 5)
        #expect(kinds.filter { $0 == "phase_finished" }.count == 5)
        #expect(kinds.last == "finished")
        let batches = events.filter { $0["event"] == .string("batch") }
        try #require(!batches.isEmpty)
        var done = 0.0
        for batch in batches {
            #expect(batch["table"] == .string("public.orders"))
            #expect(batch["unit"] == .string("blocks"))
            #expect(batch["rows"]?.number != nil && batch["batch_ms"]?.number != nil)
            #expect(batch["eta_seconds"] != nil && batch["rows_per_second"] != nil)
            #expect(try #require(batch["done"]?.number) >= done)
            done = batch["done"]?.number ?? 0
        }
        #expect(batches.last?["total"]?.number == done)
        for gate in events where gate["event"] == .string("gate") {
            #expect(gate["gate"]?.string != nil && gate["text"]?.string != nil, "\(gate)")
            #expect(gate["evidence"]?.array != nil && gate["approvals"]?.number != nil, "\(gate)")
        }
    }

    @Test("a gate's event names its gate, phase and step")
    func gateEvent() async throws {
        let place = try await Workplace.make()
        let ended = try await place.run("run", place.spec, "--headless", "--format", "json")
        #expect(ended.code == 3, "\(ended)")
        let gate = try #require(ended.events().last { $0["event"] == .string("gate") })
        #expect(gate["gate"] == .string("1.switch"))
        #expect(gate["phase"] == .string("switch"))
        #expect(gate["step"] == .string("1.switch.gate"))
        // Standard output is for the objects alone.
        #expect(ended.errors.contains("advance orders-status 1.switch"), "\(ended)")
    }

    @Test("history tells it in three formats, and uninstall waits for the end")
    func history() async throws {
        let place = try await Workplace.make()
        let empty = try await place.run("status")
        #expect(empty.code == 0 && empty.output.contains("No migration"), "\(empty)")
        let first = try await place.run("run", place.spec, "--headless")
        #expect(first.code == 3, "\(first)")
        let early = try await place.run("uninstall")
        #expect(early.code == 4 && early.errors.contains("orders-status"), "\(early)")
        let last = try await place.run(
            "run", place.spec, "--headless", "--approve", "all", "--purge")
        #expect(last.code == 0, "\(last)")

        let text = try await place.run("history", "orders-status")
        #expect(text.code == 0 && text.output.contains("Finished"), "\(text)")
        let json = try await place.run("history", "--format", "json")
        let entries = try #require(JSON(json.output)?.array)
        #expect(entries.count == text.output.split(separator: "\n").count)
        for entry in entries {
            #expect(entry["at"]?.string != nil && entry["by"]?.string != nil, "\(entry)")
        }
        #expect(entries.contains { $0["event"] == .string("finished") })
        let markdown = try await place.run("history", "--format", "markdown")
        #expect(markdown.output.hasPrefix("# orders-status: finished\n"), "\(markdown)")
        #expect(markdown.output.contains("**Next:** nothing is left to do."), "\(markdown)")

        let gone = try await place.run("uninstall")
        #expect(gone.code == 0, "\(gone)")
        #expect(try await place.value("SELECT to_regnamespace('lockkeeper')::text") == nil)
        let twice = try await place.run("uninstall")
        #expect(twice.code == 0, "\(twice)")
    }
}
