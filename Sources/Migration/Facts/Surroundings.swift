import SQLText

/// What goes on around the tables when a plan is made: sessions, replicas, slots, disk. It is as old as
/// the plan, and nothing that runs rests on it.
public struct Surroundings: Codable, Sendable, Equatable {
    /// In a transaction for longer than `longTransaction`, oldest first.
    public var transactions: [OpenTransaction] = []
    public var replicas: [ReplicaFacts] = []
    public var slots: [SlotFacts] = []
    /// Tables of the plan whose age is so near to `autovacuum_freeze_max_age` that an autovacuum to
    /// prevent wraparound is due, or runs.
    public var dueForFreeze: [QualifiedName] = []
    /// Bytes free where the data directory is; nil where it can't be seen from here.
    public var freeBytes: Int?
    /// Of the plan's tables that could be read.
    public var samples: [TableSample] = []
    /// The same operations on another database, where somebody named it.
    public var rehearsal: Rehearsal?
    /// What we can't see, each with the GRANT that would show it.
    public var missingRights: [String] = []

    /// Seconds.
    public static let longTransaction = 60

    public init() {}
}

/// A session in a transaction, or a prepared transaction.
public struct OpenTransaction: Codable, Sendable, Equatable {
    /// Nil for a prepared transaction.
    public var pid: Int?
    /// The identifier of a prepared transaction.
    public var prepared: String?
    /// `shop, reporting, idle in transaction`
    public var who: String
    public var ageSeconds: Double

    public init(pid: Int?, prepared: String?, who: String, ageSeconds: Double) {
        self.pid = pid
        self.prepared = prepared
        self.who = who
        self.ageSeconds = ageSeconds
    }
}

public struct ReplicaFacts: Codable, Sendable, Equatable {
    public var name: String
    /// `async`, `sync`, `potential` or `quorum`.
    public var syncState: String
    /// WAL that it has not replayed; nil where that can't be seen.
    public var bytesBehind: Int?
    /// How many transactions ago the oldest snapshot of its queries was taken; nil where it does not
    /// report them, or it can't be seen.
    public var snapshotAge: Int?

    public init(name: String, syncState: String, bytesBehind: Int?, snapshotAge: Int? = nil) {
        self.snapshotAge = snapshotAge
        self.name = name
        self.syncState = syncState
        self.bytesBehind = bytesBehind
    }
}

public struct SlotFacts: Codable, Sendable, Equatable {
    public var name: String
    public var isActive: Bool
    /// WAL that it keeps; nil where it keeps none.
    public var retainedBytes: Int?

    public init(name: String, isActive: Bool, retainedBytes: Int?) {
        self.name = name
        self.isActive = isActive
        self.retainedBytes = retainedBytes
    }
}
