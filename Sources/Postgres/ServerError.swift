/// What the server answered instead of a result.
public struct ServerError: Error, Hashable, Sendable, CustomStringConvertible {
    public var sqlState: SQLState
    public var message: String
    public var detail: String?
    public var hint: String?
    public var context: String?
    /// Characters into the statement, from 1; nil where the error is not about its text.
    public var position: Int?
    /// How many statements of the message had given their result before this one.
    public var completedStatements = 0

    public init(
        sqlState: SQLState, message: String, detail: String? = nil, hint: String? = nil,
        context: String? = nil, position: Int? = nil
    ) {
        self.sqlState = sqlState
        self.message = message
        self.detail = detail
        self.hint = hint
        self.context = context
        self.position = position
    }

    /// There is nobody here to send or take the rows.
    static let copy = ServerError(
        sqlState: .featureNotSupported,
        message: "COPY from or to the client is not possible here; copy from or to a file or a "
            + "program on the server, or use psql")

    public var description: String {
        [message, detail.map { "Detail: \($0)" }, hint.map { "Hint: \($0)" }]
            .compactMap { $0 }.joined(separator: " ") + " (SQLSTATE \(sqlState))"
    }
}

/// A connection that could not be made, or that is there no longer.
public enum ConnectionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// `libpq` could not connect; its own words, which name host and port and never the password.
    case cannotConnect(String)
    /// The connection ended under a statement: whether that was carried out is unknown.
    case lost(String)
    /// The task was cancelled; nothing was sent, or the statement was cancelled on the server.
    case cancelled
    /// `close()` was called before.
    case closed

    public var description: String {
        switch self {
        case .cannotConnect(let reason): reason
        case .lost(let reason): "The connection to the server was lost: \(reason)"
        case .cancelled: "The statement was cancelled."
        case .closed: "The connection was closed."
        }
    }
}
