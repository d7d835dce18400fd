import Migration

/// One transaction takes strong locks on several tables: it keeps the first while it waits for the next.
enum SeveralTablesLocked: Rule {
    static let id = "several-tables-locked"
    static let severity = Hazard.Severity.warning
    static let summary =
        "One transaction takes strong locks on several tables: it keeps the first while it waits for the next."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard let locks = script.transaction(of: statement)?.strongLocks, locks.count > 1,
            let first = locks.first, first.statement < statement.index,
            let second = locks.first(where: { $0.statement > first.statement }),
            second.statement == statement.index
        else { return [] }
        return [
            finding(
                statement,
                "\(first.table.quoted) stays locked while this waits for \(second.table.quoted); a client that takes them the other way round is a deadlock.",
                lock: .accessExclusive,
                instead: "COMMIT between them: a transaction for each table.")
        ]
    }
}
