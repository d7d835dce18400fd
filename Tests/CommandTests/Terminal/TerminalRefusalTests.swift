import Foundation
import Subprocess
import Testing

@Suite("A terminal that won't do", .serialized)
struct TerminalRefusalTests {
    @Test("none at all: the demo says what does without, run prints lines")
    func none() async throws {
        let demo = try await Program.run(["demo"])
        #expect(demo.code == 64, "\(demo)")
        #expect(demo.errors.contains("--autopilot --headless"), "\(demo)")
        let place = try await Workplace.make()
        let run = try await place.run("run", place.spec)
        #expect(run.code == 3, "\(run)")
        #expect(run.output.contains("gate 1.switch"), "\(run)")
    }

    @Test("a TERM that nobody knows, or none: drawn all the same, with a notice")
    func nonsense() async throws {
        let place = try await Workplace.make()
        try await Tmux.run(columns: 120, rows: 40) { terminal in
            for (setting, notice) in [
                ("TERM=nonsense", "TERM=nonsense is not known here"), ("TERM=", "TERM is not set"),
            ] {
                try await terminal.shell("\(setting) " + place.line("run", place.spec))
                let screen = try await terminal.wait(for: "a starts Expand")
                #expect(screen.contains(notice), "\(screen)")
                try await terminal.press("q")
                try await terminal.wait(for: "y stops and leaves")
                try await terminal.press("y")
                #expect(try await terminal.exit().code == 3)
            }
        }
    }

    @Test("a terminal that can't place its cursor is refused, and not drawn on")
    func dumb() async throws {
        let place = try await Workplace.make(rows: 10)
        try await Tmux.run(columns: 120, rows: 40) { terminal in
            try await terminal.shell("TERM=dumb " + place.line("run", place.spec))
            let last = try await terminal.exit(upTo: 20)
            #expect(last.code == 64, "\(last.screen)")
            #expect(last.screen.contains("--headless"), "\(last.screen)")
        }
    }

    @Test("a window of 20 by 5 says which size it needs, and q leaves it")
    func tiny() async throws {
        let place = try await Workplace.make()
        try await Tmux.run(columns: 20, rows: 5) { terminal in
            try await terminal.shell(place.line("run", place.spec))
            try await terminal.wait(for: "60x20")
            try await terminal.resize(columns: 80, rows: 24)
            try await terminal.wait(for: "a starts Expand")
            try await terminal.resize(columns: 20, rows: 5)
            try await terminal.wait(for: "60x20")
            try await terminal.press("C-c")
            #expect(try await terminal.exit().code == 130)
        }
    }

    @Test("a theme that nobody knows is named, with those that there are")
    func theme() async throws {
        let place = try await Workplace.make(rows: 10)
        try await Tmux.run(columns: 120, rows: 40) { terminal in
            try await terminal.shell(place.line("run", place.spec, "--theme", "midnite"))
            let last = try await terminal.exit()
            #expect(last.code == 64, "\(last.screen)")
            #expect(last.screen.contains("midnight"), "\(last.screen)")
        }
        // Said before anything is begun.
        #expect(try await place.value("SELECT to_regnamespace('lockkeeper')::text") == nil)
    }
}
