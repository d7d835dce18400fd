import Engine
import Foundation
import Migration

extension Model {
    /// The gauges that stand with a running row: those of the throttle that have a limit, the fullest
    /// first. Only what writes rows is throttled.
    func gauges(of row: ProgressView) -> [GaugeView] {
        guard let snapshot, row.state == .running,
            let step = listedSteps.first(where: { $0.id == row.id }),
            Self.throttledKinds.contains(step.kind)
        else { return [] }
        let limited = snapshot.gauges.filter { $0.limit != nil }
        return limited.filter(\.isOver) + limited.filter { !$0.isOver }
    }

    private static let throttledKinds: Set<String> = ["fill", "copyRows"]

    /// When a row's work ends, and how that stands to the window; nil where either is unknown.
    func end(of row: ProgressView) -> StyledText? {
        guard let eta = row.etaSeconds, let closes = snapshot?.settings.window?.closes,
            closes > serverNow
        else { return nil }
        let end = serverNow.addingTimeInterval(eta)
        let left = closes.timeIntervalSince(end)
        let words = StyledText("ends ", .muted) + StyledText(figures.moment(end, now: serverNow))
        guard left < 0 else {
            return words
                + StyledText(", \(figures.duration(left)) before the window closes", .muted)
        }
        return words
            + StyledText(
                ", \(figures.duration(-left)) after the window closes", .danger, bold: true)
    }
}

extension Figures {
    func gauge(_ value: Double?, _ unit: GaugeView.Unit) -> String {
        switch unit {
        case .seconds: duration(value)
        case .count: count(value.map { Int($0) })
        case .bytes: bytes(value)
        case .bytesPerSecond: value == nil ? unknown : bytes(value) + "/s"
        }
    }
}

extension Painter {
    /// `lag db2 ▎░░░░░ 420 ms of 10 s`, as many as the line has room for.
    mutating func draw(_ gauges: [GaugeView], at y: Int, in room: Rectangle) {
        guard y < room.bottom else { return }
        let barWidth = 6
        var column = room.column + 2
        for gauge in gauges {
            let name = StyledText(gauge.title + " ", .muted)
            let role: Role = gauge.isOver ? .warning : .text
            let figures =
                StyledText(" " + self.figures.gauge(gauge.value, gauge.unit), role)
                + StyledText(" of \(self.figures.gauge(gauge.limit, gauge.unit))", .muted)
            let isFirst = column == room.column + 2
            guard isFirst || column + 3 + name.width + barWidth + figures.width <= room.right else {
                return
            }
            if !isFirst {
                column += surface.draw(
                    StyledText(" \(glyphs.dot) ", .muted), row: y, column: column, width: 3)
            }
            column += surface.draw(name, row: y, column: column, width: room.right - column)
            let width = min(barWidth, room.right - column)
            surface.drawBar(
                share: share(gauge), row: y, column: column, width: width,
                role: gauge.isOver ? .warning : .bar)
            column += width
            column += surface.draw(figures, row: y, column: column, width: room.right - column)
        }
    }

    private func share(_ gauge: GaugeView) -> Double? {
        guard let value = gauge.value, let limit = gauge.limit else { return nil }
        return limit > 0 ? value / limit : value > 0 ? 1 : 0
    }

    /// Rows a second now, and the last minute's as a sparkline.
    mutating func drawRate(_ row: ProgressView, at y: Int, in room: Rectangle) {
        guard y < room.bottom else { return }
        let text = StyledText("  " + figures.rate(row.rowsPerSecond, "rows"))
        var column = room.column
        column += surface.draw(text, row: y, column: column, width: room.width)
        let values = model.rates[row.id]?.values ?? []
        guard values.count > 1, let highest = values.max(), highest > 0 else { return }
        let peak = StyledText(" peak \(figures.count(Int(highest.rounded())))/s", .muted)
        let width = min(RateHistory.length, room.right - column - 1 - peak.width)
        guard width >= 8 else { return }
        column += 1
        for value in values.suffix(width) {
            surface.put(
                Glyph(text: spark(value / highest), width: 1), row: y, column: column,
                style: Style(.bar))
            column += 1
        }
        surface.draw(peak, row: y, column: column, width: room.right - column)
    }

    /// Nothing at all is a blank; anything else is at least the lowest sign.
    private func spark(_ share: Double) -> String {
        guard share > 0 else { return " " }
        let levels = glyphs.sparks
        return levels[min(levels.count - 1, Int(share * Double(levels.count)))]
    }
}
