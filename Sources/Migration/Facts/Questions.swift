import SQLText

/// What a spec needs to know about the server before it can be planned. Each operation adds its own.
public struct Questions: Sendable, Equatable {
    /// Tables as the spec names them.
    public var tables: Set<String> = []
    /// Types as the spec names them.
    public var types: Set<String> = []
    public var expressions: Set<ExpressionQuestion> = []
    /// Statements that the user wrote.
    public var statements: Set<String> = []
    /// Tables of which the rights, the dependents and what names them are asked.
    public var relations: Set<String> = []
    /// Indexes as the spec names them.
    public var indexes: Set<String> = []
    /// Schemas by their names.
    public var schemas: Set<String> = []
    /// Tables of which a complete copy is to be made.
    public var copied: Set<String> = []

    public init() {}

    public mutating func add(_ other: Questions) {
        tables.formUnion(other.tables)
        types.formUnion(other.types)
        expressions.formUnion(other.expressions)
        statements.formUnion(other.statements)
        relations.formUnion(other.relations)
        indexes.formUnion(other.indexes)
        schemas.formUnion(other.schemas)
        copied.formUnion(other.copied)
    }
}

/// An expression over one row of a table that already has the new columns.
public struct ExpressionQuestion: Codable, Sendable, Hashable {
    /// The table as the spec names it.
    public let table: String
    public let text: String
    /// Columns that the row has beside the table's own; one of the same name takes its place.
    public let newColumns: [NewColumn]
    /// The type that it is assigned to; nil for a condition.
    public let assignedTo: String?
    /// Evaluate it, over a row whose columns are NULL but for these (column, expression): what
    /// `up` makes of the old default.
    public let over: [NewColumn]
    /// The table is one that the spec makes: the row has the new columns alone.
    public let isOfNewTable: Bool

    public struct NewColumn: Codable, Sendable, Hashable {
        public let name: String
        /// A type for a new column, an expression for a value.
        public let text: String

        public init(name: String, text: String) {
            self.name = name
            self.text = text
        }
    }

    public init(
        table: String, text: String, newColumns: [NewColumn] = [], assignedTo: String? = nil,
        over: [NewColumn] = [], isOfNewTable: Bool = false
    ) {
        self.table = table
        self.text = text
        self.newColumns = newColumns
        self.assignedTo = assignedTo
        self.over = over
        self.isOfNewTable = isOfNewTable
    }
}

public struct ExpressionFacts: Codable, Sendable, Equatable {
    /// The server's words where it does not resolve; everything else is then empty.
    public var error: String?
    public var hint: String?
    public var sqlState: String?
    /// As `format_type` prints it.
    public var type: String
    /// Whether a value of `type` can be assigned to the column without an explicit cast.
    public var isAssignable: Bool
    /// The row's columns that it reads.
    public var columns: [String]
    public var isVolatile: Bool
    public var isStable: Bool
    public var hasSubquery: Bool
    /// Aggregates, window functions, set-returning functions, whole-row references, parameters:
    /// what is no expression over one row.
    public var isNotScalar: String?
    /// Functions that some role that may write the table may not execute: `name(args) by role`.
    public var notExecutable: [String]
    /// The value, where the question asked for one (`over`); nil for NULL.
    public var value: String?

    public init(
        error: String? = nil, hint: String? = nil, sqlState: String? = nil, type: String = "",
        isAssignable: Bool = true, columns: [String] = [], isVolatile: Bool = false,
        isStable: Bool = false, hasSubquery: Bool = false, isNotScalar: String? = nil,
        notExecutable: [String] = [], value: String? = nil
    ) {
        self.error = error
        self.hint = hint
        self.sqlState = sqlState
        self.type = type
        self.isAssignable = isAssignable
        self.columns = columns
        self.isVolatile = isVolatile
        self.isStable = isStable
        self.hasSubquery = hasSubquery
        self.isNotScalar = isNotScalar
        self.notExecutable = notExecutable
        self.value = value
    }
}

/// What a statement that a person wrote does to tables, as far as its parse tree tells.
public struct StatementFacts: Codable, Sendable, Equatable {
    /// The parser's words where it could not be parsed.
    public var error: String?
    /// `ALTER TABLE`, …; the number of statements in the text.
    public var kind: String
    public var count: Int
    /// Table names as written, resolved by the search path where they had no schema.
    public var locks: [TableLock]
    public var rewrites: Bool
    public var scans: Bool
    /// It can't run inside a transaction (CREATE INDEX CONCURRENTLY, VACUUM, …).
    public var refusesTransaction: Bool
    /// The parser knows the statement, we don't know its locks: a hazard, never "safe".
    public var isUnderstood: Bool

    public init(
        error: String? = nil, kind: String, count: Int = 1, locks: [TableLock] = [],
        rewrites: Bool = false, scans: Bool = false, refusesTransaction: Bool = false,
        isUnderstood: Bool = true
    ) {
        self.error = error
        self.kind = kind
        self.count = count
        self.locks = locks
        self.rewrites = rewrites
        self.scans = scans
        self.refusesTransaction = refusesTransaction
        self.isUnderstood = isUnderstood
    }
}
