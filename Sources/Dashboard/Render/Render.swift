import Foundation

/// Draws the model: the one picture that the screen, the SVG, the plain output and the tests share.
public func render(_ model: Model, rows: Int, columns: Int) -> Surface {
    guard rows >= Layout.leastRows, columns >= Layout.leastColumns else {
        var surface = Surface(rows: rows, columns: columns, glyphs: model.glyphs)
        drawTooSmall(&surface)
        return surface
    }
    return painted(model, rows: rows, columns: columns, targets: nil).surface
}

extension Model {
    /// What stands at a place of the screen, as it is drawn now; nil outside the panels.
    func target(row: Int, column: Int) -> Painter.Target? {
        guard rows >= Layout.leastRows, columns >= Layout.leastColumns else { return nil }
        return painted(self, rows: rows, columns: columns, targets: []).targets?
            .last { $0.rectangle.contains(row: row, column: column) }
    }
}

private func painted(_ model: Model, rows: Int, columns: Int, targets: [Painter.Target]?)
    -> Painter
{
    let layout = Layout(model: model, rows: rows, columns: columns)
    var painter = Painter(
        surface: Surface(rows: rows, columns: columns, glyphs: model.glyphs), model: model,
        isBoxed: layout.isBoxed, targets: targets)
    painter.drawHeader(layout.header)
    painter.drawRail(layout.rail)
    painter.drawBanners(layout.banners)
    for (panel, rectangle) in layout.panels.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
        switch panel {
        case .steps: painter.drawSteps(rectangle)
        case .progress: painter.drawProgress(rectangle)
        case .locks: painter.drawLocks(rectangle)
        case .checklist: painter.drawChecklist(rectangle)
        case .events: painter.drawEvents(rectangle)
        case .server: painter.drawServer(rectangle)
        }
    }
    painter.drawBottomLine(layout.bottom)
    if let dialog = model.dialog { painter.drawDialog(dialog) }
    return painter
}

private func drawTooSmall(_ surface: inout Surface) {
    let text =
        "\(surface.columns)x\(surface.rows): make it \(Layout.leastColumns)x\(Layout.leastRows) or larger"
    surface.draw(StyledText(text, .warning), row: 0, column: 0, width: surface.columns)
}
