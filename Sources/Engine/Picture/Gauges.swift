import Foundation
import Migration
import Monitor

/// A signal of the throttle beside its limit, as it stands now.
public struct GaugeView: Sendable, Equatable, Identifiable {
    public enum Unit: Sendable { case seconds, count, bytes, bytesPerSecond }

    /// As in `throttled` events: `replication_lag db2`, `wal_rate`, …
    public var id: String
    public var title: String
    /// Nil where it can't be read.
    public var value: Double?
    /// Nil where the signal is switched off.
    public var limit: Double?
    public var unit: Unit

    public init(id: String, title: String, value: Double?, limit: Double?, unit: Unit) {
        self.id = id
        self.title = title
        self.value = value
        self.limit = limit
        self.unit = unit
    }

    public var isOver: Bool {
        guard let limit else { return false }
        return value.map { $0 > limit } ?? true
    }
}

extension Throttle {
    /// Every signal of the server's picture, those without a limit too.
    static func gauges(
        _ picture: ServerPicture, waitingForUs: Int, _ limits: ThrottleSettings
    ) -> [GaugeView] {
        picture.replicas.map { replica in
            GaugeView(
                id: "replication_lag \(replica.name)", title: "lag \(replica.name)",
                value: lagSeconds(of: replica, walRate: picture.walRate),
                limit: limits.replicationLagSeconds, unit: .seconds)
        } + [
            GaugeView(
                id: "lock_waiters", title: "waiters", value: Double(waitingForUs),
                limit: limits.lockWaiters.map(Double.init), unit: .count),
            GaugeView(
                id: "active_sessions", title: "active", value: Double(picture.activeSessions),
                limit: limits.activeSessions.map(Double.init), unit: .count),
            GaugeView(
                id: "wal_rate", title: "WAL", value: picture.walRate,
                limit: limits.walRate.map(Double.init), unit: .bytesPerSecond),
        ]
            + [picture.slots.map(\.retainedBytes).max()].compactMap { $0 }.map { retained in
                GaugeView(
                    id: "retained_wal", title: "slot's WAL", value: Double(retained),
                    limit: limits.retainedWAL.map(Double.init), unit: .bytes)
            }
    }
}
