import SQLText

/// What clients were seen to send: the last statement of each session, and `pg_stat_statements` where
/// it is installed. Lockkeeper's own are left out. A role without `pg_read_all_stats` is told that it
/// can't see others' statements, instead of that there are none.
struct SeenStatements {
    /// About `query`, a statement's text.
    let condition: SQL

    func sessions(_ title: String) -> Evidence {
        Evidence(
            title: title,
            query: query(
                """
                SELECT a.pid AS place, a.query,
                       pg_catalog.format('pid %s (%s): %s', a.pid, a.application_name, pg_catalog.left(a.query, 120)) AS shown
                  FROM pg_catalog.pg_stat_activity a
                 WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
                   AND coalesce(a.backend_type, 'client backend') = 'client backend'
                   AND a.application_name IS DISTINCT FROM 'lockkeeper'
                """, what: "sessions"))
    }

    /// All that were counted since the statistics were reset, whoever sent them and when.
    func counted(_ title: String) -> Evidence {
        Evidence(
            title: title,
            query: query(
                """
                SELECT -s.calls AS place, s.query,
                       pg_catalog.format('%s calls: %s', s.calls, pg_catalog.left(s.query, 120)) AS shown
                  FROM pg_stat_statements s
                  JOIN pg_catalog.pg_database d ON d.oid = s.dbid
                 WHERE d.datname = pg_catalog.current_database()
                   AND s.query !~* '^\\s*(alter|create|drop|comment|grant|revoke)\\M'
                   AND pg_catalog.strpos(s.query, \(literal: SQL.ours.text)) = 0
                """, what: "statements"), needsExtension: "pg_stat_statements")
    }

    private func query(_ seen: SQL, what: String) -> SQL {
        """
        WITH seen AS (
        \(seen)),
        counts AS (
          SELECT count(*) AS seen, count(*) FILTER (WHERE query = '<insufficient privilege>') AS hidden FROM seen),
        found AS (
          SELECT place, shown FROM seen WHERE \(condition) ORDER BY place LIMIT 50)
        SELECT f.shown AS finding, pg_catalog.format('%s %s', c.seen, \(literal: what)) AS basis,
               CASE WHEN c.hidden > 0 THEN pg_catalog.format(
                 '%s of %s %s are hidden from %4$I: GRANT pg_read_all_stats TO %4$I', c.hidden, c.seen, \(literal: what), current_user) END AS hidden
          FROM counts c LEFT JOIN found f ON true
         ORDER BY f.place
        """
    }
}
