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
        Console.error(lines(for: error))
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
    private static func lines(for error: any Error) -> [String] {
        switch error {
        case OpeningError.noConnection(let reason), ConnectionError.cannotConnect(let reason):
            // libpq gives no code, and the server's words are in its own language.
            reason.split(separator: "\n").map(String.init) + [
                "Start the server, or correct where it is and who you are: --dsn, or PGHOST, "
                    + "PGPORT, PGDATABASE, PGUSER, PGPASSWORD and ~/.pgpass."
            ]
        case let error as Refusals:
            error.refusals.flatMap { refusal in
                [
                    "\(error.file):\(refusal.mark.line):\(refusal.mark.column): \(refusal.message) [\(refusal.rule)]",
                    "  \(refusal.instead)",
                ]
            }
        case let error as ServerError where error.sqlState == .lockNotAvailable:
            [
                "A session holds a lock on something that had to be read; nothing was begun. "
                    + "`lockkeeper locks --once` shows who it is; run this again when it is gone. "
                    + "(\(error))"
            ]
        case let error as ServerError
        where error.sqlState == .insufficientPrivilege && error.message.contains("lockkeeper"):
            [
                "\(error.message). Let the journal's owner run: GRANT USAGE ON SCHEMA lockkeeper TO ROLE; "
                    + "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA lockkeeper TO ROLE;"
            ]
        default: ["\(error)"]
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
