import Engine
import Foundation
import Migration
import Monitor

extension Painter {
    /// Who waits behind whom, our own request first of all.
    mutating func drawLocks(_ rectangle: Rectangle) {
        let tree = model.lockTree
        let rows = model.lockRows
        var note: StyledText
        if model.snapshot?.server == nil && model.snapshot?.lockRequest == nil {
            note = StyledText(figures.unknown, .muted)
        } else {
            let isClear = tree.culprit == nil
            note = StyledText(tree.title, isClear ? .ok : .danger, bold: !isClear)
        }
        if model.isStale, model.snapshot?.server != nil {
            note = [StyledText(tree.title, .muted), StyledText("as last seen", .warning)].dotted()
        }
        if !model.lockOrder.note.isEmpty {
            note = [note, StyledText(model.lockOrder.note, .notice)].dotted()
        }
        if !model.filter.isEmpty {
            note = [note, StyledText("only \"\(model.filter)\"", .notice)].dotted()
        }

        let rights = model.snapshot?.server?.missingRights ?? []
        let request = model.snapshot?.lockRequest
        let inside = rectangle.height - (isBoxed ? 2 : 1)
        let height = max(
            0, inside - (request == nil ? 0 : 1) - (rights.isEmpty || inside < 4 ? 0 : 1))
        let selected = model.selected(in: .locks)
        let place = rows.firstIndex { $0.id == selected }
        let shown = window(count: rows.count, height: height, around: place)
        let room = frame(.locks, in: rectangle, note: note, right: overflow(shown, of: rows.count))

        var y = room.row
        if let request, inside > 0 {
            line(words(request), y, in: room)
            y += 1
        }
        if rows.isEmpty, y < room.bottom {
            let text =
                model.filter.isEmpty
                ? "no session waits, or is in anybody's way" : "no session contains this"
            line(StyledText(text, .muted), y, in: room)
            y += 1
        }
        for index in shown {
            draw(rows[index], at: y, in: room)
            offer(rows[index].id, at: y, in: room, of: .locks, isSelected: index == place)
            y += 1
        }
        if !rights.isEmpty, inside >= 4 {
            line(
                StyledText(
                    "\(glyphs.unknown) not all is visible: \(rights.joined(separator: "; "))",
                    .warning),
                room.bottom - 1, in: room)
        }
    }

    /// What is asked for, which try, its budget, for how long, and whether anybody waits for us.
    private func words(_ request: LockRequestView) -> StyledText {
        let age = figures.duration(max(0, model.serverNow.timeIntervalSince(request.since)))
        var parts = [
            StyledText("\(glyphs.request) ", .ours)
                + StyledText(request.isQueued ? "asking for " : "not asking yet for ", .ours)
                + StyledText(request.lock, .warning, bold: true)
                + StyledText(" on \(request.table)", .text)
        ]
        // What it does to others comes first: the rest may be cut.
        if !request.queued.isEmpty {
            parts.append(StyledText("\(request.queued.count) wait behind us", .danger))
        } else if !request.isQueued {
            parts.append(StyledText("nobody waits for us", .ok))
        }
        if let standby = request.standby {
            parts.append(StyledText(DisplayText.singleLine(standby), .warning))
        }
        parts += [
            StyledText("for \(age)", .text),
            StyledText("try \(request.attempt)", .muted),
            StyledText("\(request.budgetMilliseconds) ms a try", .muted),
        ]
        return parts.dotted()
    }

    /// Tree and pid · how long · what · who · statement.
    private mutating func draw(_ row: LockTree.Row, at y: Int, in room: Rectangle) {
        let isWide = room.width >= 100
        let treeWidth = isWide ? 26 : 19
        let ageWidth = 14
        surface.draw(name(row), row: y, column: room.column, width: treeWidth - 1)
        surface.drawRight(
            StyledText(figures.duration(age(row)), row.depth == 0 ? .text : .muted), row: y,
            right: room.column + treeWidth + ageWidth - 2, width: ageWidth - 3)
        var column = room.column + treeWidth + ageWidth
        let state = state(row)
        let stateWidth = isWide ? max(42, room.width / 3) : room.right - column
        guard isWide else {
            let whole = [state, StyledText(DisplayText.singleLine(row.query ?? ""), .muted)]
                .dotted()
            surface.draw(whole, row: y, column: column, width: room.right - column)
            return
        }
        surface.draw(state, row: y, column: column, width: stateWidth - 2)
        column += stateWidth
        let whoWidth = room.width >= 140 ? 26 : 14
        let who = StyledText(self.who(row, isShort: whoWidth < 20), .muted)
        surface.draw(who, row: y, column: column, width: whoWidth - 2)
        column += whoWidth
        surface.draw(
            StyledText(DisplayText.singleLine(row.query ?? ""), .code), row: y, column: column,
            width: room.right - column)
    }

    private func name(_ row: LockTree.Row) -> StyledText {
        var text = StyledText()
        if row.depth > 0 {
            for isLast in row.ancestorsAreLast { text.add(isLast ? "  " : glyphs.pipe, .border) }
            text.add((row.isLast ? glyphs.lastBranch : glyphs.branch) + " ", .border)
        }
        switch row.subject {
        case .request: text.add("\(glyphs.ours) our request", .ours)
        case .prepared: text.add("\(glyphs.prepared) prepared", .warning)
        case .session:
            let pid = row.pid.map(String.init) ?? figures.unknown
            if row.isOurs {
                text.add("\(glyphs.ours) \(pid) ours", .ours)
            } else {
                let isInTheWay = row.depth == 0 && row.waiters > 0
                text.add(
                    "\(glyphs.session) \(pid)",
                    isInTheWay ? .danger : row.wait == nil ? .text : .warning,
                    bold: isInTheWay)
            }
        }
        return text
    }

    private func age(_ row: LockTree.Row) -> Double? {
        switch row.subject {
        case .request(let request): model.serverNow.timeIntervalSince(request.since)
        case .prepared(let prepared): prepared?.age ?? row.blocker?.ageSeconds
        case .session(let session):
            row.wait.map { $0.age ?? session?.waitAge }
                ?? (session?.transactionAge ?? row.blocker?.ageSeconds ?? session?.stateAge)
        }
    }

    private func state(_ row: LockTree.Row) -> StyledText {
        var text = StyledText()
        switch row.subject {
        case .request(let request):
            text.add("wants \(request.lock) on \(request.table)", .ours)
        case .prepared(let prepared):
            text.add("prepared transaction " + (prepared?.identifier ?? ""), .warning)
        case .session(let session):
            if let wait = row.wait {
                text.add("wants \(wait.mode) on \(wait.target)", row.isOurs ? .ours : .text)
            } else {
                let state = session?.state ?? row.blocker?.state ?? "not visible"
                text.add(state, state.hasPrefix("idle in transaction") ? .warning : .text)
                if let lock = row.blocker?.lock { text.add(", holds \(lock)", .muted) }
            }
        }
        if row.isInCycle { text.add(" deadlock", .danger) }
        if !row.alsoBehind.isEmpty {
            let names = row.alsoBehind.prefix(2).map { $0 == 0 ? "prepared" : "\($0)" }
            let more = row.alsoBehind.count > 2 ? " and \(row.alsoBehind.count - 2) more" : ""
            text.add(", also behind \(names.joined(separator: ", "))\(more)", .muted)
        }
        return text
    }

    /// `app · shop-web`; where it has to be short, the application alone.
    private func who(_ row: LockTree.Row, isShort: Bool) -> String {
        guard case .session(let session) = row.subject else { return "" }
        let user = session?.user ?? row.blocker?.user ?? ""
        let application = session?.application ?? row.blocker?.application ?? ""
        if application.isEmpty || user.isEmpty || isShort {
            return application.isEmpty ? user : application
        }
        return "\(user) \(glyphs.dot) \(application)"
    }
}
