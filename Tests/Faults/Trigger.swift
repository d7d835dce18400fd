import Conformance
import Foundation
import Synchronization

/// Counts the messages of the engine that act, and does at the drawn one what the fault does.
///
/// Pictures of the server, heartbeats and the look for commands come by the clock; they are not
/// counted, so that the same number is the same moment.
final class Trigger: Sendable {
    private struct State {
        var isArmed = false
        var count = 0
        var wanted: Int
        var hasFired = false
        var fire: (@Sendable (_ bytes: Int) -> Wiretap.Verdict)?
    }
    private let state: Mutex<State>
    private let marks: [String]

    /// - Parameter marks: what the messages contain that are counted; nil for all that act.
    init(at moment: Int, marks: [String]?) {
        state = Mutex(State(wanted: moment))
        self.marks = marks ?? Self.acts
    }

    func arm(_ fire: @escaping @Sendable (_ bytes: Int) -> Wiretap.Verdict) {
        state.withLock {
            $0.fire = fire
            $0.isArmed = true
        }
    }

    var count: Int { state.withLock { $0.count } }
    var hasFired: Bool { state.withLock { $0.hasFired } }

    func judge(_ text: String) -> Wiretap.Verdict {
        guard marks.contains(where: text.contains), !text.contains("SET heartbeat_at") else {
            return .pass
        }
        let fire = state.withLock { state -> (@Sendable (Int) -> Wiretap.Verdict)? in
            guard state.isArmed else { return nil }
            state.count += 1
            guard state.count == state.wanted, !state.hasFired else { return nil }
            state.hasFired = true
            return state.fire
        }
        return fire?(text.utf8.count + 5) ?? .pass
    }

    private static let acts = [
        "lockkeeper.fences", "lockkeeper.steps", "lockkeeper.migrations", "lockkeeper.approvals",
        "lockkeeper.backfills", "pg_try_advisory_lock", "COMMIT", "CONCURRENTLY", "CREATE ",
        "ALTER ",
        "DROP ", "VACUUM",
    ]
}

/// Waits on a thread of its own for what can only be done asynchronously.
enum Blocking {
    static func run(_ body: @escaping @Sendable () async -> Void) {
        let done = DispatchSemaphore(value: 0)
        Task {
            await body()
            done.signal()
        }
        done.wait()
    }
}
