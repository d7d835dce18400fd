import Foundation
import Postgres
import Sandbox
import Testing

@Suite("The dashboard on a terminal", .serialized)
struct DashboardTests {
    /// What the modes of the terminal are, as `stty` tells them to the shell.
    private func modes(_ terminal: Tmux, _ file: String) async throws -> String {
        try await terminal.shell("stty -a > \(file); stty -g >> \(file)")
        let modes = try await waited { () -> String? in
            let text = terminal.folder.read(file)
            return text.split(separator: ":").count < 5 ? nil : text
        }
        _ = try await terminal.exit()
        return try #require(modes)
    }

    private func expectTerminalGivenBack(
        _ terminal: Tmux, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        #expect(
            try await terminal.value("cursor_flag") == "1", "the cursor is hidden",
            sourceLocation: sourceLocation)
        #expect(
            try await terminal.value("alternate_on") == "0", "the alternate screen is still on",
            sourceLocation: sourceLocation)
        #expect(
            try await terminal.value("keypad_flag") == "0", "the keypad sends its own codes",
            sourceLocation: sourceLocation)
    }

    @Test("draws itself anew at every size, and says which size it needs")
    func resized() async throws {
        let place = try await Workplace.make()
        try await Tmux.run(columns: 120, rows: 40) { terminal in
            try await terminal.shell(place.line("run", place.spec))
            var screen = try await terminal.wait(for: "a starts Expand")
            #expect(rows(screen).first?.hasPrefix(" orders-status") == true, "\(screen)")
            #expect(screen.contains("╭─ 1 Steps"), "\(screen)")
            for (columns, height, sign) in [
                (80, 24, "─ 4 Checklist"), (200, 50, "╭─ 1 Steps"),
                (50, 15, "50x15: make it 60x20 or larger"), (20, 5, "60x20"),
                (120, 40, "╭─ 1 Steps"),
            ] {
                try await terminal.resize(columns: columns, rows: height)
                screen = try await terminal.wait("\(columns)×\(height)") { screen in
                    screen.contains(sign)
                        && (columns < 60 || rows(screen).last?.contains("q quit") == true)
                }
                let drawn = rows(screen)
                #expect(drawn.count <= height)
                guard columns >= 60 else {
                    #expect(drawn.count == 1, "\(screen)")
                    continue
                }
                // The whole height is used, and a row of every size comes only once.
                #expect(drawn.count == height, "\(columns)×\(height):\n\(screen)")
                #expect(drawn.filter { $0.contains("q quit") }.count == 1, "\(screen)")
                // At 120×40 the server has the checklist's place once nothing of it is open.
                let place = columns == 120 ? "6 Server" : "4 Checklist"
                #expect(drawn.filter { $0.contains(place) }.count == 1, "\(screen)")
                #expect(drawn.first?.hasPrefix(" orders-status") == true, "\(screen)")
                #expect(drawn.allSatisfy { $0.count <= columns })
            }
        }
    }

    private func rows(_ screen: String) -> [String] {
        var rows = screen.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        while rows.last?.isEmpty == true { rows.removeLast() }
        return rows
    }

    @Test("is stopped by Ctrl-Z, comes back with fg, and gives the terminal back on q")
    func suspended() async throws {
        let place = try await Workplace.make()
        try await Tmux.run(columns: 100, rows: 30) { terminal in
            let before = try await modes(terminal, "before")
            try await terminal.shell(place.line("run", place.spec))
            let first = try await terminal.wait(for: "a starts Expand")
            try await terminal.press("C-z")
            try await terminal.wait(for: "Stopped")
            try await expectTerminalGivenBack(terminal)
            try await terminal.type("echo 'the shell' has it")
            try await terminal.press("Enter")
            try await terminal.wait(for: "\nthe shell has it")
            try await terminal.shell("fg")
            let again = try await terminal.wait(for: "a starts Expand")
            #expect(!again.contains("the shell has it"), "\(again)")
            #expect(rows(again).count == rows(first).count, "\(again)")

            try await terminal.press("q")
            try await terminal.wait(for: "y stops and leaves")
            try await terminal.press("Escape")
            try await terminal.wait(untilGone: "y stops and leaves")
            try await terminal.press("q")
            try await terminal.wait(for: "y stops and leaves")
            try await terminal.press("Enter")
            try await terminal.wait(for: "Enter alone confirms nothing")
            try await terminal.press("y")
            let last = try await terminal.exit()
            #expect(last.screen.contains("the same command goes on"), "\(last.screen)")
            #expect(last.code == 3, "\(last.screen)")
            try await expectTerminalGivenBack(terminal)
            #expect(try await modes(terminal, "after") == before)
        }
    }

    @Test(
        "gives the terminal back when a signal ends it",
        arguments: [SIGINT, SIGTERM, SIGHUP])
    func signalled(signal: Int32) async throws {
        let place = try await Workplace.make()
        try await Tmux.run(columns: 80, rows: 24) { terminal in
            let before = try await modes(terminal, "before")
            try await terminal.shell(place.line("run", place.spec))
            try await terminal.wait(for: "a starts Expand")
            let pid = try #require(try await place.status()["engine"]?["pid"]?.number)
            kill(Int32(pid), signal)
            let last = try await terminal.exit()
            #expect(last.code == 128 + Int(signal), "\(last.screen)")
            try await expectTerminalGivenBack(terminal)
            #expect(try await modes(terminal, "after") == before)
        }
    }

    @Test("Ctrl-C leaves like SIGINT, in the middle of the fill too, and the same command goes on")
    func interrupted() async throws {
        let place = try await Workplace.make(rows: 20000, settings: Workplace.slowFill)
        #expect(
            try await place.run("run", place.spec, "--headless", "--until", "migrate").code == 0)
        try await Tmux.run(columns: 80, rows: 24) { terminal in
            try await place.startFill(on: terminal)
            try await terminal.press("C-c")
            let last = try await terminal.exit()
            #expect(last.code == 130, "\(last.screen)")
            try await expectTerminalGivenBack(terminal)
        }
        #expect(try await place.status()["state"] == .string("interrupted"))
        let rest = try await place.run("run", place.spec, "--headless", "--until", "backfill")
        #expect(rest.code == 0, "\(rest)")
    }

    @Test("keeps its last picture, with its age, while the server is away, and goes on by itself")
    func lostServer() async throws {
        let server = try await SandboxServer.start(.quick)
        do {
            let place = try await Workplace.make(on: server)
            try await Tmux.run(columns: 120, rows: 40) { terminal in
                try await terminal.shell(place.line("run", place.spec))
                try await terminal.wait(for: "a starts Expand")
                try await server.halt()
                let lost = try await terminal.wait("the picture's age") {
                    $0.contains(#/The server does not answer; this picture is [1-9][^ ]* ?m?i?n?s/#)
                        || $0.contains(#/this picture is \d+\.\d s old/#)
                }
                #expect(lost.contains(" orders-status"), "\(lost)")
                #expect(lost.contains("╭─ 1 Steps"), "\(lost)")
                let older = try await terminal.wait("a greater age") { screen in
                    guard let age = screen.firstMatch(of: #/this picture is (\d+)/#) else {
                        return false
                    }
                    return (Int(age.output.1) ?? 0) >= 3
                }
                #expect(older.contains(" orders-status"), "\(older)")
                try await server.boot()
                try await terminal.wait(untilGone: "The server does not answer")
                try await terminal.wait(for: "a starts Expand")
                // And it is no picture alone: the keys reach the engine.
                try await terminal.press("a")
                try await terminal.wait(for: "y starts Expand")
                try await terminal.press("y")
                try await terminal.wait(for: "a starts Migrate")
            }
            await server.stop()
        } catch {
            await server.stop()
            throw error
        }
    }

    @Test("what others named themselves and asked for does not reach the terminal raw")
    func hostile() async throws {
        let place = try await Workplace.make()
        let escape = "\u{1B}"
        let evil =
            "\(escape)]2;owned\u{07}\(escape)]52;c;b3duZWQ=\u{07}\(escape)[2J\(escape)[31m\u{202E}drowssap\u{9B}5n"
        let settings = place.shop.ownerSettings.adding([("application_name", "app\(escape)[1mX")])
        let holder = try await Connection.open(settings)
        let waiter = try await Connection.open(settings)
        try await Tmux.run(columns: 200, rows: 50) { terminal in
            try await terminal.record(to: "raw")
            try await terminal.shell(place.line("run", place.spec))
            try await terminal.wait(for: "a starts Expand")
            try await holder.run(
                "BEGIN",
                SQL(writtenByUser: "LOCK TABLE orders /* \(evil) */ IN ACCESS EXCLUSIVE MODE"))
            let waiting = Task {
                try await waiter.query(
                    SQL(writtenByUser: "SELECT '\(evil)' AS hostile, count(*) FROM orders"))
            }
            let screen = try? await terminal.wait("the session that waits") {
                $0.contains("1 session behind pid") && $0.contains("]2;owned")
            }
            #expect(screen?.contains("␛") == true, "\(screen ?? "")")
            try await terminal.press("3", "Enter")
            let details = try? await terminal.wait(for: "Esc back")
            #expect(details?.contains("drowssap") == true, "\(details ?? "")")
            let coloured = try await terminal.coloured()
            let title = try await terminal.value("pane_title")
            try await holder.query("ROLLBACK")
            _ = try await waiting.value
            #expect(title != "owned")
            let bytes = try Data(contentsOf: URL(filePath: terminal.folder.path + "/raw"))
            #expect(bytes.count > 1000)
            for raw in ["\(escape)]2;owned", "\(escape)]52", "\u{202E}", "\u{9B}"] {
                #expect(!coloured.contains(raw), "shown raw: \(raw.debugDescription)")
                #expect(bytes.range(of: Data(raw.utf8)) == nil, "sent raw: \(raw.debugDescription)")
            }
        }
        await holder.close()
        await waiter.close()
    }

    @Test("NO_COLOR and --no-color draw without colours, --ascii with ASCII alone")
    func plain() async throws {
        let place = try await Workplace.make()
        // Colours of text and ground; bold, underlined and reverse are no colours.
        let colour = #/\u{1B}\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]/#
        try await Tmux.run(columns: 120, rows: 40) { terminal in
            for (line, isPlain, isASCII) in [
                (place.line("run", place.spec), false, false),
                ("NO_COLOR=1 " + place.line("run", place.spec), true, false),
                (place.line("run", place.spec, "--no-color"), true, false),
                (place.line("run", place.spec, "--ascii"), false, true),
                ("LC_ALL=C " + place.line("run", place.spec), false, true),
                (place.line("run", place.spec, "--theme", "mono"), true, false),
            ] {
                try await terminal.shell(line)
                let screen = try await terminal.wait(for: "a starts Expand")
                let coloured = try await terminal.coloured()
                #expect(coloured.contains(colour) != isPlain, "\(line)")
                #expect(screen.allSatisfy(\.isASCII) == isASCII, "\(line)\n\(screen)")
                try await terminal.press("q")
                try await terminal.wait(for: "y stops and leaves")
                try await terminal.press("y")
                #expect(try await terminal.exit().code == 3)
            }
        }
    }

    @Test("s saves a picture that says what the terminal shows", arguments: [(120, 40), (80, 24)])
    func picture(columns: Int, height: Int) async throws {
        let place = try await Workplace.make()
        try await Tmux.run(columns: columns, rows: height) { terminal in
            try await terminal.shell(place.line("run", place.spec))
            try await terminal.wait(for: "a starts Expand")
            // The clock on the screen moves: a frame that changed between the two is tried again.
            var last: ([String], [String]) = ([], [])
            let same = try await waited(upTo: 30) { () -> Bool? in
                let shown = rows(try await terminal.screen()).map(Picture.trimmed)
                let known = Set(try pictures(terminal))
                try await terminal.press("s")
                let file = try await waited(upTo: 10) {
                    try pictures(terminal).first { !known.contains($0) }
                }
                let svg = terminal.folder.read(try #require(file))
                let saved = try #require(Picture.rows(of: svg))
                last = (saved, shown)
                // The next one gets another name only in another second.
                _ = try await waited(upTo: 5) {
                    try await terminal.screen().contains("saved lockkeeper") ? true : nil
                }
                try FileManager.default.removeItem(atPath: terminal.folder.path + "/" + file!)
                return saved == shown ? true : nil
            }
            #expect(
                same == true, "\(last.0.joined(separator: "\n"))\n\(last.1.joined(separator: "\n"))"
            )
        }
    }

    private func pictures(_ terminal: Tmux) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: terminal.folder.path)
            .filter { $0.hasPrefix("lockkeeper-orders-status-") && $0.hasSuffix(".svg") }
    }

    @Test("--read-only takes the acting keys away")
    func readOnly() async throws {
        let place = try await Workplace.make()
        try await Tmux.run(columns: 80, rows: 24) { terminal in
            try await terminal.shell(place.line("run", place.spec, "--read-only"))
            try await terminal.wait(for: "a starts Expand")
            try await terminal.press("a")
            try await terminal.wait(for: "read-only")
            #expect(try await !terminal.screen().contains("y starts"))
        }
    }
}
