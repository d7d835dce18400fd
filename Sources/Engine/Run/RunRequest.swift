import Foundation
import Migration

/// What somebody who starts an engine wants of it.
public struct RunRequest: Sendable {
    public var name: String
    /// The spec and its text as it is now; nil to go on with what the journal has frozen.
    public var spec: Spec?
    public var specText = ""
    public var specFile = ""
    /// Each phase waits for its operator, and the engine stays when there is nothing left to do.
    public var isInteractive = false
    public var approvesEveryGate = false
    public var approvedGates: Set<String> = []
    public var checks: [String] = []
    /// Checklist items waived, with the reason.
    public var waivers: [String: String] = [:]
    /// A rehearsal to count for the checklist: the path of its file, or how to connect to the database
    /// that has it in its journal.
    public var evidence: String?
    /// Why a phase may begin outside the window.
    public var windowOverride: String?
    public var until: Phase?
    /// At a gate and in quarantine, stay and wait for somebody elsewhere.
    public var waits = false
    /// The purge is confirmed and does not wait for the quarantine to end.
    public var purgesAtOnce = false
    /// The purge is confirmed; it waits for the quarantine.
    public var confirmsPurge = false
    /// End the sessions of an engine that has it, alive or frozen, and go on in its place.
    public var takesOver = false
    /// Turn round first.
    public var rollback: Rollback?
    /// Seconds of standing still after which `notify` is told.
    public var longPauseSeconds: Double = 300
    /// How long one command of `notify` may take before it is ended.
    public var notifyPatience: Duration = .seconds(10)
    /// Seconds between two pictures of the server.
    public var refresh: Double = 1

    public struct Rollback: Sendable, Equatable {
        /// Back to the end of this phase; nil: everything.
        public var to: Phase?

        /// Also drops what would only be put aside.
        public var purges = false

        public init(to: Phase?, purges: Bool = false) {
            self.to = to
            self.purges = purges
        }
    }

    public init(name: String) { self.name = name }
}

/// How an engine's run ended.
public enum Outcome: Sendable, Equatable {
    case finished
    /// `--until` was reached.
    case reached(Phase)
    case atGate(GateView)
    /// In quarantine until then; nil: the purge only waits for its confirmation.
    case quarantined(until: Date?)
    case rolledBack(to: Phase?)
    /// The sentence says what is left in which state and how to go on.
    case failed(String)
    /// Paused: it would only wait.
    case atRest(String)
    case refused(String)
    case noConnection(String)
    /// It was asked to stop; the next run goes on.
    case stopped
}

/// Why an engine could not begin.
public enum OpeningError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Nothing to do: the migration of this name and spec is finished.
    case alreadyFinished(String)
    case refused(String)
    case noConnection(String)
    case missingRights(String)

    public var description: String {
        switch self {
        case .alreadyFinished(let text), .refused(let text), .noConnection(let text),
            .missingRights(let text):
            text
        }
    }
}
