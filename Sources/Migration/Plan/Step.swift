import SQLText

/// `1.expand.add-column`: operation number, phase, what it does. Unique in a plan.
public typealias StepID = String

/// The unit that runs and is journalled.
public struct Step: Codable, Sendable, Equatable, Identifiable {
    public let id: StepID
    /// From 1, as in the spec's order; 0 for a step of the whole migration.
    public let operation: Int
    public let phase: Phase
    /// What it does, in words: `add column status_v2 to public.orders`.
    public let title: String
    public let action: StepAction
    /// What undoes it, in the order in which it runs. Empty where nothing needs to be undone.
    public let undo: [UndoStep]
    /// After it the old structure is gone.
    public let isPointOfNoReturn: Bool
    public let hazards: [Hazard]
    /// Of the way forward, without waits; nil before the plan is complete.
    public var estimate: StepEstimate?

    public init(
        id: StepID, operation: Int, phase: Phase, title: String, action: StepAction,
        undo: [UndoStep] = [], isPointOfNoReturn: Bool = false, hazards: [Hazard] = []
    ) {
        self.id = id
        self.operation = operation
        self.phase = phase
        self.title = title
        self.action = action
        self.undo = undo
        self.isPointOfNoReturn = isPointOfNoReturn
        self.hazards = hazards
    }
}

/// One unit of an undo, journalled like a step, under `undo.<id>`.
public struct UndoStep: Codable, Sendable, Equatable, Identifiable {
    /// `1.expand.add-column.drop`: the step's id and a word; unique in a plan.
    public let id: StepID
    public let title: String
    public let action: StepAction
    /// It drops what the undo before it could only put aside, so it runs for `rollback --purge` alone.
    public let isPurge: Bool

    public init(id: StepID, title: String, action: StepAction, isPurge: Bool = false) {
        self.id = id
        self.title = title
        self.action = action
        self.isPurge = isPurge
    }
}

/// How a step is carried out.
public enum StepAction: Codable, Sendable, Equatable {
    /// Statements that commit together with their journal row: exactly once.
    case transaction(TransactionAction)
    /// `CREATE INDEX CONCURRENTLY`: intent, act, look at the catalogue, outcome.
    case buildIndex(IndexBuild)
    /// `DROP INDEX CONCURRENTLY`, likewise.
    case dropIndex(IndexDrop)
    /// An index of a partitioned table: its own and each partition's, likewise.
    case buildPartitionedIndex(PartitionedIndexBuild)
    case dropPartitionedIndex(PartitionedIndexDrop)
    /// Reads every row before anything is changed, to find those on which an expression raises.
    case probe(Probe)
    /// Looks for duplicates or orphans, which no row shows alone.
    case findViolators(ViolatorSearch)
    /// Fills a column in batches.
    case fill(Fill)
    /// Copies a table's rows into another in batches.
    case copyRows(RowCopy)
    /// Compares both sides of every row.
    case compare(Comparison)
    /// Compares every row of two tables.
    case compareTables(TableComparison)
    /// Waits for a person.
    case gate(Gate)
    /// Waits until the old structure has been out of sight for `settings.quarantine`.
    case quarantine
    /// One statement outside any transaction, whose outcome a query of the user's tells.
    case outsideTransaction(OutsideTransaction)
    /// Looks whether our sync trigger is still there, enabled, and the last to fire.
    case checkTrigger(TriggerCheck)
}

/// A statement and the table locks that it takes.
public struct Statement: Codable, Sendable, Equatable {
    public let sql: SQL
    public let locks: [TableLock]

    public init(_ sql: SQL, locks: [TableLock] = []) {
        self.sql = sql
        self.locks = locks
    }
}

public struct TransactionAction: Codable, Sendable, Equatable {
    public let statements: [Statement]
    /// Fills whose extent (number of blocks) is read in this transaction, once it has its lock:
    /// the one that creates their trigger.
    public let measures: [StepID]
    /// The rows that it reads while it holds its locks, in words; nil for the catalogue only.
    public let scans: QualifiedName?
    public let rewrites: Bool
    /// Asked when a statement meets rows that a constraint refuses: which ones.
    public let violators: ViolatorSearch?
    /// Those of its locks that are on views. They are asked for before the others: a statement of the
    /// application's that goes through a view locks the view first, then the table beneath it.
    public let views: [QualifiedName]
    /// Those of its locks that are on sequences. They are asked for after the tables': an INSERT locks
    /// the table first, then the sequence that it draws from.
    public let sequences: [QualifiedName]
    /// Tables whose partitions are among its locks. Each is asked for before what is below it, as the
    /// application's statements do.
    public var parents: [QualifiedName] = []
    /// Nothing in it may wait longer than this plan's `stall_budget` and it is taken at once or not
    /// at all; false for statements whose locks stall nobody (VALIDATE, ANALYZE).
    public var stallsApplication: Bool { locks.contains { $0.mode.stallsApplication } }

    public init(
        _ statements: [Statement], measures: [StepID] = [], scans: QualifiedName? = nil,
        rewrites: Bool = false, violators: ViolatorSearch? = nil, views: [QualifiedName] = [],
        sequences: [QualifiedName] = []
    ) {
        self.statements = statements
        self.measures = measures
        self.scans = scans
        self.rewrites = rewrites
        self.violators = violators
        self.views = views
        self.sequences = sequences
    }

    /// The strongest lock on each table, in the global order in which they are asked for.
    public var locks: [TableLock] {
        var strongest: [QualifiedName: LockMode] = [:]
        for lock in statements.flatMap(\.locks) {
            strongest[lock.table] = max(strongest[lock.table] ?? lock.mode, lock.mode)
        }
        let locks = strongest.map { TableLock($0.key, $0.value) }.sorted()
        return parents.compactMap { parent in locks.first { $0.table == parent } }
            + locks.filter { !parents.contains($0.table) }
    }
}

public struct IndexBuild: Codable, Sendable, Equatable {
    public let table: QualifiedName
    public let index: QualifiedName
    public let isUnique: Bool
    /// `CREATE INDEX CONCURRENTLY …`
    public let create: SQL
    /// `DROP INDEX CONCURRENTLY …`: for an INVALID leftover.
    public let drop: SQL

    public init(
        table: QualifiedName, index: QualifiedName, isUnique: Bool, create: SQL, drop: SQL
    ) {
        self.table = table
        self.index = index
        self.isUnique = isUnique
        self.create = create
        self.drop = drop
    }
}

public struct IndexDrop: Codable, Sendable, Equatable {
    public let table: QualifiedName
    public let index: QualifiedName
    public let drop: SQL

    public init(table: QualifiedName, index: QualifiedName, drop: SQL) {
        self.table = table
        self.index = index
        self.drop = drop
    }
}

public struct OutsideTransaction: Codable, Sendable, Equatable {
    public let statement: Statement
    /// One row, one boolean: whether the statement has run. A resume decides by it.
    public let done: SQL

    public init(statement: Statement, done: SQL) {
        self.statement = statement
        self.done = done
    }
}

public struct TriggerCheck: Codable, Sendable, Equatable {
    public let table: QualifiedName
    public let trigger: Identifier
    /// Whether no BEFORE ROW trigger may fire behind it; false for an AFTER trigger.
    public let isLast: Bool

    public init(table: QualifiedName, trigger: Identifier, isLast: Bool = true) {
        self.table = table
        self.trigger = trigger
        self.isLast = isLast
    }
}

/// A step that only a person (or `--approve`) passes.
public struct Gate: Codable, Sendable, Equatable, Identifiable {
    /// `1.switch`, `2.contract`, `1.final_name`, `1.undo`.
    public let id: String
    public let text: String
    /// How many different people must say so.
    public let approvals: Int
    /// What the program can show for it: queries that return `(finding text)` rows.
    public let evidence: [Evidence]

    public init(id: String, text: String, approvals: Int = 1, evidence: [Evidence] = []) {
        self.id = id
        self.text = text
        self.approvals = approvals
        self.evidence = evidence
    }
}

/// A read-only query that says something about a gate: how many rows it finds, and the first of them.
public struct Evidence: Codable, Sendable, Equatable {
    /// `statements in pg_stat_statements that name status`
    public let title: String
    /// A finding a row, as text, in the first column; none is good news. A column `basis` says how
    /// much was looked at, `hidden` what could not be.
    public let query: SQL
    /// The extension without which it can't be asked; nil where none is needed.
    public let needsExtension: String?

    public init(title: String, query: SQL, needsExtension: String? = nil) {
        self.title = title
        self.query = query
        self.needsExtension = needsExtension
    }
}
