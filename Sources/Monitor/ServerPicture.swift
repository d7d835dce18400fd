import Foundation

/// What the server is doing at one instant, read without waiting for any lock.
public struct ServerPicture: Sendable, Equatable {
    /// The server's clock.
    public var takenAt: Date
    public var server: ServerIdentity
    /// Sessions that wait, stand in somebody's way, are ours, or have been in a transaction for long.
    public var sessions: [Session]
    public var lockWaits: [LockWait]
    public var preparedTransactions: [PreparedTransaction]
    public var indexBuilds: [IndexBuildProgress]
    public var vacuums: [VacuumProgress]
    public var replicas: [Replica]
    public var slots: [ReplicationSlot]
    /// Sessions in state `active`, ours not counted.
    public var activeSessions: Int
    /// Bytes a second since the picture before; nil in the first.
    public var walRate: Double?
    /// What we can't see, each with the GRANT that would show it.
    public var missingRights: [String]
    /// The locks of the session that was asked after; nil where none was.
    public var inspected: SessionLocks?

    public init(
        takenAt: Date, server: ServerIdentity, sessions: [Session] = [],
        lockWaits: [LockWait] = [], preparedTransactions: [PreparedTransaction] = [],
        indexBuilds: [IndexBuildProgress] = [], vacuums: [VacuumProgress] = [],
        replicas: [Replica] = [], slots: [ReplicationSlot] = [], activeSessions: Int = 0,
        walRate: Double? = nil, missingRights: [String] = [], inspected: SessionLocks? = nil
    ) {
        self.takenAt = takenAt
        self.server = server
        self.sessions = sessions
        self.lockWaits = lockWaits
        self.preparedTransactions = preparedTransactions
        self.indexBuilds = indexBuilds
        self.vacuums = vacuums
        self.replicas = replicas
        self.slots = slots
        self.activeSessions = activeSessions
        self.walRate = walRate
        self.missingRights = missingRights
        self.inspected = inspected
    }
}

public struct ServerIdentity: Sendable, Equatable {
    public var user: String
    public var database: String
    /// Host or socket directory, and port.
    public var host: String
    /// `15.18`
    public var version: String
    public var isStandby: Bool
    /// The setting `track_activities`, without which nobody's statements are to be seen.
    public var tracksActivities: Bool
    /// Whether the extension pg_stat_statements is in this database.
    public var countsStatements: Bool

    public init(
        user: String, database: String, host: String, version: String, isStandby: Bool,
        tracksActivities: Bool = true, countsStatements: Bool = true
    ) {
        self.user = user
        self.database = database
        self.host = host
        self.version = version
        self.isStandby = isStandby
        self.tracksActivities = tracksActivities
        self.countsStatements = countsStatements
    }
}

public struct Session: Sendable, Equatable, Identifiable {
    public var pid: Int
    public var user: String?
    public var application: String
    public var client: String?
    public var backendType: String
    /// `active`, `idle in transaction`, …; nil where we may not see it.
    public var state: String?
    public var waitEventType: String?
    public var waitEvent: String?
    /// Seconds since its transaction began, since its state changed, since it began to wait for a lock.
    public var transactionAge: Double?
    public var stateAge: Double?
    public var waitAge: Double?
    /// Its statement, or its last one; nil where we may not see it.
    public var query: String?
    /// One of the sessions of this migration's engine.
    public var isOurs: Bool

    public var id: Int { pid }

    public init(
        pid: Int, user: String?, application: String = "", client: String? = nil,
        backendType: String = "client backend", state: String?, waitEventType: String? = nil,
        waitEvent: String? = nil, transactionAge: Double? = nil, stateAge: Double? = nil,
        waitAge: Double? = nil, query: String?, isOurs: Bool = false
    ) {
        self.pid = pid
        self.user = user
        self.application = application
        self.client = client
        self.backendType = backendType
        self.state = state
        self.waitEventType = waitEventType
        self.waitEvent = waitEvent
        self.transactionAge = transactionAge
        self.stateAge = stateAge
        self.waitAge = waitAge
        self.query = query
        self.isOurs = isOurs
    }
}

/// One session that waits for a heavyweight lock, and those that keep it waiting.
public struct LockWait: Sendable, Equatable {
    public var pid: Int
    /// `pg_blocking_pids`: holders, and those queued before it; 0 is a prepared transaction.
    public var blockedBy: [Int]
    /// `AccessExclusiveLock` as PostgreSQL writes it in words: `ACCESS EXCLUSIVE`.
    public var mode: String
    /// `public.orders`, `a row of public.orders`, `transaction 4711`.
    public var target: String
    /// Seconds; nil while the server has not noted it yet (it does so after its first wait).
    public var age: Double?

    public init(pid: Int, blockedBy: [Int], mode: String, target: String, age: Double?) {
        self.pid = pid
        self.blockedBy = blockedBy
        self.mode = mode
        self.target = target
        self.age = age
    }
}

/// What one session holds and waits for.
public struct SessionLocks: Sendable, Equatable {
    public struct Lock: Sendable, Equatable {
        /// `ACCESS EXCLUSIVE`
        public var mode: String
        /// As a `LockWait` names it.
        public var target: String
        public var isGranted: Bool

        public init(mode: String, target: String, isGranted: Bool) {
            self.mode = mode
            self.target = target
            self.isGranted = isGranted
        }
    }

    public var pid: Int
    /// Those that it waits for, then the strongest; at most two hundred.
    public var locks: [Lock]
    /// How many there are.
    public var total: Int

    public init(pid: Int, locks: [Lock], total: Int) {
        self.pid = pid
        self.locks = locks
        self.total = total
    }
}

public struct PreparedTransaction: Sendable, Equatable {
    public var identifier: String
    public var owner: String
    public var database: String
    /// Seconds since PREPARE.
    public var age: Double

    public init(identifier: String, owner: String, database: String, age: Double) {
        self.identifier = identifier
        self.owner = owner
        self.database = database
        self.age = age
    }
}

/// A row of `pg_stat_progress_create_index`.
public struct IndexBuildProgress: Sendable, Equatable {
    public var pid: Int
    public var table: String
    public var index: String
    /// `building index: scanning table`, `waiting for old snapshots`, …
    public var phase: String
    public var done: Int
    public var total: Int
    /// `blocks`, `tuples` or `lockers`.
    public var unit: String
    /// The session that it waits for now.
    public var waitsFor: Int?

    public init(
        pid: Int, table: String, index: String, phase: String, done: Int, total: Int,
        unit: String, waitsFor: Int?
    ) {
        self.pid = pid
        self.table = table
        self.index = index
        self.phase = phase
        self.done = done
        self.total = total
        self.unit = unit
        self.waitsFor = waitsFor
    }
}

public struct VacuumProgress: Sendable, Equatable {
    public var pid: Int
    public var table: String
    public var phase: String
    /// Blocks.
    public var done: Int
    public var total: Int
    public var isAutovacuum: Bool

    public init(
        pid: Int, table: String, phase: String, done: Int, total: Int, isAutovacuum: Bool
    ) {
        self.pid = pid
        self.table = table
        self.phase = phase
        self.done = done
        self.total = total
        self.isAutovacuum = isAutovacuum
    }
}

/// A row of `pg_stat_replication`.
public struct Replica: Sendable, Equatable {
    public var name: String
    public var state: String
    public var syncState: String
    /// WAL that it has not replayed, in bytes; nil where it can't be read.
    public var bytesBehind: Int?
    /// Seconds. Nil on a standby that is idle and caught up (`bytesBehind` is then 0), or unreadable.
    public var replayLag: Double?
    /// Seconds since the WAL that it has not replayed began to be there, by our own pictures, so at
    /// least; nil in the first of them, or where it can't be read.
    public var secondsBehind: Double?
    /// How many transactions ago the oldest snapshot of its queries was taken; nil where it does not
    /// report them (`hot_standby_feedback`), or it can't be read.
    public var snapshotAge: Int?

    public init(
        name: String, state: String, syncState: String, bytesBehind: Int?, replayLag: Double?,
        secondsBehind: Double? = nil, snapshotAge: Int? = nil
    ) {
        self.name = name
        self.state = state
        self.syncState = syncState
        self.bytesBehind = bytesBehind
        self.replayLag = replayLag
        self.secondsBehind = secondsBehind
        self.snapshotAge = snapshotAge
    }
}

/// A row of `pg_replication_slots` that keeps WAL.
public struct ReplicationSlot: Sendable, Equatable {
    public var name: String
    public var isActive: Bool
    /// Bytes of WAL that it keeps from being removed.
    public var retainedBytes: Int

    public init(name: String, isActive: Bool, retainedBytes: Int) {
        self.name = name
        self.isActive = isActive
        self.retainedBytes = retainedBytes
    }
}
