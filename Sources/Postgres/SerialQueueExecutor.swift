import Dispatch

/// A serial queue of its own for an actor whose work blocks: libpq's calls do, and on the shared
/// pool of two threads they would stop everything else. (`DispatchSerialQueue` does not exist on
/// Linux.)
public final class SerialQueueExecutor: SerialExecutor {
    private let queue: DispatchQueue

    public init(label: String) { queue = DispatchQueue(label: label) }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
