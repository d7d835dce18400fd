import Engine
import Foundation

/// What was confirmed by its typed name and has not been sent to the engine yet: a moment in which it
/// can be withdrawn.
struct HeldAction: Sendable, Equatable {
    /// Seconds from the confirmation to the start.
    static let patience: TimeInterval = 3

    var action: OperatorAction
    var kind: Dialog.Kind
    /// What was read; when it changes before the start, nothing starts.
    var subject: Subject?
    var startsAt: Date

    var words: String {
        switch action {
        case .purge: "The purge"
        default: "The rollback"
        }
    }
}

extension Model {
    mutating func hold(_ action: OperatorAction, _ open: Dialog) {
        dialog = nil
        held = HeldAction(
            action: action, kind: open.kind, subject: open.subject,
            startsAt: now.addingTimeInterval(HeldAction.patience))
    }

    /// Sends what was held once its moment is over.
    mutating func startHeld() -> [Effect] {
        guard let held, held.startsAt <= now else { return [] }
        self.held = nil
        return [.perform(held.action)]
    }

    mutating func withdrawHeld() {
        guard let held else { return }
        self.held = nil
        tell("\(held.words.lowercased()) is withdrawn: nothing was changed")
    }

    /// Nobody starts what they did not read.
    mutating func dropOutdatedHeld() {
        guard let held, Subject(of: held.kind, in: self) != held.subject else { return }
        self.held = nil
        tell(
            "\(held.words.lowercased()) has not started: what it would do changed meanwhile; look again",
            .warning)
    }
}
