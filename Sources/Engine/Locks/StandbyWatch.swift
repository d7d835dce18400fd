import Migration
import Postgres

/// Looks at standbys before a lock that they will replay.
///
/// ACCESS EXCLUSIVE goes into the WAL. Where a query on a standby reads the table, its replay stands
/// still there until that ends, or cancels it (`max_standby_streaming_delay`), and what comes to the
/// table on the standby meanwhile waits behind it. Which tables a query on a standby reads can't be
/// known from the primary, so the first lock goes out; no other follows it before every standby has
/// replayed it, and none at all while a standby is further behind than `throttle.replication_lag`.
/// Without that limit none of this is asked.
struct StandbyWatch {
    let action: TransactionAction
    let control: EngineControl

    private var isReplayed: Bool {
        action.locks.contains { $0.mode == .accessExclusive }
            && control.settings.throttle.replicationLagSeconds != nil
    }

    /// Why a standby should not get our lock to replay now, in a sentence.
    func reasonToWait(on connection: Connection) async throws -> String? {
        guard isReplayed else { return nil }
        let behind = control.read { state in
            Throttle.standby(state.picture, state.settings.throttle)?.reason
        }
        if let behind { return behind }
        guard let commit = control.read(\.lastStrongCommit) else { return nil }
        let name = try await connection.query(
            """
            SELECT min(coalesce(nullif(application_name, ''), 'pid ' || pid)) AS name
              FROM pg_catalog.pg_stat_replication
             WHERE state = 'streaming' AND replay_lsn < $1::pg_lsn
            """, commit
        ).onlyRow().optional("name")
        return name.map {
            "replica \($0) has not replayed the lock of the step before; end what is in its way there, or set throttle.replication_lag to null"
        }
    }

    /// Notes how far a standby has to replay until it has had the lock of this step.
    func noteCommit(on connection: Connection) async throws {
        guard isReplayed, control.read({ $0.picture?.replicas.isEmpty == false }) else { return }
        let position = try await connection.query(
            "SELECT pg_catalog.pg_current_wal_insert_lsn()::text AS position"
        ).onlyRow().string("position")
        control.change { $0.lastStrongCommit = position }
    }
}
