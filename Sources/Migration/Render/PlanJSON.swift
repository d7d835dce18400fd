import Foundation
import SQLText

/// A plan as `lockkeeper plan --format json` prints it (INTERFACE.md, "JSON").
public enum PlanJSON {
    /// One document, keys in alphabetical order. `facts`: rows and bytes of what is scanned; without
    /// them those are null. An estimate is null where nothing was measured.
    public static func render(_ plan: Plan, facts: Facts? = nil) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let data = try encoder.encode(PlanDocument(plan, facts))
        return String(decoding: data, as: UTF8.self)
    }
}

private struct PlanDocument: Encodable {
    let name: String
    let phases: [PhaseDocument]
    let hazards: [Hazard]
    @ExplicitNull var pointOfNoReturn: String?

    init(_ plan: Plan, _ facts: Facts?) {
        name = plan.name
        let tables = Dictionary(
            (facts?.tables.values).map(Array.init).map { $0.map { ($0.name, $0) } } ?? [],
            uniquingKeysWith: { first, _ in first })
        phases = Phase.allCases.map { phase in
            PhaseDocument(
                phase: phase, steps: plan.steps(in: phase).map { StepDocument($0, tables) })
        }
        hazards = plan.hazards
        pointOfNoReturn = plan.pointOfNoReturn?.id
    }

    enum CodingKeys: String, CodingKey {
        case name, phases, hazards
        case pointOfNoReturn = "point_of_no_return"
    }
}

private struct PhaseDocument: Encodable {
    let phase: Phase
    let steps: [StepDocument]
}

private struct StepDocument: Encodable {
    let id: String
    let kind: String
    let title: String
    let sql: [SQL]
    let undo: [SQL]
    let locks: [LockDocument]
    let undoLocks: [LockDocument]
    let rewrites: Bool
    let scans: Bool
    @ExplicitNull var gate: GateDocument?
    @ExplicitNull var rows: Int?
    @ExplicitNull var bytes: Int?
    @ExplicitNull var estimateSeconds: Double?
    @ExplicitNull var estimateBasis: String?
    let hazards: [Hazard]

    init(_ step: Step, _ tables: [QualifiedName: TableFacts]) {
        id = step.id
        kind = step.action.kindName
        title = step.title
        sql = step.action.statements
        undo = step.undo.flatMap(\.action.statements)
        locks = step.action.locks.map(LockDocument.init)
        undoLocks = Set(step.undo.flatMap(\.action.locks)).sorted().map(LockDocument.init)
        rewrites = step.action.rewrites
        let table = step.action.scans.flatMap { tables[$0] }
        scans = step.action.scans != nil
        rows = table?.knownRows
        bytes = table?.heapBytes
        if case .gate(let gate) = step.action {
            self.gate = GateDocument(id: gate.id, text: gate.text, approvals: gate.approvals)
        }
        estimateSeconds = step.estimate?.seconds.map { ($0 * 1000).rounded() / 1000 }
        estimateBasis = step.estimate?.basis
        hazards = step.hazards
    }

    enum CodingKeys: String, CodingKey {
        case id, kind, title, sql, undo, locks, rewrites, scans, gate, rows, bytes, hazards
        case undoLocks = "undo_locks"
        case estimateSeconds = "estimate_seconds"
        case estimateBasis = "estimate_basis"
    }
}

private struct LockDocument: Encodable {
    /// `public.orders`, quoted as in a statement.
    let table: String
    let mode: String

    init(_ lock: TableLock) {
        table = lock.table.quoted
        mode = lock.mode.rawValue
    }
}

private struct GateDocument: Encodable {
    let id: String
    let text: String
    let approvals: Int
}

/// Writes `null` where a synthesized encoding leaves the key out: a reader of the JSON can rely on it.
@propertyWrapper
private struct ExplicitNull<Wrapped: Encodable>: Encodable {
    var wrappedValue: Wrapped?

    init(wrappedValue: Wrapped? = nil) { self.wrappedValue = wrappedValue }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let wrappedValue {
            try container.encode(wrappedValue)
        } else {
            try container.encodeNil()
        }
    }
}
