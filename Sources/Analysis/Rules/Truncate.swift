import Migration

/// TRUNCATE takes every row away under ACCESS EXCLUSIVE.
enum Truncate: Rule {
    static let id = "truncate"
    static let severity = Hazard.Severity.danger
    static let summary =
        "TRUNCATE takes every row away under ACCESS EXCLUSIVE."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard statement.kind == "TruncateStmt" else { return [] }
        return statement.node["relations"].items.compactMap { entry in
            let range = entry.cast("RangeVar")
            guard let table = RelationName(range), script.isLive(table, for: statement) else {
                return nil
            }
            return finding(
                statement, at: statement.offset(range),
                "Every row of \(table.quoted) is gone, and everybody waits for its lock.",
                lock: .accessExclusive,
                instead:
                    "DELETE in batches of a key's range; or rename the table away and create an empty one."
            )
        }
    }
}
