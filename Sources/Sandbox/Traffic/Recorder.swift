import Postgres
import Synchronization

/// Something that went wrong in the application: a statement's error, or a row that was not what it
/// should be.
public struct ApplicationError: Sendable, Hashable {
    public let phase: String
    public let version: Version
    /// Which of the application's statements, such as `upsert`.
    public let statement: String
    /// Nil where no statement failed: what was read was wrong, or the connection was lost.
    public let sqlState: SQLState?
    public let message: String
}

/// What the clients measured and met, by the phase in which a statement was sent.
final class Recorder: Sendable {
    struct Phase: Sendable {
        let name: String
        let began: ContinuousClock.Instant
        var ended: ContinuousClock.Instant?
        var statements = 0
        var errors = 0
        var service = Latencies()
        var response = Latencies()
    }

    private struct State {
        var phases: [Phase]
        var errors: [ApplicationError] = []
        var errorCount = 0
    }

    /// Errors are counted all, and kept until there are so many.
    static let mostErrors = 200

    private let state: Mutex<State>

    init(phase: String) {
        state = Mutex(State(phases: [Phase(name: phase, began: .now)]))
    }

    func enter(_ phase: String) {
        state.withLock { state in
            let now = ContinuousClock.now
            let last = state.phases.count - 1
            guard state.phases[last].name != phase else { return }
            state.phases[last].ended = now
            state.phases.append(Phase(name: phase, began: now))
        }
    }

    /// The phase of a statement that is sent now.
    var phase: Int { state.withLock { $0.phases.count - 1 } }

    func add(phase: Int, service: Duration, response: Duration) {
        state.withLock {
            $0.phases[phase].statements += 1
            $0.phases[phase].service.add(service)
            $0.phases[phase].response.add(response)
        }
    }

    func add(
        phase: Int, _ version: Version, _ statement: String, _ sqlState: SQLState?,
        _ message: String
    ) {
        state.withLock {
            $0.phases[phase].errors += 1
            $0.errorCount += 1
            guard $0.errors.count < Self.mostErrors else { return }
            $0.errors.append(
                ApplicationError(
                    phase: $0.phases[phase].name, version: version, statement: statement,
                    sqlState: sqlState, message: message))
        }
    }

    /// Ends the last phase's clock.
    func finish() {
        state.withLock {
            let last = $0.phases.count - 1
            if $0.phases[last].ended == nil { $0.phases[last].ended = .now }
        }
    }

    var result: (phases: [Phase], errors: [ApplicationError], errorCount: Int) {
        state.withLock { ($0.phases, $0.errors, $0.errorCount) }
    }
}
