import Synchronization

/// Raised once, from a signal's handler; every wait for it ends at once.
final class StopFlag: Sendable {
    private struct State {
        var isRaised = false
        var waiting: [Int: AsyncStream<Void>.Continuation] = [:]
        var count = 0
    }

    private let state = Mutex(State())

    var isRaised: Bool { state.withLock(\.isRaised) }

    func raise() {
        let waiting = state.withLock { state in
            state.isRaised = true
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.finish() }
    }

    /// Returns when it is raised, or the task is cancelled.
    func raised() async {
        // A stream for each wait: one whose reader is cancelled has ended for all.
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        let number = state.withLock { state -> Int? in
            if state.isRaised { return nil }
            state.count += 1
            state.waiting[state.count] = continuation
            return state.count
        }
        guard let number else { return }
        for await _ in stream {}
        state.withLock { _ = $0.waiting.removeValue(forKey: number) }
    }

    /// Returns when it is raised, or after the time.
    func wait(upTo duration: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.raised() }
            group.addTask { try? await Task.sleep(for: duration) }
            await group.next()
            group.cancelAll()
        }
    }
}
