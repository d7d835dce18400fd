import Foundation
import Subprocess
import Testing

/// A terminal that a test can type into and read: a tmux server of its own, with a shell in it.
///
/// Waits are for text on the screen, bounded; a wait in vain is an issue with the screen in it.
struct Tmux: Sendable {
    let folder: Folder
    private let name: String

    /// Gives a terminal of this size to `body`; afterwards it is gone, with all that ran in it.
    static func run(
        columns: Int, rows: Int, _ body: (Tmux) async throws -> Void
    ) async throws {
        let terminal = Tmux(folder: try Folder(), name: "lk\(UUID().uuidString.prefix(8))")
        do {
            try await terminal.begin(columns: columns, rows: rows)
            try await body(terminal)
        } catch {
            await terminal.end()
            throw error
        }
        await terminal.end()
    }

    private func begin(columns: Int, rows: Int) async throws {
        let settings = try folder.file(
            "tmux.conf",
            """
            set -g default-terminal tmux-256color
            set -g status off
            set -g escape-time 0
            set -g history-limit 2000
            set -g set-titles off
            """)
        try await command(
            "-f", settings, "-u", "new-session", "-d", "-x", "\(columns)", "-y", "\(rows)", "-c",
            folder.path, "env", "PS1=$ ", "ENV=", "HISTFILE=", "sh", "-i")
        // Before the session is there tmux 3.3 can't take it.
        try await command("set", "-g", "window-size", "manual")
        try await wait(for: "$")
    }

    private func end() async {
        _ = try? await command("kill-server")
        folder.remove()
    }

    @discardableResult
    private func command(_ words: String...) async throws -> String {
        try await command(words)
    }

    @discardableResult
    private func command(_ words: [String]) async throws -> String {
        let result = try await Subprocess.run(
            .name("tmux"), arguments: .init(["-L", name] + words),
            environment: Program.environment([
                "TERM": "xterm-256color", "TMUX_TMPDIR": folder.path,
            ]),
            output: .string(limit: 4 << 20), error: .string(limit: 1 << 16))
        try #require(
            result.terminationStatus.isSuccess,
            "tmux \(words.joined(separator: " ")): \(result.standardError)")
        return result.standardOutput
    }

    // MARK: typing

    /// Keys by tmux's names: `a`, `Space`, `Enter`, `C-z`, `Down`.
    func press(_ keys: String...) async throws {
        try await command(["send-keys"] + keys)
    }

    /// A text, letter by letter.
    func type(_ text: String) async throws {
        try await command("send-keys", "-l", text)
    }

    /// Has the shell run a command line on a clean screen. `exit` waits for its end.
    func shell(_ line: String) async throws {
        try await type("clear; \(line); echo exit=$?.")
        try await press("Enter")
    }

    /// Waits for the end of the shell's last command line: its exit code, and the screen then.
    func exit(
        upTo seconds: Double = 60, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> (code: Int?, screen: String) {
        let screen = try await wait("exit code", upTo: seconds, sourceLocation: sourceLocation) {
            $0.contains(#/exit=\d+\./#)
        }
        let code = screen.matches(of: #/exit=(\d+)\./#).last.flatMap { Int($0.output.1) }
        return (code, screen)
    }

    func resize(columns: Int, rows: Int) async throws {
        try await command("resize-window", "-x", "\(columns)", "-y", "\(rows)")
    }

    /// Writes every byte that goes to the terminal to a file of the folder, from now on.
    func record(to file: String) async throws {
        try await command("pipe-pane", "-o", "cat >> '\(folder.path)/\(file)'")
    }

    func stopRecording() async throws { try await command("pipe-pane") }

    // MARK: reading

    /// The screen's rows, without the blanks at their ends.
    func screen() async throws -> String {
        try await command("capture-pane", "-p")
    }

    /// The screen with the escape sequences of its colours.
    func coloured() async throws -> String {
        try await command("capture-pane", "-p", "-e")
    }

    /// A variable of the terminal's, such as `cursor_flag`.
    func value(_ variable: String) async throws -> String {
        try await command("display-message", "-p", "#{\(variable)}")
            .trimmingCharacters(in: .newlines)
    }

    /// Waits until the screen satisfies `condition` and returns it.
    @discardableResult
    func wait(
        _ what: String, upTo seconds: Double = 60,
        sourceLocation: SourceLocation = #_sourceLocation,
        until condition: (String) -> Bool
    ) async throws -> String {
        var last = ""
        let found = try await waited(upTo: seconds) {
            last = try await screen()
            return condition(last) ? last : nil
        }
        if found == nil {
            Issue.record("no \(what) on the screen:\n\(last)", sourceLocation: sourceLocation)
        }
        return try #require(found, sourceLocation: sourceLocation)
    }

    @discardableResult
    func wait(
        for text: String, upTo seconds: Double = 60,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        try await wait("\"\(text)\"", upTo: seconds, sourceLocation: sourceLocation) {
            $0.contains(text)
        }
    }

    @discardableResult
    func wait(
        untilGone text: String, upTo seconds: Double = 60,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        try await wait("end of \"\(text)\"", upTo: seconds, sourceLocation: sourceLocation) {
            !$0.contains(text)
        }
    }
}
