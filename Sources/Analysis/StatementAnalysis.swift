import Migration
import SQLText

/// A relation as a statement names it.
public struct RelationName: Sendable, Hashable {
    public let schema: String?
    public let name: String

    public init(schema: String?, name: String) {
        self.schema = schema
        self.name = name
    }

    /// From a `RangeVar`.
    init?(_ node: ParseNode) {
        guard let name = node["relname"].text else { return nil }
        self.init(schema: node["schemaname"].text, name: name)
    }

    /// From the parts of a name: `["public", "orders"]`.
    init?(parts: [String]) {
        guard let name = parts.last else { return nil }
        self.init(schema: parts.count > 1 ? parts[parts.count - 2] : nil, name: name)
    }
}

/// A table lock that a statement takes, before the catalogue has said which tables these are.
public struct LockRequest: Sendable, Hashable {
    public enum Object: Sendable, Hashable {
        /// A table and, where it is partitioned, everything below it.
        case table(RelationName)
        /// The table itself, without its partitions.
        case only(RelationName)
        /// The table of an index.
        case tableOfIndex(RelationName)
        /// The tables that foreign keys of this one reference.
        case referenced(by: RelationName, through: ForeignKeys)
        /// The tables whose foreign keys reference this one, or that column of it.
        case referencing(RelationName, column: String?)
        /// The default partition of this table, if it has one.
        case defaultPartition(of: RelationName)
    }

    public enum ForeignKeys: Sendable, Hashable {
        case all
        case constraint(String)
        case column(String)
    }

    public let object: Object
    public let mode: LockMode
    /// What the object turns out to be is also read, all of it.
    public let scans: Bool

    public init(_ object: Object, _ mode: LockMode, scans: Bool = false) {
        self.object = object
        self.mode = mode
        self.scans = scans
    }
}

/// What statements that a person wrote do to tables, as far as their parse tree tells.
///
/// The locks are measured on PostgreSQL 15 to 18 (a test does it again); where the
/// tree alone can't tell whether a table is scanned or rewritten (a type change, the volatility of a
/// default), the worse is assumed.
public struct StatementAnalysis: Sendable, Equatable {
    /// The parser's words where the text could not be parsed.
    public var error: String?
    /// `ALTER TABLE`; several statements: each kind once, in their order.
    public var kind = ""
    public var count = 0
    public var requests: [LockRequest] = []
    public var rewrites = false
    public var scans = false
    public var refusesTransaction = false
    public var isUnderstood = true

    /// - Parameter serverVersion: as `server_version_num`; of what the locks are, where versions differ.
    public init(_ text: String, serverVersion: Int = 150_000) {
        do {
            let tree = try ParseTree(text)
            count = tree.statements.count
            var kinds: [String] = []
            for statement in tree.statements {
                var reading = StatementReading(serverVersion: serverVersion)
                reading.read(statement.kind, statement.node)
                add(reading)
                if !kinds.contains(reading.kind) { kinds.append(reading.kind) }
            }
            kind = kinds.joined(separator: ", ")
        } catch let error as SyntaxError {
            self.error =
                error.position.map { "\(error.message) (at character \($0))" } ?? error.message
            isUnderstood = false
        } catch {
            self.error = "\(error)"
            isUnderstood = false
        }
    }

    private mutating func add(_ reading: StatementReading) {
        requests += reading.requests
        rewrites = rewrites || reading.rewrites
        scans = scans || reading.scans
        refusesTransaction = refusesTransaction || reading.refusesTransaction
        isUnderstood = isUnderstood && reading.isUnderstood
    }

    /// The facts, with the tables that the catalogue has for each request; the strongest lock on
    /// each table.
    public func facts(
        resolving tables: (LockRequest.Object) throws -> [QualifiedName]
    ) rethrows -> StatementFacts {
        var strongest: [QualifiedName: LockMode] = [:]
        var scans = scans
        for request in requests {
            for table in try tables(request.object) {
                scans = scans || request.scans
                strongest[table] = max(strongest[table] ?? request.mode, request.mode)
            }
        }
        return StatementFacts(
            error: error, kind: kind, count: count,
            locks: strongest.map { TableLock($0.key, $0.value) }.sorted(), rewrites: rewrites,
            scans: scans, refusesTransaction: refusesTransaction, isUnderstood: isUnderstood)
    }
}

/// One statement being read; the other files of this folder add the reading of each kind.
struct StatementReading {
    /// As `server_version_num`.
    var serverVersion = 150_000
    var kind = ""
    var requests: [LockRequest] = []
    var rewrites = false
    var scans = false
    var refusesTransaction = false
    var isUnderstood = true

    mutating func lock(_ relation: RelationName?, _ mode: LockMode) {
        if let relation { requests.append(LockRequest(.table(relation), mode)) }
    }

    /// From a `RangeVar`, whose `inh` is false where the statement says ONLY.
    mutating func lock(_ node: ParseNode, _ mode: LockMode) {
        lock(RelationName(node), mode)
    }

    /// Without the partitions.
    mutating func lockOnly(_ relation: RelationName?, _ mode: LockMode) {
        if let relation { requests.append(LockRequest(.only(relation), mode)) }
    }

    /// What we know nothing of: the strongest lock on every relation that it names.
    mutating func giveUp(_ node: ParseNode, naming kind: String) {
        self.kind = kind
        isUnderstood = false
        for name in Self.relations(in: node) { lock(name, .accessExclusive) }
    }

    /// Every relation that a tree names, but for the names of its own WITH queries.
    static func relations(in node: ParseNode) -> [RelationName] {
        var names: [RelationName] = []
        var ownNames: Set<String> = []
        func look(_ node: ParseNode) {
            switch node {
            case .object(let fields):
                if fields["relname"] != nil, let name = RelationName(node) { names.append(name) }
                if let name = fields["ctename"]?.text { ownNames.insert(name) }
                for value in fields.values { look(value) }
            case .array(let items):
                for item in items { look(item) }
            default:
                break
            }
        }
        look(node)
        return names.filter { $0.schema != nil || !ownNames.contains($0.name) }
    }
}
