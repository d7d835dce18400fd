import CLibPQ
import Foundation

/// Where to connect, and what the session sets for itself.
///
/// `dsn` is what the user gave (a libpq URI or keyword string) and may hold a password: it goes to
/// libpq and nowhere else, so this type prints without it.
public struct ConnectionSettings: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    let dsn: String?
    let overrides: [(key: String, value: String)]

    /// - Parameters:
    ///   - dsn: a libpq URI or keyword string; nil for what libpq itself uses (`PGHOST`,
    ///     `PGSERVICE`, `~/.pgpass`, …).
    ///   - overrides: libpq keywords that win over `dsn`, such as `options` or `dbname`.
    public init(dsn: String? = nil, overrides: [(key: String, value: String)] = []) {
        self.dsn = dsn
        self.overrides = overrides
    }

    public func adding(_ more: [(key: String, value: String)]) -> ConnectionSettings {
        ConnectionSettings(dsn: dsn, overrides: overrides + more)
    }

    /// What libpq gets, in its order of precedence, lowest first: defaults of ours, the dsn, what
    /// the program insists on.
    var keywords: [(key: String, value: String)] {
        var all: [(key: String, value: String)] = [
            ("client_encoding", "UTF8"), ("keepalives_idle", "5"), ("keepalives_interval", "2"),
            ("keepalives_count", "3"), ("tcp_user_timeout", "15000"),
        ]
        if getenv("PGCONNECT_TIMEOUT") == nil { all.append(("connect_timeout", "10")) }
        if let dsn { all.append(("dbname", dsn)) }
        all.append(("application_name", "lockkeeper"))
        return all + overrides
    }

    /// Stands behind each statement of a session that bears the program's name: a comment, by which
    /// `pg_stat_statements` and a server's log, which have no `application_name`, tell ours from an
    /// application's.
    var marker: String {
        overrides.contains { $0.key == "application_name" } ? "" : "\n\(SQL.ours.text)"
    }

    /// Whether a text is a connection string with a password in it, or one that is not understood and
    /// looks as if there were one.
    public static func mayHoldPassword(_ text: String) -> Bool {
        let isURI = ["postgresql://", "postgres://"].contains(where: text.hasPrefix)
        guard isURI || text.contains("=") else { return false }
        guard let options = PQconninfoParse(text, nil) else {
            return isURI || ["password", "secret"].contains(where: text.lowercased().contains)
        }
        defer { PQconninfoFree(options) }
        var option = options
        while let keyword = option.pointee.keyword {
            let name = String(cString: keyword)
            if option.pointee.val != nil, ["password", "secret"].contains(where: name.hasSuffix) {
                return true
            }
            option += 1
        }
        return false
    }

    public var description: String { "ConnectionSettings" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// libpq's words about a connection that was not made, fit to be shown: where it does not
    /// understand the dsn, it quotes pieces of it, and a piece may be of the password (one with a
    /// space, `%` or `@` in it).
    func withoutSecrets(_ reason: String) -> String {
        guard let dsn, !isUnderstood(dsn) else { return reason }
        return reason.replacing(#/".*"/#.dotMatchesNewlines(), with: "\"…\"")
            + " (in the connection string, which is not shown because it may hold a password; "
            + "put quotes round values with spaces, and write @, / and % in a URI as %40, %2F "
            + "and %25)"
    }

    private func isUnderstood(_ dsn: String) -> Bool {
        let isURI = ["postgresql://", "postgres://"].contains(where: dsn.hasPrefix)
        // A second @ before the path: the end of the password became the host's beginning.
        let authority = dsn.split(separator: "/", maxSplits: 2).dropFirst().first ?? ""
        if isURI, authority.prefix(while: { $0 != "?" }).count(where: { $0 == "@" }) > 1 {
            return false
        }
        guard isURI || dsn.contains("=") else { return true }
        guard let options = PQconninfoParse(dsn, nil) else { return false }
        PQconninfoFree(options)
        return true
    }
}
