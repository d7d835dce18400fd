import Engine
import Foundation
import Migration

/// `history --format markdown`: what one would send to the colleague who takes it from here.
struct HandoverPage {
    let handover: Handover

    var text: String {
        [
            heading, now, operations, phases, gates, checklist, slowSteps, standstills, decisions,
            errors,
        ].filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    private var status: MigrationStatus { handover.status }

    private var heading: [String] {
        ["# \(Markdown.text(status.name)): \(status.state.rawValue.replacing("_", with: " "))"]
            + (handover.description.map { ["", Markdown.text($0)] } ?? [])
    }

    // MARK: what the reader wants first

    private var now: [String] {
        var lines = ["**Now:** \(Markdown.text(status.sentence))"]
        if status.next.isEmpty {
            lines.append("**Next:** nothing is left to do.")
        } else {
            lines.append("**Type next:** \(Markdown.code(status.next))")
        }
        if let quarantine = handover.quarantine {
            let when =
                quarantine.until.map { "may be purged from \(Self.moment($0)) on" }
                ?? "may be purged now"
            let what = quarantine.what.map(Markdown.text).joined(separator: "; ")
            lines.append(
                "**In quarantine:** \(what); \(when) (`lockkeeper purge \(status.name)`). Until then "
                    + "`lockkeeper rollback \(status.name)` still goes back.")
        }
        var facts = [
            "database \(Markdown.text(handover.server))",
            "begun \(Self.moment(status.started))",
        ]
        if let ended = handover.ended {
            facts.append("ended \(Self.moment(ended))")
        }
        if !handover.specFile.isEmpty {
            facts.append("spec \(Markdown.code(handover.specFile))")
        }
        lines.append("**Where:** " + facts.joined(separator: ", "))
        if !handover.engines.isEmpty {
            lines.append(
                "**Run by:** " + handover.engines.map(Markdown.text).joined(separator: ", "))
        }
        lines.append("**Worst wait that we caused:** \(worstWait)")
        for command in status.commands {
            lines.append(
                "**Asked and not answered:** \(Markdown.text(command.words)), by \(Markdown.text(command.by))"
            )
        }
        // Two spaces would break the lines too, and an editor takes them away.
        return lines.map { "- " + $0 }
    }

    private var worstWait: String {
        guard let worst = status.worstWaitMilliseconds else { return "none was seen yet" }
        let budget = handover.stallBudgetMilliseconds
        let figure = "\(Int(worst.rounded())) ms, of a budget of \(budget) ms"
        return worst > Double(budget) ? "**\(figure)**" : figure
    }

    private var operations: [String] {
        ["## What is migrated", ""]
            + handover.operations.map { operation in
                ([Markdown.text(operation.title)]
                    + (status.state == .finished ? [] : operation.keeps.map(Markdown.text)))
                    .joined(separator: ". A rollback keeps: ")
            }.enumerated().map { "\($0.offset + 1). \($0.element)" }
    }

    private var phases: [String] {
        ["## Phases", "", "| phase | from (UTC) | to | took | steps |", "|---|---|---|---|---|"]
            + handover.phases.map { phase in
                let took = zip(phase.from, phase.to).map { Self.duration($1.timeIntervalSince($0)) }
                return Markdown.row(
                    phase.phase.title, phase.from.map(Self.moment) ?? "not begun",
                    phase.to.map(Self.moment) ?? "–", took ?? "–",
                    "\(phase.done) of \(phase.steps)")
            }
    }

    private func zip<A, B>(_ a: A?, _ b: B?) -> (A, B)? {
        guard let a, let b else { return nil }
        return (a, b)
    }

    // MARK: who said what

    private var gates: [String] {
        guard !handover.gates.isEmpty else { return [] }
        return ["## Gates"]
            + handover.gates.flatMap { gate -> [String] in
                var lines = ["", "**\(gate.id)** \(Markdown.text(gate.text))", ""]
                for approval in gate.approvals {
                    lines.append(
                        "- passed by \(Markdown.text(approval.by)), \(Self.moment(approval.at))")
                }
                if gate.approvals.count < gate.wanted {
                    let left = gate.wanted - gate.approvals.count
                    lines.append(
                        gate.wanted == 1
                            ? "- not passed yet"
                            : "- \(left) of \(gate.wanted) people still missing")
                }
                for evidence in gate.evidence { lines.append("- \(words(evidence))") }
                return lines
            }
    }

    private func words(_ evidence: EvidenceView) -> String {
        let title = Markdown.text(evidence.title)
        if let reason = evidence.unavailable {
            return "\(title): could not be asked (\(Markdown.text(reason)))"
        }
        guard !evidence.findings.isEmpty else { return "\(title): none" }
        return "\(title): " + evidence.findings.map { Markdown.code($0) }.joined(separator: ", ")
    }

    private var checklist: [String] {
        guard !handover.checklist.isEmpty else { return [] }
        return [
            "## Checklist", "", "| item | state | by | evidence or reason |", "|---|---|---|---|",
        ]
            + handover.checklist.map { item in
                let reasons = [item.reason.map { "reason: \($0)" }, item.evidence]
                    .compactMap { $0 }.map(Markdown.text).joined(separator: "; ")
                let by = [item.by.map(Markdown.text), item.at.map(Self.moment)].compactMap { $0 }
                return Markdown.row(
                    "\(Markdown.text(item.id)): \(Markdown.text(item.text))", state(item),
                    by.joined(separator: ", "), reasons)
            }
    }

    private func state(_ item: ChecklistView) -> String {
        switch item.state {
        case .open: "**open**"
        case .checked: "ticked"
        case .evident: "found by the program"
        case .waived: "**waived**"
        }
    }

    // MARK: how it went

    private var slowSteps: [String] {
        guard !handover.steps.isEmpty else { return [] }
        return [
            "## Steps that took longest", "", "| step | what | state | took | tries |",
            "|---|---|---|---|---|",
        ]
            + handover.steps.map { step in
                Markdown.row(
                    Markdown.code(step.id, inTable: true), Markdown.text(step.title),
                    step.state.rawValue, Self.duration(step.seconds), "\(step.tries)")
            }
    }

    private var standstills: [String] {
        guard !handover.standstills.isEmpty || !handover.waits.isEmpty else { return [] }
        return ["## Pauses and waits", ""]
            + handover.standstills.map { pause in
                let length = pause.to.map {
                    ", until \(Self.moment($0)) (\(Self.duration($0.timeIntervalSince(pause.from))))"
                }
                return "- \(Self.moment(pause.from))\(length ?? ""): \(Markdown.text(pause.reason))"
            }
            + handover.waits.map {
                "- \(Markdown.text($0.reason)): \($0.count == 1 ? "once" : "\($0.count) times")"
            }
    }

    private var decisions: [String] { listed("What people decided", handover.decisions) }

    private var errors: [String] { listed("Errors", handover.errors) }

    private func listed(_ title: String, _ entries: [HistoryEntry]) -> [String] {
        guard !entries.isEmpty else { return [] }
        return ["## \(title)", ""]
            + entries.map { entry in
                "- \(Self.moment(entry.at)): \(Markdown.text(entry.text))"
            }
    }

    // MARK: figures

    /// `2026-11-23 22:14:07`, in UTC.
    private static func moment(_ date: Date) -> String {
        date.formatted(
            .iso8601.year().month().day().dateTimeSeparator(.space).time(
                includingFractionalSeconds: false))
    }

    private static func duration(_ seconds: Double) -> String {
        seconds < 1 ? "under a second" : Numerals.duration(seconds)
    }
}
