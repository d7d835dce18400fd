import Engine
import Foundation
import Migration
import Monitor

extension Painter {
    /// Two lines: the migration and its time, the server and how fresh what we know of it is.
    mutating func drawHeader(_ rectangle: Rectangle) {
        guard let snapshot = model.snapshot else {
            surface.draw(
                StyledText("Lockkeeper", .header), row: rectangle.row, column: 1,
                width: rectangle.width - 2)
            return
        }
        let right = rectangle.right - 1
        let times = times(snapshot).dotted()
        let taken = surface.drawRight(
            times, row: rectangle.row, right: right, width: rectangle.width - 30)
        let (glyph, role) = snapshot.state.sign(glyphs, wantsPerson: model.wantsPerson)
        var name = (model.environment ?? StyledText()) + StyledText(snapshot.name, .header)
        name.add("  ")
        name.add("\(glyph) \(state(snapshot))", role, bold: true)
        if model.isReadOnly { name.add("  read-only", .muted) }
        surface.draw(name, row: rectangle.row, column: 1, width: rectangle.width - taken - 4)

        let health = health(snapshot).dotted()
        let second = surface.drawRight(
            health, row: rectangle.row + 1, right: right, width: rectangle.width - 20)
        drawServerLine(snapshot, row: rectangle.row + 1, width: rectangle.width - second - 4)
    }

    private var isNarrow: Bool { surface.columns < 100 }

    /// `app@shop on db1:5432 · PostgreSQL 15.18 · primary`; where it does not fit, the host gives way.
    private mutating func drawServerLine(_ snapshot: Snapshot, row: Int, width: Int) {
        guard let server = snapshot.server?.server else {
            surface.draw(
                StyledText("no picture of the server yet", .muted), row: row, column: 1,
                width: width)
            return
        }
        let role = StyledText(
            server.isStandby ? "standby" : "primary", server.isStandby ? .warning : .muted)
        let version = StyledText("\(isNarrow ? "" : "PostgreSQL ")\(server.version)", .muted)
        let kind = StyledText(isNarrow ? " " : " \(glyphs.dot) ", .muted)
        let tail = StyledText(" \(glyphs.dot) ", .muted) + version + kind + role
        let place =
            StyledText("\(server.user)@\(server.database)", .text)
            + StyledText(" on \(server.host)", .muted)
        let taken = surface.draw(place, row: row, column: 1, width: max(10, width - tail.width))
        surface.draw(tail, row: row, column: 1 + taken, width: width - taken)
    }

    private func state(_ snapshot: Snapshot) -> String {
        if case .back(let phase) = snapshot.direction, snapshot.state == .rollingBack {
            return "rolling back " + DialogContent.target(phase)
        }
        return snapshot.state.word
    }

    private func times(_ snapshot: Snapshot) -> [StyledText] {
        var result: [StyledText] = []
        if let start = snapshot.startedAt {
            result.append(
                StyledText(figures.duration(model.serverNow.timeIntervalSince(start)), .text)
                    + StyledText(" elapsed", .muted))
        }
        if !isNarrow, let forecast = snapshot.forecast, forecast.seconds >= 1 {
            result.append(
                StyledText("work left ", .muted)
                    + StyledText("about \(figures.duration(forecast.seconds))"))
        }
        guard let window = words(snapshot.settings.window) else { return result }
        // At 80 columns the window has the room: what has passed can be read among the events.
        return isNarrow ? [window] : result + [window]
    }

    /// When the window opens or closes, on the operator's clock and in UTC, and how far off that is.
    private func words(_ window: MigrationWindow?) -> StyledText? {
        let now = model.serverNow
        if let opens = window?.opens, opens > now {
            let left = figures.duration(opens.timeIntervalSince(now))
            return StyledText(
                "window opens \(figures.clocks(opens, now: now)), in \(left)", .warning)
        }
        guard let closes = window?.closes else { return nil }
        let left = closes.timeIntervalSince(now)
        let clocks = figures.clocks(closes, now: now)
        guard left > 0 else {
            return StyledText("window closed \(clocks), \(figures.duration(-left)) ago", .danger)
        }
        return StyledText(isNarrow ? "window to " : "window closes ", .muted) + StyledText(clocks)
            + StyledText(isNarrow ? ", " : ", in ", .muted)
            + StyledText(figures.duration(left), left < 900 ? .warning : .text)
            + StyledText(isNarrow ? " left" : "", .muted)
    }

    private func health(_ snapshot: Snapshot) -> [StyledText] {
        let budget = Double(snapshot.settings.stallBudgetMilliseconds)
        let worst = snapshot.worstWaitMilliseconds
        let isOver = (worst ?? 0) > budget
        var result = [
            StyledText("worst wait ", .muted)
                + StyledText(figures.milliseconds(worst), isOver ? .danger : .text)
        ]
        if let engine = snapshot.engine, !engine.isThis {
            let place = "engine on \(engine.host)"
            result.append(
                engine.isAlive
                    ? StyledText(place, .muted) : StyledText("\(place) silent", .danger))
        }
        if !snapshot.watchers.isEmpty {
            result.append(StyledText("\(snapshot.watchers.count) more watching", .muted))
        }
        result.append(
            StyledText(isNarrow ? "" : "data ", .muted)
                + StyledText(
                    "\(figures.age(model.dataAge)) old", model.isStale ? .danger : .muted))
        return result
    }

    /// The five phases in a line, joined by what lies between them.
    mutating func drawRail(_ rectangle: Rectangle) {
        guard let phases = model.snapshot?.phases, !phases.isEmpty else { return }
        let current = model.currentPhase?.phase
        let stops = phases.map { stop($0, isCurrent: $0.phase == current) }
        let used = stops.reduce(0) { $0 + $1.width }
        let gaps = max(1, phases.count - 1)
        let free = max(0, rectangle.width - 2 - used - gaps * 2)
        var column = rectangle.column + 1
        for (offset, stop) in stops.enumerated() {
            column += surface.draw(
                stop, row: rectangle.row, column: column, width: rectangle.right - column - 1)
            guard offset < gaps else { continue }
            // What does not divide evenly goes to the first gaps.
            let length = free / gaps + (offset < free % gaps ? 1 : 0)
            let isPassed = phases[offset].state == .done || phases[offset].state == .empty
            column += 1
            for place in 0..<length {
                surface.put(
                    Glyph(
                        text: isPassed ? glyphs.heavy.horizontal : glyphs.light.horizontal, width: 1
                    ),
                    row: rectangle.row, column: column + place,
                    style: Style(isPassed ? .ok : .border))
            }
            column += length + 1
        }
    }

    private func stop(_ view: PhaseView, isCurrent: Bool) -> StyledText {
        let (glyph, role) = view.state.sign(glyphs, wantsPerson: model.wantsPerson)
        var text = StyledText("\(glyph) ", role)
        text.add(view.phase.title, isCurrent ? .title : role, bold: isCurrent)
        guard isCurrent, view.state == .running, surface.columns >= 100,
            let row = model.snapshot?.progress.first(where: { $0.state == .running })
        else { return text }
        text.add(" " + figures.percent(done: row.done, total: row.total), .active)
        return text
    }

    /// The key bar, or what has just been said, or the filter that is being typed.
    mutating func drawBottomLine(_ rectangle: Rectangle) {
        let room = rectangle.inset(columns: 1)
        if model.isTypingFilter {
            var text = StyledText("/", .key)
            text.add(model.filter)
            text.add("_", .focus)
            text.add("   Enter keeps the filter, Esc clears it", .muted)
            line(text, room.row, in: room)
            return
        }
        if let notice = model.notice {
            line(
                StyledText("\(glyphs.pointer) ", notice.role)
                    + StyledText(notice.text, notice.role),
                room.row, in: room)
            return
        }
        drawKeys(room)
    }

    private mutating func drawKeys(_ room: Rectangle) {
        var column = room.column
        let last =
            StyledText(model.keys.name("?"), .key) + StyledText(" help  ", .muted)
            + StyledText(model.keys.name("q"), .key)
            + StyledText(" quit", .muted)
        let end = room.right - last.width
        surface.draw(last, row: room.row, column: end, width: last.width)
        for binding in KeyTable.bindings where binding.kind != .looking {
            guard let label = label(binding), model.obstacle(to: binding.command) == nil else {
                continue
            }
            let text =
                StyledText(
                    model.keys.name(binding.name), binding.kind == .dangerous ? .danger : .key)
                + StyledText(" \(label)  ", .muted)
            guard column + text.width <= end else { break }
            column += surface.draw(text, row: room.row, column: column, width: text.width)
        }
        guard !model.filter.isEmpty else { return }
        surface.draw(
            StyledText("/", .key) + StyledText(model.filter, .notice), row: room.row,
            column: column,
            width: end - column - 1)
    }

    private func label(_ binding: KeyBinding) -> String? {
        switch binding.command {
        case .pause where model.snapshot?.state == .paused: "resume"
        case .advance:
            if case .gate = model.snapshot?.waiting { "pass gate" } else { binding.label }
        case .waive where model.focus != .checklist && model.snapshot?.lockRequest != nil:
            "withdraw"
        case .tick, .waive:
            model.openItems.isEmpty && model.focus != .checklist ? nil : binding.label
        case .purge: "purge"
        case .takeOver: "take over"
        default: binding.label
        }
    }
}
