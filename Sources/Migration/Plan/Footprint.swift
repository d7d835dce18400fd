import SQLText

/// What an operation needs of the database as it is, and what it makes of it: by this two operations of
/// one file are seen to depend on each other.
public struct Footprint: Sendable, Equatable {
    public typealias Columns = [QualifiedName: Set<String>]

    /// Columns that get another name, type or place in the end, or are gone.
    public var moves: Columns = [:]
    /// Columns whose values it gives.
    public var writes: Columns = [:]
    /// Columns of whose values it wants something: a constraint's, those of an expression.
    public var reads: Columns = [:]
    /// Columns that its statements name, whatever is in them.
    public var names: Columns = [:]
    /// Columns of which it needs a unique key, and those of which it takes one away.
    public var keysNeeded: Columns = [:]
    public var keysDropped: Columns = [:]
    /// Other tables that its statements name.
    public var tables: Set<QualifiedName> = []
    /// Expressions that read other tables, which are not resolved further.
    public var subqueries: [String] = []
    /// Names that it makes and takes, each of its own kind.
    public var makes: Set<Name> = []
    public var drops: Set<Name> = []

    public struct Name: Hashable, Sendable, Comparable {
        public enum Kind: Int, Sendable { case relation, column, constraint }

        public let kind: Kind
        /// The table of a column or constraint; the relation itself.
        public let relation: QualifiedName
        public let name: String

        public static func relation(_ name: QualifiedName) -> Name {
            Name(kind: .relation, relation: name, name: "")
        }

        public static func column(_ name: String, of table: QualifiedName) -> Name {
            Name(kind: .column, relation: table, name: name)
        }

        public static func constraint(_ name: String, of table: QualifiedName) -> Name {
            Name(kind: .constraint, relation: table, name: name)
        }

        var words: String {
            switch kind {
            case .relation: "\(relation)"
            case .column: "\(relation).\(Identifier(name))"
            case .constraint: "the constraint \(Identifier(name)) of \(relation)"
            }
        }

        public static func < (left: Name, right: Name) -> Bool {
            (left.kind.rawValue, left.relation, left.name)
                < (right.kind.rawValue, right.relation, right.name)
        }
    }

    public init() {}

    /// Every column that it has to do with.
    var all: Columns {
        [moves, writes, reads, names].reduce(into: [:]) { all, columns in
            all.merge(columns) { $0.union($1) }
        }
    }
}

/// The names that an operation's fields say it makes and takes away, known without a server: by them a
/// refusal can say that another operation of the file is the one that makes what it misses.
public struct SpecNames: Sendable, Equatable {
    public var made: [String] = []
    public var taken: [String] = []

    public init(made: [String] = [], taken: [String] = []) {
        self.made = made
        self.taken = taken
    }
}
