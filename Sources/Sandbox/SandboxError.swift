/// Why the sandbox could not do what it was asked for, in a sentence that says what to do next.
public enum SandboxError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No folder with `postgres` and `initdb` was found; the places that were looked at.
    case noBinaries(searched: [String])
    /// The process that watches over the server ended, or did not answer.
    case supervisorGone(String)
    /// `initdb` or `postgres` gave up; the end of what it wrote.
    case serverDidNotStart(log: String)
    /// `pg_dump` gave up; what it wrote.
    case dump(String)
    /// An operating system call answered with an error.
    case system(call: String, reason: String)

    public var description: String {
        switch self {
        case .noBinaries(let searched):
            """
            No PostgreSQL server was found in \(searched.joined(separator: ", ")). \
            Install one (Debian, Ubuntu: apt install postgresql; Homebrew: brew install \
            postgresql@17), or set LOCKKEEPER_PG_BIN to the folder that holds initdb and postgres.
            """
        case .supervisorGone(let reason):
            "The process that watches over the throwaway server is gone: \(reason). Start again."
        case .serverDidNotStart(let log):
            "The throwaway server did not start. It wrote:\n\(log)"
        case .dump(let text):
            "pg_dump stopped: \(text)"
        case .system(let call, let reason):
            "The operating system refused \(call): \(reason)."
        }
    }
}
