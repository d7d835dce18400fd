import Foundation
import Testing

@Suite("Every kind of terminal", .serialized)
struct TerminalKindTests {
    private let colour = #/\u{1B}\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]/#

    @Test("draws the same under each TERM; without colours where it has none")
    func kinds() async throws {
        let place = try await Workplace.make()
        try await Tmux.run(columns: 120, rows: 40) { terminal in
            for (kind, isColoured) in [
                ("xterm", true), ("xterm-256color", true), ("tmux", true), ("tmux-256color", true),
                ("screen", true), ("linux", true), ("vt100", false),
            ] {
                try await terminal.shell("TERM=\(kind) " + place.line("run", place.spec))
                let screen = try await terminal.wait(for: "a starts Expand")
                #expect(!screen.contains("is not known here"), "\(kind)")
                var rows = screen.split(separator: "\n", omittingEmptySubsequences: false)
                while rows.last?.isEmpty == true { rows.removeLast() }
                #expect(rows.count == 40, "\(kind):\n\(screen)")
                #expect(rows.allSatisfy { $0.count <= 120 }, "\(kind):\n\(screen)")
                #expect(rows.first?.hasPrefix(" orders-status") == true, "\(kind):\n\(screen)")
                #expect(rows.last?.hasSuffix("? help  q quit") == true, "\(kind):\n\(screen)")
                #expect(screen.contains("╭─ 1 Steps"), "\(kind):\n\(screen)")
                let coloured = try await terminal.coloured()
                #expect(coloured.contains(colour) == isColoured, "\(kind)")
                try await terminal.press("q")
                try await terminal.wait(for: "y stops and leaves")
                try await terminal.press("y")
                #expect(try await terminal.exit().code == 3, "\(kind)")
                #expect(try await terminal.value("alternate_on") == "0", "\(kind)")
            }
        }
    }

    @Test("bell and window title only when asked for")
    func bellAndTitle() async throws {
        let place = try await Workplace.make()
        try await Tmux.run(columns: 100, rows: 30) { terminal in
            let before = try await terminal.value("pane_title")
            for (words, isAsked) in [([String](), false), (["--bell", "--title"], true)] {
                try await terminal.record(to: "raw\(isAsked)")
                try await terminal.shell(
                    ([place.line("run", place.spec)] + words).joined(separator: " "))
                try await terminal.wait(for: "a starts")
                try await terminal.press("a")
                try await terminal.wait(for: "y starts")
                try await terminal.press("y")
                try await terminal.wait(untilGone: "y starts")
                // The end of the phase, at which the operator is wanted again, rings.
                try await terminal.wait(for: isAsked ? "a starts Backfill" : "a starts Migrate")
                let title = try await terminal.value("pane_title")
                #expect(
                    title == (isAsked ? "orders-status waiting" : before), "\(words): \(title)")
                try await terminal.press("q")
                try await terminal.wait(for: "y stops and leaves")
                try await terminal.press("y")
                _ = try await terminal.exit()
                try await terminal.stopRecording()
                // A title ends in the same byte: those are taken out first.
                let bytes = terminal.folder.read("raw\(isAsked)")
                    .replacing(#/\u{1B}\][^\u{07}]*\u{07}/#, with: "")
                #expect(bytes.contains("\u{07}") == isAsked, "\(words)")
            }
        }
    }

    @Test("watch prints a line a change where there is no terminal, and with --plain")
    func plain() async throws {
        let place = try await Workplace.make()
        let first = try await place.run("run", place.spec, "--headless")
        #expect(first.code == 3, "\(first)")
        let watching = Task { try await place.run("watch", "orders-status") }
        let rest = try await place.run(
            "run", place.spec, "--headless", "--approve", "all", "--purge")
        #expect(rest.code == 0, "\(rest)")
        let seen = try await watching.value
        #expect(seen.code == 0, "\(seen)")
        #expect(seen.output.contains("state: finished") || seen.output.contains("is finished"))
        #expect(!seen.output.contains("\u{1B}"), "\(seen)")
        try await Tmux.run(columns: 100, rows: 30) { terminal in
            try await terminal.shell(place.line("watch", "orders-status", "--plain"))
            let last = try await terminal.exit()
            #expect(last.code == 0 && last.screen.contains("orders-status is finished"))
        }
    }

    @Test("a session's details show its locks, and K ends it from there")
    func session() async throws {
        let place = try await Workplace.make()
        // The same role's: a superuser's session could not be ended.
        let holder = try await place.shop.server.connect(
            database: place.shop.database, user: "shop")
        try await holder.run("BEGIN", "SELECT count(*) FROM orders")
        try await Tmux.run(columns: 120, rows: 40) { terminal in
            try await terminal.shell(place.line("run", place.spec))
            try await terminal.wait(for: "idle in transaction")
            try await terminal.press("3", "Enter")
            let screen = try await terminal.wait(for: "holds ACCESS SHARE on public.orders")
            #expect(screen.contains("SELECT count(*) FROM orders"), "\(screen)")
            #expect(screen.contains("worst wait"), "\(screen)")
            // Its age goes on while one scrolls.
            try await terminal.press("Down", "Up")
            try await terminal.press("K")
            try await terminal.wait(for: "pg_terminate_backend")
            try await terminal.press("y")
            let isGone = try await waited {
                try await place.value(
                    "SELECT count(*) FROM pg_stat_activity WHERE pid = \(holder.backendPID)")
                    == "0" ? true : nil
            }
            #expect(isGone == true)
            try await terminal.press("q")
            try await terminal.wait(for: "y stops and leaves")
            try await terminal.press("y")
            _ = try await terminal.exit()
        }
        await holder.close()
    }
}
