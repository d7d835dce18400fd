import SQLText

/// A table below a partitioned one, at whatever level.
public struct PartitionFacts: Codable, Sendable, Equatable {
    public var name: QualifiedName
    /// The partitioned table that it is directly a partition of.
    public var parent: QualifiedName
    /// A table that holds rows, another partitioned table, or a foreign table.
    public var kind: TableFacts.Kind
    /// 1 directly below the table that was asked for.
    public var level: Int
    public var owner: String
    public var isOwnedByUs: Bool
    public var mayCreateInSchema: Bool
    /// Bytes, and the planner's estimate; 0 for one that is itself partitioned.
    public var heapBytes: Int
    public var estimatedRows: Int
    /// What its own partition key reads; empty for one that holds rows.
    public var partitionKey: [String]
    /// Its indexes and constraints that it has not from its parent.
    public var own: [OwnObject]

    /// `index orders_2024_note`, with the columns that it names.
    public struct OwnObject: Codable, Sendable, Equatable {
        public var description: String
        public var columns: [String]

        public init(description: String, columns: [String]) {
            self.description = description
            self.columns = columns
        }
    }

    public init(
        name: QualifiedName, parent: QualifiedName, kind: TableFacts.Kind = .table, level: Int = 1,
        owner: String = "", isOwnedByUs: Bool = true, mayCreateInSchema: Bool = true,
        heapBytes: Int = 0, estimatedRows: Int = 0, partitionKey: [String] = [],
        own: [OwnObject] = []
    ) {
        self.name = name
        self.parent = parent
        self.kind = kind
        self.level = level
        self.owner = owner
        self.isOwnedByUs = isOwnedByUs
        self.mayCreateInSchema = mayCreateInSchema
        self.heapBytes = heapBytes
        self.estimatedRows = estimatedRows
        self.partitionKey = partitionKey
        self.own = own
    }

    public var isLeaf: Bool { kind != .partitionedTable }
}

extension TableFacts {
    public var isPartitioned: Bool { kind == .partitionedTable }

    /// The columns by which rows are told to partitions, of every level.
    public var allPartitionKeys: Set<String> {
        Set(partitionKey + partitions.flatMap(\.partitionKey))
    }
}
