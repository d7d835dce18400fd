import Foundation
import Testing

/// An operator who knows nothing but what the screen says.
private struct Operator {
    let terminal: Tmux
    /// What was confirmed, in order.
    private(set) var stops: [String] = []

    init(_ terminal: Tmux) { self.terminal = terminal }

    /// Does what the screen asks for until it shows `end`.
    mutating func walk(until end: String, upTo seconds: Double = 150) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while true {
            let screen = try await terminal.screen()
            if screen.contains(end) { return }
            if ContinuousClock.now > deadline {
                Issue.record("no \"\(end)\" on the screen after \(stops):\n\(screen)")
                try #require(screen.contains(end))
            }
            if try await !answer(screen) { try await Task.sleep(for: .milliseconds(50)) }
        }
    }

    private mutating func answer(_ screen: String) async throws -> Bool {
        if screen.contains("Type orders-status to purge") {
            try await confirm("purge", "Type orders-status to purge", by: "orders-status", "Enter")
        } else if let start = screen.firstMatch(of: #/y starts (\w+)/#) {
            try await confirm(
                String(start.output.1), String(start.output.0), by: "y",
                answering: "a starts \(start.output.1)")
        } else if let gate = screen.firstMatch(of: #/━ Gate (\S+)/#), screen.contains("y it is so")
        {
            try await confirm(
                String(gate.output.1), "y it is so", by: "y", answering: "a passes it")
        } else if screen.contains("Only the purge is left.") {
            try await open(
                "P", "Type orders-status to purge", from: "Only the purge is left.")
        } else if let open = screen.firstMatch(of: #/\d checklist items? (is|are) open/#) {
            try await tick(whileItSays: String(open.output.0))
        } else if let start = screen.firstMatch(of: #/a starts (\w+)/#) {
            try await self.open("a", "y starts \(start.output.1)", from: String(start.output.0))
        } else if screen.contains("a passes it") {
            try await open("a", "y it is so", from: "a passes it")
        } else {
            return false
        }
        return true
    }

    /// Opens a dialog. One whose facts change while it opens closes itself, and is opened again; what
    /// asked for it may be gone, where the last answer had not reached the screen yet.
    private func open(_ key: String, _ text: String, from prompt: String) async throws {
        try await terminal.press(key)
        try await terminal.wait("\"\(text)\"", upTo: 20) {
            $0.contains(text) || $0.contains("closed: ") || !$0.contains(prompt)
        }
    }

    /// Answers a dialog, and waits until what asked for it is gone too: before the gate is passed the
    /// demo's clients are retired, and a key pressed meanwhile would meet the next question. A dialog
    /// that closed itself first was not answered.
    private mutating func confirm(
        _ stop: String, _ text: String, by keys: String..., answering prompt: String? = nil
    ) async throws {
        for key in keys {
            if key.count > 5 { try await terminal.type(key) } else { try await terminal.press(key) }
        }
        let unanswered = ["closed: ", "this key does nothing"]
        let screen = try await terminal.wait("answer to \(stop)", upTo: 20) { screen in
            guard !screen.contains(text) else { return false }
            return unanswered.contains(where: screen.contains)
                || prompt.map { !screen.contains($0) } ?? true
        }
        if !unanswered.contains(where: screen.contains) { stops.append(stop) }
    }

    /// Tries the selected item, which goes on to the next open one. The notice of this key must be gone before the next
    /// one: it would be taken for the answer to that, and an item be ticked and opened again.
    private func tick(whileItSays text: String) async throws {
        let notices = ["this item has its evidence", "Space ticks the selected item"]
        try await terminal.press("Space")
        try await terminal.wait("answer to Space", upTo: 20) { screen in
            !screen.contains(text) || notices.contains(where: screen.contains)
        }
        for notice in notices { try await terminal.wait(untilGone: notice, upTo: 20) }
    }
}

@Suite("The demo on a terminal")
struct DemoScreenTests {
    private static let sizes = [(120, 40), (80, 24)]

    private func demo(_ terminal: Tmux) async throws {
        try await terminal.shell(
            "\(shellQuoted(Program.path)) demo --rows 20000 --clients 2 2>'\(terminal.folder.path)/errors'"
        )
    }

    /// Leaves the dashboard and looks whether anything stayed behind.
    private func leave(_ terminal: Tmux, _ server: DemoServer, _ word: String) async throws {
        try await terminal.press("q")
        let (code, last) = try await terminal.exit()
        #expect(code == 0, "\(last)\n\(terminal.folder.read("errors"))")
        #expect(last.contains("0 application errors"), "\(last)")
        #expect(last.contains(": 0 differ."), "\(last)")
        #expect(last.contains("The migration: \(word)."), "\(last)")
        #expect(try await terminal.value("cursor_flag") == "1")
        #expect(try await terminal.value("alternate_on") == "0")
        try await server.expectGone()
    }

    private func server(_ terminal: Tmux) async throws -> DemoServer {
        let line = try await waited {
            terminal.folder.read("errors").split(separator: "\n").first {
                $0.contains("The shop is at:")
            }
        }
        return try DemoServer(line: String(try #require(line)))
    }

    @Test("is walked to its end by keys alone", arguments: sizes)
    func walked(columns: Int, rows: Int) async throws {
        try await Tmux.run(columns: columns, rows: rows) { terminal in
            try await demo(terminal)
            let server = try await server(terminal)
            var operators = Operator(terminal)
            try await operators.walk(until: "Finished: every phase is done.")
            #expect(
                operators.stops == [
                    "Expand", "Migrate", "Backfill", "Switch", "1.switch", "Contract", "1.contract",
                    "purge",
                ])
            try await leave(terminal, server, "finished")
        }
    }

    @Test("is rolled back after the switch by keys alone", arguments: sizes)
    func rolledBack(columns: Int, rows: Int) async throws {
        try await Tmux.run(columns: columns, rows: rows) { terminal in
            try await demo(terminal)
            let server = try await server(terminal)
            var operators = Operator(terminal)
            try await operators.walk(until: "a starts Contract")
            #expect(operators.stops.last == "1.switch")
            try await terminal.press("R")
            try await terminal.wait(for: "undo everything")
            try await terminal.press("End", "Enter")
            let dialog = try await terminal.wait(for: "Type orders-status to roll back")
            #expect(dialog.contains("Roll back everything"), "\(dialog)")
            try await terminal.press("Enter")
            try await terminal.wait(for: "Enter alone confirms nothing")
            try await terminal.type("orders-status")
            try await terminal.press("Enter")
            try await operators.walk(until: "Rolled back.")
            #expect(operators.stops.last == "1.undo")
            try await leave(terminal, server, "rolled back")
        }
    }
}
