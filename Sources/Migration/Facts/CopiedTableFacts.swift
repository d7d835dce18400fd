import SQLText

/// What a complete copy of a table needs to know of it beside `TableFacts` and `RelationFacts`.
///
/// Definitions are as the server prints them under the session's search path, naming the table by the
/// name that it has: they are run again while the copy bears that name.
public struct CopiedTableFacts: Codable, Sendable, Equatable {
    /// What can't be had in a copy, each as words that follow "it": `has a rule (RULE no_delete)`.
    public var obstacles: [String]
    /// The table's access method; nil for the database's default.
    public var accessMethod: String?
    /// Nil for the database's default.
    public var tablespace: String?
    /// `fillfactor=70`, `toast.autovacuum_enabled=off`: as `pg_class.reloptions` has them.
    public var storageOptions: [String]
    /// By column: `n_distinct=-0.5`.
    public var columnOptions: [String: [String]]
    /// `DEFAULT`, `FULL`, `NOTHING`, or `USING INDEX name`.
    public var replicaIdentity: ReplicaIdentity
    /// The index by which CLUSTER without a name orders it.
    public var clusteredOn: String?
    public var policies: [PolicyFacts]
    /// Every trigger but the server's own.
    public var triggers: [CopiedTrigger]
    public var sequences: [OwnedSequence]
    /// Foreign keys of other tables that reference it.
    public var incoming: [IncomingKey]
    /// Its own foreign keys that our role could not add again: the table that it may not reference.
    public var notReferenceable: [QualifiedName]
    /// Columns of indexes whose statistics target was set.
    public var indexTargets: [IndexTarget]

    public enum ReplicaIdentity: Codable, Sendable, Equatable {
        case primaryKey, full, nothing
        case index(String)
    }

    public init(
        obstacles: [String] = [], accessMethod: String? = nil, tablespace: String? = nil,
        storageOptions: [String] = [], columnOptions: [String: [String]] = [:],
        replicaIdentity: ReplicaIdentity = .primaryKey, clusteredOn: String? = nil,
        policies: [PolicyFacts] = [], triggers: [CopiedTrigger] = [],
        sequences: [OwnedSequence] = [], incoming: [IncomingKey] = [],
        notReferenceable: [QualifiedName] = [], indexTargets: [IndexTarget] = []
    ) {
        self.obstacles = obstacles
        self.accessMethod = accessMethod
        self.tablespace = tablespace
        self.storageOptions = storageOptions
        self.columnOptions = columnOptions
        self.replicaIdentity = replicaIdentity
        self.clusteredOn = clusteredOn
        self.policies = policies
        self.triggers = triggers
        self.sequences = sequences
        self.incoming = incoming
        self.notReferenceable = notReferenceable
        self.indexTargets = indexTargets
    }
}

public struct PolicyFacts: Codable, Sendable, Equatable {
    public var name: String
    /// What follows `CREATE POLICY name ON table`.
    public var definition: String
    public var comment: String?

    public init(name: String, definition: String, comment: String? = nil) {
        self.name = name
        self.definition = definition
        self.comment = comment
    }
}

public struct CopiedTrigger: Codable, Sendable, Equatable {
    public enum Mode: String, Codable, Sendable {
        case origin = "O"
        case replica = "R"
        case always = "A"
        case disabled = "D"
    }

    public var name: String
    /// `CREATE TRIGGER …`
    public var definition: String
    public var mode: Mode
    public var comment: String?
    /// Whether our role may execute its function, without which it can't make such a trigger.
    public var mayExecute: Bool

    public init(
        name: String, definition: String, mode: Mode = .origin, comment: String? = nil,
        mayExecute: Bool = true
    ) {
        self.name = name
        self.definition = definition
        self.mode = mode
        self.comment = comment
        self.mayExecute = mayExecute
    }
}

/// A sequence that belongs to a column: an identity column's, or what `serial` made.
public struct OwnedSequence: Codable, Sendable, Equatable {
    public var name: QualifiedName
    public var column: String
    public var isIdentity: Bool
    public var start: Int
    public var increment: Int
    public var minimum: Int
    public var maximum: Int
    public var cache: Int
    public var cycles: Bool
    public var comment: String?
    /// What others than its owner may do with it.
    public var grants: [TableGrant]

    public init(
        name: QualifiedName, column: String, isIdentity: Bool, start: Int = 1, increment: Int = 1,
        minimum: Int = 1, maximum: Int = .max, cache: Int = 1, cycles: Bool = false,
        comment: String? = nil, grants: [TableGrant] = []
    ) {
        self.name = name
        self.column = column
        self.isIdentity = isIdentity
        self.start = start
        self.increment = increment
        self.minimum = minimum
        self.maximum = maximum
        self.cache = cache
        self.cycles = cycles
        self.comment = comment
        self.grants = grants
    }
}

public struct IncomingKey: Codable, Sendable, Equatable {
    public var table: QualifiedName
    public var constraint: String
    /// `FOREIGN KEY (…) REFERENCES …`
    public var definition: String
    public var isValidated: Bool
    public var comment: String?
    /// Whether our role may ALTER that table.
    public var isOurs: Bool

    public init(
        table: QualifiedName, constraint: String, definition: String, isValidated: Bool = true,
        comment: String? = nil, isOurs: Bool = true
    ) {
        self.table = table
        self.constraint = constraint
        self.definition = definition
        self.isValidated = isValidated
        self.comment = comment
        self.isOurs = isOurs
    }
}

public struct IndexTarget: Codable, Sendable, Equatable {
    public var index: String
    /// The index's column, from 1.
    public var column: Int
    public var target: Int

    public init(index: String, column: Int, target: Int) {
        self.index = index
        self.column = column
        self.target = target
    }
}
