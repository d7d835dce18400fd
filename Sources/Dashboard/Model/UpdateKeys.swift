import Engine
import Foundation
import Migration
import Monitor

extension Model {
    mutating func press(_ key: Key) -> [Effect] {
        switch key {
        case .control("c"): return end(.signal(2))
        case .control("z"): return [.suspend]
        case .control("l"): return [.redraw]
        default: break
        }
        notice = nil
        switch key {
        case .click(let row, let column): return click(row: row, column: column)
        case .wheel(let notches, let row, let column):
            return turn(notches, row: row, column: column)
        default: break
        }
        if dialog != nil { return pressInDialog(key) }
        if isTypingFilter { return pressInFilter(key) }
        let meant = keys.meaning(of: key)
        if held != nil, key == .escape || meant == .character("w") {
            withdrawHeld()
            return []
        }
        guard let binding = KeyTable.binding(for: meant) else {
            if key != .other {
                tell("this key does nothing; \(keys.name("?")) shows those that do", .muted)
            }
            return []
        }
        if let obstacle = obstacle(to: binding.command) {
            tell("\(keys.name(binding.name)): \(obstacle)", .warning)
            return []
        }
        return obey(binding.command)
    }

    private mutating func pressInFilter(_ key: Key) -> [Effect] {
        switch key {
        case .escape:
            filter = ""
            isTypingFilter = false
        case .enter: isTypingFilter = false
        case .backspace: if !filter.isEmpty { filter.removeLast() }
        case .space: filter.append(" ")
        case .character(let letter): filter.append(letter)
        case .control("u"): filter = ""
        case .up: select(by: -1)
        case .down: select(by: 1)
        default: break
        }
        return []
    }

    mutating func obey(_ command: Command) -> [Effect] {
        switch command {
        case .advance: return advance()
        case .pause:
            return [.perform(snapshot?.state == .paused ? .resume : .pause)]
        case .tick: return tick()
        case .waive: return waive()
        case .rollBack, .purge, .cancelQuery, .terminateSession, .takeOver, .settings, .help,
            .theme:
            open(command)
        case .details: openDetails()
        case .back:
            if !filter.isEmpty {
                filter = ""
                tell("the filter is cleared")
            }
        case .filter:
            focus = .locks
            isTypingFilter = true
        case .panel(let panel): focus = panel
        case .nextPanel: moveFocus(by: 1)
        case .previousPanel: moveFocus(by: -1)
        case .up: select(by: -1)
        case .down: select(by: 1)
        case .pageUp: select(by: -10)
        case .pageDown: select(by: 10)
        case .first: select(by: -100_000)
        case .last: select(by: 100_000)
        case .sortForward, .sortBack:
            focus = .locks
            lockOrder = lockOrder.next(by: command == .sortForward ? 1 : -1)
            tell("locks: \(lockOrder.words)")
        case .faster, .slower: return changeRefresh(faster: command == .faster)
        case .save: return [.save]
        case .quit:
            guard quittingStopsEngine, ending == nil else { return end(.quit) }
            dialog = Dialog(.quit, in: self)
        }
        return []
    }

    private mutating func advance() -> [Effect] {
        switch snapshot?.waiting {
        case .phaseStart(let phase): dialog = Dialog(.advance(phase), in: self)
        case .gate(let gate): dialog = Dialog(.gate(gate.id), in: self)
        default: break
        }
        return []
    }

    private mutating func open(_ command: Command) {
        let pid = lockRows.first { $0.id == selected(in: .locks) }?.pid
        let kind: Dialog.Kind? =
            switch command {
            case .rollBack:
                snapshot?.rollbacks.count == 1
                    ? .rollBack(to: snapshot?.rollbacks.first?.to) : .chooseRollback
            case .purge: .purge
            case .cancelQuery: pid.map { .cancelQuery(pid: $0) }
            case .terminateSession: pid.map { .terminateSession(pid: $0) }
            case .takeOver: .takeOver
            case .settings: .settings
            case .theme: .theme(before: theme)
            default: .help
            }
        dialog = kind.map { Dialog($0, in: self) }
    }

    private mutating func openDetails() {
        guard let row = selected(in: focus) else {
            tell("nothing is selected in \(focus.title)", .muted)
            return
        }
        let kind: Dialog.Kind =
            switch focus {
            case .steps: .step(row)
            case .progress: .progress(row)
            case .locks: .session(row: row)
            case .checklist: .item(row)
            case .events: .event(row)
            case .server: .server(row)
            }
        dialog = Dialog(kind, in: self)
    }

    /// The first press goes to the checklist, so that nothing is ticked unseen; each one that ticks
    /// goes on to the next open item.
    private mutating func tick() -> [Effect] {
        guard focus == .checklist else {
            focus = .checklist
            tell("\(keys.name("Space")) ticks the selected item")
            return []
        }
        guard let item = snapshot?.checklist.first(where: { $0.id == selected(in: .checklist) })
        else { return [] }
        selection[.checklist] = item.id
        guard item.isOpen else { return [.perform(.uncheck(item: item.id))] }
        let others = openItems.map(\.id)
        if let place = others.firstIndex(of: item.id), others.count > 1 {
            selection[.checklist] = others[(place + 1) % others.count]
        }
        return [.perform(.check(item: item.id))]
    }

    private mutating func waive() -> [Effect] {
        if let command = withdrawable {
            tell("withdraws: \(command.words), by \(command.by)")
            return [.perform(.withdraw(command: command.id))]
        }
        guard focus == .checklist else {
            if snapshot?.lockRequest != nil {
                tell("the lock request is withdrawn: paused; \(keys.name("p")) asks again")
                return [.perform(.pause)]
            }
            focus = .checklist
            tell("\(keys.name("w")) waives the selected item, with a reason")
            return []
        }
        guard let item = snapshot?.checklist.first(where: { $0.id == selected(in: .checklist) })
        else { return [] }
        selection[.checklist] = item.id
        guard item.isOpen else { return [.perform(.uncheck(item: item.id))] }
        dialog = Dialog(.waive(item: item.id), in: self)
        return []
    }

    private mutating func moveFocus(by step: Int) {
        let all = Panel.allCases
        let place = (all.firstIndex(of: focus) ?? 0) + step
        focus = all[(place + all.count) % all.count]
    }

    mutating func select(by step: Int) {
        let rows = rowIDs(of: focus)
        guard let current = selected(in: focus), let place = rows.firstIndex(of: current) else {
            return
        }
        selection[focus] = rows[min(max(0, place + step), rows.count - 1)]
    }

    static let refreshSteps: [Double] = [0.25, 0.5, 1, 2, 5, 10]

    private mutating func changeRefresh(faster: Bool) -> [Effect] {
        let place = Self.refreshSteps.firstIndex { $0 >= refreshSeconds } ?? 2
        let next = min(max(0, place + (faster ? -1 : 1)), Self.refreshSteps.count - 1)
        refreshSeconds = Self.refreshSteps[next]
        tell("a new picture every \(figures.duration(refreshSeconds))")
        return [.refresh(seconds: refreshSeconds)]
    }
}
