import Foundation

/// What may change while a migration runs: budgets, batch size, throttles, the window.
public struct Settings: Codable, Sendable, Equatable {
    /// The longest that one statement of the application may wait for us, in milliseconds.
    public var stallBudgetMilliseconds: Int = 100
    public var backfill = BackfillSettings()
    public var throttle = ThrottleSettings()
    /// Seconds from quarantine to the first moment at which the purge is offered.
    public var quarantineSeconds: Int = 24 * 3600
    public var window: MigrationWindow?

    public init() {}
}

public struct BackfillSettings: Codable, Sendable, Equatable {
    /// What one batch should take, in milliseconds.
    public var batchMilliseconds: Int = 100
    public var workers: Int = 1
    /// Rest after each batch, in milliseconds.
    public var pauseMilliseconds: Int = 0
    /// VACUUM after this share of the table, in percent; nil for never.
    public var vacuumEveryPercent: Double? = 10

    public init() {}
}

/// Limits above which the backfill waits. Nil switches a signal off.
public struct ThrottleSettings: Codable, Sendable, Equatable {
    public var replicationLagSeconds: Double? = 10
    /// Sessions that wait for a lock of ours.
    public var lockWaiters: Int? = 0
    public var activeSessions: Int?
    /// Bytes a second.
    public var walRate: Int?
    /// Bytes of WAL that one replication slot keeps.
    public var retainedWAL: Int?
    /// Returns one boolean: true holds the fill.
    public var query: String?

    public init() {}
}

public struct MigrationWindow: Codable, Sendable, Equatable {
    public var opens: Date?
    public var closes: Date?

    public init(opens: Date? = nil, closes: Date? = nil) {
        self.opens = opens
        self.closes = closes
    }
}

public struct ChecklistItem: Codable, Sendable, Equatable, Identifiable {
    public let id: String
    public let text: String
    /// The least share of each table's rows that a rehearsal must have had, in percent; nil where the
    /// spec does not say.
    public let leastRowsPercent: Double?

    public init(id: String, text: String, leastRowsPercent: Double? = nil) {
        self.id = id
        self.text = text
        self.leastRowsPercent = leastRowsPercent
    }
}
