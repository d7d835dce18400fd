import Engine
import Foundation
import Migration
import Monitor

extension Painter {
    mutating func drawProgress(_ rectangle: Rectangle) {
        let rows = model.snapshot?.progress ?? []
        let selected = model.selected(in: .progress)
        let place = rows.firstIndex { $0.id == selected }
        let height = isBoxed ? rectangle.height - 2 : rectangle.height - 1
        let isTall = height >= Wants.progressTall(model)
        let shown = fitting(rows, height: height, around: place, isTall: isTall)
        let room = frame(
            .progress, in: rectangle, note: load(), right: overflow(shown, of: rows.count))
        var y = room.row
        let isAiry =
            isTall && shown.count == rows.count
            && height >= Wants.progressTall(model) + rows.count + 4
        for index in shown {
            let row = rows[index]
            let taken = isTall ? drawTall(row, at: y, in: room) : drawFlat(row, at: y, in: room)
            offer(
                row.id, at: y, height: taken, in: room, of: .progress,
                isSelected: index == place && rows.count > 1)
            y += taken + (isAiry ? 1 : 0)
        }
        if isBoxed, !isAiry, !rows.isEmpty { y += 1 }
        drawNow(room.split(top: y - room.row).1)
    }

    /// The rows around the selected one of which as many fit whole as there is room for.
    private func fitting(_ rows: [ProgressView], height: Int, around selected: Int?, isTall: Bool)
        -> Range<Int>
    {
        func lines(_ row: ProgressView) -> Int {
            isTall ? Wants.progressRow(row, model) : row.pauseReason == nil ? 1 : 2
        }
        guard !rows.isEmpty, height > 0 else { return 0..<0 }
        var start = selected ?? 0
        var end = start + 1
        var used = lines(rows[start])
        while true {
            if end < rows.count, used + lines(rows[end]) <= height {
                used += lines(rows[end])
                end += 1
            } else if start > 0, used + lines(rows[start - 1]) <= height {
                start -= 1
                used += lines(rows[start])
            } else {
                return start..<end
            }
        }
    }

    /// `12 active · WAL 3.1 MB/s`
    private func load() -> StyledText {
        guard let server = model.snapshot?.server else { return StyledText() }
        var parts = [StyledText("\(server.activeSessions) active", .muted)]
        if let rate = server.walRate {
            parts.append(StyledText("WAL \(figures.bytes(rate))/s", .muted))
        }
        let lags = server.replicas.compactMap(\.replayLag)
        if let lag = lags.max() {
            let limit = model.snapshot?.settings.throttle.replicationLagSeconds
            parts.append(
                StyledText(
                    "lag \(figures.duration(lag))",
                    limit.map { lag > $0 } == true ? .warning : .muted))
        }
        return parts.dotted()
    }

    private func sign(_ row: ProgressView) -> StyledText {
        let (glyph, role) = row.state.sign(glyphs)
        let isHeld = row.state == .running && row.pauseReason != nil
        return isHeld ? StyledText("\(glyphs.waiting) ", .warning) : StyledText("\(glyph) ", role)
    }

    private func share(_ row: ProgressView) -> Double? {
        row.total > 0 ? Double(row.done) / Double(row.total) : row.state == .done ? 1 : nil
    }

    private func barRole(_ row: ProgressView) -> Role {
        row.state == .failed ? .danger : row.pauseReason != nil ? .warning : .bar
    }

    /// The end of the window matters when it comes before that of the fill.
    private func eta(_ row: ProgressView) -> StyledText {
        guard let seconds = row.etaSeconds else { return StyledText(figures.unknown, .muted) }
        let end = model.serverNow.addingTimeInterval(seconds)
        guard let closes = model.snapshot?.settings.window?.closes, end > closes else {
            return StyledText(figures.duration(seconds))
        }
        return StyledText(figures.duration(seconds), .danger)
    }

    private mutating func drawTall(_ row: ProgressView, at y: Int, in room: Rectangle) -> Int {
        let height = Wants.progressRow(row, model)
        guard height > 1 else {
            let done = StyledText(
                row.state == .pending ? "" : "\(figures.count(row.rows)) rows", .muted)
            let taken = surface.drawRight(done, row: y, right: room.right, width: 20)
            surface.draw(
                sign(row) + StyledText(row.title, row.state == .pending ? .muted : .text), row: y,
                column: room.column, width: room.width - taken - 1)
            return 1
        }
        var right = StyledText("ETA ", .muted) + eta(row)
        if let basis = row.etaBasis, row.etaSeconds != nil, room.width >= 70 {
            right.add(" \(basis)", .muted)
        }
        let taken = surface.drawRight(right, row: y, right: room.right, width: room.width / 2)
        surface.draw(
            sign(row) + StyledText(row.title, .title, bold: true), row: y, column: room.column,
            width: room.width - taken - 1)
        let percent = StyledText(
            figures.percent(done: row.done, total: row.total), .title, bold: true)
        surface.drawRight(percent, row: y + 1, right: room.right, width: 8)
        surface.drawBar(
            share: share(row), row: y + 1, column: room.column + 2, width: room.width - 11,
            role: barRole(row))
        line(StyledText("  ") + details(row).dotted(), y + 2, in: room)
        drawRate(row, at: y + 3, in: room)
        var next = y + 4
        if let end = model.end(of: row) {
            line(StyledText("  ") + end, next, in: room)
            next += 1
        }
        if !model.gauges(of: row).isEmpty {
            draw(model.gauges(of: row), at: next, in: room)
            next += 1
        }
        if let reason = row.pauseReason {
            line(StyledText("  \(glyphs.waiting) stands: \(reason)", .warning), next, in: room)
        }
        return height
    }

    private func details(_ row: ProgressView) -> [StyledText] {
        var parts = [
            StyledText(figures.count(row.done))
                + StyledText(" of \(figures.count(row.total)) \(row.unit)", .muted)
        ]
        if row.unit != "rows" {
            parts.append(StyledText("\(figures.count(row.rows)) rows", .muted))
        }
        if row.batchMilliseconds != nil || row.batchSize != nil {
            parts.append(
                StyledText("batch ", .muted)
                    + StyledText(figures.milliseconds(row.batchMilliseconds))
                    + StyledText(", \(figures.count(row.batchSize)) blocks", .muted))
        }
        if row.skipped > 0 {
            parts.append(StyledText("\(figures.count(row.skipped)) to revisit", .warning))
        }
        return parts
    }

    /// One line a table: sign, title, bar, share, done and total, rate, ETA. All figures stand
    /// right-aligned in columns of their own.
    private mutating func drawFlat(_ row: ProgressView, at y: Int, in room: Rectangle) -> Int {
        let isIdle = row.state == .pending
        let cells: [(StyledText, Int)] = [
            (
                StyledText(isIdle ? "" : figures.percent(done: row.done, total: row.total), .title),
                7
            ),
            (
                StyledText(
                    isIdle ? "" : "\(figures.count(row.done))/\(figures.count(row.total))", .muted),
                16
            ),
            (StyledText(row.state == .running ? rate(row) : ""), 11),
            (row.state == .running ? shortETA(row) : StyledText(), 17),
        ]
        var right = room.right
        for (text, width) in cells.reversed() {
            surface.drawRight(text, row: y, right: right, width: width - 1)
            right -= width
        }
        let titleWidth = max(12, (right - room.column) * 3 / 5)
        surface.draw(
            sign(row) + StyledText(row.title), row: y, column: room.column, width: titleWidth)
        let barWidth = right - room.column - titleWidth - 1
        if barWidth >= 4, !isIdle {
            surface.drawBar(
                share: share(row), row: y, column: room.column + titleWidth + 1, width: barWidth,
                role: barRole(row))
        }
        guard let reason = row.pauseReason else { return 1 }
        line(StyledText("  \(glyphs.waiting) stands: \(reason)", .warning), y + 1, in: room)
        return 2
    }

    private func rate(_ row: ProgressView) -> String {
        row.rowsPerSecond.map { figures.count(Int($0.rounded())) + "/s" } ?? "\(figures.unknown)/s"
    }

    private func shortETA(_ row: ProgressView) -> StyledText {
        let text = eta(row)
        return StyledText(
            text.spans.first?.text ?? figures.unknown, text.spans.first?.style.role ?? .text)
    }
}
