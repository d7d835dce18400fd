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
enum Console {
    static func line(_ text: String) { write(text + "\n", to: .standardOutput) }

    static func error(_ text: String) { write("lockkeeper: " + text + "\n", to: .standardError) }

    /// Without a line's end, for a question.
    static func ask(_ text: String) { write(text, to: .standardOutput) }

    private static func write(_ text: String, to handle: FileHandle) {
        do {
            try handle.write(contentsOf: Data(text.utf8))
        } catch {
            // Whoever read this has gone. The journal has it all, and the migration goes on.
        }
    }
}
