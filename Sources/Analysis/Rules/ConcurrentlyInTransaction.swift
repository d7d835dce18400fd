import Migration

/// A statement that can't run in a transaction stands in one: it ends with an error.
enum ConcurrentlyInTransaction: Rule {
    static let id = "concurrently-in-transaction"
    static let severity = Hazard.Severity.danger
    static let summary =
        "A statement that can't run in a transaction stands in one: it ends with an error."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard statement.reading.refusesTransaction, statement.context.transaction != nil else {
            return []
        }
        return [
            finding(
                statement,
                "PostgreSQL refuses \(statement.reading.kind) between BEGIN and COMMIT\(statement.context.isInBlock ? " and in a DO block" : "").",
                instead: statement.context.isRunByUs
                    ? "Add \"transaction: false\", and \"done\": a query that says whether it ran."
                    : "Move it out of the transaction, into a file of its own if the tool wraps files; or use the operation create_index."
            )
        ]
    }
}
