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
            guard state.withLock({ $0.isArmed && $0.current == ticket }) else { return }
            var error = [CChar](repeating: 0, count: 256)
            _ = PQcancel(token.pointer, &error, Int32(error.count))
            queue.asyncAfter(deadline: .now() + .milliseconds(100)) { self.repeatCancel(ticket) }
        }
    }
}
