import Foundation

extension Fault {
    /// The engine runs on a terminal, which goes away with the program that holds it.
    static let terminalGone = Fault(
        name: "terminal-gone", strike: { $0.engine?.signal(SIGKILL) },
        wrapped: TerminalGone.onTerminal)
}

enum TerminalGone {
    /// The command on a terminal of its own; whoever ends `script` takes the terminal away.
    static let onTerminal: @Sendable ([String]) -> [String] = { words in
        let line = words.map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(separator: " ")
        return ["script", "-qefc", line, "/dev/null"]
    }
}
