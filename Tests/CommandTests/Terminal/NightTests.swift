import Foundation
import Postgres
import Sandbox
import Testing

/// The scenes of DESIGN.md, "The night it is for", by keys: those that no other suite walks.
@Suite("The night", .serialized)
struct NightTests {
    @Test(
        "a query in the way of the ALTER is named, the application is not stalled, and c ends it",
        .timeLimit(.minutes(5)))
    func cancels() async throws {
        let place = try await Workplace.make()
        let holder = try await Connection.open(
            place.shop.ownerSettings.adding([("application_name", "nightly-report")]))
        let reading = Task {
            try await holder.query("SELECT count(*), pg_sleep(600) FROM orders GROUP BY status")
        }
        let pid = holder.backendPID
        try await Tmux.run(columns: 160, rows: 40) { terminal in
            try await terminal.shell(place.line("run", place.spec))
            try await terminal.wait(for: "a starts Expand")
            try await terminal.press("a")
            try await terminal.wait(for: "y starts Expand")
            try await terminal.press("y")
            let screen = try await terminal.wait(for: "1 session behind pid \(pid)")
            for words in [
                "not asking yet for ACCESS EXCLUSIVE on public.orders", "nobody waits for us",
                "nightly-report", "holds ACCESS SHARE", "pg_sleep(600)",
            ] {
                #expect(screen.contains(words), "no \"\(words)\" in\n\(screen)")
            }
            // What the application does meanwhile waits for nobody.
            try await place.execute(
                "SET statement_timeout = '2s'",
                "UPDATE orders SET status = status WHERE id = (SELECT min(id) FROM orders)")
            try await terminal.press("3", "c")
            try await terminal.wait(for: "SELECT pg_cancel_backend(\(pid))")
            try await terminal.press("Enter")
            try await terminal.wait(for: "Enter alone confirms nothing")
            try await terminal.press("y")
            let error = await #expect(throws: ServerError.self) { try await reading.value }
            #expect(error?.sqlState == .queryCanceled)
            try await terminal.wait(for: "a starts Migrate")
            try await terminal.press("q")
            try await terminal.wait(for: "y stops and leaves")
            try await terminal.press("y")
            _ = try await terminal.exit()
        }
        await holder.close()
    }

    @Test(
        "a replica that lags holds the fill: reason, gauge and the window's end are on the screen",
        .timeLimit(.minutes(10)))
    func lags() async throws {
        let closes = Date().addingTimeInterval(7200).ISO8601Format()
        let settings = """
            settings:
              backfill: {batch: 10ms, pause: 500ms}
              throttle: {replication_lag: 2s}
              window: {closes: \(closes)}
            """
        try await Workplace.withStandby(rows: 20000, settings: settings) { place, standby in
            try await fill(place, on: standby)
        }
    }

    private func fill(_ place: Workplace, on standby: SandboxServer) async throws {
        let first = try await place.run("run", place.spec, "--headless", "--until", "migrate")
        #expect(first.code == 0, "\(first)")
        let there = try await standby.connect()
        try await Tmux.run(columns: 160, rows: 40) { terminal in
            try await place.startFill(on: terminal)
            try await there.query("SELECT pg_wal_replay_pause()")
            let held = try await terminal.wait(for: "stands: replica standby1 is", upTo: 120)
            #expect(held.contains("limit 2 s"), "\(held)")
            #expect(held.contains("window closes"), "\(held)")
            #expect(held.contains("lag standby1"), "\(held)")
            try await there.query("SELECT pg_wal_replay_resume()")
            let moving = try await terminal.wait(
                "a fill that goes on, with its end", upTo: 120
            ) { !$0.contains("stands: replica") && $0.contains("before the window closes") }
            #expect(moving.contains("rows/s"), "\(moving)")
            try await terminal.press("C-c")
            _ = try await terminal.exit()
        }
        await there.close()
    }

    @Test(
        "the laptop dies in the fill: somebody else carries on from the row where it stopped",
        .timeLimit(.minutes(5)))
    func carriesOn() async throws {
        let place = try await Workplace.make(
            rows: 20000, settings: "settings: {backfill: {batch: 10ms, pause: 300ms}}")
        let first = try await place.run("run", place.spec, "--headless", "--until", "migrate")
        #expect(first.code == 0, "\(first)")
        var reached = 0
        try await Tmux.run(columns: 120, rows: 40) { terminal in
            try await place.startFill(on: terminal)
            let pid = try #require(try await place.status()["engine"]?["pid"]?.number)
            reached = blocks(try await terminal.wait("some blocks") { (blocks($0) ?? 0) > 5 }) ?? 0
            kill(Int32(pid), SIGKILL)
            #expect(try await terminal.exit().code == 137)
        }
        try await Tmux.run(columns: 120, rows: 40) { terminal in
            try await terminal.shell(place.line("watch"))
            try await terminal.wait(for: "No engine runs it. T takes over, where it stopped")
            try await terminal.press("T")
            try await terminal.wait(for: "y takes over")
            try await terminal.press("y")
            let next = try await terminal.wait("the bar of the new engine") {
                $0.contains("▶ running") && blocks($0) != nil
            }
            #expect((blocks(next) ?? 0) >= reached, "\(reached) blocks were done:\n\(next)")
            try await terminal.wait(for: "a starts Switch")
            try await terminal.press("q")
            try await terminal.wait(for: "y stops and leaves")
            try await terminal.press("y")
            _ = try await terminal.exit()
        }
        #expect(
            try await place.value(
                "SELECT count(*) FROM orders WHERE status_v2 IS DISTINCT FROM upper(status)") == "0"
        )
    }

    private func blocks(_ screen: String) -> Int? {
        screen.firstMatch(of: #/([1-9][\d,]*) of [\d,]+ blocks/#)
            .flatMap { Int($0.output.1.replacing(",", with: "")) }
    }
}
