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

extension ColumnJudgement {
    /// A fill or a sync that writes it would move rows to other partitions, and within a BEFORE ROW
    /// trigger PostgreSQL refuses that.
    func refusePartitionKey(_ refusals: inout RefusalList) {
        guard table.allPartitionKeys.contains(name) else { return }
        refusals.refuse(
            "partition-key", "by \(name) rows of \(table.name) are told to their partitions",
            instead:
                "Make a new table that is partitioned as you want it, and copy the rows over.",
            at: mark)
    }

    /// What one partition has and its parent has not would not be copied.
    func refusePartitionsOwn(_ refusals: inout RefusalList) {
        for partition in table.partitions {
            for own in partition.own where own.columns.contains(name) {
                refusals.refuse(
                    "partition-own",
                    "\(own.description) of the partition \(partition.name) names \(name), and would not be copied",
                    instead: "Drop it there, or have it on \(table.name) first.", at: mark)
            }
        }
    }

    /// - Parameter version: the server's.
    func refuseUncopied(version: Int, _ refusals: inout RefusalList) {
        guard table.isPartitioned else { return }
        for constraint in table.constraints where constraint.columns.contains(name) {
            if constraint.kind == .unique {
                refusals.refuse(
                    "partition-unique",
                    "the unique constraint \(constraint.name) can't be copied: on a partitioned table none is made of indexes that were built concurrently",
                    instead:
                        "Put a unique index in its place first (create_index with \"unique: true\").",
                    at: mark)
            } else if constraint.kind == .foreignKey, version < 180_000 {
                refusals.refuse(
                    "partition-foreign-key",
                    "the foreign key \(constraint.name) can't be copied: before PostgreSQL 18 none is added NOT VALID to a partitioned table",
                    instead: "Upgrade the server first, or drop the foreign key.", at: mark)
            }
        }
    }
}

extension TableFacts {
    /// NOT VALID on a partitioned table needs PostgreSQL 18 (measured); without it every row is read
    /// under a lock for which all writers wait.
    ///
    /// - Parameter isDropped: it is there, and a rollback would add it again.
    func refuseForeignKey(
        _ context: PlanContext, at mark: SourceMark, isDropped: Bool = false,
        _ refusals: inout RefusalList
    ) {
        guard isPartitioned, context.facts.server.version < 180_000 else { return }
        refusals.refuse(
            "partition-foreign-key",
            "\(name) is partitioned, and before PostgreSQL 18 ADD FOREIGN KEY … NOT VALID is refused on it: \(isDropped ? "a rollback would have to read" : "it would read") every row while all writers wait",
            instead: isDropped
                ? "Drop it by a \"sql\" operation, which has no way back."
                : "Upgrade the server first, or add it by a \"sql\" operation in a quiet hour.",
            at: mark)
    }
}

extension Hazard {
    /// What making and dropping partitions means while rows are read and written: no more than for an
    /// ordinary table, but that it is what jobs do by night.
    static func partitionedRows(_ table: TableFacts) -> [Hazard] {
        guard table.isPartitioned else { return [] }
        return [
            Hazard(
                rule: "partition-changes", severity: .note,
                message:
                    "DROP and DETACH of a partition wait while its rows are compared or validated, and the application's statements on \(table.name) behind them; partitions that are made, attached or dropped meanwhile are found by themselves, up to the comparison. Each lock on \(table.name) is asked for on its \(table.partitions.count) partitions too, all within stall_budget.",
                safeWay:
                    "Give such jobs a lock_timeout; with hundreds of partitions, raise stall_budget (400 took more than 100 ms, less than 500)."
            )
        ]
    }

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
