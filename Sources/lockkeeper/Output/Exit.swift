import ArgumentParser
import Engine
import Foundation
import Migration
import Postgres

/// The exit codes that scripts rely on (`lockkeeper help run`, README "Exit codes").
enum Exit {
    static let failed = ExitCode(1)
    static let stopped = ExitCode(3)
    static let refused = ExitCode(4)
    static let noConnection = ExitCode(5)
    static let usage = ExitCode(64)

    /// For the manual; the README's table says the same.
    static let meanings: [(code: String, meaning: String)] = [
        ("0", "Done what was asked."),
        (
            "1",
            "A step stopped with an error; the message says what to do. Also: rolled back from elsewhere."
        ),
        ("3", "Stopped at a gate or in quarantine, and says what would let it go on."),
        ("4", "Refused: a hazard, a checklist item, the window, a changed spec, a newer journal."),
        ("5", "No connection, or rights missing."),
        ("64", "Bad command line, spec or configuration (with file, line and column) or terminal."),
        (
            "130, 143, 129",
            "Interrupted by SIGINT, SIGTERM, SIGHUP; the same command goes on from there."
        ),
    ]

    /// Refusals whose way out is a GRANT.
    private static let missingRights: Set = ["not-owner", "no-create"]

    static func signal(_ number: Int32) -> ExitCode { ExitCode(128 + number) }

    /// Says on standard error what is wrong and gives the code that belongs to it.
    static func code(for error: any Error) -> ExitCode {
        if let code = error as? ExitCode { return code }
        Console.error(sentence(for: error))
        switch error {
        case is SpecError, is UsageError: return usage
        case let error as Refusals
        where error.refusals.allSatisfy({ missingRights.contains($0.rule) }):
            return noConnection
        case is Refusals, is JournalTooNew, is ActionRefusal: return refused
        case let error as OpeningError:
            switch error {
            case .alreadyFinished: return .success
            case .refused: return refused
            case .noConnection, .missingRights: return noConnection
            }
        case is ConnectionError: return noConnection
        case let error as ServerError:
            return error.sqlState == .insufficientPrivilege ? noConnection : failed
        default: return failed
        }
    }

    /// What the error says, and what to do where it can't know that itself.
    private static func sentence(for error: any Error) -> String {
        switch error {
        case OpeningError.noConnection(let reason), ConnectionError.cannotConnect(let reason):
            // libpq gives no code, and the server's words are in its own language.
            reason.trimmingCharacters(in: .whitespacesAndNewlines)
                + "\nStart the server, or correct where it is and who you are: --dsn, or PGHOST, "
                + "PGPORT, PGDATABASE, PGUSER, PGPASSWORD and ~/.pgpass."
        case let error as ServerError where error.sqlState == .lockNotAvailable:
            "A session holds a lock on something that had to be read; nothing was begun. "
                + "`lockkeeper locks --once` shows who it is; run this again when it is gone. "
                + "(\(error))"
        case let error as ServerError
        where error.sqlState == .insufficientPrivilege && error.message.contains("lockkeeper"):
            "\(error.message). Let the journal's owner run: GRANT USAGE ON SCHEMA lockkeeper TO ROLE; "
                + "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA lockkeeper TO ROLE;"
        default: "\(error)"
        }
    }

    /// Runs a command's body; whatever it throws becomes a sentence and an exit code.
    static func guarding(_ body: () async throws -> Void) async throws {
        do { try await body() } catch { throw code(for: error) }
    }
}

/// A command line, a file or a terminal with which nothing can be begun.
struct UsageError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Plain lines to standard output and standard error.
///
/// What is said may hold text from the database; on its way out control characters and bidirectional
/// overrides become signs, so that they can't drive the terminal that shows it.
enum Console {
    static func line(_ text: String) { write(shown(text) + "\n", to: .standardOutput) }

    static func error(_ text: String) {
        write("lockkeeper: " + shown(text) + "\n", to: .standardError)
    }

    /// Without a line's end, for a question.
    static func ask(_ text: String) { write(shown(text), to: .standardOutput) }

    /// To the letter: a script, a spec.
    static func exact(_ text: String) { write(text + "\n", to: .standardOutput) }

    /// A JSON document; the same signs as JSON's own escapes, which change nothing of what it says.
    static func json(_ text: String) {
        let escaped = replaced(text) { scalar in
            scalar == "\n" || scalar == "\t" ? nil : "\\u" + hexadecimal(scalar)
        }
        write(escaped + "\n", to: .standardOutput)
    }

    /// Escapes as `␛`, what has no sign as `<U+202E>`; line ends and tabs stay.
    static func shown(_ text: String) -> String {
        replaced(text) { scalar in
            switch scalar.value {
            case 0x09, 0x0A: nil
            case ..<0x20: Unicode.Scalar(0x2400 + scalar.value).map { String($0) }
            case 0x7F: "\u{2421}"
            default: "<U+\(hexadecimal(scalar))>"
            }
        }
    }

    private static func replaced(_ text: String, _ sign: (Unicode.Scalar) -> String?) -> String {
        guard text.unicodeScalars.contains(where: canDriveTerminal) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if canDriveTerminal(scalar), let sign = sign(scalar) {
                result += sign
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// C0, DEL and C1 controls; marks, embeddings, overrides and isolates of writing direction.
    private static func canDriveTerminal(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case ..<0x20, 0x7F...0x9F, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    private static func hexadecimal(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    private static func write(_ text: String, to handle: FileHandle) {
        do {
            try handle.write(contentsOf: Data(text.utf8))
        } catch {
            // Whoever read this has gone. The journal has it all, and the migration goes on.
        }
    }
}
