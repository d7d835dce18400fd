import Foundation
import Migration
import Postgres

/// Taking a migration over from an engine that is there, alive or frozen, after its operator's word.
extension Engine {
    /// Ends every session of the engine before and waits, at most ten seconds, until its lock is free.
    ///
    /// The fence first: an engine that is alive connects anew within a moment and would have its lock
    /// back before us, but with another's token it stops for good. What its sessions had not committed is
    /// rolled back by the server. A session that is ended while it builds an index concurrently leaves it
    /// INVALID, which the step finds and drops.
    ///
    /// Throws `OpeningError.missingRights` where this role may not end them.
    static func takeOver(
        _ record: MigrationRecord, raising fence: Fence, on connection: Connection
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        var isRaised = false
        while true {
            if try await tryLock(record, on: connection) { return }
            // A batch of the engine before may hold its token for a moment; a frozen one is ended.
            if !isRaised { isRaised = try await raised(fence, on: connection) }
            try await endSessions(of: record.id, on: connection)
            guard ContinuousClock.now < deadline else {
                throw OpeningError.refused(
                    "The sessions of the engine before do not end. `lockkeeper locks --once` shows what "
                        + "they wait for; take over again when they are gone.")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private static func tryLock(_ record: MigrationRecord, on connection: Connection) async throws
        -> Bool
    {
        try await connection.query(
            "SELECT pg_catalog.pg_try_advisory_lock(\(JournalSchema.advisoryClass), \(record.id)) AS got"
        ).onlyRow().bool("got")
    }

    private static func raised(_ fence: Fence, on connection: Connection) async throws -> Bool {
        do {
            try await connection.inTransactionMessage([
                "BEGIN", "SET LOCAL lock_timeout = '300ms'", fence.raising, "COMMIT",
            ])
            return true
        } catch let error as ServerError where error.sqlState == .lockNotAvailable {
            return false
        }
    }

    private static func endSessions(of id: Int, on connection: Connection) async throws {
        do {
            try await connection.query(
                """
                SELECT pg_catalog.pg_terminate_backend(l.pid)
                  FROM (SELECT DISTINCT pid FROM pg_catalog.pg_locks
                         WHERE locktype = 'advisory' AND granted AND objsubid = 2
                           AND database = (SELECT oid FROM pg_catalog.pg_database
                                            WHERE datname = pg_catalog.current_database())
                           AND classid IN (\(JournalSchema.advisoryClass)::pg_catalog.oid, \(JournalSchema.sessionClass)::pg_catalog.oid)
                           AND objid = \(id)::pg_catalog.oid) l
                 WHERE l.pid <> pg_catalog.pg_backend_pid()
                """)
        } catch let error as ServerError where error.sqlState == .insufficientPrivilege {
            throw OpeningError.missingRights(
                "The sessions of the engine before belong to another role, and this one may not end "
                    + "them: GRANT pg_signal_backend TO its role, or take over as the role that began it."
            )
        }
    }
}
