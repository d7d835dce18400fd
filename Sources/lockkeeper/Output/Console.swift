import Foundation
import Postgres

/// Plain lines to standard output and standard error.
///
/// What is said may hold text from a spec or the database; on its way out line ends, control characters
/// and bidirectional overrides become signs, so that they can't be taken for a line of ours and can't
/// drive the terminal that shows it. Only whoever passes several lines prints several.
enum Console {
    static func line(_ text: String) { lines([text]) }

    static func lines(_ texts: [String]) { write(shown(texts), to: .standardOutput) }

    /// A page that was made of lines, each of which keeps foreign text to itself.
    static func page(_ text: String) { lines(linesOf(text)) }

    static func error(_ text: String) { error([text]) }

    static func error(_ lines: [String]) {
        write("lockkeeper: " + shown(lines), to: .standardError)
    }

    /// Without a line's end, for a question.
    static func ask(_ text: String) { write(text.visible, to: .standardOutput) }

    /// To the letter, a script or a spec; where it goes to a terminal, as a page.
    static func exact(_ text: String) {
        if isatty(STDOUT_FILENO) == 1 {
            page(text)
        } else {
            write(text + "\n", to: .standardOutput)
        }
    }

    /// A JSON document; the same signs as JSON's own escapes, which change nothing of what it says.
    static func json(_ text: String) {
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.drivesTerminal, scalar != "\n", scalar != "\t" {
                result += "\\u" + scalar.hexadecimal
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        write(result + "\n", to: .standardOutput)
    }

    private static func linesOf(_ text: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// A tab ends no line and stays, as statements have it.
    private static func shown(_ lines: [String]) -> String {
        lines.map { $0.visible(keepingTabs: true) + "\n" }.joined()
    }

    private static func write(_ text: String, to handle: FileHandle) {
        do {
            try handle.write(contentsOf: Data(text.utf8))
        } catch {
            // Whoever read this has gone. The journal has it all, and the migration goes on.
        }
    }
}
