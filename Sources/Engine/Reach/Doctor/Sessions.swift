import Migration
import Postgres

/// Sessions of ours that hold what they should not.
extension Doctor {
    func sessions() async throws -> [Ailment] {
        try await silentEngines() + frozenTransactions()
    }

    /// The lock of a migration in the hands of a session that is no engine of it, or one that has not
    /// been heard of for half a minute.
    private func silentEngines() async throws -> [Ailment] {
        guard hasMigrations, tables.contains("engines") else { return [] }
        return try await connection.query(
            """
            SELECT l.pid, m.name, m.state, e.host,
                   extract(epoch FROM pg_catalog.clock_timestamp() - e.heartbeat_at)::int AS age
              FROM pg_catalog.pg_locks l
              JOIN pg_catalog.pg_database d ON d.oid = l.database
               AND d.datname = pg_catalog.current_database()
              LEFT JOIN lockkeeper.migrations m ON m.id::oid = l.objid
              LEFT JOIN lockkeeper.engines e ON e.migration = m.id AND e.backend_pid = l.pid
             WHERE l.locktype = 'advisory' AND l.classid = \(JournalSchema.advisoryClass)
               AND l.objsubid = 2 AND l.objid <> 0 AND l.granted
               AND (m.id IS NULL OR m.state <> 'active' OR e.migration IS NULL
                    OR e.heartbeat_at < pg_catalog.clock_timestamp() - interval '30 seconds')
               AND l.pid <> pg_catalog.pg_backend_pid()
             ORDER BY l.pid
            """
        ).rows.map { row in
            let pid = try row.int("pid")
            let name: String? = try row.optional("name")
            let host: String? = try row.optional("host")
            let age: Int? = try row.optionalInt("age")
            let what =
                name.map { "the lock of \($0)" } ?? "the lock of a migration that is not there"
            let how =
                age.map { ", and its engine on \(host ?? "its host") has been silent for \($0) s" }
                ?? ", and is not the engine that the journal knows"
            return Ailment(
                "stray-lock", of: "\(pid) \(name ?? "")",
                "The session with pid \(pid) holds \(what)\(how).",
                mend:
                    "End that session; a frozen engine changes nothing any more when it wakes up.",
                ["SELECT pg_catalog.pg_terminate_backend(\(pid))"])
        }
    }

    private func frozenTransactions() async throws -> [Ailment] {
        try await connection.query(
            """
            SELECT pid, extract(epoch FROM pg_catalog.clock_timestamp() - xact_start)::int AS age
              FROM pg_catalog.pg_stat_activity
             WHERE datname = pg_catalog.current_database() AND application_name = 'lockkeeper'
               AND state LIKE 'idle in transaction%'
               AND state_change < pg_catalog.clock_timestamp() - interval '10 seconds'
             ORDER BY pid
            """
        ).rows.map { row in
            let pid = try row.int("pid")
            return Ailment(
                "frozen-session", of: "\(pid)",
                "A session of ours, pid \(pid), has been in a transaction for \(try row.int("age")) s without doing anything.",
                mend: "End it; its engine connects anew.",
                ["SELECT pg_catalog.pg_terminate_backend(\(pid))"])
        }
    }
}
