import Foundation
import Migration

/// Judges specs and plain `.sql` files without a server.
///
/// Files are judged in the order in which they are given, and what earlier ones say about tables
/// (the types of columns, indexes, proven checks) is known in the later ones; but only the tables
/// that a file itself creates are nobody's yet.
public struct Check {
    private var schema = KnownSchema()
    private var sizes: [RelationName: TableSize] = [:]

    public init() {}

    /// A table's planner estimate of its rows, nil where it was never analyzed, and its heap's bytes.
    public struct TableSize: Sendable, Equatable {
        public let rows: Int?
        public let bytes: Int

        public init(rows: Int?, bytes: Int) {
            self.rows = rows
            self.bytes = bytes
        }
    }

    /// What a server has: its tables, keys, checks and indexes as statements that would make them, and
    /// how large the tables are. It makes judgements sharper, and none of it is judged.
    public mutating func know(_ definitions: String, sizes: [RelationName: TableSize]) {
        var script = Script(schema: schema)
        script.read(Array(definitions.utf8))
        schema = script.schema.aged()
        for (table, size) in sizes { self.sizes[table.key] = size }
    }

    /// A spec, judged by what a server said of it: `plan`'s refusals and hazards.
    public mutating func judge(_ spec: Spec, text: String, plan: Result<Plan, Refusals>)
        -> CheckedFile
    {
        var judged = judge(text, file: spec.file).hazards
        switch plan {
        case .failure(let refusals):
            judged += refusals.refusals.map {
                CheckHazard(
                    rule: $0.rule, severity: .danger, line: $0.mark.line, column: $0.mark.column,
                    message: $0.message, lock: nil, safeWay: $0.instead)
            }
        case .success(let plan):
            judged += plan.hazards.map { CheckHazard($0, at: SourceMark(line: 1, column: 1)) }
            for step in plan.steps {
                guard let entry = spec.operations.first(where: { $0.number == step.operation })
                else { continue }
                judged += step.hazards.map { CheckHazard($0, at: entry.mark) }
            }
        }
        return CheckedFile(file: spec.file, hazards: judged)
    }

    /// One file's hazards, in the order of their places. `file` decides what it is: a spec where it
    /// ends in `.yaml` or `.yml`, otherwise SQL. Never throws: what can't be read is a hazard.
    public mutating func judge(_ data: Data, file: String) -> CheckedFile {
        let bytes = Array(data)
        let isSpec = [".yaml", ".yml"].contains { file.lowercased().hasSuffix($0) }
        let hazards = isSpec ? spec(bytes, file) : sql(bytes)
        return CheckedFile(file: file, hazards: hazards)
    }

    /// The same for text at hand.
    public mutating func judge(_ text: String, file: String) -> CheckedFile {
        judge(Data(text.utf8), file: file)
    }

    private mutating func sql(_ bytes: [UInt8]) -> [CheckHazard] {
        var script = Script(schema: schema)
        script.read(bytes)
        schema = script.schema.aged()
        return Verdict(script, sizes).hazards
    }

    private mutating func spec(_ bytes: [UInt8], _ file: String) -> [CheckHazard] {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return [
                .invalidSpec(
                    SourceMark(line: 1, column: 1), "This is not UTF-8 text.",
                    "Save the file as UTF-8.")
            ]
        }
        let spec: Spec
        do {
            spec = try Spec.parse(text: text, file: file)
        } catch {
            return [.invalidSpec(error.mark, error.message, error.suggestion)]
        }
        var script = Script(schema: schema)
        let places = SpecPlaces(bytes)
        for statement in spec.operations.flatMap(\.operation.writtenStatements) {
            let origin = places.origin(of: statement.text, at: statement.mark)
            script.read(
                Array(statement.text.utf8), isRunByUs: true,
                isOneTransaction: statement.isInTransaction, place: origin.place)
        }
        schema = script.schema.aged()
        return Verdict(script, sizes).hazards
    }
}

/// One file and what was found in it.
public struct CheckedFile: Sendable, Equatable, Encodable {
    public let file: String
    public let hazards: [CheckHazard]

    /// Whether something in it must stop a merge.
    public var isDangerous: Bool { hazards.contains { $0.severity == .danger } }
}

/// One hazard at its place in a file.
public struct CheckHazard: Sendable, Equatable, Encodable {
    public let rule: String
    public let severity: Hazard.Severity
    /// Both from 1; the column counts Unicode scalars.
    public let line: Int
    public let column: Int
    public let message: String
    /// `ACCESS EXCLUSIVE`; nil where the hazard is no lock.
    public let lock: LockMode?
    public let safeWay: String?

    enum CodingKeys: String, CodingKey {
        case rule, severity, line, column, message, lock
        case safeWay = "safe_way"
    }

    /// All keys are always there, empty ones as null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(rule, forKey: .rule)
        try container.encode(severity, forKey: .severity)
        try container.encode(line, forKey: .line)
        try container.encode(column, forKey: .column)
        try container.encode(message, forKey: .message)
        try container.encode(lock, forKey: .lock)
        try container.encode(safeWay, forKey: .safeWay)
    }

    static func invalidSpec(_ mark: SourceMark, _ message: String, _ safeWay: String?)
        -> CheckHazard
    {
        CheckHazard(
            rule: InvalidSpec.id, severity: InvalidSpec.severity, line: mark.line,
            column: mark.column, message: message, lock: nil, safeWay: safeWay)
    }
}

extension CheckHazard {
    /// Of a plan, which knows no place in the file but its operations'.
    init(_ hazard: Hazard, at mark: SourceMark) {
        self.init(
            rule: hazard.rule, severity: hazard.severity, line: mark.line, column: mark.column,
            message: hazard.message, lock: nil, safeWay: hazard.safeWay)
    }
}
