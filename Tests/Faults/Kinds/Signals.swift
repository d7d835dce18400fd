import Foundation

/// The engine is told to end, or ended.
extension Fault {
    /// SIGKILL: before a message reaches the server, or between its COMMIT and the acknowledgement.
    static let kill = Fault(
        name: "kill", weight: 6, strike: { $0.engine?.signal(SIGKILL) })

    static let terminate = Fault(
        name: "sigterm", weight: 2, strike: { $0.engine?.signal(SIGTERM) })
    static let hangUp = Fault(name: "sighup", strike: { $0.engine?.signal(SIGHUP) })
    static let interrupt = Fault(name: "sigint", strike: { $0.engine?.signal(SIGINT) })
}
