import Foundation
import Migration
import Monitor

/// Work on rows, by what it can do to others.
enum RowActivity: Sendable {
    /// A fill or a copy.
    case writing
    /// A probe or a comparison: it writes next to no WAL, so that no signal about WAL holds it; and a phase that
    /// has begun inside the window goes on outside it, where only a fill rests.
    case reading
}

/// Whether the fill may go on, by what it does to others.
///
/// Each signal has its own limit; above it the fill rests until the signal is under four fifths of
/// it, so that it does not flutter. A signal that can't be read holds the fill and says so: peers
/// fail open, and were seen to.
public struct Throttle: Sendable, Equatable {
    /// What was read of each signal that has a limit.
    public struct Readings: Sendable, Equatable {
        public var picture: ServerPicture?
        /// Seconds since the picture was taken, by our own clock.
        public var pictureAge: Double
        /// Sessions that wait for a lock of ours.
        public var waitingForUs: Int
        /// What the user's query said; nil where there is none.
        public var query: QueryReading?

        public init(
            picture: ServerPicture?, pictureAge: Double, waitingForUs: Int,
            query: QueryReading? = nil
        ) {
            self.picture = picture
            self.pictureAge = pictureAge
            self.waitingForUs = waitingForUs
            self.query = query
        }
    }

    public enum QueryReading: Sendable, Equatable {
        case goOn
        case hold
        case unreadable(String)
    }

    public struct Hold: Sendable, Equatable {
        public let signal: String
        /// In the signal's own unit; nil where it can't be read.
        public let value: Double?
        public let limit: Double?
        /// For a person: `replica standby1 is 12 s behind, limit 10 s`.
        public let reason: String
    }

    /// A picture older than this is no reading any more.
    static let staleAfter: Double = 10
    private static let release = 0.8
    private var held: Set<String> = []

    public init() {}

    /// The reason to hold, the gravest first; nil to go on.
    public mutating func judge(_ readings: Readings, _ limits: ThrottleSettings) -> Hold? {
        var holds: [Hold] = []
        guard let picture = readings.picture, readings.pictureAge < Self.staleAfter else {
            return Hold(
                signal: "monitor", value: nil, limit: nil,
                reason: "the server's signals can't be read; work on rows waits for them")
        }
        if let limit = limits.replicationLagSeconds {
            holds += picture.replicas.compactMap {
                lag(of: $0, walRate: picture.walRate, limit: limit)
            }
        }
        if let limit = limits.lockWaiters {
            add(&holds, "lock_waiters", Double(readings.waitingForUs), Double(limit)) {
                "\($0) sessions wait for our locks, limit \($1)"
            }
        }
        if let limit = limits.activeSessions {
            add(&holds, "active_sessions", Double(picture.activeSessions), Double(limit)) {
                "\($0) active sessions, limit \($1)"
            }
        }
        if let limit = limits.walRate {
            if let rate = picture.walRate {
                add(&holds, "wal_rate", rate, Double(limit)) {
                    "WAL is written at \($0) bytes/s, limit \($1)"
                }
            } else {
                holds.append(
                    Hold(
                        signal: "wal_rate", value: nil, limit: Double(limit),
                        reason: "the rate of WAL can't be read yet"))
            }
        }
        if let limit = limits.retainedWAL,
            let slot = picture.slots.max(by: { $0.retainedBytes < $1.retainedBytes })
        {
            add(&holds, "retained_wal", Double(slot.retainedBytes), Double(limit)) {
                "replication slot \(slot.name) keeps \($0) bytes of WAL, limit \($1)"
            }
        }
        switch readings.query {
        case .hold:
            holds.append(
                Hold(signal: "query", value: 1, limit: 0, reason: "throttle.query says to hold"))
        case .unreadable(let why):
            holds.append(
                Hold(
                    signal: "query", value: nil, limit: 0,
                    reason: "throttle.query can't be asked: \(why)"))
        case .goOn, nil: break
        }
        held = Set(holds.map(\.signal))
        return holds.first
    }

    private func add(
        _ holds: inout [Hold], _ signal: String, _ value: Double, _ limit: Double,
        _ reason: (Int, Int) -> String
    ) {
        guard isAbove(signal, value, limit) else { return }
        holds.append(
            Hold(signal: signal, value: value, limit: limit, reason: reason(Int(value), Int(limit)))
        )
    }

    private func isAbove(_ signal: String, _ value: Double, _ limit: Double) -> Bool {
        value > (held.contains(signal) ? limit * Self.release : limit)
    }

    /// The replica furthest behind its limit, for a step that takes ACCESS EXCLUSIVE: a standby replays
    /// that lock too, and behind a replay that stands still (for a query on the standby, at the lock of
    /// our step before) each further one makes its queries wait longer. What can't be read holds no
    /// such step, which adds next to nothing to what there is to replay.
    static func standby(_ picture: ServerPicture?, _ limits: ThrottleSettings) -> Hold? {
        guard let picture, let limit = limits.replicationLagSeconds else { return nil }
        let fresh = Throttle()
        return picture.replicas.compactMap {
            fresh.lag(of: $0, walRate: picture.walRate, limit: limit)
        }.filter { $0.value != nil }.max { ($0.value ?? 0) < ($1.value ?? 0) }
    }

    /// The server's `replay_lag` alone is not enough: with replay paused it stays where it was while
    /// the standby falls behind (seen on 15.18: 5 ms at 6.4 MB). So what is not replayed counts too:
    /// as the time since it was there, by our own pictures, and, of what was there before the first of
    /// them, as the time in which it is written now, at a megabyte a second or more. Nil where it can't
    /// be read.
    static func lagSeconds(of replica: Replica, walRate: Double?) -> Double? {
        guard let bytes = replica.bytesBehind else { return nil }
        let written = Double(bytes) / max(walRate ?? 0, 1_000_000)
        // Idle and caught up, the server reports no lag, and there is none.
        return bytes == 0 ? 0 : max(replica.replayLag ?? 0, replica.secondsBehind ?? 0, written)
    }

    private func lag(of replica: Replica, walRate: Double?, limit: Double) -> Hold? {
        let signal = "replication_lag \(replica.name)"
        guard let lag = Self.lagSeconds(of: replica, walRate: walRate) else {
            return Hold(
                signal: signal, value: nil, limit: limit,
                reason: "the lag of replica \(replica.name) can't be read")
        }
        guard isAbove(signal, lag, limit) else { return nil }
        return Hold(
            signal: signal, value: lag, limit: limit,
            reason:
                "replica \(replica.name) is \(Int(lag.rounded())) s behind, limit \(Int(limit)) s")
    }
}
