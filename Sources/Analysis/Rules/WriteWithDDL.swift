import Migration

/// Rows are changed in the transaction of a schema change, which keeps its lock until all are done.
enum WriteWithDDL: Rule {
    static let id = "write-with-ddl"
    static let severity = Hazard.Severity.danger
    static let summary =
        "Rows are changed in the transaction of a schema change, which keeps its lock until all are done."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard let transaction = script.transaction(of: statement),
            let lock = transaction.strongLocks.first
        else { return [] }
        return statement.writes.compactMap { write in
            guard let table = RelationName(write.fields["relation"]),
                script.isLive(table, for: statement), isMuch(write.type, write.fields)
            else { return nil }
            let order =
                lock.statement < statement.index
                ? "The lock on \(lock.table.quoted), taken earlier in this transaction, is kept until all rows are written."
                : "The rows stay locked until the schema change of \(lock.table.quoted), later in this transaction, has its lock and is done."
            return finding(
                statement, order, lock: .accessExclusive,
                instead:
                    "Commit the schema change first, then write in batches: the operation backfill."
            )
        }
    }

    private static func isMuch(_ type: String, _ write: ParseNode) -> Bool {
        switch type {
        case "InsertStmt": write["selectStmt"].cast("SelectStmt")["fromClause"].isPresent
        case "UpdateStmt", "DeleteStmt": WriteExtent(write) != .bounded
        default: true
        }
    }
}
