import Postgres

/// The statements of one refresh, sent together in one message: one round trip, one snapshot of
/// `pg_stat_activity`. They take ACCESS SHARE on system catalogues and wait for nothing else.
enum PictureQueries {
    static let identity: SQL = """
        SELECT current_user AS user, current_database() AS database,
               split_part(current_setting('server_version'), ' ', 1) AS version,
               pg_is_in_recovery() AS standby,
               extract(epoch FROM clock_timestamp()) AS taken_at,
               pg_has_role('pg_read_all_stats', 'USAGE') AS reads_all_stats,
               pg_has_role('pg_signal_backend', 'USAGE') AS signals_backends,
               current_setting('track_activities')::boolean AS tracks_activities,
               EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements')
                 AS counts_statements,
               CASE WHEN pg_is_in_recovery()
                    THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')
                    ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') END AS wal_position
        """

    /// Who waits for which lock, and behind whom. `pg_blocking_pids` locks the whole lock table
    /// for a moment, so it is asked only for sessions that wait; they are found by `pg_locks`,
    /// which, unlike `wait_event_type`, shows other roles' sessions to everybody.
    static let lockWaits: SQL = """
        WITH locks AS MATERIALIZED (
          SELECT * FROM pg_locks WHERE NOT granted OR locktype = 'tuple'),
        rows_held AS MATERIALIZED (
          SELECT DISTINCT ON (t.pid) t.pid,
                 quote_ident(rn.nspname) || '.' || quote_ident(r.relname) AS row_of
            FROM locks t JOIN pg_class r ON r.oid = t.relation
            JOIN pg_namespace rn ON rn.oid = r.relnamespace
           WHERE t.locktype = 'tuple' AND t.granted
             AND t.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
        SELECT l.pid, l.locktype, l.mode, l.relation::bigint, l.transactionid::text,
               l.virtualxid, l.classid::bigint, l.objid::bigint, l.objsubid,
               array_to_string(pg_blocking_pids(l.pid), ' ') AS blocked_by,
               extract(epoch FROM clock_timestamp() - l.waitstart) AS age,
               CASE WHEN here THEN quote_ident(cn.nspname) || '.' || quote_ident(c.relname) END
                 AS relation_name,
               CASE WHEN NOT here THEN coalesce(d.datname, l.database::text) END
                 AS other_database,
               k.relname AS class_name, h.row_of
          FROM locks l
          LEFT JOIN rows_held h ON h.pid = l.pid
          LEFT JOIN pg_database d ON d.oid = l.database
          CROSS JOIN LATERAL (SELECT l.database IS NULL OR l.database = 0
                                     OR d.datname IS NOT DISTINCT FROM current_database()) o(here)
          LEFT JOIN pg_class c ON here AND c.oid = l.relation
          LEFT JOIN pg_namespace cn ON cn.oid = c.relnamespace
          LEFT JOIN pg_class k ON l.locktype = 'object' AND k.oid = l.classid
         WHERE NOT l.granted AND l.pid IS NOT NULL
         ORDER BY l.waitstart NULLS LAST, l.pid
        """

    /// All that one session holds and waits for, the strongest first.
    static func locks(of pid: Int) -> SQL {
        """
        SELECT l.locktype, l.mode, l.granted, l.relation::bigint, l.transactionid::text,
               l.virtualxid, l.classid::bigint, l.objid::bigint, l.objsubid,
               CASE WHEN here THEN quote_ident(cn.nspname) || '.' || quote_ident(c.relname) END
                 AS relation_name,
               CASE WHEN NOT here THEN coalesce(d.datname, l.database::text) END
                 AS other_database,
               k.relname AS class_name, NULL AS row_of, count(*) OVER () AS total
          FROM pg_locks l
          LEFT JOIN pg_database d ON d.oid = l.database
          CROSS JOIN LATERAL (SELECT l.database IS NULL OR l.database = 0
                                     OR d.datname IS NOT DISTINCT FROM current_database()) h(here)
          LEFT JOIN pg_class c ON here AND c.oid = l.relation
          LEFT JOIN pg_namespace cn ON cn.oid = c.relnamespace
          LEFT JOIN pg_class k ON l.locktype = 'object' AND k.oid = l.classid
         WHERE l.pid = \(pid)
         ORDER BY l.granted, array_position(
                    ARRAY['AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock',
                          'ShareLock', 'ShareUpdateExclusiveLock', 'RowExclusiveLock',
                          'RowShareLock', 'AccessShareLock'], l.mode), relation_name NULLS LAST
         LIMIT 200
        """
    }

    /// The sessions that are in a transaction, ours, and those that hold an advisory lock without one:
    /// of a thousand that are idle none can be in anybody's way. The picture keeps those that matter.
    static func sessions(ours: Set<Int>) -> SQL {
        let pids = ours.sorted().map { "\($0)" as SQL }.joined(separator: ", ")
        return """
            SELECT pid, usename, coalesce(application_name, '') AS application,
                   coalesce(client_hostname, host(client_addr)) AS client,
                   coalesce(backend_type, '') AS backend_type, state, wait_event_type, wait_event,
                   extract(epoch FROM clock_timestamp() - xact_start) AS transaction_age,
                   extract(epoch FROM clock_timestamp() - state_change) AS state_age,
                   CASE WHEN query <> '<insufficient privilege>' THEN query END AS query
              FROM pg_stat_activity
             WHERE pid <> pg_backend_pid()
               AND (xact_start IS NOT NULL OR state IS DISTINCT FROM 'idle'
                    OR pid = ANY (ARRAY[\(pids)]::int[])
                    OR pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted))
             ORDER BY xact_start NULLS LAST, pid
            """
    }

    static let preparedTransactions: SQL = """
        SELECT gid, owner, database, extract(epoch FROM clock_timestamp() - prepared) AS age
          FROM pg_prepared_xacts ORDER BY prepared
        """

    static let indexBuilds: SQL = """
        SELECT p.pid, p.phase, p.lockers_total, p.lockers_done, p.current_locker_pid,
               p.blocks_total, p.blocks_done, p.tuples_total, p.tuples_done,
               coalesce(quote_ident(tn.nspname) || '.' || quote_ident(t.relname),
                        'relation ' || p.relid) AS table,
               coalesce(quote_ident(i.relname), 'index ' || p.index_relid) AS index
          FROM pg_stat_progress_create_index p
          LEFT JOIN pg_class t ON p.datname = current_database() AND t.oid = p.relid
          LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
          LEFT JOIN pg_class i ON p.datname = current_database() AND i.oid = p.index_relid
         WHERE p.phase IS NOT NULL
         ORDER BY p.pid
        """

    static let vacuums: SQL = """
        SELECT p.pid, p.phase, p.heap_blks_total AS total,
               CASE WHEN p.phase = 'vacuuming heap' THEN p.heap_blks_vacuumed
                    ELSE p.heap_blks_scanned END AS done,
               coalesce(quote_ident(n.nspname) || '.' || quote_ident(c.relname),
                        'relation ' || p.relid) AS table,
               coalesce(a.backend_type = 'autovacuum worker', false) AS is_autovacuum
          FROM pg_stat_progress_vacuum p
          LEFT JOIN pg_stat_activity a ON a.pid = p.pid
          LEFT JOIN pg_class c ON p.datname = current_database() AND c.oid = p.relid
          LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE p.phase IS NOT NULL
         ORDER BY p.pid
        """

    /// A client that only stores the WAL (`pg_receivewal`) replays nothing: what it has flushed
    /// counts. A base backup is nobody's replica. Without `pg_read_all_stats` every position is
    /// NULL, and the distance is then unknown, not 0 (which `greatest` alone would make of it).
    static let replicas: SQL = """
        SELECT coalesce(nullif(application_name, ''), 'pid ' || pid) AS name,
               coalesce(state, 'unknown') AS state, coalesce(sync_state, 'unknown') AS sync_state,
               CASE WHEN reached IS NOT NULL THEN greatest(0, pg_wal_lsn_diff(
                 CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                      ELSE pg_current_wal_lsn() END, reached))::bigint END AS behind,
               extract(epoch FROM replay_lag) AS lag,
               age(coalesce(backend_xmin, (SELECT s.xmin FROM pg_replication_slots s
                                            WHERE s.active_pid = r.pid))) AS snapshot_age
          FROM pg_stat_replication r
          CROSS JOIN LATERAL (
            SELECT coalesce(replay_lsn, flush_lsn, write_lsn, sent_lsn) AS reached) p
         WHERE state IS DISTINCT FROM 'backup'
         ORDER BY name, pid
        """

    /// A slot that keeps no WAL (never used, or invalidated) has no `restart_lsn`.
    static let slots: SQL = """
        SELECT slot_name, active,
               greatest(0, pg_wal_lsn_diff(
                 CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                      ELSE pg_current_wal_lsn() END, restart_lsn))::bigint AS retained
          FROM pg_replication_slots WHERE restart_lsn IS NOT NULL ORDER BY slot_name
        """

    static func all(ours: Set<Int>) -> [SQL] {
        [
            identity, lockWaits, sessions(ours: ours), preparedTransactions, indexBuilds, vacuums,
            replicas, slots,
        ]
    }
}
