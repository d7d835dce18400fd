import Migration

/// Several ALTER TABLE in a row on one table could be one, with one wait for its lock.
enum SeveralAlters: Rule {
    static let id = "several-alters"
    static let severity = Hazard.Severity.note
    static let summary =
        "Several ALTER TABLE in a row on one table could be one, with one wait for its lock."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard statement.index > 0, canBeJoined(statement) else { return [] }
        let before = script.statements[statement.index - 1]
        guard canBeJoined(before), before.source == statement.source,
            before.context.isInBlock == statement.context.isInBlock,
            let table = statement.relation, let other = before.relation, table.key == other.key,
            script.isLive(table, for: statement)
        else { return [] }
        return [
            finding(
                statement,
                "The statement before it changes \(table.quoted) as well; each waits for the lock anew.",
                lock: .accessExclusive,
                instead: "ALTER TABLE \(table.quoted) …, …; in one statement.")
        ]
    }

    private static func canBeJoined(_ statement: ScriptStatement) -> Bool {
        let alone: Set<String> = [
            "ValidateConstraint", "AttachPartition", "DetachPartition", "DetachPartitionFinalize",
        ]
        return !statement.alterations.isEmpty && !statement.context.isRunByUs
            && statement.alterations.allSatisfy { !alone.contains($0.subtype) }
    }
}
