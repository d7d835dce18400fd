import Engine
import Foundation
import Migration

extension Painter {
    /// The five phases with their steps; while a rollback runs, its steps.
    mutating func drawSteps(_ rectangle: Rectangle) {
        guard let snapshot = model.snapshot else {
            _ = frame(.steps, in: rectangle, note: StyledText())
            return
        }
        var rows: [(id: StepID?, text: StyledText, right: StyledText)] = []
        if snapshot.undo.isEmpty {
            for view in snapshot.phases {
                rows.append((nil, heading(view), StyledText(words(view), .muted)))
                for step in view.steps { rows.append(row(step)) }
            }
        } else {
            rows = snapshot.undo.map(row)
        }
        let selected = model.selected(in: .steps)
        let place = rows.firstIndex { $0.id == selected }
        let height = isBoxed ? rectangle.height - 2 : rectangle.height - 1
        let shown = window(count: rows.count, height: height, around: place)
        let done = model.listedSteps.filter { $0.state == .done || $0.state == .undone }.count
        let note = StyledText("\(done) of \(model.listedSteps.count) done", .muted)
        let room = frame(
            .steps, in: rectangle,
            note: snapshot.undo.isEmpty ? note : StyledText("rollback ", .warning) + note,
            right: overflow(shown, of: rows.count))
        for (offset, index) in shown.enumerated() {
            let (id, text, right) = rows[index]
            let y = room.row + offset
            let taken = surface.drawRight(right, row: y, right: room.right, width: room.width / 2)
            surface.draw(
                text, row: y, column: room.column, width: room.width - taken - (taken > 0 ? 1 : 0))
            if let id { offer(id, at: y, in: room, of: .steps, isSelected: id == selected) }
        }
    }

    private func heading(_ view: PhaseView) -> StyledText {
        let (glyph, role) = view.state.sign(glyphs, wantsPerson: model.wantsPerson)
        let isCurrent = model.currentPhase?.phase == view.phase
        return StyledText("\(glyph) ", role)
            + StyledText(view.phase.title, isCurrent ? .title : .text, bold: true)
    }

    private func words(_ view: PhaseView) -> String {
        switch view.state {
        case .empty: "nothing to do"
        case .waiting: view.seconds(until: nil).map { figures.duration($0) + ", waits" } ?? "waits"
        default: figures.text(view.seconds(until: model.serverNow))
        }
    }

    private func row(_ step: StepView) -> (id: StepID?, text: StyledText, right: StyledText) {
        let (glyph, role) = model.sign(step)
        let isStanding = step.id == model.standingStep
        let indent = model.snapshot?.undo.isEmpty == false ? "" : "  "
        let text =
            StyledText("\(indent)\(glyph) ", role)
            + StyledText(step.title, step.state == .pending && !isStanding ? .muted : .text)
        var right = StyledText()
        if isStanding, model.wantsPerson {
            return (step.id, text, StyledText(model.words(step), .wanted))
        }
        if step.state == .running && step.tries > 1 { right.add("try \(step.tries) ", .warning) }
        if let start = step.startedAt, step.state != .pending {
            let end = step.finishedAt ?? model.serverNow
            right.add(
                figures.duration(max(0, end.timeIntervalSince(start))),
                step.state == .running ? .active : .muted)
        }
        return (step.id, text, right)
    }

    mutating func drawChecklist(_ rectangle: Rectangle) {
        let items = model.snapshot?.checklist ?? []
        let open = items.filter(\.isOpen).count
        let note: StyledText
        if items.isEmpty {
            note = StyledText("none asked for", .muted)
        } else if open == 0 {
            note = StyledText("all \(items.count) settled", .ok)
        } else {
            note = StyledText("\(open) of \(items.count) open", .warning)
        }
        let selected = model.selected(in: .checklist)
        let height = isBoxed ? rectangle.height - 2 : rectangle.height - 1
        let shown = window(
            count: items.count, height: height,
            around: items.firstIndex { $0.id == selected })
        let room = frame(
            .checklist, in: rectangle, note: note,
            right: height > 0 ? overflow(shown, of: items.count) : StyledText())
        for (offset, index) in shown.enumerated() {
            let item = items[index]
            let y = room.row + offset
            let (glyph, role) = item.state.sign(glyphs)
            let text = StyledText("\(glyph) ", role) + StyledText(item.text)
            let note = StyledText(story(item), .muted)
            let wanted = min(text.width, room.width)
            let taken = min(note.width, max(0, room.width - wanted - 2))
            if taken >= 6 { surface.drawRight(note, row: y, right: room.right, width: taken) }
            surface.draw(text, row: y, column: room.column, width: wanted)
            offer(item.id, at: y, in: room, of: .checklist, isSelected: item.id == selected)
        }
    }

    /// Who settled it, or what the program found.
    private func story(_ item: ChecklistView) -> String {
        switch item.state {
        case .open: item.evidence ?? ""
        case .evident: item.evidence ?? "found"
        case .checked:
            [item.by, item.at.map { figures.time($0) }].compactMap { $0 }.joined(separator: ", ")
        case .waived: "waived" + (item.reason.map { ": \($0)" } ?? "")
        }
    }

    mutating func drawEvents(_ rectangle: Rectangle) {
        let events = model.listedEvents
        let selected = model.selected(in: .events)
        let height = isBoxed ? rectangle.height - 2 : rectangle.height - 1
        let place = events.indices.first { model.eventID(at: $0) == selected }
        let shown = window(count: events.count, height: height, around: place)
        let room = frame(
            .events, in: rectangle, note: StyledText(),
            right: overflow(shown, of: events.count))
        if events.isEmpty {
            line(StyledText("nothing has happened yet", .muted), room.row, in: room)
        }
        for (offset, index) in shown.enumerated() {
            let event = events[index]
            let y = room.row + offset
            let by = StyledText(event.by, .muted)
            let taken = room.width >= 60 ? min(by.width, 16) : 0
            if taken > 0 { surface.drawRight(by, row: y, right: room.right, width: taken) }
            surface.draw(
                StyledText("\(figures.time(event.at))  ", .muted)
                    + StyledText(DisplayText.singleLine(event.text), role(event)),
                row: y, column: room.column, width: room.width - taken - (taken > 0 ? 1 : 0))
            offer(
                model.eventID(at: index), at: y, in: room, of: .events, isSelected: place == index)
        }
    }

    private func role(_ event: EventView) -> Role {
        switch event.kind {
        case "step_failed": .danger
        case "throttled", "lock_wait", "paused", "rolled_back": .warning
        case "phase_finished", "finished": .ok
        default: .text
        }
    }
}
