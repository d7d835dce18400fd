import Postgres

/// A table lock that somebody wants, in PostgreSQL's words: `ACCESS EXCLUSIVE`.
public struct WantedLock: Sendable, Equatable {
    public let table: QualifiedName
    public let mode: String

    public init(table: QualifiedName, mode: String) {
        self.table = table
        self.mode = mode
    }
}

/// A session, or a prepared transaction, that has a table lock or waits for one.
public struct LockHolder: Sendable, Equatable {
    /// 0 for a prepared transaction, which has no session.
    public var pid: Int
    public var user: String?
    public var application: String
    public var state: String?
    /// Seconds; nil where we may not see it.
    public var transactionAge: Double?
    public var table: QualifiedName
    /// `ROW EXCLUSIVE`
    public var mode: String
    /// Seconds that it has waited; nil for a holder.
    public var waitAge: Double?
    public var query: String?
    public var isAutovacuum: Bool
    /// An autovacuum that does not give way: `autovacuum: … (to prevent wraparound)`.
    public var preventsWraparound: Bool
    /// The identifier of a prepared transaction: `ROLLBACK PREPARED` ends it.
    public var prepared: String?

    public var isPrepared: Bool { prepared != nil }

    public init(
        pid: Int, user: String? = nil, application: String = "", state: String? = nil,
        transactionAge: Double? = nil, table: QualifiedName, mode: String, waitAge: Double? = nil,
        query: String? = nil, isAutovacuum: Bool = false, preventsWraparound: Bool = false,
        prepared: String? = nil
    ) {
        self.pid = pid
        self.user = user
        self.application = application
        self.state = state
        self.transactionAge = transactionAge
        self.table = table
        self.mode = mode
        self.waitAge = waitAge
        self.query = query
        self.isAutovacuum = isAutovacuum
        self.preventsWraparound = preventsWraparound
        self.prepared = prepared
    }
}

/// A session that waits for a lock behind somebody.
public struct QueuedSession: Sendable, Equatable {
    public var pid: Int
    /// Those of the asked-for pids that it waits for.
    public var behind: [Int]
    public var user: String?
    public var application: String
    /// Seconds; nil while the server has not noted it yet.
    public var waitAge: Double?
    public var query: String?

    public init(
        pid: Int, behind: [Int], user: String?, application: String, waitAge: Double?,
        query: String?
    ) {
        self.pid = pid
        self.behind = behind
        self.user = user
        self.application = application
        self.waitAge = waitAge
        self.query = query
    }
}

/// Looking before asking: who stands in the way of table locks that we are about to ask for.
///
/// Read from `pg_locks`, which also shows the locks of the fast path and of prepared transactions,
/// without waiting for any lock on the tables themselves.
public struct LockLook: Sendable, Equatable {
    /// Those that have a conflicting lock now; oldest transaction first.
    public var holders: [LockHolder]
    /// Those that wait for one of the tables in any mode: we would queue behind them.
    public var waiters: [LockHolder]

    public init(holders: [LockHolder], waiters: [LockHolder]) {
        self.holders = holders
        self.waiters = waiters
    }

    public var isFree: Bool { holders.isEmpty && waiters.isEmpty }

    /// Looks at the locks on tables of the connection's own database. `ours` are pids that do not
    /// count, whose parallel workers do not either. A table that is not there has no locks.
    /// Ask outside a transaction: within one, `pg_stat_activity` stays as it was at the first look.
    public static func look(
        on connection: Connection, wanted: [WantedLock], ours: Set<Int>
    ) async throws -> LockLook {
        guard !wanted.isEmpty else { return LockLook(holders: [], waiters: []) }
        let rows = try await connection.query(query(wanted), pidArray(ours)).rows
        var look = LockLook(holders: [], waiters: [])
        for row in rows {
            let holder = try holder(row)
            if try row.bool("granted") {
                look.holders.append(holder)
            } else {
                look.waiters.append(holder)
            }
        }
        return look
    }

    /// The sessions that wait for a lock, of any kind, behind one of `pids`: holders or waiters
    /// themselves. Those of `pids` are not listed.
    public static func queued(
        behind pids: Set<Int>, on connection: Connection
    ) async throws -> [QueuedSession] {
        guard !pids.isEmpty else { return [] }
        let rows = try await connection.query(
            """
            WITH waiting AS MATERIALIZED (
              SELECT pid, min(waitstart) AS since FROM pg_catalog.pg_locks
               WHERE NOT granted AND pid IS NOT NULL AND pid <> ALL ($1::int[]) GROUP BY pid)
            SELECT w.pid, a.usename, coalesce(a.application_name, '') AS application,
                   extract(epoch FROM clock_timestamp() - w.since) AS wait_age,
                   CASE WHEN a.query <> '<insufficient privilege>' THEN a.query END AS query,
                   array_to_string(b.behind, ' ') AS behind
              FROM waiting w
              CROSS JOIN LATERAL (
                SELECT array_agg(DISTINCT p) AS behind
                  FROM unnest(pg_catalog.pg_blocking_pids(w.pid)) p WHERE p = ANY ($1::int[])) b
              LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = w.pid
             WHERE b.behind IS NOT NULL
             ORDER BY w.since NULLS LAST, w.pid
            """, pidArray(pids)
        ).rows
        return try rows.map { row in
            QueuedSession(
                pid: try row.int("pid"),
                behind: try row.string("behind").split(separator: " ").compactMap { Int($0) },
                user: try row.optional("usename"), application: try row.string("application"),
                waitAge: try row.optionalDouble("wait_age").map { max(0, $0) },
                query: try row.optional("query"))
        }
    }

    private static func pidArray(_ pids: Set<Int>) -> String {
        "{" + pids.sorted().map(String.init).joined(separator: ",") + "}"
    }

    /// A parallel worker holds its leader's locks: it counts as its leader. A prepared transaction
    /// keeps the virtual transaction of the session that prepared it (measured; the manual's
    /// `-1/xid` is what it gets by a restart), so it is found by the lock that it has on itself.
    private static func query(_ wanted: [WantedLock]) -> SQL {
        let tables = wanted.map { lock in
            let excluded = TableLockConflicts.excluded(by: lock.mode)
                .map { SQL.literal(TableLockConflicts.catalogName($0)) }.joined(separator: ", ")
            return """
                (\(literal: lock.table.schema.name), \(literal: lock.table.name.name), \
                ARRAY[\(excluded)])
                """ as SQL
        }
        return """
            WITH locks AS MATERIALIZED (SELECT * FROM pg_catalog.pg_locks),
            wanted AS MATERIALIZED (
              SELECT c.oid, n.nspname, c.relname, w.excluded
                FROM (VALUES \(tables.joined(separator: ", "))) w(schema, name, excluded)
                JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
                JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name)
            SELECT DISTINCT coalesce(a.leader_pid, l.pid, 0) AS pid, l.granted, l.mode,
                   w.nspname, w.relname, coalesce(s.usename, p.owner) AS usename,
                   coalesce(s.application_name, '') AS application, s.state,
                   extract(epoch FROM statement_timestamp() - coalesce(s.xact_start, p.prepared))
                     AS transaction_age,
                   extract(epoch FROM statement_timestamp() - l.waitstart) AS wait_age,
                   CASE WHEN s.query <> '<insufficient privilege>' THEN s.query END AS query,
                   coalesce(s.backend_type = 'autovacuum worker',
                            s.pid IS NOT NULL AND s.usesysid IS NULL) AS is_autovacuum,
                   CASE WHEN l.pid IS NULL
                        THEN coalesce(p.gid, 'transaction ' || l.virtualtransaction) END AS gid
              FROM locks l
              JOIN wanted w ON w.oid = l.relation
              LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
              LEFT JOIN pg_catalog.pg_stat_activity s ON s.pid = coalesce(a.leader_pid, l.pid)
              LEFT JOIN pg_catalog.pg_prepared_xacts p
                ON l.pid IS NULL AND p.transaction IN (
                   SELECT x.transactionid FROM locks x
                    WHERE x.pid IS NULL AND x.locktype = 'transactionid'
                      AND x.virtualtransaction = l.virtualtransaction)
             WHERE l.locktype = 'relation'
               AND l.database IN (0, (SELECT oid FROM pg_catalog.pg_database
                                       WHERE datname = current_database()))
               AND (NOT l.granted OR l.mode = ANY (w.excluded))
               AND coalesce(a.leader_pid, l.pid, 0) <> ALL ($1::int[] || pg_backend_pid())
             ORDER BY transaction_age DESC NULLS LAST, pid
            """
    }

    private static func holder(_ row: Row) throws -> LockHolder {
        let isAutovacuum = try row.bool("is_autovacuum")
        let query = try row.optional("query")
        return LockHolder(
            pid: try row.int("pid"), user: try row.optional("usename"),
            application: try row.string("application"), state: try row.optional("state"),
            transactionAge: try row.optionalDouble("transaction_age").map { max(0, $0) },
            table: QualifiedName(try row.string("nspname"), try row.string("relname")),
            mode: TableLockConflicts.words(try row.string("mode")),
            waitAge: try row.optionalDouble("wait_age").map { max(0, $0) }, query: query,
            isAutovacuum: isAutovacuum,
            preventsWraparound: isAutovacuum
                && query?.contains("(to prevent wraparound)") == true,
            prepared: try row.optional("gid"))
    }
}
