import Foundation
import Migration
import Monitor

/// How a lock that stalls the application is asked for: look first, ask briefly, back off.
///
/// A value: what was seen, what happened and the time come in, an action comes out. The rules are
/// DESIGN.md's, "Asking for locks", each measured there:
/// - While somebody who holds a conflicting lock has been in a transaction for longer than the
///   budget, our request would only make others queue behind it: don't ask, show who.
/// - A younger holder will probably be gone before the budget is: ask.
/// - An autovacuum of the table is displaced by a request for SHARE UPDATE EXCLUSIVE that outlasts
///   `deadlock_timeout`, which every try makes first and for which no ordinary statement waits. One
///   that prevents wraparound does not yield: it is a blocker like any other.
/// - A standby replays ACCESS EXCLUSIVE too, and its queries on the table wait for that, or are
///   cancelled by it. While its replay is behind, don't give it another one.
/// - After a refused try, stay out of the queue nine times as long as was spent in it, with jitter,
///   so that the application meets our request at most a tenth of the time.
public struct LockAcquisition: Sendable {
    public enum Action: Sendable, Equatable {
        /// Read who holds conflicting locks.
        case look
        /// Ask for the locks, waiting at most the budget for all of them together.
        case ask
        /// Stay away for this long; who is in the way is in `blockers`.
        case rest(Duration)
    }

    public private(set) var attempts = 0
    public private(set) var blockers: [LockHolder] = []
    /// Why a standby holds us, in a sentence; nil where none does.
    public private(set) var standby: String?
    private var lastAction: Action?
    private var random: SeededRandom

    /// - Parameter seed: of the jitter; tests print and repeat it.
    public init(seed: UInt64) { random = SeededRandom(seed) }

    /// The first thing to do, and the next after a rest.
    public mutating func begin() -> Action { .look }

    /// What to do about what was seen. `standby` says why a standby should not get this lock to replay
    /// now.
    public mutating func looked(
        _ holders: [LockHolder], standby: String? = nil, budget: Duration
    ) -> Action {
        blockers = holders.filter { $0.isInTheWay(budget: budget) }
        self.standby = standby
        guard blockers.isEmpty, standby == nil else { return .rest(.milliseconds(200)) }
        attempts += 1
        return .ask
    }

    /// What to do after a try that did not get its locks and spent this long in the queue.
    public mutating func refused(after waited: Duration) -> Action {
        let jitter = Double.random(in: 0.8...1.2, using: &random)
        let share = 9 * jitter
        return .rest(max(.milliseconds(50), waited * share))
    }
}

extension LockHolder {
    /// Whether asking while it is there could only end in a refusal and a queue behind us.
    func isInTheWay(budget: Duration) -> Bool {
        if isAutovacuum { return preventsWraparound }
        if isPrepared { return true }
        // Its transaction ended between the look at the locks and the look at the sessions.
        if state == "idle" { return false }
        guard let age = transactionAge else { return true }
        return age > budget / .seconds(1)
    }
}

/// A small generator with a seed that can be printed and used again (SplitMix64).
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(_ seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
