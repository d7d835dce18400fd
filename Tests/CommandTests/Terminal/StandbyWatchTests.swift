import Foundation
import Sandbox
import Testing

@Suite("A watch on a standby", .serialized)
struct StandbyWatchTests {
    @Test(
        "looks each refresh, says that nothing can be asked for there, and acts through --primary",
        .timeLimit(.minutes(10)))
    func watches() async throws {
        try await Workplace.withStandby(
            rows: 20000, settings: "settings: {backfill: {batch: 10ms, pause: 400ms}}"
        ) {
            place, standby in
            try await watch(place, on: standby)
        }
    }

    private func watch(_ place: Workplace, on standby: SandboxServer) async throws {
        let running = try await place.start("run", place.spec, "--headless", "--wait")
        try await running.line(with: "batch")
        // The journal is there once the standby has replayed it.
        let there = standby.dsn(database: place.shop.database, user: "shop")
        _ = try await waited {
            try await Program.run(["status", "--dsn", there]).output.contains("orders-status")
                ? true : nil
        }
        let line = [Program.path, "watch", "orders-status", "--refresh", "250ms", "--dsn", there]
            .map(shellQuoted).joined(separator: " ")
        try await Tmux.run(columns: 160, rows: 40) { terminal in
            try await terminal.shell(line)
            try await terminal.wait(for: "standby")
            // A bar that moves: what is looked at is not one picture.
            let first = try await terminal.wait("a bar") { blocks($0) != nil }
            try await terminal.wait("a bar that moved") {
                blocks($0).map { $0 > blocks(first) ?? 0 } ?? false
            }
            try await terminal.press("p")
            try await terminal.wait(for: "This server is a standby, on which nothing can be asked")
            #expect(try await place.value("SELECT count(*) FROM lockkeeper.commands") == "0")
            try await terminal.press("q")
            _ = try await terminal.exit()

            try await terminal.shell("\(line) --primary \(shellQuoted(place.dsn))")
            try await terminal.wait(for: "standby")
            try await terminal.press("p")
            try await running.line(with: "paused")
            try await terminal.wait(for: "Paused by shop")
            try await terminal.press("p")
            try await running.line(with: "resumed")
            try await terminal.wait(untilGone: "Paused by shop")
            try await terminal.press("q")
            #expect(try await terminal.exit().code == 0)
        }
        running.signal(SIGTERM)
        #expect(try await running.end().code == 143)
    }

    private func blocks(_ screen: String) -> Int? {
        screen.firstMatch(of: #/([1-9][\d,]*) of [\d,]+ blocks/#)
            .flatMap { Int($0.output.1.replacing(",", with: "")) }
    }
}
