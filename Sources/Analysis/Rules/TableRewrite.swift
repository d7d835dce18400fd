import Migration

/// VACUUM FULL, CLUSTER, SET (UN)LOGGED, SET TABLESPACE and SET ACCESS METHOD write the whole table anew.
enum TableRewrite: Rule {
    static let id = "table-rewrite"
    static let severity = Hazard.Severity.danger
    static let summary =
        "VACUUM FULL, CLUSTER, SET (UN)LOGGED, SET TABLESPACE and SET ACCESS METHOD write the whole table anew."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        switch statement.kind {
        case "VacuumStmt", "ClusterStmt":
            guard statement.reading.rewrites else { return [] }
            return [
                finding(
                    statement,
                    "\(statement.reading.kind) writes the table anew; nobody can read or write it until then, and both copies need room on the disk.",
                    lock: .accessExclusive,
                    instead:
                        "VACUUM keeps space reusable without a strong lock; pg_repack gives it back online. Neither is needed for a schema change."
                )
            ]
        case "AlterTableStmt":
            let subtypes: Set<String> = [
                "SetLogged", "SetUnLogged", "SetTableSpace", "SetAccessMethod",
            ]
            return alterations(subtypes, statement, script).map { alteration in
                finding(
                    statement, at: alteration.offset,
                    "Every row of \(alteration.table.quoted) is written anew; nobody can read or write the table until it is done.",
                    lock: .accessExclusive,
                    instead:
                        "Make a new table of that kind and move the rows in batches, or do it in a maintenance window."
                )
            }
        default: return []
        }
    }
}
