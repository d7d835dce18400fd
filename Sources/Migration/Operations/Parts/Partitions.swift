import SQLText

extension StepMaker {
    /// An index of a partitioned table and of each partition; undone, all of them are dropped.
    mutating func addPartitionedIndex(
        _ build: PartitionedIndexBuild, phase: Phase, _ what: String, _ title: String
    ) {
        add(
            phase, what, title, .buildPartitionedIndex(build),
            undo: [
                Undo(
                    "drop", "drop index \(build.index.name) and those of every partition",
                    .dropPartitionedIndex(PartitionedIndexDrop(build)))
            ])
    }
}

extension Hazard {
    /// The lock that a concurrent build has for all its time, SHARE UPDATE EXCLUSIVE, is one that
    /// they wait for, with ACCESS EXCLUSIVE on the parent in hand (measured on 15 to 18).
    static func partitionChanges(_ table: TableFacts) -> Hazard {
        Hazard(
            rule: "partition-changes", severity: .warning,
            message:
                "While the index of a partition is built, DROP and DETACH of that partition wait for it; while that of a default partition is, so do CREATE TABLE … PARTITION OF and ATTACH PARTITION. The application's statements on \(table.name) then wait behind them.",
            safeWay:
                "Let no job make or drop partitions meanwhile, or give it a lock_timeout.")
    }

    /// - Parameter when: what drops an index of the table: `A rollback`.
    static func partitionedDrop(_ table: TableFacts, when: String) -> Hazard {
        Hazard(
            rule: "partitioned-drop", severity: .warning,
            message:
                "\(when) drops the index in one statement, which PostgreSQL does not do concurrently for a partitioned table: ACCESS EXCLUSIVE on \(table.name) and on its \(table.partitions.count) partitions, within stall_budget."
        )
    }
}
