import SQLText

/// Everything that a run will do, in order, frozen in the journal at the first `run`: what the
/// operator reads here is what is sent, to the letter.
public struct Plan: Codable, Sendable, Equatable {
    public let name: String
    public let description: String?
    /// One entry an operation of the spec, in file order.
    public let operations: [OperationSummary]
    /// All steps in the order in which they run: by phase, then by operation; in Contract every
    /// operation's quarantine comes before the first purge.
    public let steps: [Step]
    public let hazards: [Hazard]
    /// The sessions' `search_path`, `TimeZone` and `DateStyle` while this runs.
    public let session: SessionFacts

    public init(
        name: String, description: String?, operations: [OperationSummary], steps: [Step],
        hazards: [Hazard], session: SessionFacts
    ) {
        self.name = name
        self.description = description
        self.operations = operations
        self.steps = steps
        self.hazards = hazards
        self.session = session
    }

    public func steps(in phase: Phase) -> [Step] { steps.filter { $0.phase == phase } }

    public func step(_ id: StepID) -> Step? { steps.first { $0.id == id } }

    /// The first step after which the old structure can't be had back.
    public var pointOfNoReturn: Step? { steps.first(where: \.isPointOfNoReturn) }

    /// The gates of the way forward, in order.
    public var gates: [Gate] {
        steps.compactMap { if case .gate(let gate) = $0.action { gate } else { nil } }
    }
}

public struct OperationSummary: Codable, Sendable, Equatable {
    /// From 1, as in gate ids.
    public let number: Int
    /// `replace_column`, …
    public let kind: String
    /// `replace public.orders.status with status_v2 varchar(50)`
    public let title: String
    public let tables: [QualifiedName]
    /// What a rollback before the purge keeps, a sentence each.
    public let keeps: [String]

    public init(
        number: Int, kind: String, title: String, tables: [QualifiedName], keeps: [String]
    ) {
        self.number = number
        self.kind = kind
        self.title = title
        self.tables = tables
        self.keeps = keeps
    }
}

/// What may go wrong or surprise, and the way around it.
public struct Hazard: Codable, Sendable, Hashable {
    public enum Severity: String, Codable, Sendable, Comparable {
        case note, warning, danger

        public static func < (left: Severity, right: Severity) -> Bool {
            left.rank < right.rank
        }

        private var rank: Int { self == .note ? 0 : self == .warning ? 1 : 2 }
    }

    public let rule: String
    public let severity: Severity
    public let message: String
    public let safeWay: String?

    public init(rule: String, severity: Severity, message: String, safeWay: String? = nil) {
        self.rule = rule
        self.severity = severity
        self.message = message
        self.safeWay = safeWay
    }

    enum CodingKeys: String, CodingKey {
        case rule, severity, message
        case safeWay = "safe_way"
    }
}
