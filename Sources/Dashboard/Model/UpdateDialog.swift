import Engine
import Foundation
import Migration

extension Model {
    mutating func pressInDialog(_ key: Key) -> [Effect] {
        guard let open = dialog else { return [] }
        if key == .escape { return leaveDialog(open) }
        if open.isTyping, let effects = type(key, open) { return effects }
        if let effects = act(key, on: open) { return effects }
        switch key {
        case .up, .character("k"): return moveInDialog(by: -1)
        case .down, .character("j"): return moveInDialog(by: 1)
        case .pageUp: return moveInDialog(by: -10)
        case .pageDown, .space: return moveInDialog(by: 10)
        case .home: return moveInDialog(by: -100_000)
        case .end: return moveInDialog(by: 100_000)
        case .enter: return enterInDialog(open)
        case .character("y"): return confirm(open)
        case .character("s"): return [.save]
        case .character("n"), .character("q"): return leaveDialog(open)
        case .character("?"): return open.kind == .help ? leaveDialog(open) : []
        default: return []
        }
    }

    /// Keys that act on the row whose details are open; nil for all others.
    private mutating func act(_ key: Key, on open: Dialog) -> [Effect]? {
        guard let binding = KeyTable.binding(for: key) else { return nil }
        switch (open.kind, binding.command) {
        case (.session(let row), .cancelQuery), (.session(let row), .terminateSession):
            selection[.locks] = row
            focus = .locks
            guard lockRows.contains(where: { $0.id == row }) else {
                tell("\(binding.name): the session is gone", .warning)
                return []
            }
        case (.item(let id), .tick), (.item(let id), .waive):
            selection[.checklist] = id
            focus = .checklist
        default: return nil
        }
        if let obstacle = obstacle(to: binding.command) {
            tell("\(binding.name): \(obstacle)", .warning)
            return []
        }
        return obey(binding.command)
    }

    private mutating func leaveDialog(_ open: Dialog) -> [Effect] {
        dialog = nil
        switch open.kind {
        case .theme(let before):
            guard theme != before else { return [] }
            theme = before
            return [.useTheme(before)]
        case .setting: dialog = Dialog(.settings, in: self)
        default: break
        }
        return []
    }

    mutating func moveInDialog(by step: Int) -> [Effect] {
        guard let open = dialog else { return [] }
        let last: Int
        switch open.kind {
        case .chooseRollback: last = (snapshot?.rollbacks.count ?? 1) - 1
        case .settings: last = LiveSetting.allCases.count - 1
        case .theme: last = themes.count - 1
        default: last = DialogBox(open, model: self, rows: rows, columns: columns).lastFirst
        }
        dialog?.position = min(max(0, open.position + step), max(0, last))
        guard case .theme = open.kind, let place = dialog?.position else { return [] }
        theme = themes[place]
        return [.useTheme(theme)]
    }

    private mutating func enterInDialog(_ open: Dialog) -> [Effect] {
        switch open.kind {
        case .chooseRollback:
            let offers = snapshot?.rollbacks ?? []
            guard offers.indices.contains(open.position) else { return [] }
            dialog = Dialog(.rollBack(to: offers[open.position].to), in: self)
        case .settings:
            let settings = LiveSetting.allCases
            guard settings.indices.contains(open.position) else { return [] }
            dialog = Dialog(.setting(settings[open.position]), in: self)
        case .theme:
            dialog = nil
            tell("theme \(theme); --theme \(theme) starts with it")
        case .advance, .gate, .cancelQuery, .terminateSession, .takeOver, .quit:
            tell("Enter alone confirms nothing: y does, Esc goes back", .warning)
        default: dialog = nil
        }
        return []
    }

    private mutating func confirm(_ open: Dialog) -> [Effect] {
        let effect: Effect? =
            switch open.kind {
            case .advance(let phase): .perform(.start(phase: phase))
            case .gate(let id): .perform(.advance(gate: id))
            case .cancelQuery(let pid): .perform(.cancelQuery(pid: pid))
            case .terminateSession(let pid): .perform(.terminateSession(pid: pid))
            case .takeOver: .takeOver
            default: nil
            }
        if open.kind == .quit {
            dialog = nil
            return end(.quit)
        }
        guard let effect else { return [] }
        dialog = nil
        return [effect]
    }

    /// Keys of a dialog with a field; nil where the key is not for the field.
    private mutating func type(_ key: Key, _ open: Dialog) -> [Effect]? {
        switch key {
        case .character(let letter): dialog?.input.append(letter)
        case .space: dialog?.input.append(" ")
        case .backspace: if !open.input.isEmpty { dialog?.input.removeLast() }
        case .control("u"): dialog?.input = ""
        case .enter: return enterTyped(open)
        default: return nil
        }
        return []
    }

    private mutating func enterTyped(_ open: Dialog) -> [Effect] {
        let typed = open.input.trimmingCharacters(in: .whitespaces)
        switch open.kind {
        case .rollBack(let phase):
            guard isNameTyped(typed) else { return [] }
            hold(.rollBack(to: phase), open)
            return []
        case .purge:
            guard isNameTyped(typed) else { return [] }
            hold(.purge, open)
            return []
        case .waive(let item):
            guard !typed.isEmpty else {
                tell("a waiver needs a reason: type one, then Enter", .warning)
                return []
            }
            dialog = nil
            return [.perform(.waive(item: item, reason: typed))]
        case .setting(let setting):
            dialog = Dialog(.settings, in: self)
            dialog?.position = LiveSetting.allCases.firstIndex(of: setting) ?? 0
            guard typed != setting.value(in: snapshot?.settings ?? Settings()) else { return [] }
            return [.perform(.set(key: setting.rawValue, value: typed))]
        default: return []
        }
    }

    private mutating func isNameTyped(_ typed: String) -> Bool {
        guard let name = snapshot?.name, typed != name else { return true }
        tell(
            typed.isEmpty
                ? "Enter alone confirms nothing: type \(name) first"
                : "that is not the migration's name; type \(name)", .warning)
        return false
    }
}
