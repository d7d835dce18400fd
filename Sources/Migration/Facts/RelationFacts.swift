import SQLText

/// What an operation on a whole table asks beside `TableFacts`.
public struct RelationFacts: Codable, Sendable, Equatable {
    public var comment: String?
    /// Whether its owner may create in its schema: the owner of a view must (manual, "ALTER VIEW").
    public var ownerMayCreate: Bool
    /// What others than the owner may do with the whole table, in its ACL's order.
    public var grants: [TableGrant]
    /// Roles other than the owner that gave some of these rights, or of those on its columns.
    public var otherGrantors: [String]
    /// What stops DROP TABLE, as `pg_describe_object` says it: views, foreign keys of other tables,
    /// functions that take its row, defaults elsewhere that draw from its sequences.
    public var stopsDrop: [String]
    /// Functions whose text names it as a word: `public.close_day()`.
    public var functionsNaming: [String]
    /// Sequences that belong to its columns.
    public var sequences: [QualifiedName]

    public init(
        comment: String? = nil, ownerMayCreate: Bool = true, grants: [TableGrant] = [],
        otherGrantors: [String] = [],
        stopsDrop: [String] = [], functionsNaming: [String] = [], sequences: [QualifiedName] = []
    ) {
        self.comment = comment
        self.ownerMayCreate = ownerMayCreate
        self.grants = grants
        self.otherGrantors = otherGrantors
        self.stopsDrop = stopsDrop
        self.functionsNaming = functionsNaming
        self.sequences = sequences
    }
}

public struct TableGrant: Codable, Sendable, Equatable {
    /// The role; nil for PUBLIC.
    public var grantee: String?
    public var privilege: String
    public var isGrantable: Bool

    public init(grantee: String?, privilege: String, isGrantable: Bool = false) {
        self.grantee = grantee
        self.privilege = privilege
        self.isGrantable = isGrantable
    }
}

/// An index that a spec names by itself, with everything that building it again needs.
public struct NamedIndexFacts: Codable, Sendable, Equatable {
    /// Its definition has its tablespace as well, which `pg_get_indexdef` leaves out.
    public var index: IndexFacts
    public var table: QualifiedName
    /// It is itself partitioned, or attached to the index of a partitioned table.
    public var isPartitioned: Bool
    public var parent: QualifiedName?
    /// CLUSTER without a name orders the table by it.
    public var isClustered: Bool
    /// It indexes an expression, of which ANALYZE gathers statistics.
    public var hasExpression: Bool
    /// Its columns whose statistics target was set, by their numbers.
    public var statisticsTargets: [StatisticsTarget]
    /// What else needs it, as `pg_describe_object` says it: foreign keys that reference its columns.
    public var neededBy: [String]
    /// Foreign keys of its table that no other index covers.
    public var onlyCoverOf: [String]
    /// Of a partitioned one, those of the partitions, parents before what is below them.
    public var parts: [PartitionIndexFacts] = []

    public struct StatisticsTarget: Codable, Sendable, Equatable {
        public var column: Int
        public var target: Int

        public init(column: Int, target: Int) {
            self.column = column
            self.target = target
        }
    }

    public init(
        index: IndexFacts, table: QualifiedName, isPartitioned: Bool = false,
        parent: QualifiedName? = nil, isClustered: Bool = false, hasExpression: Bool = false,
        statisticsTargets: [StatisticsTarget] = [], neededBy: [String] = [],
        onlyCoverOf: [String] = []
    ) {
        self.index = index
        self.table = table
        self.isPartitioned = isPartitioned
        self.parent = parent
        self.isClustered = isClustered
        self.hasExpression = hasExpression
        self.statisticsTargets = statisticsTargets
        self.neededBy = neededBy
        self.onlyCoverOf = onlyCoverOf
    }
}

/// The index of a partition that belongs to the index of the partitioned table.
public struct PartitionIndexFacts: Codable, Sendable, Equatable {
    public var index: QualifiedName
    public var partition: QualifiedName
    /// The partitioned table directly above it.
    public var parent: QualifiedName
    public var isLeaf: Bool
    public var definition: Definition
    public var comment: String?
    public var statisticsTargets: [NamedIndexFacts.StatisticsTarget]

    public init(
        index: QualifiedName, partition: QualifiedName, parent: QualifiedName, isLeaf: Bool = true,
        definition: Definition, comment: String? = nil,
        statisticsTargets: [NamedIndexFacts.StatisticsTarget] = []
    ) {
        self.index = index
        self.partition = partition
        self.parent = parent
        self.isLeaf = isLeaf
        self.definition = definition
        self.comment = comment
        self.statisticsTargets = statisticsTargets
    }
}

extension NamedIndexFacts {
    var partitionParts: [PartitionedIndexBuild.Part] {
        parts.map { part in
            PartitionedIndexBuild.Part(
                partition: part.partition, parent: part.parent, isLeaf: part.isLeaf,
                index: part.index,
                definition: part.definition == index.definition ? nil : part.definition.sql())
        }
    }
}

/// A schema in which a table is to be made or to get another name.
public struct SchemaFacts: Codable, Sendable, Equatable {
    /// Its tables, indexes, views and sequences, and its types: names that a new table can't have.
    public var names: [String]
    public var mayCreate: Bool
    /// Publications that a new table of it would be in from the start.
    public var publications: [String]

    public init(names: [String] = [], mayCreate: Bool = true, publications: [String] = []) {
        self.names = names
        self.mayCreate = mayCreate
        self.publications = publications
    }
}
