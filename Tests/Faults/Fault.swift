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
    /// The whole server suffers: it has one of its own, and one trial at a time.
    var hasOwnServer = false
    var end = End.goesOn
    /// Before the first command: what lasts for the whole trial.
    var prepare: (@Sendable (Scene) async throws -> Void)?
    /// On the wire, at the drawn message: of so many bytes.
    var wire: (@Sendable (_ bytes: Int, inout SeededRandom) -> Wiretap.Verdict)?
    /// At the drawn message, before it reaches the server or before its answer comes back.
    var strike: (@Sendable (Scene) async throws -> Void)?
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

    static let all: [Fault] =
        [.kill, .terminate, .hangUp, .interrupt, .freeze, .cut, .cutAll, .silence, .slow]
        + [.endedSessions, .cancelledStatements, .fastStop, .immediateStop, .crash]
        + [.sessionPooler, .transactionPooler, .settings, .timeouts, .diskFull, .noConnections]
        + [.heldLock, .deadlocks, .crowd, .damagedJournal, .droppedJournal, .clock, .terminalGone]

    static func named(_ name: String) -> Fault? { all.first { $0.name == name } }
}
