import Engine
import Foundation
import Migration
import Monitor

/// Changes the model by one event and says what the program is to do. The only place where the model
/// changes; it asks no clock and does no I/O.
public func update(_ model: inout Model, _ event: Event) -> [Effect] {
    let before = model.inspected
    let effects = model.take(event)
    return model.inspected == before ? effects : effects + [.inspect(pid: model.inspected)]
}

extension Model {
    /// The session whose details are open.
    fileprivate var inspected: Int? {
        guard case .session(let row)? = dialog?.kind else { return nil }
        return Int(row)
    }

    fileprivate mutating func take(_ event: Event) -> [Effect] {
        switch event {
        case .tick(let now):
            self.now = now
            if let notice, notice.until <= now { self.notice = nil }
            return startHeld()
        case .resized(let rows, let columns):
            self.rows = rows
            self.columns = columns
            return []
        case .snapshot(let snapshot): return receive(snapshot)
        case .key(let key): return press(key)
        case .told(let text, let isTrouble):
            tell(text, isTrouble ? .warning : .notice)
            return isTrouble ? [.bell] : []
        case .sent(let id, let words):
            sent[id] = .init(words: words, at: now)
            return []
        case .answered(let id):
            sent[id] = nil
            return []
        case .signal(let number): return end(.signal(number))
        case .ended:
            hasEnded = true
            dialog = nil
            switch ending {
            case .quit: return [.leave(.quit)]
            case .signal(let number): return [.leave(.signal(number))]
            case nil: return [.leave(.ended)]
            }
        }
    }
}

extension Model {
    mutating func tell(_ text: String, _ role: Role = .notice) {
        // Long enough to be read: two seconds and a fifteenth for every letter.
        let seconds = 2 + Double(text.count) / 15
        notice = Notice(text: text, role: role, until: now.addingTimeInterval(seconds))
    }

    /// Asks the engine to stop where it is ours, and leaves when it has; at once otherwise, and at
    /// once when asked a second time.
    mutating func end(_ reason: Ending) -> [Effect] {
        let exit: ExitReason
        switch reason {
        case .quit: exit = .quit
        case .signal(let number): exit = .signal(number)
        }
        if ending != nil || !quittingStopsEngine { return [.leave(exit)] }
        ending = reason
        dialog = nil
        held = nil
        isTypingFilter = false
        return [.perform(.stop)]
    }

    mutating func receive(_ next: Snapshot) -> [Effect] {
        let before = snapshot
        snapshot = next
        if let picture = next.server, picture.takenAt != before?.server?.takenAt {
            pictureArrived = now
            clockOffset = picture.takenAt.timeIntervalSince(now)
        }
        for row in next.progress where row.state == .running {
            rates[row.id, default: RateHistory()].note(rows: row.rows, at: now)
        }
        if before == nil && !openItems.isEmpty { focus = .checklist }
        closeOutdatedDialog()
        dropOutdatedHeld()
        return needsAttention(before, next) ? [.bell] : []
    }

    private mutating func closeOutdatedDialog() {
        guard let open = dialog, let subject = open.subject else { return }
        let now = Subject(of: open.kind, in: self)
        guard now != subject else { return }
        dialog = nil
        tell("closed: \(whatChanged(open.kind)) while you were reading; look again", .warning)
    }

    private func whatChanged(_ kind: Dialog.Kind) -> String {
        switch kind {
        case .advance: "what waits for you changed"
        case .gate: "the gate or its evidence changed"
        case .rollBack, .chooseRollback: "what a rollback would do changed"
        case .purge: "what the purge would do changed"
        case .cancelQuery(let pid), .terminateSession(let pid): "session \(pid) went on"
        case .takeOver: "the engine changed"
        case .waive: "the item changed"
        default: "it changed"
        }
    }

    /// A person is wanted now and was not before.
    private func needsAttention(_ before: Snapshot?, _ next: Snapshot) -> Bool {
        guard let before else { return false }
        if next.alert != nil && before.alert == nil { return true }
        if next.state == .failed && before.state != .failed { return true }
        return next.waiting?.wantsPerson == true && before.waiting?.wantsPerson != true
    }
}

extension Waiting {
    /// Whether it goes on only when somebody does something.
    var wantsPerson: Bool {
        switch self {
        case .phaseStart, .gate, .purge, .checklist: true
        case .quarantine, .paused: false
        }
    }
}
