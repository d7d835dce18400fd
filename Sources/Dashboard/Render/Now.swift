import Engine
import Foundation
import Migration

extension Painter {
    /// What is sent now, or what waits to be: the room that the progress rows leave.
    mutating func drawNow(_ room: Rectangle) {
        guard room.height > 0, let snapshot = model.snapshot else { return }
        let lines = now(snapshot, height: room.height)
        guard !lines.isEmpty else {
            if snapshot.progress.isEmpty {
                line(StyledText("no table is being worked on", .muted), room.row, in: room)
            }
            return
        }
        var y = room.row
        for text in lines {
            for part in wrap(text, width: room.width, ascii: glyphs.isASCII) where y < room.bottom {
                line(part, y, in: room)
                y += 1
            }
        }
    }

    private func now(_ snapshot: Snapshot, height: Int) -> [StyledText] {
        if case .gate(let gate) = snapshot.waiting { return words(gate) }
        if case .phaseStart(let phase) = snapshot.waiting {
            let steps = snapshot.phases.first { $0.phase == phase }?.steps ?? []
            return [StyledText("Next: \(phase.title)", .title, bold: true)]
                + steps.flatMap { words($0, sign: "  \($0.title)") }
        }
        let steps = snapshot.undo.isEmpty ? snapshot.phases.flatMap(\.steps) : snapshot.undo
        guard let step = steps.first(where: { $0.state == .running || $0.state == .failed }) else {
            return []
        }
        // Under its own bar, in little room, the statement alone is news.
        if height < 4, snapshot.progress.contains(where: { $0.id == step.id }) {
            return step.statements.prefix(1).map {
                StyledText("  " + DisplayText.singleLine($0), .code)
            }
        }
        let (glyph, role) = step.state.sign(glyphs)
        var lines = [StyledText("\(glyph) ", role) + StyledText(step.title, .title, bold: true)]
        if let error = step.error { lines.append(StyledText("  " + error, .danger)) }
        return lines + words(step, sign: nil)
    }

    private func words(_ step: StepView, sign: String?) -> [StyledText] {
        var lines: [StyledText] = []
        if let sign { lines.append(StyledText(sign, .text)) }
        if !step.locks.isEmpty {
            lines.append(
                StyledText("  lock ", .muted)
                    + StyledText(step.locks.joined(separator: ", "), .warning))
        }
        guard sign == nil else { return lines }
        for statement in step.statements {
            for text in statement.split(separator: "\n", omittingEmptySubsequences: false) {
                lines.append(StyledText("  " + text.replacing("\t", with: "    "), .code))
            }
        }
        return lines
    }

    private func words(_ gate: GateView) -> [StyledText] {
        var lines = [StyledText("Evidence for the gate", .title, bold: true)]
        if gate.evidence.isEmpty {
            let words =
                gate.askedAt == nil
                ? "  it is being looked for" : "  nothing that the program could look at"
            lines.append(StyledText(words, .muted))
        }
        for evidence in gate.evidence { lines += DialogContent.words(evidence, glyphs: glyphs) }
        return lines
    }
}
