import Conformance
import Engine
import Foundation

/// One kind of fault: what it does, and what the engine may do about it.
struct Fault: Sendable {
    /// What must come of it.
    enum End: Sendable {
        /// The same command goes on to the end, or a rollback goes back.
        case goesOn
        /// Lockkeeper refuses to go on, and says why; no write is lost.
        case isRefused(String)
    }

    let name: String
    /// How many of a round's faults are of this kind.
    var weight = 1
    /// A command that has not ended after so many seconds is a problem.
    var seconds = 90.0
    /// Where it can be made.
    enum Stage: Sendable, CaseIterable {
        /// A server on which other trials are given at the same time.
        case shared
        /// The whole server suffers: one of its own, with few connections, and one trial at a time.
        case ownServer
        /// Likewise, with a clock that can jump.
        case ownClock
        /// Likewise, with a synchronous standby.
        case pair
    }
    var stage = Stage.shared
    /// Which variants have what it strikes, by the words of their operations; empty for all.
    var operations: [String] = []
    var end = End.goesOn
    /// What is left over where it is refused, `lockkeeper doctor` must name.
    var leavesToDoctor = false
    /// Before the first command: what lasts for the whole trial.
    var prepare: (@Sendable (Scene) async throws -> Void)?
    /// On the wire, at the drawn message: of so many bytes.
    var wire: (@Sendable (_ bytes: Int, inout SeededRandom) -> Wiretap.Verdict)?
    /// At the drawn message, before it reaches the server or before its answer comes back.
    var strike: (@Sendable (Scene) async throws -> Void)?
    /// Where it strikes while the server carries out a message: what those messages contain, and what is
    /// done before one goes on so that the server takes its time.
    var within: Within?
    struct Within: Sendable {
        let marks: [String]
        let hold: @Sendable (Scene) async throws -> Void
    }
    /// After the command that was struck has ended: makes the world whole again.
    var heal: (@Sendable (Scene) async throws -> Void)?
    /// After the trial, when its database is gone.
    var clear: (@Sendable (Scene) async throws -> Void)?
    /// The program and its words as they are started.
    var wrapped: (@Sendable (_ words: [String]) -> [String])?
    /// Whether it needs something that this machine does not have, in words; nil where it is there.
    var missing: (@Sendable () -> String?)?

    /// Whether there is a moment at which it strikes, or it lasts for the whole trial.
    var hasMoment: Bool { strike != nil || wire != nil }

    static let all: [Fault] = {
        let engine: [Fault] = [
            .kill, .killInBuild, .killInBatch, .terminate, .hangUp, .interrupt, .freeze,
            .terminalGone,
        ]
        let wire: [Fault] = [.cut, .cutAll, .silence, .slow, .sessionPooler, .transactionPooler]
        let server: [Fault] = [
            .endedSessions, .cancelledStatements, .fastStop, .immediateStop, .crash, .failover,
            .settings, .timeouts, .diskFull, .noConnections, .clock,
        ]
        let others: [Fault] = [
            .heldLock, .lockHeldForMinutes, .deadlocks, .crowd, .damagedJournal, .droppedJournal,
        ]
        return engine + wire + server + others
    }()

    static func named(_ name: String) -> Fault? { all.first { $0.name == name } }
}
