import SQLText

/// An index of a partitioned table and of everything below it, as it is built without stalling
/// anybody for longer than the catalogue takes:
///
/// - The partitioned table, and each partition that is itself partitioned, is given an index ON ONLY
///   itself, which holds nothing and is INVALID. From then on PostgreSQL gives every partition that
///   is created or attached the index by itself (measured on 15 to 18).
/// - Each partition that holds rows is given one concurrently.
/// - Each is attached to its parent's, from the bottom up: then an ATTACH locks no more than the two
///   indexes. (Attached from the top, the last one of a level locked the table above it ACCESS
///   EXCLUSIVE on 15.) With the last the index is valid.
///
/// The partitions are listed when it runs, again after each round: one may have come or gone.
public struct PartitionedIndexBuild: Codable, Sendable, Equatable {
    public let table: QualifiedName
    public let index: QualifiedName
    public let isUnique: Bool
    /// What follows `ON table`: `USING btree (status) WHERE …`
    public let definition: SQL
    /// The partitions that were there when it was planned, parents before what is below them.
    public let parts: [Part]

    /// One partition, and its index.
    public struct Part: Codable, Sendable, Equatable {
        public let partition: QualifiedName
        /// The partitioned table directly above it.
        public let parent: QualifiedName
        public let isLeaf: Bool
        public let index: QualifiedName
        /// Where it differs from the whole index's: the partition's own tablespace or parameters.
        public let definition: SQL?

        public init(
            partition: QualifiedName, parent: QualifiedName, isLeaf: Bool, index: QualifiedName,
            definition: SQL? = nil
        ) {
            self.partition = partition
            self.parent = parent
            self.isLeaf = isLeaf
            self.index = index
            self.definition = definition
        }
    }

    public init(
        table: QualifiedName, index: QualifiedName, isUnique: Bool, definition: SQL, parts: [Part]
    ) {
        self.table = table
        self.index = index
        self.isUnique = isUnique
        self.definition = definition
        self.parts = parts
    }

    /// Of the partitions that the facts know, each index named by `partIndex`.
    init(
        table: TableFacts, index: QualifiedName, isUnique: Bool, definition: SQL,
        known: [Part] = []
    ) {
        self.init(
            table: table.name, index: index, isUnique: isUnique, definition: definition,
            parts: table.partitions.map { partition in
                known.first { $0.partition == partition.name }
                    ?? Part(
                        partition: partition.name, parent: partition.parent,
                        isLeaf: partition.isLeaf,
                        index: Self.index(of: partition.name, as: index))
            })
    }

    /// The name of a partition's index where the plan does not say it: the same each time, so that a
    /// resume and a rollback find it. It lies in the partition's schema, as each index does.
    public static func index(
        of partition: QualifiedName, as index: QualifiedName
    ) -> QualifiedName {
        let wanted = "\(partition.name.name)_\(index.name.name)"
        guard wanted.utf8.count > Identifier.maximumBytes else {
            return QualifiedName(schema: partition.schema, name: Identifier(wanted))
        }
        let mark = OurNames.hash("\(partition.quoted)\u{1F}\(index.quoted)")
        return QualifiedName(
            schema: partition.schema,
            name: Identifier(OurNames.quarantined(mark, tail: partition.name.name)))
    }

    // MARK: Statements

    private var kind: SQL { isUnique ? "UNIQUE INDEX" : "INDEX" }

    /// Takes SHARE on the one table, which holds no row.
    public func createOnly(_ index: QualifiedName, on table: QualifiedName) -> SQL {
        "CREATE \(kind) \(index.name) ON ONLY \(table) \(definition(of: table))"
    }

    public func build(_ index: QualifiedName, on partition: QualifiedName) -> IndexBuild {
        IndexBuild(
            table: partition, index: index, isUnique: isUnique,
            create:
                "CREATE \(kind) CONCURRENTLY \(index.name) ON \(partition) \(definition(of: partition))",
            drop: "DROP INDEX CONCURRENTLY IF EXISTS \(index)")
    }

    private func definition(of partition: QualifiedName) -> SQL {
        parts.first { $0.partition == partition }?.definition ?? definition
    }

    /// Takes ACCESS EXCLUSIVE on the partition's index, for which statements that read or write the
    /// partition wait, and SHARE UPDATE EXCLUSIVE on its parent's.
    public static func attach(_ index: QualifiedName, to parent: QualifiedName) -> Statement {
        Statement(
            "ALTER INDEX \(parent) ATTACH PARTITION \(index)",
            locks: [TableLock(index, .accessExclusive), TableLock(parent, .shareUpdateExclusive)])
    }

    private func indexOf(_ table: QualifiedName) -> QualifiedName {
        parts.first { $0.partition == table }?.index ?? index
    }

    /// Everything that is sent if no partition comes or goes, in its order.
    var statements: [SQL] {
        let levels = parts.filter { !$0.isLeaf }
        let leaves = parts.filter(\.isLeaf)
        func attached(_ part: Part) -> SQL {
            Self.attach(part.index, to: indexOf(part.parent)).sql
        }
        return [createOnly(index, on: table)]
            + levels.map { createOnly($0.index, on: $0.partition) }
            + leaves.map { build($0.index, on: $0.partition).create } + leaves.map(attached)
            + levels.reversed().map(attached)
    }

    /// The strongest on each: SHARE where there are no rows, the weakest where there are some.
    var locks: [TableLock] {
        ([TableLock(table, .share)]
            + parts.flatMap { part in
                [
                    TableLock(part.partition, part.isLeaf ? .shareUpdateExclusive : .share),
                    TableLock(part.index, .accessExclusive),
                ]
            }).sorted()
    }
}

/// Drops an index of a partitioned table with those of its partitions: one DROP INDEX, which
/// PostgreSQL does not do concurrently, and what was built and not yet attached.
public struct PartitionedIndexDrop: Codable, Sendable, Equatable {
    public let table: QualifiedName
    public let index: QualifiedName
    public let parts: [PartitionedIndexBuild.Part]

    public init(
        table: QualifiedName, index: QualifiedName, parts: [PartitionedIndexBuild.Part]
    ) {
        self.table = table
        self.index = index
        self.parts = parts
    }

    init(_ build: PartitionedIndexBuild) {
        self.init(table: build.table, index: build.index, parts: build.parts)
    }

    public var drop: SQL { "DROP INDEX IF EXISTS \(index)" }

    /// ACCESS EXCLUSIVE on the table and on everything below it (measured on 15 to 18).
    var locks: [TableLock] {
        ([table] + parts.map(\.partition)).sorted().map { TableLock($0, .accessExclusive) }
    }
}
