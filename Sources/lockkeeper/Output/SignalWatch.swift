import Dispatch
import Foundation
import Synchronization

/// SIGINT, SIGTERM and SIGHUP as a call instead of an end; the first one is kept for the exit code.
final class SignalWatch: Sendable {
    private let first = Mutex<Int32?>(nil)

    init(_ onSignal: @escaping @Sendable (Int32) -> Void) {
        let queue = DispatchQueue(label: "lockkeeper.signals")
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            // The handler holds its source and this object, for as long as the program runs.
            source.setEventHandler {
                withExtendedLifetime(source) {
                    self.first.withLock { $0 = $0 ?? number }
                    onSignal(number)
                }
            }
            source.resume()
        }
    }

    /// The signal that came first; nil where none came.
    var received: Int32? { first.withLock { $0 } }
}
