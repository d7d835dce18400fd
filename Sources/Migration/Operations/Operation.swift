import SQLText

/// One kind of schema change: its fields, and what it does in each phase. Each is one file; adding
/// one touches that file, a line in `OperationRegistry`, its tests and its row in the README.
public protocol Operation: Sendable {
    /// Its key in a spec: `replace_column`.
    static var key: String { get }
    /// Every field that it takes, in the order in which they are listed to a person.
    static var fields: [String] { get }

    init(_ fields: Fields) throws(SpecError)

    /// What can be asked of the server knowing the spec alone.
    var questions: Questions { get }

    /// What else has to be asked, once the first answers are there.
    func questions(knowing facts: Facts) -> Questions

    /// The statements that the spec itself has written out, for `check`.
    var writtenStatements: [WrittenStatement] { get }

    /// What it needs and what it makes, beside the other operations of its file. Only asked of one that
    /// was planned.
    func footprint(_ facts: Facts) -> Footprint

    /// Names that its fields say it makes, and takes away.
    var specNames: SpecNames { get }

    /// Its steps, in the order in which each phase runs them. Pure.
    func plan(_ context: PlanContext) throws(Refusals) -> OperationPlan
}

extension Operation {
    public func questions(knowing facts: Facts) -> Questions { Questions() }
    public var writtenStatements: [WrittenStatement] { [] }
    public func footprint(_ facts: Facts) -> Footprint { Footprint() }
    public var specNames: SpecNames { SpecNames() }
}

/// A statement as a spec has it, with its place.
public struct WrittenStatement: Sendable, Equatable {
    public let text: String
    /// Where the value begins: its first letter, its quote, or the `|` of a block.
    public let mark: SourceMark
    public let isInTransaction: Bool
}

/// The operations of this version, a line each.
enum OperationRegistry {
    static let all: [any Operation.Type] = [
        ReplaceColumn.self,
        AddColumn.self,
        RenameColumn.self,
        DropColumn.self,
        ChangeType.self,
        SetNotNull.self,
        AddForeignKey.self,
        AddCheck.self,
        AddUnique.self,
        DropConstraint.self,
        CreateIndex.self,
        Backfill.self,
        DropIndex.self,
        RenameTable.self,
        CreateTable.self,
        DropTable.self,
        RunSQL.self,
    ]

    static func type(_ key: String) -> (any Operation.Type)? { all.first { $0.key == key } }

    static func unknown(_ entry: Value.Entry, file: String) -> SpecError {
        let available = all.map { $0.key }
        let list = "those that are: \(available.joined(separator: ", "))"
        return SpecError(
            file: file, mark: entry.keyMark,
            message: "there is no operation \"\(entry.key)\"",
            suggestion: Suggestion.didYouMean(entry.key, among: available) ?? list)
    }
}

/// What an operation plans with.
public struct PlanContext: Sendable {
    /// The migration's name.
    public let migration: String
    /// The operation's number, from 1.
    public let number: Int
    /// Where the operation stands in the spec.
    public let mark: SourceMark
    public let file: String
    public let facts: Facts

    public init(
        migration: String, number: Int, mark: SourceMark, file: String, facts: Facts
    ) {
        self.migration = migration
        self.number = number
        self.mark = mark
        self.file = file
        self.facts = facts
    }
}

/// One operation's part of a plan.
public struct OperationPlan: Sendable, Equatable {
    public let summary: OperationSummary
    public let steps: [Step]
    public let hazards: [Hazard]
    /// Columns whose values it keeps in step, by table: no other operation of the migration may read
    /// or write them.
    public let synced: [QualifiedName: Set<String>]
    /// Tables that it renames or drops: no other operation of the migration may work with them,
    /// under the names that this one takes away.
    public let claimed: Set<QualifiedName>

    public init(
        summary: OperationSummary, steps: [Step], hazards: [Hazard],
        synced: [QualifiedName: Set<String>] = [:], claimed: Set<QualifiedName> = []
    ) {
        self.summary = summary
        self.steps = steps
        self.hazards = hazards
        self.synced = synced
        self.claimed = claimed
    }
}
