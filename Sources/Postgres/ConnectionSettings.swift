import Foundation

/// Where to connect, and what the session sets for itself.
///
/// `dsn` is what the user gave (a libpq URI or keyword string) and may hold a password: it goes to
/// libpq and nowhere else, so this type prints without it.
public struct ConnectionSettings: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
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

    public var description: String { "ConnectionSettings" }
    public var debugDescription: String { description }
}
