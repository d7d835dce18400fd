import Migration

/// DETACH PARTITION without CONCURRENTLY takes ACCESS EXCLUSIVE on the whole partitioned table.
enum DetachPartition: Rule {
    static let id = "detach-partition"
    static let severity = Hazard.Severity.warning
    static let summary =
        "DETACH PARTITION without CONCURRENTLY takes ACCESS EXCLUSIVE on the whole partitioned table."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        alterations(["DetachPartition"], statement, script).compactMap { alteration in
            guard !alteration.node["def"].cast("PartitionCmd")["concurrent"].isTrue else {
                return nil
            }
            return finding(
                statement, at: alteration.offset,
                "It is brief once it has its lock, but while it waits, everybody who wants \(alteration.table.quoted) waits behind it.",
                lock: .accessExclusive,
                instead:
                    "ALTER TABLE … DETACH PARTITION … CONCURRENTLY;  -- outside a transaction")
        }
    }
}
