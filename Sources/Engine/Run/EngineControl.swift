import Foundation
import Migration
import Monitor
import Synchronization

/// What the running step and the engine tell each other: the operator's wishes one way, progress
/// the other. Any thread may read and write it; it never waits but in `checkpoint`.
final class EngineControl: Sendable {
    struct State {
        var settings: Settings
        var pausedBy: String?
        /// Why the window does not hold the fill.
        var windowOverride: String?
        var isStopping = false
        var progress: [StepID: ProgressView] = [:]
        var lockRequest: LockRequestView?
        var picture: ServerPicture?
        var pictureTaken: ContinuousClock.Instant?
        /// What the user's query said, and when; nil where it has not been asked yet.
        var queryReading: (answer: Throttle.QueryReading, at: ContinuousClock.Instant)?
        var trouble: String?
        var ownPIDs: Set<Int> = []
        /// How many waited for us in the last picture.
        var waitingForUs = 0
        /// The session whose locks somebody looks at.
        var inspected: Int?
        var worstWait: Double = 0
        var throttle = Throttle()
        /// Where in the WAL the last step that took ACCESS EXCLUSIVE has ended.
        var lastStrongCommit: String?
        /// Events so far, and those of them that the journal has.
        var happened = 0
        /// Whether anybody hears of each batch.
        var tellsBatches = true
        var dealtWith = 0

        var serverNow: Date {
            guard let picture, let pictureTaken else { return Date() }
            return picture.takenAt.addingTimeInterval(
                (ContinuousClock.now - pictureTaken) / .seconds(1))
        }

        /// An answer that is not there, or is old, holds the fill like one that can't be had.
        var currentQueryReading: Throttle.QueryReading {
            guard let queryReading else { return .unreadable("it has not been asked yet") }
            let age = (ContinuousClock.now - queryReading.at) / .seconds(1)
            return age < Throttle.staleAfter
                ? queryReading.answer : .unreadable("it has not answered for \(Int(age)) s")
        }
    }

    private let state: Mutex<State>
    private let outbox: AsyncStream<EngineEvent>.Continuation
    /// What has happened, in order, for the engine to journal and pass on.
    let happenings: AsyncStream<EngineEvent>
    let migration: String

    init(migration: String, settings: Settings) {
        self.migration = migration
        state = Mutex(State(settings: settings))
        (happenings, outbox) = AsyncStream.makeStream()
    }

    func read<Value>(_ body: (State) -> Value) -> Value { state.withLock { body($0) } }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    var settings: Settings { read(\.settings) }

    func emit(
        _ kind: EngineEvent.Kind, phase: Phase? = nil, step: StepID? = nil, _ text: String,
        _ fields: [String: JSONValue] = [:]
    ) {
        pass(
            on: EngineEvent(
                time: Date(), migration: migration, kind: kind, phase: phase, step: step,
                text: text, fields: fields))
    }

    func pass(on event: EngineEvent) {
        // Counted first: nobody has dealt with it before it is there.
        change { $0.happened += 1 }
        outbox.yield(event)
    }

    /// Waits until everything that has happened is journalled, at most so long.
    func untilJournalled(_ patience: Duration) async throws {
        let deadline = ContinuousClock.now + patience
        while read({ $0.dealtWith < $0.happened }), ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    func endEvents() { outbox.finish() }

    /// Waits while the operator has paused; throws `CancellationError` when the engine is to stop.
    func whilePaused() async throws {
        while read(\.pausedBy) != nil { try await Task.sleep(for: .milliseconds(200)) }
    }

    /// The server's time, from its last picture and our own steady clock; our own before the first.
    var serverNow: Date {
        read(\.serverNow)
    }

    /// The longest wait seen that somebody had because of us, in milliseconds.
    func noteWait(_ milliseconds: Double) {
        change { $0.worstWait = max($0.worstWait, milliseconds) }
    }

    /// A new picture: how long others have waited for us goes into the worst wait.
    func seen(_ picture: ServerPicture) {
        change { state in
            state.picture = picture
            state.pictureTaken = .now
            state.trouble = nil
            let waits = picture.waits(behind: state.ownPIDs)
            state.waitingForUs = waits.count
            for wait in waits {
                state.worstWait = max(state.worstWait, (wait.age ?? 0) * 1000)
            }
        }
    }

    /// Between two batches: ends with `CancellationError` when the engine is to stop or turn round,
    /// and stays while the operator or a throttle says so. `hold` is told why, again and again, and in
    /// the end that there is no reason any more; what it throws ends the wait.
    nonisolated(nonsending) func checkpoint(
        _ activity: RowActivity, _ hold: (Throttle.Hold?) throws -> Void
    ) async throws {
        var isHeld = false
        while true {
            try Task.checkCancellation()
            guard let reason = reasonToHold(activity) else {
                if isHeld { try hold(nil) }
                return
            }
            isHeld = true
            try hold(reason)
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private func reasonToHold(_ activity: RowActivity) -> Throttle.Hold? {
        state.withLock { state in
            if let by = state.pausedBy {
                return Throttle.Hold(
                    signal: "operator", value: nil, limit: nil, reason: "paused by \(by)")
            }
            if activity == .writing, state.windowOverride == nil,
                let closes = state.settings.window?.closes,
                state.serverNow >= closes
            {
                return Throttle.Hold(
                    signal: "window", value: nil, limit: nil,
                    reason: "the migration window has closed (\(closes.rfc3339))")
            }
            let age =
                state.pictureTaken.map { (ContinuousClock.now - $0) / .seconds(1) } ?? .infinity
            let readings = Throttle.Readings(
                picture: state.picture, pictureAge: age,
                waitingForUs: state.waitingForUs,
                query: state.settings.throttle.query == nil ? nil : state.currentQueryReading)
            var limits = state.settings.throttle
            if activity == .reading {
                (limits.replicationLagSeconds, limits.walRate, limits.retainedWAL) = (nil, nil, nil)
            }
            return state.throttle.judge(readings, limits)
        }
    }
}

extension ServerPicture {
    /// The sessions that wait, directly or behind others, for one of these.
    func waits(behind pids: Set<Int>) -> [LockWait] {
        // Mostly nobody does, and then a few numbers are all that is compared.
        let ours = Array(pids)
        guard lockWaits.contains(where: { $0.blockedBy.contains(where: ours.contains) }) else {
            return []
        }
        var behind = pids
        var found: [Int: LockWait] = [:]
        var grew = true
        while grew {
            grew = false
            for wait in lockWaits where found[wait.pid] == nil && !pids.contains(wait.pid) {
                guard wait.blockedBy.contains(where: { behind.contains($0) }) else { continue }
                found[wait.pid] = wait
                behind.insert(wait.pid)
                grew = true
            }
        }
        return found.values.sorted { $0.pid < $1.pid }
    }
}
