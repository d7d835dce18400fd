import Engine
import Foundation
import Migration
import Monitor

/// What a dialog says, before it is wrapped to the room that there is.
struct DialogContent: Sendable, Equatable {
    var title = StyledText()
    /// The colour of its frame.
    var tone: Role = .focus
    var lines: [StyledText] = []
    /// The line that is selected, in a list.
    var selectedLine: Int?
    /// A field: what is asked for, and what has been typed.
    var field: Field?
    /// What the keys do here.
    var answers = StyledText()

    struct Field: Sendable, Equatable {
        var prompt: String
        var text: String
    }

    init(_ dialog: Dialog, model: Model) {
        switch dialog.kind {
        case .help: help(model)
        case .advance(let phase): advance(phase, model)
        case .gate(let id): gate(id, model)
        case .chooseRollback: chooseRollback(dialog, model)
        case .rollBack(let phase): rollBack(phase, dialog, model)
        case .purge: purge(dialog, model)
        case .cancelQuery(let pid): signal(pid, terminates: false, model)
        case .terminateSession(let pid): signal(pid, terminates: true, model)
        case .takeOver: takeOver(model)
        case .settings: settings(dialog, model)
        case .setting(let setting): self.setting(setting, dialog, model)
        case .waive(let item): waive(item, dialog, model)
        case .step(let id): step(id, model)
        case .session(let row): session(row, model)
        case .item(let id): item(id, model)
        case .progress(let id): progress(id, model)
        case .event(let id): event(id, model)
        case .server(let id): server(id, model)
        case .theme: theme(dialog, model)
        case .quit: quit(model)
        }
    }

    mutating func add(_ text: String, _ role: Role = .text, bold: Bool = false) {
        lines.append(StyledText(text, role, bold: bold))
    }

    mutating func addBlank() { if lines.last?.isEmpty == false { lines.append(StyledText()) } }

    mutating func addHeading(_ text: String) {
        addBlank()
        lines.append(StyledText(text, .title, bold: true))
    }

    /// `lock   ACCESS EXCLUSIVE on public.orders`
    mutating func addFact(_ name: String, _ value: StyledText, width: Int = 12) {
        let padding = String(repeating: " ", count: max(1, width - DisplayText.width(name)))
        lines.append(StyledText(name + padding, .muted) + value)
    }

    /// A statement as it is sent, indented, its own line breaks kept.
    mutating func addSQL(_ statement: String) {
        for line in statement.split(separator: "\n", omittingEmptySubsequences: false) {
            let spaced = line.replacingOccurrences(of: "\t", with: "    ")
            lines.append(StyledText("  " + spaced, .code))
        }
        if let last = lines.indices.last, !lines[last].text.hasSuffix(";") {
            lines[last].add(";", .code)
        }
    }

    mutating func addSteps(_ steps: [StepView], glyphs: Glyphs) {
        for (offset, step) in steps.enumerated() {
            addBlank()
            lines.append(
                StyledText("\(offset + 1). ", .muted) + StyledText(step.title, .title, bold: true))
            for lock in step.locks {
                lines.append(StyledText("  lock ", .muted) + StyledText(lock, lockRole(lock)))
            }
            for statement in step.statements { addSQL(statement) }
            if step.statements.isEmpty { add("  sends no statement of its own", .muted) }
        }
        if steps.isEmpty { add("no statement: there is nothing to do here", .muted) }
    }

    /// Strong locks stand out: they can stall the application.
    func lockRole(_ lock: String) -> Role {
        let mode = LockMode.allCases.filter { lock.hasPrefix($0.rawValue + " ") }
            .max { $0.rawValue.count < $1.rawValue.count }
        return mode?.stallsApplication == true ? .warning : .text
    }

    static func keys(_ pairs: [(String, String)]) -> StyledText {
        pairs.map { StyledText($0.0, .key) + StyledText(" \($0.1)", .muted) }.dotted("   ")
    }
}
