import Foundation
import Migration
import Monitor

/// The checklist with what was said of each item and what the program can find out itself.
struct Checklist {
    let items: [ChecklistItem]
    let plan: Plan
    let approvals: [Approval]
    let picture: ServerPicture?
    /// What was found that is not good enough, by item.
    var troubles: [String: String] = [:]

    var views: [ChecklistView] {
        items.map { item in
            let evidence = evidence(for: item.id)
            var view = ChecklistView(
                id: item.id, text: item.text, state: evidence?.isGood == true ? .evident : .open,
                evidence: evidence?.text)
            if let said = approvals.last(where: {
                $0.subject == item.id && ($0.kind == .check || $0.kind == .waive)
            }) {
                view.state = said.kind == .check ? .checked : .waived
                view.by = said.by.description
                view.at = said.at
                view.reason = said.reason
            }
            return view
        }
    }

    /// `2 checklist items are open: rehearsed, notified.`
    static func sentence(open items: [String]) -> String {
        let count = items.count == 1 ? "1 checklist item is" : "\(items.count) checklist items are"
        return "\(count) open: \(items.joined(separator: ", "))."
    }

    private struct Finding {
        let isGood: Bool
        let text: String
    }

    private func evidence(for id: String) -> Finding? {
        if let found = approvals.last(where: { $0.subject == id && $0.kind == .evidence }) {
            return Finding(isGood: true, text: found.reason ?? "found")
        }
        if let trouble = troubles[id] { return Finding(isGood: false, text: trouble) }
        return switch id {
        case "rehearsed":
            Finding(
                isGood: false,
                text:
                    "no rehearsal is named: `run --evidence DSN` reads one from another database's journal"
            )
        case "compatible": compatible
        case "rollback": rollback
        case "monitored": monitored
        default: nil
        }
    }

    private var compatible: Finding {
        let dangers = (plan.hazards + plan.steps.flatMap(\.hazards)).filter {
            $0.severity == .danger
        }
        return dangers.isEmpty
            ? Finding(isGood: true, text: "no step breaks a running client (0 dangers in the plan)")
            : Finding(
                isGood: false, text: "\(dangers.count) dangers in the plan: \(dangers[0].message)")
    }

    private var rollback: Finding {
        let before = plan.steps.prefix { !$0.isPointOfNoReturn }
        // What takes no lock that stalls (VALIDATE, ANALYZE, a comment on the new column) goes with
        // what it was done to.
        let bare = before.filter { step in
            if case .transaction(let action) = step.action {
                step.undo.isEmpty && action.stallsApplication
            } else {
                false
            }
        }
        guard let first = bare.first else {
            return Finding(
                isGood: true, text: "every step before the purge has its undo in the plan")
        }
        return Finding(isGood: false, text: "\(first.id) has no undo: \(first.title)")
    }

    private var monitored: Finding? {
        guard let picture else { return nil }
        // To end a session is a right of its own, and not needed to see it.
        if let missing = picture.missingRights.first(where: { !$0.contains("pg_signal_backend") }) {
            return Finding(isGood: false, text: missing)
        }
        guard picture.server.tracksActivities else {
            return Finding(
                isGood: false,
                text:
                    "track_activities is off, so nobody's statements are to be seen: ALTER SYSTEM SET track_activities = on; SELECT pg_reload_conf();"
            )
        }
        let seen = "sessions, locks and replication are visible to us"
        // The live picture does not need it; gates have less to show without it.
        return Finding(
            isGood: true,
            text: picture.server.countsStatements
                ? "\(seen), and so is pg_stat_statements"
                : "\(seen); pg_stat_statements is not installed, so gates can't show who names what"
        )
    }
}
