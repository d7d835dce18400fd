import Engine
import Foundation
import Migration

/// Each state's sign and role: the sign says it where there is no colour.
extension StepState {
    func sign(_ glyphs: Glyphs) -> (String, Role) {
        switch self {
        case .pending: (glyphs.pending, .muted)
        case .running: (glyphs.running, .active)
        case .done: (glyphs.done, .ok)
        case .failed: (glyphs.failed, .danger)
        case .undone: (glyphs.undone, .warning)
        }
    }
}

extension Model {
    /// The gate, or the quarantine, that it stands at: such a step runs nothing itself.
    var standingStep: StepID? {
        let kind: String
        switch snapshot?.waiting {
        case .gate: kind = "gate"
        case .quarantine, .purge: kind = "quarantine"
        default: return nil
        }
        let step = listedSteps.first { (step: StepView) -> Bool in
            step.kind == kind && (step.state == .pending || step.state == .running)
        }
        return step?.id
    }

    /// Whether it goes on only when somebody does something.
    var wantsPerson: Bool { snapshot?.waiting?.wantsPerson == true }

    func sign(_ step: StepView) -> (String, Role) {
        guard step.id == standingStep else { return step.state.sign(glyphs) }
        return wantsPerson ? (glyphs.wanted, .wanted) : (glyphs.waiting, .active)
    }

    /// Its state in a word or three.
    func words(_ step: StepView) -> String {
        guard step.id == standingStep else { return step.state.rawValue }
        return wantsPerson ? "waits for you" : "waits"
    }
}

extension PhaseView.State {
    func sign(_ glyphs: Glyphs, wantsPerson: Bool) -> (String, Role) {
        switch self {
        case .pending: (glyphs.pending, .muted)
        case .running: (glyphs.running, .active)
        case .waiting: wantsPerson ? (glyphs.wanted, .wanted) : (glyphs.waiting, .warning)
        case .done: (glyphs.done, .ok)
        case .failed: (glyphs.failed, .danger)
        case .undone: (glyphs.undone, .warning)
        case .empty: (glyphs.empty, .muted)
        }
    }
}

extension PhaseView {
    /// From the start of its first step to the end of its last; nil where it has not begun. While
    /// steps are left and `now` is given, up to now.
    func seconds(until now: Date?) -> Double? {
        guard let start = steps.compactMap(\.startedAt).min(), state != .pending else { return nil }
        let isOver = state == .done || state == .undone || state == .waiting
        let end = isOver ? steps.compactMap(\.finishedAt).max() : now
        return end.map { max(0, $0.timeIntervalSince(start)) }
    }
}

extension ChecklistView.State {
    func sign(_ glyphs: Glyphs) -> (String, Role) {
        switch self {
        case .open: (glyphs.open, .warning)
        case .checked: (glyphs.checked, .ok)
        case .evident: (glyphs.evident, .ok)
        case .waived: (glyphs.waived, .muted)
        }
    }

    var word: String {
        switch self {
        case .open: "open"
        case .checked: "ticked"
        case .evident: "found by the program"
        case .waived: "waived"
        }
    }
}

extension MigrationState {
    func sign(_ glyphs: Glyphs, wantsPerson: Bool) -> (String, Role) {
        switch self {
        case .waiting where wantsPerson: (glyphs.wanted, .wanted)
        case .quarantined where wantsPerson: (glyphs.wanted, .wanted)
        case .running: (glyphs.running, .active)
        case .interrupted: (glyphs.failed, .warning)
        case .waiting: (glyphs.waiting, .warning)
        case .paused: (glyphs.waiting, .warning)
        case .failed: (glyphs.failed, .danger)
        case .quarantined: (glyphs.waiting, .active)
        case .finished: (glyphs.done, .ok)
        case .rollingBack: (glyphs.undone, .warning)
        case .rolledBack: (glyphs.undone, .ok)
        }
    }

    var word: String { rawValue.replacing("_", with: " ") }
}
