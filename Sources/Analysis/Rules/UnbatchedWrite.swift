import Migration

/// UPDATE or DELETE of a whole table in one statement locks every row until it commits and doubles the table.
enum UnbatchedWrite: Rule {
    static let id = "unbatched-write"
    static let severity = Hazard.Severity.danger
    static let summary =
        "UPDATE or DELETE of a whole table in one statement locks every row until it commits and doubles the table."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        statement.writes.compactMap { write in
            guard write.type == "UpdateStmt" || write.type == "DeleteStmt",
                let table = RelationName(write.fields["relation"]),
                script.isLive(table, for: statement)
            else { return nil }
            switch WriteExtent(write.fields) {
            case .bounded:
                guard statement.context.isInLoop, !statement.context.blockCommits,
                    WriteExtent.isBatch(write.fields)
                else { return nil }
                return finding(
                    statement, severity: .warning,
                    "The loop never commits, so its batches are one transaction: every row stays locked until the last.",
                    lock: .rowExclusive, instead: "COMMIT; at the end of each turn of the loop.")
            case .unknown:
                return finding(
                    statement, severity: .warning,
                    "How many rows of \(table.quoted) this touches, the file does not say; all stay locked until it commits.",
                    lock: .rowExclusive, instead: batches(write.type))
            case .whole:
                return finding(
                    statement,
                    "Every row of \(table.quoted) that it touches stays locked until it commits; replicas and VACUUM fall behind.",
                    lock: .rowExclusive, instead: batches(write.type))
            }
        }
    }

    private static func batches(_ type: String) -> String {
        type == "UpdateStmt"
            ? "Use the operation backfill: batches sized by time, throttled, resumable. As SQL: UPDATE … WHERE id BETWEEN … AND …, a few thousand rows at a time, each its own transaction."
            : "DELETE … WHERE id IN (SELECT id … LIMIT 1000), again and again, each its own transaction."
    }
}
