import CLibPQ
import Dispatch
import Synchronization

/// Cancels the statement in hand from outside the connection's queue.
///
/// `PQcancel` opens a connection of its own and blocks while the server does (3 s with a stopped
/// postmaster), so it runs on a queue of its own, and again until the statement has returned: a
/// request that arrives between two statements of a message is lost.
final class Canceller: Sendable {
    /// How long a cancelled statement may take to return before its session is given up.
    static let patience: Duration = .seconds(10)

    private struct State {
        var current = 0
        var isArmed = false
        var cancelled: Int?
        var cancelledAt: ContinuousClock.Instant?
    }

    /// Sendable because `PQcancel` is thread-safe on a `PGcancel` (libpq manual, "Canceling Queries
    /// in Progress"), and it is freed only when nobody holds this object any more.
    private struct Token: @unchecked Sendable {
        let pointer: OpaquePointer?
    }

    private let token: Token
    /// Holds the request that is under way.
    private let requests = DispatchGroup()
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "lockkeeper.cancel")

    init(handle: Handle) { token = Token(pointer: PQgetCancel(handle.pointer)) }

    deinit { PQfreeCancel(token.pointer) }

    /// A statement is about to be sent; the ticket names it.
    func arm() -> Int {
        state.withLock {
            $0.current += 1
            $0.isArmed = true
            return $0.current
        }
    }

    /// The statement has returned: nothing is cancelled any more.
    func disarm() { state.withLock { $0.isArmed = false } }

    /// Waits, at most `patience`, until no request is under way: one that arrived late would cancel
    /// the session's next statement. By the time `PQcancel` returns the postmaster has signalled
    /// the backend, which ignores it between statements. False where a request is still out, and
    /// the session is not to be used any more.
    func isQuiet() -> Bool {
        requests.wait(timeout: .now() + .seconds(Int(Self.patience.components.seconds))) == .success
    }

    func wasCancelled(_ ticket: Int) -> Bool { state.withLock { $0.cancelled == ticket } }

    func hasLostPatience(_ ticket: Int) -> Bool {
        state.withLock {
            guard $0.cancelled == ticket, let since = $0.cancelledAt else { return false }
            return ContinuousClock.now - since > Self.patience
        }
    }

    func cancel(_ ticket: Int) {
        state.withLock {
            guard $0.cancelled != ticket else { return }
            $0.cancelled = ticket
            $0.cancelledAt = .now
        }
        repeatCancel(ticket)
    }

    private func repeatCancel(_ ticket: Int) {
        queue.async { [self] in
            let isDue = state.withLock {
                guard $0.isArmed, $0.current == ticket else { return false }
                requests.enter()
                return true
            }
            guard isDue else { return }
            defer { requests.leave() }
            var error = [CChar](repeating: 0, count: 256)
            _ = PQcancel(token.pointer, &error, Int32(error.count))
            queue.asyncAfter(deadline: .now() + .milliseconds(100)) { self.repeatCancel(ticket) }
        }
    }
}
