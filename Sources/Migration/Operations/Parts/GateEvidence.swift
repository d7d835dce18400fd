import SQLText

/// What a gate "nothing names this column" can show for itself: read-only queries, each of one text
/// column, a finding a row. No finding proves nothing, a finding proves that it is too early.
struct GateEvidence {
    let table: QualifiedName
    let column: Identifier

    /// Statements first, then what is in the database.
    var all: [Evidence] { usedByApplication + namedInDatabase }

    /// What clients were seen to send.
    var usedByApplication: [Evidence] { statements("names", "name", "\(column)") }

    /// Writes that clients were seen to send.
    var written: [Evidence] {
        statements("writes", "write", "\(column)", and: " AND query \(isWrite)")
    }

    /// Writes that name the column and not the other one, which must be written with it.
    func written(without other: Identifier) -> [Evidence] {
        statements(
            "writes", "write", "\(column) without \(other)",
            and: " AND query \(isWrite) AND NOT (query \(names(other)))")
    }

    private var isWrite: SQL { "OPERATOR(pg_catalog.~*) '\\m(insert|update|merge|copy)\\M'" }

    /// - Parameters:
    ///   - does: what one statement does with the column, and what several do.
    ///   - condition: what more must be true of a statement, `query`; empty or from AND on.
    private func statements(
        _ does: String, _ many: String, _ what: String, and condition: SQL = ""
    ) -> [Evidence] {
        let seen = SeenStatements(
            condition: "query \(names(table.name)) AND query \(names(column))\(condition)")
        return [
            seen.sessions("sessions whose last statement \(does) \(what)"),
            seen.counted("statements in pg_stat_statements that \(many) \(what)"),
        ]
    }

    /// Statements that a unique constraint must be there for: upserts into the table.
    static func upserts(into table: QualifiedName) -> Evidence {
        SeenStatements(
            condition:
                "query \(SQL.naming(table.name)) AND query OPERATOR(pg_catalog.~*) '\\mon\\s+conflict\\M'"
        ).counted("INSERT … ON CONFLICT in pg_stat_statements on \(table.name)")
    }

    private var namedInDatabase: [Evidence] {
        [
            Evidence(
                title: "views, policies, triggers and generated columns that depend on \(column)",
                query: """
                    SELECT DISTINCT CASE WHEN d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid
                             THEN (SELECT pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, r.ev_class, 0)
                                     FROM pg_catalog.pg_rewrite r WHERE r.oid = d.objid)
                             ELSE pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) END AS finding
                      FROM pg_catalog.pg_depend d
                      JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                     WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
                       AND d.refobjid = \(literal: table.quoted)::pg_catalog.regclass::pg_catalog.oid
                       AND a.attname = \(literal: column.name)
                       AND (d.deptype = 'n' AND d.classid <> 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid
                            OR d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid
                               AND d.deptype = 'a'
                               AND EXISTS (SELECT FROM pg_catalog.pg_attrdef x WHERE x.oid = d.objid AND x.adnum <> a.attnum)
                            OR d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.deptype = 'a'
                               AND d.objid = d.refobjid)
                     ORDER BY 1 LIMIT 50
                    """),
            Evidence(
                title: "functions whose text names \(column)",
                query: """
                    SELECT 'function ' || p.oid::pg_catalog.regprocedure::text AS finding
                      FROM pg_catalog.pg_proc p
                      JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
                     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'lockkeeper')
                       AND p.prosrc \(names(column))
                     ORDER BY 1 LIMIT 50
                    """),
            Evidence(
                title: "publications whose column list has \(column)",
                query: """
                    SELECT 'publication ' || p.pubname::text AS finding
                      FROM pg_catalog.pg_publication_rel r
                      JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
                      JOIN pg_catalog.pg_attribute a ON a.attrelid = r.prrelid
                       AND a.attnum = ANY (r.prattrs::pg_catalog.int2[])
                     WHERE r.prrelid = \(literal: table.quoted)::pg_catalog.regclass::pg_catalog.oid
                       AND a.attname = \(literal: column.name)
                     ORDER BY 1 LIMIT 50
                    """),
        ]
    }

    /// Indexes with the column among their keys, their INCLUDE or in an expression or predicate.
    var indexes: Evidence {
        Evidence(
            title: "indexes that name \(column), and go with it",
            query: """
                SELECT 'index ' || i.indexrelid::pg_catalog.regclass::text AS finding
                  FROM pg_catalog.pg_index i
                  JOIN pg_catalog.pg_attribute a
                    ON a.attrelid = i.indrelid AND a.attname = \(literal: column.name)
                 WHERE i.indrelid = \(literal: table.quoted)::pg_catalog.regclass::pg_catalog.oid
                   AND (a.attnum = ANY (i.indkey)
                        OR EXISTS (
                          SELECT FROM pg_catalog.pg_depend d
                           WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
                             AND d.objid = i.indexrelid
                             AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
                             AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))
                 ORDER BY 1 LIMIT 50
                """)
    }

    private func names(_ name: Identifier) -> SQL { .naming(name) }
}

extension SQL {
    /// `~* '\morders\M'`: the name as a word of its own, its special letters taken literally.
    public static func naming(_ name: Identifier) -> SQL {
        let special = Set(#"\^$.|?*+()[]{}-"#)
        let escaped = name.name.map { special.contains($0) ? "\\\($0)" : String($0) }.joined()
        let isWord = name.name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
        let pattern = isWord ? #"\m\#(escaped)\M"# : escaped
        return "OPERATOR(pg_catalog.~*) \(literal: pattern)"
    }
}
