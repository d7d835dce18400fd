import Foundation
import Postgres

/// Somebody who has a migration on the screen and does not run its engine.
public struct WatcherView: Sendable, Equatable, Encodable {
    /// `ada (ada@ops1)`
    public let by: String
    public let since: Date

    public init(by: String, since: Date) {
        self.by = by
        self.since = since
    }
}

/// Who looks on. A row says who it is, a shared advisory lock of the same session that they are still
/// there: it ends with the session, whatever ends that, and everybody may see it.
extension Journal {
    /// Announces this session's person. Throws insufficient privilege where the role may only read.
    func announce(_ person: Person, of id: Int) async throws {
        try await connection.query(
            "SELECT pg_catalog.pg_advisory_lock_shared(\(JournalSchema.watcherClass), \(id))")
        try await connection.query(
            """
            INSERT INTO lockkeeper.watchers (migration, backend_pid, os_user, host)
            VALUES ($1, pg_catalog.pg_backend_pid(), $2, $3)
            ON CONFLICT (migration, backend_pid) DO UPDATE SET db_user = session_user,
              os_user = excluded.os_user, host = excluded.host,
              since = pg_catalog.clock_timestamp()
            """, id, person.systemUser, person.host)
    }

    func leave(_ id: Int) async throws {
        try await connection.query(
            """
            DELETE FROM lockkeeper.watchers
             WHERE migration = $1 AND backend_pid = pg_catalog.pg_backend_pid()
            """, id)
    }

    /// Those who are there, but this session itself. From `versionWithWatchers` on.
    func watchers(of id: Int) async throws -> [WatcherView] {
        try await connection.query(
            """
            SELECT w.db_user, w.os_user, w.host, extract(epoch FROM w.since) AS since
              FROM lockkeeper.watchers w
              JOIN pg_catalog.pg_locks l ON l.pid = w.backend_pid
             WHERE w.migration = $1 AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
               AND l.classid = \(JournalSchema.watcherClass) AND l.objid = w.migration::oid
               AND w.backend_pid <> pg_catalog.pg_backend_pid()
             ORDER BY w.since
            """, id
        ).rows.map { row in
            WatcherView(
                by: Person(
                    databaseUser: try row.string("db_user"), systemUser: try row.string("os_user"),
                    host: try row.string("host")
                ).description, since: try row.date("since") ?? .distantPast)
        }
    }
}
