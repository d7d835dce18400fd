import SQLText

/// Everything about the server that planning needs, read once in one read-only transaction. A value:
/// a plan is a function of the spec and of this.
public struct Facts: Codable, Sendable, Equatable {
    public let server: ServerFacts
    public let session: SessionFacts
    /// By the table's name as the spec writes it. A name that is not there is not in the database.
    public let tables: [String: TableFacts]
    /// By the type's text as the spec writes it.
    public let types: [String: TypeFacts]
    public let expressions: [ExpressionQuestion: ExpressionFacts]
    /// Statements that the user wrote, by their text: what they lock.
    public let statements: [String: StatementFacts]
    /// More about tables, by the name as the spec writes it.
    public let relations: [String: RelationFacts]
    /// Indexes by the name as the spec writes it.
    public let indexes: [String: NamedIndexFacts]
    /// By the schema's name. One that is not there is not in the database.
    public let schemas: [String: SchemaFacts]
    /// What a complete copy of a table needs, by the name as the spec writes it.
    public let copied: [String: CopiedTableFacts]
    public var surroundings = Surroundings()

    public init(
        server: ServerFacts, session: SessionFacts, tables: [String: TableFacts],
        types: [String: TypeFacts], expressions: [ExpressionQuestion: ExpressionFacts],
        statements: [String: StatementFacts], relations: [String: RelationFacts] = [:],
        indexes: [String: NamedIndexFacts] = [:], schemas: [String: SchemaFacts] = [:],
        copied: [String: CopiedTableFacts] = [:]
    ) {
        self.server = server
        self.session = session
        self.tables = tables
        self.types = types
        self.expressions = expressions
        self.statements = statements
        self.relations = relations
        self.indexes = indexes
        self.schemas = schemas
        self.copied = copied
    }
}

public struct ServerFacts: Codable, Sendable, Equatable {
    /// As `server_version_num`: 150018.
    public let version: Int
    public let database: String
    public let user: String
    public let isSuperuser: Bool
    public let isInRecovery: Bool
    /// Bytes.
    public let blockSize: Int
    /// A superuser, or a role with BYPASSRLS; nil where it was not asked.
    public var bypassesRowSecurity: Bool?

    public init(
        version: Int, database: String, user: String, isSuperuser: Bool, isInRecovery: Bool,
        blockSize: Int
    ) {
        self.version = version
        self.database = database
        self.user = user
        self.isSuperuser = isSuperuser
        self.isInRecovery = isInRecovery
        self.blockSize = blockSize
    }
}

/// What every session of this migration, and every function made by it, sets for itself.
public struct SessionFacts: Codable, Sendable, Equatable {
    /// Schemas, `pg_catalog` first.
    public let searchPath: [Identifier]
    public let timeZone: String
    public let dateStyle: String

    public init(searchPath: [Identifier], timeZone: String, dateStyle: String) {
        self.searchPath = searchPath
        self.timeZone = timeZone
        self.dateStyle = dateStyle
    }
}

public struct TableFacts: Codable, Sendable, Equatable {
    public enum Kind: String, Codable, Sendable {
        case table, partitionedTable, view, materializedView, foreignTable, other
    }

    public var name: QualifiedName
    public var oid: Int
    public var kind: Kind
    public var owner: String
    /// Whether our role may ALTER it: owner, member of the owner, or superuser.
    public var isOwnedByUs: Bool
    /// Bytes of the heap, the heap with indexes and TOAST, and the planner's row estimate.
    public var heapBytes: Int
    public var totalBytes: Int
    public var estimatedRows: Int
    public var columns: [ColumnFacts]
    public var indexes: [IndexFacts]
    public var constraints: [ConstraintFacts]
    public var triggers: [TriggerFacts]
    /// Foreign keys of other tables that reference this one.
    public var referencedBy: [ForeignReference]
    /// Every leaf and level below a partitioned table, by level and name.
    public var partitions: [PartitionFacts]
    /// The columns that its partition key reads, also in expressions.
    public var partitionKey: [String]
    /// Its partition key, or that of a level below, has an expression: no unique index can contain it.
    public var hasKeyExpression = false
    public var isPartition: Bool
    /// Tables that inherit from it (not its partitions), and whether it inherits itself.
    public var inheritedBy: [QualifiedName]
    public var inherits: Bool
    public var hasRowSecurity: Bool
    public var forcesRowSecurity: Bool
    public var publications: [String]
    /// Subscriptions that write it.
    public var subscriptions: [String]
    /// Views, functions, policies, … that depend on a column: what stops its drop.
    public var dependents: [DependentFacts]
    /// `GRANT … (column)` statements of each column, by column name; rebuilt by us from `attacl`.
    public var columnGrants: [String: [ColumnGrant]]
    /// Extended statistics that cover a column, their definitions.
    public var statistics: [StatisticsFacts]
    /// Every table, index, view and sequence of its schema: names that a new index can't have.
    public var relationNames: [String] = []
    /// Whether our role may make indexes in its schema, for which owning the table is not enough.
    public var mayCreateInSchema = true

    public init(
        name: QualifiedName, oid: Int, kind: Kind, owner: String, isOwnedByUs: Bool, heapBytes: Int,
        totalBytes: Int, estimatedRows: Int, columns: [ColumnFacts], indexes: [IndexFacts] = [],
        constraints: [ConstraintFacts] = [], triggers: [TriggerFacts] = [],
        referencedBy: [ForeignReference] = [], partitions: [PartitionFacts] = [],
        partitionKey: [String] = [], isPartition: Bool = false,
        inheritedBy: [QualifiedName] = [], inherits: Bool = false, hasRowSecurity: Bool = false,
        forcesRowSecurity: Bool = false, publications: [String] = [],
        subscriptions: [String] = [], dependents: [DependentFacts] = [],
        columnGrants: [String: [ColumnGrant]] = [:], statistics: [StatisticsFacts] = []
    ) {
        self.name = name
        self.oid = oid
        self.kind = kind
        self.owner = owner
        self.isOwnedByUs = isOwnedByUs
        self.heapBytes = heapBytes
        self.totalBytes = totalBytes
        self.estimatedRows = estimatedRows
        self.columns = columns
        self.indexes = indexes
        self.constraints = constraints
        self.triggers = triggers
        self.referencedBy = referencedBy
        self.partitions = partitions
        self.partitionKey = partitionKey
        self.isPartition = isPartition
        self.inheritedBy = inheritedBy
        self.inherits = inherits
        self.hasRowSecurity = hasRowSecurity
        self.forcesRowSecurity = forcesRowSecurity
        self.publications = publications
        self.subscriptions = subscriptions
        self.dependents = dependents
        self.columnGrants = columnGrants
        self.statistics = statistics
    }

    public func column(_ name: String) -> ColumnFacts? { columns.first { $0.name == name } }

    /// The columns of the primary key, in its order; empty where there is none.
    public var primaryKey: [String] {
        constraints.first { $0.kind == .primaryKey }?.columns ?? []
    }
}

public struct ColumnFacts: Codable, Sendable, Equatable {
    public enum Generation: String, Codable, Sendable {
        case none, stored, virtual, identityAlways, identityByDefault
    }

    public var name: String
    public var number: Int
    /// As `format_type` prints it: `character varying(50)`.
    public var type: String
    public var isNotNull: Bool
    /// The default's text, as `pg_get_expr` prints it; nil where there is none.
    public var defaultText: String?
    public var defaultIsVolatile: Bool
    public var generation: Generation
    public var collation: String?
    public var comment: String?
    /// `attstattarget`; nil for the server's default.
    public var statisticsTarget: Int?
    /// `EXTERNAL`, …, where it is not the type's own.
    public var storage: String?
    /// `pglz`, `lz4`; nil for the server's default.
    public var compression: String?

    public init(
        name: String, number: Int, type: String, isNotNull: Bool = false,
        defaultText: String? = nil, defaultIsVolatile: Bool = false,
        generation: Generation = .none, collation: String? = nil, comment: String? = nil,
        statisticsTarget: Int? = nil, storage: String? = nil, compression: String? = nil
    ) {
        self.name = name
        self.number = number
        self.type = type
        self.isNotNull = isNotNull
        self.defaultText = defaultText
        self.defaultIsVolatile = defaultIsVolatile
        self.generation = generation
        self.collation = collation
        self.comment = comment
        self.statisticsTarget = statisticsTarget
        self.storage = storage
        self.compression = compression
    }
}

/// SQL that the catalogue printed, with the places where it names a column of the table, so that
/// it can be said again of another column.
public struct Definition: Codable, Sendable, Equatable {
    public enum Part: Codable, Sendable, Equatable {
        case text(String)
        case column(String)
    }

    public let parts: [Part]

    public init(parts: [Part]) { self.parts = parts }

    public var columns: Set<String> {
        Set(parts.compactMap { if case .column(let name) = $0 { name } else { nil } })
    }

    public func sql(renaming old: String? = nil, to new: String? = nil) -> SQL {
        parts.map { part in
            switch part {
            case .text(let text): SQL(writtenByUser: text)
            case .column(let name):
                "\(Identifier(name == old ? (new ?? name) : name))"
            }
        }.joined(separator: "")
    }
}

public struct IndexFacts: Codable, Sendable, Equatable {
    public var name: QualifiedName
    /// What follows `CREATE [UNIQUE] INDEX … ON table`: `USING btree (status) WHERE …`.
    public var definition: Definition
    public var isUnique: Bool
    public var isPrimary: Bool
    public var isValid: Bool
    /// The constraint that it serves, if any.
    public var constraint: String?
    public var isReplicaIdentity: Bool
    public var comment: String?
    public var bytes: Int
    /// Columns of the index whose statistics target was set; nil where none was.
    public var statisticsTargets: [NamedIndexFacts.StatisticsTarget]?

    public init(
        name: QualifiedName, definition: Definition, isUnique: Bool = false,
        isPrimary: Bool = false, isValid: Bool = true, constraint: String? = nil,
        isReplicaIdentity: Bool = false, comment: String? = nil, bytes: Int = 0
    ) {
        self.name = name
        self.definition = definition
        self.isUnique = isUnique
        self.isPrimary = isPrimary
        self.isValid = isValid
        self.constraint = constraint
        self.isReplicaIdentity = isReplicaIdentity
        self.comment = comment
        self.bytes = bytes
    }
}

public struct ConstraintFacts: Codable, Sendable, Equatable {
    public enum Kind: String, Codable, Sendable {
        case check, foreignKey, primaryKey, unique, exclusion, notNull, trigger
    }

    public var name: String
    public var kind: Kind
    /// The table's own columns, in the constraint's order.
    public var columns: [String]
    /// `CHECK (…)`, `FOREIGN KEY (…) REFERENCES …`, as `pg_get_constraintdef` prints it.
    public var definition: Definition
    public var isValidated: Bool
    public var isDeferrable: Bool
    /// The referenced table of a foreign key, and its columns in the order of `columns`.
    public var references: QualifiedName?
    public var referencedColumns: [String]
    public var comment: String?

    public init(
        name: String, kind: Kind, columns: [String], definition: Definition,
        isValidated: Bool = true, isDeferrable: Bool = false, references: QualifiedName? = nil,
        referencedColumns: [String] = [], comment: String? = nil
    ) {
        self.name = name
        self.kind = kind
        self.columns = columns
        self.definition = definition
        self.isValidated = isValidated
        self.isDeferrable = isDeferrable
        self.references = references
        self.referencedColumns = referencedColumns
        self.comment = comment
    }
}

extension ConstraintFacts {
    /// What stands in `CHECK (…)`, said of another column: `CHECK ((a > 0)) NOT VALID` to `(a > 0)`.
    /// Nil where it is no check.
    func condition(renaming old: String? = nil, to new: String? = nil) -> String? {
        let text = definition.sql(renaming: old, to: new).text
        guard kind == .check, text.hasPrefix("CHECK ("), let close = text.lastIndex(of: ")") else {
            return nil
        }
        return String(text[text.index(text.startIndex, offsetBy: 7)..<close])
    }
}

public struct TriggerFacts: Codable, Sendable, Equatable {
    public var name: String
    public var isBefore: Bool
    public var isRow: Bool
    public var onInsert: Bool
    public var onUpdate: Bool
    /// `UPDATE OF` these; empty for any column.
    public var columns: [String]
    public var function: String
    /// The function's source, to see whether it assigns a synced column.
    public var source: String
    public var isEnabled: Bool

    public init(
        name: String, isBefore: Bool, isRow: Bool, onInsert: Bool, onUpdate: Bool,
        columns: [String], function: String, source: String, isEnabled: Bool
    ) {
        self.name = name
        self.isBefore = isBefore
        self.isRow = isRow
        self.onInsert = onInsert
        self.onUpdate = onUpdate
        self.columns = columns
        self.function = function
        self.source = source
        self.isEnabled = isEnabled
    }
}

public struct ForeignReference: Codable, Sendable, Equatable {
    public var table: QualifiedName
    public var constraint: String
    /// The columns of this table that it references.
    public var columns: [String]

    public init(table: QualifiedName, constraint: String, columns: [String]) {
        self.table = table
        self.constraint = constraint
        self.columns = columns
    }
}

public struct DependentFacts: Codable, Sendable, Equatable {
    /// `view public.open_orders`, as `pg_describe_object` says it.
    public var description: String
    public var columns: [String]

    public init(description: String, columns: [String]) {
        self.description = description
        self.columns = columns
    }
}

public struct ColumnGrant: Codable, Sendable, Equatable {
    /// The role; nil for PUBLIC.
    public var grantee: String?
    public var privilege: String
    public var isGrantable: Bool

    public init(grantee: String?, privilege: String, isGrantable: Bool) {
        self.grantee = grantee
        self.privilege = privilege
        self.isGrantable = isGrantable
    }
}

public struct StatisticsFacts: Codable, Sendable, Equatable {
    public var name: QualifiedName
    /// `(ndistinct, dependencies) ON a, b`: what stands between the name and FROM.
    public var definition: Definition
    public var comment: String?
    /// `stxstattarget`; nil for the server's default.
    public var target: Int?

    public init(
        name: QualifiedName, definition: Definition, comment: String? = nil, target: Int? = nil
    ) {
        self.name = name
        self.definition = definition
        self.comment = comment
        self.target = target
    }
}

public struct TypeFacts: Codable, Sendable, Equatable {
    /// As `format_type` prints it.
    public var canonical: String
    /// Its text form, without modifiers, for casts of parameters.
    public var isDomain: Bool
    public var isArray: Bool
    /// Nil where it exists; else the server's words.
    public var error: String?

    public init(
        canonical: String, isDomain: Bool = false, isArray: Bool = false, error: String? = nil
    ) {
        self.canonical = canonical
        self.isDomain = isDomain
        self.isArray = isArray
        self.error = error
    }
}
