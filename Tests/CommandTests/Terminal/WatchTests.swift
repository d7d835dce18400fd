import Foundation
import Postgres
import Testing

@Suite("A second operator's watch", .serialized)
struct WatchTests {
    private static let twoPeople = """
        settings: {backfill: {batch: 10ms, pause: 30ms}}
        gates: {1.switch: {text: Deployed, approvals: 2}}
        """

    @Test("sees what the engine does, pauses it, and is seen; the second person passes the gate")
    func steers() async throws {
        let place = try await Workplace.make(rows: 20000, settings: Self.twoPeople)
        let running = try await place.start("run", place.spec, "--headless", "--wait")
        try await running.line(with: "batch")
        try await Tmux.run(columns: 160, rows: 40) { terminal in
            try await terminal.shell(place.line("watch"))
            try await terminal.wait("a moving bar") { $0.contains(#/[1-9]\d* of \d+ blocks/#) }
            try await terminal.press("p")
            try await terminal.wait(for: "Paused by shop")
            try await running.line(with: "paused")
            let seen = try await place.run("status")
            #expect(seen.output.contains("watching: shop ("), "\(seen)")
            try await terminal.press("p")
            try await running.line(with: "resumed")
            try await terminal.wait(for: "a passes it")
            try await terminal.press("a")
            try await terminal.wait(for: "y it is so")
            try await terminal.press("y")
            try await terminal.wait(for: "1 of 2 said so: shop (")
            // The same person again is told why not.
            try await terminal.press("a")
            try await terminal.wait(for: "asks for 2 people")
            try await terminal.press("y")
            try await terminal.wait(for: "has said so already")
            let second = try await Program.run([
                "advance", "orders-status", "1.switch", "--dsn",
                place.shop.server.dsn(database: place.shop.database),
            ])
            #expect(second.code == 0, "\(second)")
            try await terminal.wait(for: "Gate 1.contract")
            try await terminal.press("q")
            #expect(try await terminal.exit().code == 0)
        }
        let status = try await place.run("status")
        #expect(status.output.contains("gate 1.switch: postgres ("), "\(status)")
        #expect(status.output.contains("another database user"), "\(status)")
        #expect(!status.output.contains("watching:"), "\(status)")
        running.signal(SIGTERM)
        #expect(try await running.end().code == 143)
    }

    @Test("shows a command that a frozen engine does not take, withdraws it, and takes over")
    func takesOver() async throws {
        let place = try await Workplace.make(rows: 20000, settings: Workplace.slowFill)
        let running = try await place.start("run", place.spec, "--headless", "--wait")
        try await running.line(with: "batch")
        running.signal(SIGSTOP)
        try await Tmux.run(columns: 160, rows: 40) { terminal in
            try await terminal.shell(place.line("watch", "--refresh", "250ms"))
            try await terminal.wait(for: "orders-status")
            let sending = Task { try await place.run("pause", "orders-status") }
            try await terminal.wait(for: "the engine has not taken it; w withdraws it")
            let asked = try await place.run("status")
            #expect(asked.output.contains("pause, by shop ("), "\(asked)")
            #expect(asked.output.contains("not taken yet"), "\(asked)")
            try await terminal.press("w")
            let withdrawn = try await sending.value
            #expect(withdrawn.code == 4 && withdrawn.errors.contains("withdrawn"), "\(withdrawn)")
            try await terminal.wait(untilGone: "w withdraws it")
            try await terminal.wait(for: "gives no sign of life", upTo: 30)
            try await terminal.press("T")
            try await terminal.wait(for: "y takes over")
            try await terminal.press("y")
            // The phase has begun: it goes on by itself, from the row where it stopped.
            try await terminal.wait("the bar of an engine of its own", upTo: 30) {
                $0.contains(#/[1-9]\d* of \d+ blocks/#) && !$0.contains("no sign of life")
                    && !$0.contains("engine on")
            }
            // The one that stood still wakes up and finds that it is no longer the one.
            running.signal(SIGCONT)
            let ended = try await running.end()
            #expect(ended.code == 1 || ended.code == 4, "\(ended)")
            #expect(
                ended.errors.contains("taken this migration over")
                    || ended.errors.contains("An engine runs"), "\(ended)")
            try await terminal.wait(for: "a starts Switch")
            try await terminal.press("q")
            try await terminal.wait(for: "y stops and leaves")
            try await terminal.press("y")
            _ = try await terminal.exit()
        }
        let rest = try await place.run("run", place.spec, "--headless", "--until", "switch")
        #expect(rest.code == 3, "\(rest)")
        #expect(
            try await place.value(
                "SELECT count(*) FROM orders WHERE status_v2 IS DISTINCT FROM upper(status)") == "0"
        )
    }

    @Test("a typed rollback is withdrawn before it starts, and while the engine has not taken it")
    func withdrawsRollback() async throws {
        let place = try await Workplace.make(rows: 20000, settings: Workplace.slowFill)
        let running = try await place.start("run", place.spec, "--headless", "--wait")
        try await running.line(with: "batch")
        try await Tmux.run(columns: 160, rows: 40) { terminal in
            func typeRollback() async throws {
                try await terminal.press("R")
                try await terminal.wait(for: "undo everything")
                try await terminal.press("End", "Enter")
                try await terminal.wait(for: "Type orders-status to roll back")
                try await terminal.type("orders-status")
            }
            try await terminal.shell(place.line("watch", "--refresh", "250ms"))
            try await terminal.wait("a moving bar") { $0.contains(#/[1-9]\d* of \d+ blocks/#) }
            try await typeRollback()
            try await terminal.press("Enter")
            try await terminal.wait(for: "The rollback starts in")
            try await terminal.press("Escape")
            try await terminal.wait(for: "the rollback is withdrawn: nothing was changed")
            try await typeRollback()
            running.signal(SIGSTOP)
            try await terminal.press("Enter")
            try await terminal.wait(for: "the engine has not taken it; w withdraws it")
            try await terminal.press("w")
            try await terminal.wait(untilGone: "w withdraws it")
            running.signal(SIGCONT)
            try await terminal.wait(for: "Gate 1.switch")
            try await terminal.press("q")
            _ = try await terminal.exit()
        }
        #expect(
            try await place.value(
                "SELECT count(*) FROM lockkeeper.events WHERE text LIKE 'Rolling%'") == "0")
        running.signal(SIGTERM)
        _ = try await running.end()
    }

    @Test("an interrupted command takes itself back; withdraw says when there is nothing")
    func interrupted() async throws {
        let place = try await Workplace.make(rows: 20000, settings: Workplace.slowFill)
        let running = try await place.start("run", place.spec, "--headless", "--wait")
        try await running.line(with: "batch")
        let nothing = try await place.run("withdraw", "orders-status")
        #expect(nothing.code == 4 && nothing.errors.contains("nothing to withdraw"), "\(nothing)")
        running.signal(SIGSTOP)
        let pausing = try await place.start("pause", "orders-status")
        _ = try await waited {
            try await place.value(
                "SELECT 1 FROM lockkeeper.commands WHERE answered_at IS NULL UNION ALL SELECT NULL LIMIT 1"
            )
        }
        pausing.signal(SIGINT)
        let ended = try await pausing.end()
        #expect(ended.code == 130 && ended.errors.contains("Withdrawn"), "\(ended)")
        let other = try await place.start("pause", "orders-status")
        _ = try await waited {
            try await place.value(
                "SELECT 1 FROM lockkeeper.commands WHERE answered_at IS NULL UNION ALL SELECT NULL LIMIT 1"
            )
        }
        let withdrawn = try await place.run("withdraw", "orders-status")
        #expect(withdrawn.code == 0 && withdrawn.output.contains("pause, by"), "\(withdrawn)")
        #expect(try await other.end().code == 4)
        running.signal(SIGCONT)
        try await running.line(with: "1.switch")
        #expect(try await place.value("SELECT paused_by FROM lockkeeper.migrations") == nil)
        running.signal(SIGTERM)
        _ = try await running.end()
    }

    @Test("the configuration's theme, keys and label are the screen's, and the command line wins")
    func configured() async throws {
        let place = try await Workplace.make()
        let folder = place.folder.path + "/config/lockkeeper"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        func configure(_ text: String) throws {
            try Data(text.utf8).write(to: URL(filePath: folder + "/config.yaml"))
        }
        try configure(
            """
            ascii: true
            keys: {advance: n}
            environments: [{label: production, database: "work_*"}]
            """)
        let line = "XDG_CONFIG_HOME='\(place.folder.path)/config' "
        try await Tmux.run(columns: 120, rows: 40) { terminal in
            try await terminal.shell(line + place.line("run", place.spec))
            let screen = try await terminal.wait(for: "n starts Expand")
            #expect(screen.contains("production  orders-status"), "\(screen)")
            #expect(screen.allSatisfy { $0.isASCII }, "\(screen)")
            try await terminal.press("n")
            try await terminal.wait(for: "y starts Expand")
            try await terminal.press("Escape", "q")
            try await terminal.wait(for: "y stops and leaves")
            try await terminal.press("y")
            _ = try await terminal.exit()
            try await terminal.shell(line + place.line("run", place.spec, "--no-ascii"))
            let wide = try await terminal.wait(for: "n starts Expand")
            #expect(!wide.allSatisfy { $0.isASCII }, "\(wide)")
            try await terminal.press("q")
            try await terminal.wait(for: "y stops and leaves")
            try await terminal.press("y")
            _ = try await terminal.exit()
            try configure("theme: mono\nkeyz: {}\n")
            try await terminal.shell(line + place.line("run", place.spec))
            try await terminal.wait(for: "config.yaml:2:1")
            let wrong = try await terminal.exit()
            #expect(wrong.code == 64, "\(wrong)")
            #expect(
                wrong.screen.replacing("\n", with: "").contains(
                    "config.yaml:2:1: the configuration has no key \"keyz\"; did you mean \"keys\"?"
                ),
                "\(wrong)")
        }
    }
}
