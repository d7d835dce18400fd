import Foundation
import Migration
import Postgres

/// Evidence that is brought or made before Expand begins: a rehearsal, and a team that was told.
extension Engine {
    /// Asks for what can be asked for, and journals what was found for each item.
    func gatherEvidence() async throws {
        guard course.direction == .forward, course.furthest == nil else { return }
        if let source = request.evidence { try await count(rehearsalIn: source) }
        try await tellTeam()
        for item in checklist {
            guard let evidence = item.evidence else { continue }
            control.emit(
                .checklist, "\(item.id): \(evidence)",
                [
                    "item": .string(item.id), "state": .string(item.state.rawValue),
                    "evidence": .string(evidence),
                ])
        }
    }

    private func count(rehearsalIn source: String) async throws {
        guard let item = record.checklist.first(where: { $0.id == "rehearsed" }) else { return }
        let rehearsal = try await RehearsalReader(source: source).read(identity: record.identity)
        let connection = try journal().connection
        let judgement = RehearsalJudgement(
            rehearsal: rehearsal,
            specHash: try await RehearsalReader.hash(of: record.identity, on: connection),
            here: try await journal().facts(of: record.id).sizes(of: record.plan),
            leastPercent: item.leastRowsPercent ?? RehearsalJudgement.leastPercent,
            serverVersion: connection.serverVersion)
        try await journal().withdraw(.evidence, item.id, of: record.id)
        if judgement.isGood {
            troubles[item.id] = nil
            try await journal().approve(
                .evidence, item.id, of: record.id, by: person, reason: judgement.text)
        } else {
            troubles[item.id] = judgement.text
        }
        try await reloadApprovals()
    }

    /// Runs the spec's commands once, for at most `Notifier.patience` each. Where all of them end well
    /// the team counts as told.
    private func tellTeam() async throws {
        let item = "notified"
        guard record.checklist.contains(where: { $0.id == item }), !notifier.commands.isEmpty,
            !course.approvals.contains(where: {
                $0.subject == item && [.evidence, .check, .waive].contains($0.kind)
            })
        else { return }
        let window = control.settings.window
        var fields: [String: JSONValue] = [
            "operations": .array(course.plan.operations.map { .string($0.title) })
        ]
        if let opens = window?.opens { fields["opens"] = .string(opens.rfc3339) }
        if let closes = window?.closes { fields["closes"] = .string(closes.rfc3339) }
        let event = EngineEvent(
            time: Date(), migration: record.name, kind: .checklist,
            text: "\(record.name) is about to begin", fields: fields)
        let telling = Task { [notifier] in await notifier.tell(event) }
        self.telling = telling
        defer { self.telling = nil }
        let trouble = await telling.value
        if isStopping { return }
        troubles[item] = trouble
        if trouble == nil {
            let commands = notifier.commands.joined(separator: ", ")
            try await journal().approve(
                .evidence, item, of: record.id, by: person,
                reason: "told by \(commands) at \(Date().rfc3339)")
        }
        try await reloadApprovals()
    }

    var notifier: Notifier {
        Notifier(commands: notifyCommands, patience: request.notifyPatience) { [control] trouble in
            control.emit(.operatorAction, trouble)
        }
    }
}
