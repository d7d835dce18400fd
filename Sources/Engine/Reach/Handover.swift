import Foundation
import Migration
import Postgres

/// Everything about one run that a colleague needs who takes it from here, read from the journal.
public struct Handover: Sendable {
    public struct PhaseTime: Sendable {
        public let phase: Phase
        /// Nil where it has not begun, or not ended.
        public let from: Date?
        public let to: Date?
        public let done: Int
        public let steps: Int
    }

    public struct StepTime: Sendable {
        public let id: StepID
        public let title: String
        public let state: StepState
        public let seconds: Double
        public let tries: Int
        public let error: String?
    }

    public struct GateStory: Sendable {
        public let id: String
        public let text: String
        public let wanted: Int
        /// Who said that it is so, with what made them another person, and when.
        public let approvals: [(by: String, at: Date)]
        /// As it was when the gate was last shown.
        public let evidence: [EvidenceView]
    }

    /// A time in which it stood still.
    public struct Standstill: Sendable {
        public let from: Date
        /// Nil while it lasts, or where its end is not journalled.
        public let to: Date?
        public let reason: String
    }

    public let status: MigrationStatus
    public let description: String?
    public let specFile: String
    public let server: String
    public let operations: [OperationSummary]
    /// Who has run an engine for it, in the order in which they first did.
    public let engines: [String]
    public let ended: Date?
    public let phases: [PhaseTime]
    /// Those that took longest, or did not end well.
    public let steps: [StepTime]
    public let gates: [GateStory]
    public let checklist: [ChecklistView]
    public let standstills: [Standstill]
    /// How often, by what the fill or a lock waited for.
    public let waits: [(reason: String, count: Int)]
    /// Decisions of people: overrides, settings, rollbacks, cancelled sessions.
    public let decisions: [HistoryEntry]
    public let errors: [HistoryEntry]
    public let stallBudgetMilliseconds: Int
    /// What is kept out of sight, and when it may be purged; nil while nothing is.
    public let quarantine: (what: [String], until: Date?)?
}

extension Office {
    /// The newest run of each name, or of one. Throws `ActionRefusal` where there is none.
    public func handovers(_ name: String?) async throws -> [Handover] {
        guard try await journal.isInstalled() else { return [] }
        var newest: [String: MigrationRecord] = [:]
        for record in try await journal.all() where name == nil || record.name == name {
            newest[record.name] = record
        }
        if let name, newest.isEmpty {
            throw ActionRefusal("There is no migration \(name) in this database.")
        }
        var all: [Handover] = []
        for record in newest.values.sorted(by: { $0.id < $1.id }) {
            all.append(try await handover(record))
        }
        return all
    }

    private func handover(_ record: MigrationRecord) async throws -> Handover {
        let standing = try await read(record)
        let events = try await history(ofRun: record.id)
        let place = try await connection.query(
            """
            SELECT pg_catalog.current_database() AS database,
                   split_part(current_setting('server_version'), ' ', 1) AS version
            """
        ).onlyRow()
        return Handover(
            status: standing.status, description: record.plan.description,
            specFile: record.specFile,
            server:
                "\(try place.string("database")) on \(connection.address), PostgreSQL \(try place.string("version"))",
            operations: record.plan.operations, engines: Self.engines(events),
            ended: record.state == "active" ? nil : record.updatedAt,
            phases: Self.phases(standing.course), steps: Self.steps(standing.course),
            gates: try await gates(standing, of: record),
            checklist: Self.checklist(standing.course.checklist, events),
            standstills: Self.standstills(events),
            waits: Self.waits(events), decisions: Self.decisions(events),
            errors: events.filter { $0.event == EngineEvent.Kind.stepFailed.rawValue },
            stallBudgetMilliseconds: record.settings.stallBudgetMilliseconds,
            quarantine: Self.quarantine(standing))
    }

    /// With what the last engine had found when it began: what it saw of the server is not to be seen from
    /// here.
    private static func checklist(_ items: [ChecklistView], _ events: [HistoryEntry])
        -> [ChecklistView]
    {
        items.map { item in
            guard item.state == .open,
                let found = events.last(where: {
                    $0.event == EngineEvent.Kind.checklist.rawValue
                        && $0.fields["item"] == .string(item.id)
                }), case .string(let evidence)? = found.fields["evidence"]
            else { return item }
            var item = item
            item.evidence = evidence
            if found.fields["state"] == .string(ChecklistView.State.evident.rawValue) {
                item.state = .evident
            }
            return item
        }
    }

    private static func engines(_ events: [HistoryEntry]) -> [String] {
        events.filter { $0.event == EngineEvent.Kind.engineStarted.rawValue }.map(\.by)
            .reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    private static func phases(_ course: Course) -> [Handover.PhaseTime] {
        Phase.allCases.compactMap { phase in
            let steps = course.plan.steps(in: phase)
            guard !steps.isEmpty else { return nil }
            let records = steps.compactMap { course.steps[$0.id] }
            let isDone = steps.allSatisfy { course.state(of: $0.id) == .done }
            return Handover.PhaseTime(
                phase: phase, from: records.compactMap(\.startedAt).min(),
                to: isDone ? records.compactMap(\.finishedAt).max() : nil,
                done: steps.count { course.state(of: $0.id) == .done }, steps: steps.count)
        }
    }

    /// Steps that took a second or more, the longest first, and those that did not end well.
    private static func steps(_ course: Course) -> [Handover.StepTime] {
        let all = course.plan.steps.compactMap { step -> Handover.StepTime? in
            guard !step.action.isLookOrWait, let record = course.steps[step.id],
                let from = record.startedAt
            else { return nil }
            let seconds = record.finishedAt.map { $0.timeIntervalSince(from) }
            guard record.state == .failed || record.state == .running || (seconds ?? 0) >= 1
            else { return nil }
            return Handover.StepTime(
                id: step.id, title: step.title, state: record.state,
                seconds: seconds ?? Date().timeIntervalSince(from), tries: record.tries,
                error: record.error)
        }
        return Array(all.sorted { $0.seconds > $1.seconds }.prefix(12))
    }

    private func gates(_ standing: Standing, of record: MigrationRecord) async throws
        -> [Handover.GateStory]
    {
        var stories: [Handover.GateStory] = []
        let undo = standing.course.plan.steps.flatMap(\.undo).compactMap { step in
            if case .gate(let gate) = step.action { gate } else { nil }
        }
        for gate in standing.course.plan.gates + undo
        where !stories.contains(where: { $0.id == gate.id }) {
            let approvals = standing.course.approvals(of: gate)
            let evidence = try await journal.look(at: gate.id, of: record.id)?.views ?? []
            let isAsked = standing.course.plan.gates.contains { $0.id == gate.id }
            guard isAsked || !approvals.isEmpty || !evidence.isEmpty else { continue }
            stories.append(
                Handover.GateStory(
                    id: gate.id, text: gate.text, wanted: gate.approvals,
                    approvals: approvals.map { (by: $0.byWithReason, at: $0.at) },
                    evidence: evidence))
        }
        return stories
    }

    /// Pauses with who made them, and long waits with what for.
    private static func standstills(_ events: [HistoryEntry]) -> [Handover.Standstill] {
        var found: [Handover.Standstill] = []
        var open: HistoryEntry?
        for event in events {
            switch EngineEvent.Kind(rawValue: event.event) {
            case .paused: open = event
            case .resumed:
                guard let begun = open else { continue }
                found.append(.init(from: begun.at, to: event.at, reason: begun.text))
                open = nil
            case .longPause where open == nil, .connectionLost:
                found.append(.init(from: event.at, to: nil, reason: event.text))
            default: break
            }
        }
        if let open { found.append(.init(from: open.at, to: nil, reason: open.text)) }
        return found
    }

    /// By what was waited for: a signal of the throttle, a lock of a table.
    private static func waits(_ events: [HistoryEntry]) -> [(reason: String, count: Int)] {
        var counts: [String: Int] = [:]
        for event in events {
            switch EngineEvent.Kind(rawValue: event.event) {
            case .throttled:
                if case .string(let signal)? = event.fields["signal"], signal != "operator" {
                    counts["the fill rested for \(signal)", default: 0] += 1
                }
            case .lockWait:
                if case .string(let lock)? = event.fields["lock"],
                    case .string(let table)? = event.fields["table"]
                {
                    counts["\(lock) on \(table) was not to be had at once", default: 0] += 1
                }
            default: break
            }
        }
        return counts.map { (reason: $0.key, count: $0.value) }
            .sorted { ($1.count, $0.reason) < ($0.count, $1.reason) }
    }

    /// What people did beside gates, ticks and phases, which have their own places.
    private static func decisions(_ events: [HistoryEntry]) -> [HistoryEntry] {
        events.filter { event in
            event.event == EngineEvent.Kind.operatorAction.rawValue
                && event.fields["subject"] == nil
                || event.event == EngineEvent.Kind.rolledBack.rawValue
        }
    }

    private static func quarantine(_ standing: Standing) -> (what: [String], until: Date?)? {
        let course = standing.course
        let kept = course.plan.steps.filter { $0.action == .quarantine }
            .filter { course.state(of: $0.id) != .pending && course.state(of: $0.id) != .undone }
        guard !kept.isEmpty, !course.isPastPointOfNoReturn, standing.record.state == "active"
        else { return nil }
        var until: Date?
        if case .wait(.quarantine(let end)) = standing.decision { until = end }
        return (kept.map(\.title), until)
    }
}
