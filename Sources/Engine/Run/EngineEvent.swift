import Foundation
import Migration

/// A value of an event's field, in JSON's terms.
public enum JSONValue: Sendable, Equatable, Codable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .int(value)
        } else if let value = try? container.decode(Double.self) {
            self = .double(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .int(let value): try container.encode(value)
        case .double(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    public init(_ value: Double?) {
        self = value.map { .double(($0 * 1000).rounded() / 1000) } ?? .null
    }
    public init(_ value: Int?) { self = value.map { .int($0) } ?? .null }
    public init(_ value: String?) { self = value.map { .string($0) } ?? .null }
}

/// Something that happened in a run: a line of `run --headless`, a row of the journal.
public struct EngineEvent: Sendable, Equatable {
    /// As in the JSON (INTERFACE.md).
    public enum Kind: String, Sendable, Codable {
        case phaseStarted = "phase_started"
        case stepStarted = "step_started"
        case statement
        case lockWait = "lock_wait"
        case batch
        case throttled
        case gate
        case checklist
        case stepFinished = "step_finished"
        case stepFailed = "step_failed"
        case phaseFinished = "phase_finished"
        case paused
        case resumed
        /// It has stood still for long: the operator's pause, a throttle, a lock that is not to be had.
        case longPause = "long_pause"
        case rolledBack = "rolled_back"
        /// The work that is left no longer ends before the window does.
        case forecast
        case quarantined
        case finished
        /// An operator's word: an approval, a tick, a changed setting, a cancelled session.
        case operatorAction = "operator"
        case engineStarted = "engine_started"
        case connectionLost = "connection_lost"
    }

    public let time: Date
    public let migration: String
    public let kind: Kind
    public let phase: Phase?
    public let step: StepID?
    /// One line for a person.
    public let text: String
    public let fields: [String: JSONValue]
    /// It was journalled with what it tells of.
    var isWritten = false

    public init(
        time: Date, migration: String, kind: Kind, phase: Phase? = nil, step: StepID? = nil,
        text: String, fields: [String: JSONValue] = [:]
    ) {
        self.time = time
        self.migration = migration
        self.kind = kind
        self.phase = phase
        self.step = step
        self.text = text
        self.fields = fields
    }

    /// Batches are not journalled one by one: their cursor is.
    var isJournalled: Bool { kind != .batch && kind != .statement && !isWritten }

    /// One object on one line.
    public func json() throws -> String {
        var object = fields
        object["time"] = .string(time.rfc3339)
        object["migration"] = .string(migration)
        object["event"] = .string(kind.rawValue)
        object["phase"] = JSONValue(phase?.rawValue)
        object["step"] = JSONValue(step)
        object["text"] = .string(text)
        return try CompactJSON.encode(object)
    }
}

/// JSON on one line with sorted keys and plain slashes.
public enum CompactJSON {
    public static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(date.rfc3339)
        }
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

extension Date {
    /// RFC 3339 in UTC with milliseconds.
    public var rfc3339: String {
        formatted(
            .iso8601.year().month().day().timeZone(separator: .omitted)
                .time(includingFractionalSeconds: true))
    }
}
