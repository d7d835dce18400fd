import SQLText

/// What a gate "nothing names this table" can show for itself: read-only queries, each of one text
/// column, a finding a row. No finding proves nothing.
struct TableEvidence {
    let table: QualifiedName
    /// `server_version_num`: from 16 on the server knows when a table was last read.
    let version: Int

    /// The gate before the name goes: what clients were seen to send, functions, and `more`.
    func nothingNamesIt(_ gate: String, and more: [Evidence] = []) -> StepAction {
        .gate(
            Gate(
                id: gate, text: "No version of the application names \(table) any more",
                evidence: usedByApplication + [functions] + more))
    }

    /// What clients were seen to send.
    var usedByApplication: [Evidence] {
        let seen = SeenStatements(condition: "query \(SQL.naming(table.name))")
        return [
            seen.sessions("sessions whose last statement names \(table.name)"),
            seen.counted("statements in pg_stat_statements that name \(table.name)"),
        ]
    }

    var functions: Evidence {
        Evidence(
            title: "functions whose text names \(table.name)",
            query: """
                SELECT 'function ' || p.oid::pg_catalog.regprocedure::text AS finding
                  FROM pg_catalog.pg_proc p
                  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
                 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'lockkeeper')
                   AND p.prosrc \(SQL.naming(table.name))
                 ORDER BY 1 LIMIT 50
                """)
    }

    /// What was made on it and would stop its drop: views, foreign keys of other tables, functions
    /// that take or return its row.
    var dependents: Evidence {
        Evidence(
            title: "views, foreign keys and functions that depend on \(table.name)",
            query: """
                WITH own(classid, objid) AS (
                  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, \(regclass)::oid
                   UNION ALL
                  SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, pg_catalog.unnest(ARRAY[t.oid, t.typarray])
                    FROM pg_catalog.pg_type t WHERE t.typrelid = \(regclass)
                   UNION ALL
                  SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid
                    FROM pg_catalog.pg_constraint k WHERE k.conrelid = \(regclass)
                   UNION ALL
                  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid
                    FROM pg_catalog.pg_index i WHERE i.indrelid = \(regclass))
                SELECT DISTINCT CASE WHEN d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid
                         THEN (SELECT pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, r.ev_class, 0)
                                 FROM pg_catalog.pg_rewrite r WHERE r.oid = d.objid)
                         ELSE pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) END AS finding
                  FROM pg_catalog.pg_depend d
                  JOIN own o ON d.refclassid = o.classid AND d.refobjid = o.objid
                 WHERE d.deptype = 'n' AND (d.classid, d.objid) NOT IN (SELECT classid, objid FROM own)
                   AND d.classid IN ('pg_catalog.pg_rewrite'::pg_catalog.regclass,
                                     'pg_catalog.pg_constraint'::pg_catalog.regclass,
                                     'pg_catalog.pg_proc'::pg_catalog.regclass,
                                     'pg_catalog.pg_class'::pg_catalog.regclass)
                   AND NOT (d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid AND EXISTS (
                        SELECT FROM pg_catalog.pg_rewrite r
                         WHERE r.oid = d.objid AND r.ev_class = \(regclass)))
                 ORDER BY 1 LIMIT 50
                """)
    }

    /// What this server counted. On a standby counters of its own go on.
    var counters: Evidence {
        let last: SQL =
            version < 160_000
            ? "''"
            : "coalesce(', last read ' || greatest(s.last_seq_scan, s.last_idx_scan)::text, '')"
        return Evidence(
            title: "reads and writes of \(table.name) that this server counted",
            query: """
                SELECT pg_catalog.format('%s scans and %s written rows since %s%s',
                         s.seq_scan + coalesce(s.idx_scan, 0), s.n_tup_ins + s.n_tup_upd + s.n_tup_del,
                         coalesce(d.stats_reset::text, 'the counting began'), \(last)) AS finding
                  FROM pg_catalog.pg_stat_all_tables s, pg_catalog.pg_stat_database d
                 WHERE s.relid = \(regclass) AND d.datname = pg_catalog.current_database()
                   AND s.seq_scan + coalesce(s.idx_scan, 0) + s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0
                """)
    }

    /// A standby counts for itself what is read there, and its statements are not seen from here.
    static func standbys(of what: String) -> Evidence {
        Evidence(
            title: "standbys, which count for themselves the use of \(what)",
            query: """
                SELECT pg_catalog.format('%s%s: look there too', coalesce(nullif(r.application_name, ''), 'a standby'),
                         coalesce(' at ' || pg_catalog.host(r.client_addr), '')) AS finding
                  FROM pg_catalog.pg_stat_replication r
                  LEFT JOIN pg_catalog.pg_replication_slots s ON s.active_pid = r.pid
                 WHERE s.slot_type IS DISTINCT FROM 'logical'
                 ORDER BY 1 LIMIT 50
                """)
    }

    private var regclass: SQL { "\(literal: table.quoted)::pg_catalog.regclass" }
}

/// What an index's gate can show: its use as this server counted it, and where else it may be used.
struct IndexEvidence {
    let index: QualifiedName
    let version: Int

    var all: [Evidence] {
        [scans, young, TableEvidence.standbys(of: index.name.quoted)]
    }

    private var scans: Evidence {
        let last: SQL =
            version < 160_000 ? "''" : "coalesce(', last ' || s.last_idx_scan::text, '')"
        return Evidence(
            title: "scans of \(index.name) that this server counted",
            query: """
                SELECT pg_catalog.format('%s scans since %s%s', s.idx_scan,
                         coalesce(d.stats_reset::text, 'the counting began'), \(last)) AS finding
                  FROM pg_catalog.pg_stat_all_indexes s, pg_catalog.pg_stat_database d
                 WHERE s.indexrelid = \(literal: index.quoted)::pg_catalog.regclass::pg_catalog.oid
                   AND d.datname = pg_catalog.current_database() AND s.idx_scan > 0
                """)
    }

    /// Few scans mean little where the counting began a moment ago.
    private var young: Evidence {
        Evidence(
            title: "whether the counting is long enough to have seen a monthly report",
            query: """
                SELECT pg_catalog.format('the counters were reset at %s', d.stats_reset) AS finding
                  FROM pg_catalog.pg_stat_database d
                 WHERE d.datname = pg_catalog.current_database()
                   AND d.stats_reset > pg_catalog.now() - interval '31 days'
                """)
    }
}
