import Foundation
import Postgres
import Testing

@Suite("What is handed over", .serialized)
struct HandoverTests {
    private static let spec = """
        settings: {quarantine: 24h}
        gates:
          1.switch: {text: "Deploy the | version \\u001b[31m that uses `status_v2`", approvals: 2}
        """

    @Test("history --format markdown tells where it stands, who did what, and what to type next")
    func handover() async throws {
        let place = try await Workplace.make(
            settings: Self.spec,
            checklist: "checklist: [{id: told, text: Team told}, {id: checked, text: It's checked}]"
        )
        let first = try await place.run(
            "run", place.spec, "--headless", "--check", "told", "--waive",
            "checked=nobody | else\u{1B}[2J is *on* call", "--approve", "all")
        #expect(first.code == 3, "\(first)")
        #expect(first.output.contains("asks for 2 people, and 1 has said so"), "\(first)")
        #expect(!first.output.contains("\u{1B}"), "an escape reached standard output")
        #expect(try await place.run("pause", "orders-status").code == 0)
        #expect(try await place.run("resume", "orders-status").code == 0)
        #expect(try await place.run("set", "orders-status", "backfill.batch=90ms").code == 0)
        let second = try await Program.run([
            "advance", "orders-status", "1.switch", "--dsn",
            place.shop.server.dsn(database: place.shop.database),
        ])
        #expect(second.code == 0, "\(second)")
        let rest = try await place.run("run", place.spec, "--headless", "--approve", "all")
        #expect(rest.code == 3, "\(rest)")

        let page = try await place.run("history", "orders-status", "--format", "markdown")
        #expect(page.code == 0, "\(page)")
        let text = page.output
        for part in [
            "# orders-status: quarantined", "Orders get a longer status, in capitals",
            "**Type next:** `lockkeeper purge orders-status`", "**In quarantine:**",
            "**Run by:** shop (", "**Worst wait that we caused:**",
            "1. replace public.orders.status", "A rollback keeps:", "| Expand | 2", "| Contract |",
            "passed by shop (", "passed by postgres (", "another database user",
            "| told: Team told | ticked | shop (", "**waived**", "## Pauses and waits",
            "Paused by shop (", "sets backfill.batch to 90ms",
        ] {
            #expect(text.contains(part), "no \"\(part)\" in\n\(text)")
        }
        // Text from elsewhere stays text: no cell more, no emphasis, no code, no escape.
        #expect(text.contains("nobody \\| else␛\\[2J is \\*on\\* call"), "\(text)")
        #expect(
            text.contains("Deploy the \\| version ␛\\[31m that uses \\`status_v2\\`"), "\(text)")
        for line in text.split(separator: "\n") where line.hasPrefix("| ") {
            let bars = line.replacing("\\|", with: "").count { $0 == "|" }
            #expect([5, 6].contains(bars), "\(line)")
        }
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
        let plain = try await place.run("history", "orders-status")
        #expect(!plain.output.contains("\u{1B}"), "an escape reached standard output")
        let json = try await place.run("history", "orders-status", "--format", "json")
        #expect(JSON(json.output)?.array?.isEmpty == false)
        let unknown = try await place.run("history", "nobody", "--format", "markdown")
        #expect(unknown.code == 4, "\(unknown)")

        let back = try await place.run(
            "rollback", "orders-status", "--yes", "orders-status", "--approve", "all")
        #expect(back.code == 0, "\(back)")
        let after = try await place.run("history", "orders-status", "--format", "markdown").output
        #expect(after.contains("# orders-status: rolled back"), "\(after)")
        #expect(after.contains("**Next:** nothing is left to do."), "\(after)")
        #expect(!after.contains("In quarantine"), "\(after)")
    }

    @Test("a checklist item that the engine found settled is not handed over as open")
    func evidence() async throws {
        let place = try await Workplace.make(checklist: nil)
        let server = ["--dsn", place.shop.server.dsn(database: place.shop.database)]
        let run = try await Program.run(
            ["run", place.spec, "--headless", "--check", "rehearsed,notified"] + server)
        #expect(run.code == 3, "\(run)")
        let page = try await Program.run(
            ["history", "orders-status", "--format", "markdown"] + server
        ).output
        #expect(
            page.contains(
                "| monitored: Monitoring in place for query performance | found by the program |"),
            "\(page)")
        #expect(!page.contains("**open**"), "\(page)")
    }

    @Test("NDJSON tells of a gate how many have said so, how many are wanted, and who")
    func gateEvent() async throws {
        let place = try await Workplace.make(settings: Self.spec)
        let run = try await place.run(
            "run", place.spec, "--headless", "--format", "json", "--approve", "all")
        #expect(run.code == 3, "\(run)")
        let gates = run.output.split(separator: "\n").compactMap { JSON(String($0)) }
            .filter { $0["event"] == .string("gate") }
        let last = try #require(gates.last)
        #expect(last["approvals"] == .number(1), "\(gates)")
        #expect(last["approvals_needed"] == .number(2))
        #expect(last["approved_by"]?.array?.count == 1)
    }
}
