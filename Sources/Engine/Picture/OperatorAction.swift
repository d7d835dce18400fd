import Migration

/// What a person can ask of a running migration: by key, by command line, from another terminal.
public enum OperatorAction: Sendable, Equatable, Codable {
    /// Start the next phase, or pass the waiting gate: what `a` does. With a gate, only that one.
    case advance(gate: String?)
    /// Start this phase, refused unless it is the one that waits: what was read is what begins, also
    /// where two ask at once.
    case start(phase: Phase)
    case pause
    case resume
    case rollBack(to: Phase?)
    /// The point of no return.
    case purge
    case check(item: String)
    case uncheck(item: String)
    case waive(item: String, reason: String)
    /// `backfill.batch` = `50ms`, as in the spec.
    case set(key: String, value: String)
    case cancelQuery(pid: Int)
    case terminateSession(pid: Int)
    /// Take back what was asked of an engine elsewhere and it has not taken yet.
    case withdraw(command: Int)
    /// End the engine at the next safe point; it goes on with the next `run`.
    case stop
}

/// The engine as a client sees it: snapshots out, actions in. `run`, `watch`, the dashboard and the
/// tests are clients.
public protocol MigrationClient: Sendable {
    /// A snapshot at every change and at least once a refresh; ends when the engine has stopped.
    var snapshots: AsyncStream<Snapshot> { get }
    /// Throws `ActionRefusal` with a sentence that says why and what would let it happen.
    func perform(_ action: OperatorAction) async throws
    /// From the next picture on, which comes at once, all locks of this session are in it; nil: of none.
    func inspect(pid: Int?) async
}

/// Why something that was asked for is not done, and what would let it.
public struct ActionRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    public let message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}
