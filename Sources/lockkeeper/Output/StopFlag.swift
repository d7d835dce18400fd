import Synchronization

/// Raised once, from a signal's handler; a wait for it ends at once.
final class StopFlag: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let raised = Mutex(false)

    init() { (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    var isRaised: Bool { raised.withLock { $0 } }

    func raise() {
        raised.withLock { $0 = true }
        continuation.finish()
    }

    /// Returns when it is raised, or the task is cancelled.
    func raised() async { for await _ in stream {} }

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
