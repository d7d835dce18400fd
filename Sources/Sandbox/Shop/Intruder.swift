import Postgres

/// A session that gets in the way: it looks at the orders in a transaction and then does nothing,
/// so that an ALTER of the table waits for it.
public actor Intruder {
    private let connection: Connection

    /// As `pg_stat_activity.pid` has it.
    public nonisolated var backendPID: Int32 { connection.backendPID }

    /// Opens a transaction that holds ACCESS SHARE on the orders, or the lock that is asked for,
    /// and stays idle in it. Returns when the lock is held.
    ///
    /// - Parameter lock: a lock mode as PostgreSQL writes it, such as `SHARE`; nil for a plain
    ///   read.
    public static func enter(_ shop: Shop, lock: SQL? = nil) async throws -> Intruder {
        let settings = shop.ownerSettings.adding([("application_name", "reporting")])
        let connection = try await Connection.open(settings)
        let table = Shop.table
        if let lock {
            try await connection.run("BEGIN", "LOCK TABLE \(table) IN \(lock) MODE")
        } else {
            try await connection.run(
                "BEGIN",
                """
                SELECT customer_id, count(*) AS orders, sum(amount) AS revenue
                FROM \(table) WHERE id <= 10000 GROUP BY customer_id ORDER BY revenue DESC LIMIT 10
                """)
        }
        return Intruder(connection)
    }

    private init(_ connection: Connection) { self.connection = connection }

    /// Commits and goes. An intruder whom somebody has terminated is gone already.
    public func leave() async {
        _ = try? await connection.query("COMMIT")
        await connection.close()
    }

    /// Stays for a while, then leaves; at once when the task is cancelled or the session ended.
    public func stay(for duration: Duration) async {
        try? await Task.sleep(for: duration)
        await leave()
    }
}
