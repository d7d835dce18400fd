import SQLText

/// What a step shows of itself: the same words in the plan, on the screen and in the journal.
extension StepAction {
    /// `transaction`, `buildIndex`, `fill`, `gate`, …
    public var kindName: String {
        switch self {
        case .transaction: "transaction"
        case .buildIndex: "buildIndex"
        case .dropIndex: "dropIndex"
        case .buildPartitionedIndex: "buildPartitionedIndex"
        case .dropPartitionedIndex: "dropPartitionedIndex"
        case .probe: "probe"
        case .findViolators: "findViolators"
        case .fill: "fill"
        case .copyRows: "copyRows"
        case .compare: "compare"
        case .compareTables: "compareTables"
        case .gate: "gate"
        case .quarantine: "quarantine"
        case .outsideTransaction: "outsideTransaction"
        case .checkTrigger: "checkTrigger"
        }
    }

    /// What is sent. A statement that runs by block ranges stands here once, with psql variables for
    /// the range.
    public var statements: [SQL] {
        switch self {
        case .transaction(let action): action.statements.map(\.sql)
        case .buildIndex(let build): [build.create]
        case .dropIndex(let drop): [drop.drop]
        case .buildPartitionedIndex(let build): build.statements
        case .dropPartitionedIndex(let drop): [drop.drop]
        case .probe(let probe): [probe.query(nil)]
        case .findViolators(let search): [search.query]
        case .fill(let fill): [fill.update(nil)]
        case .copyRows(let copy): [copy.update(nil)]
        case .compare(let comparison): [comparison.query(nil)]
        case .compareTables(let comparison): [comparison.differing(nil), comparison.extra(nil)]
        case .outsideTransaction(let action): [action.statement.sql]
        case .gate, .quarantine, .checkTrigger: []
        }
    }

    /// The strongest lock on each table (HAZARDS.md; concurrent builds and drops: manual, "CREATE
    /// INDEX", "DROP INDEX").
    public var locks: [TableLock] {
        switch self {
        case .transaction(let action): action.locks
        case .buildIndex(let build): [TableLock(build.table, .shareUpdateExclusive)]
        case .dropIndex(let drop): [TableLock(drop.table, .shareUpdateExclusive)]
        case .buildPartitionedIndex(let build): build.locks
        case .dropPartitionedIndex(let drop): drop.locks
        case .probe(let probe): probe.lockedTables.map { TableLock($0, .accessShare) }
        case .findViolators(let search):
            ([search.table] + search.others).sorted().map { TableLock($0, .accessShare) }
        case .fill(let fill): fill.lockedTables.map { TableLock($0, .rowExclusive) }
        case .copyRows(let copy):
            [TableLock(copy.table, .rowExclusive), TableLock(copy.copy, .rowExclusive)].sorted()
        case .compare(let comparison):
            comparison.lockedTables.map { TableLock($0, .accessShare) }
        case .compareTables(let comparison):
            [comparison.table, comparison.copy].sorted().map { TableLock($0, .accessShare) }
        case .outsideTransaction(let action): action.statement.locks.sorted()
        case .gate, .quarantine, .checkTrigger: []
        }
    }

    /// The table of which it reads every row; nil for the catalogue only.
    public var scans: QualifiedName? {
        switch self {
        case .transaction(let action): action.scans
        case .buildIndex(let build): build.table
        case .buildPartitionedIndex(let build): build.table
        case .probe(let probe): probe.table
        case .findViolators(let search): search.table
        case .fill(let fill): fill.table
        case .copyRows(let copy): copy.table
        case .compare(let comparison): comparison.table
        case .compareTables(let comparison): comparison.table
        case .dropIndex, .dropPartitionedIndex, .outsideTransaction, .gate, .quarantine,
            .checkTrigger:
            nil
        }
    }

    /// Tables whose rows its own statements read, as a client's would.
    var rowsRead: [QualifiedName] {
        switch self {
        case .probe(let probe): [probe.table]
        case .findViolators(let search): [search.table] + search.others
        case .fill(let fill): [fill.table]
        case .copyRows(let copy): [copy.table]
        case .compare(let comparison): [comparison.table]
        case .compareTables(let comparison): [comparison.table]
        case .transaction, .buildIndex, .dropIndex, .buildPartitionedIndex, .dropPartitionedIndex,
            .outsideTransaction, .gate, .quarantine, .checkTrigger:
            []
        }
    }

    public var rewrites: Bool {
        if case .transaction(let action) = self { action.rewrites } else { false }
    }
}
