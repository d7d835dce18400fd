import Foundation
import Monitor

extension Painter {
    /// Load, the oldest transaction, replicas, vacuums and index builds.
    mutating func drawServer(_ rectangle: Rectangle) {
        let lines = model.serverLines
        let height = isBoxed ? rectangle.height - 2 : rectangle.height - 1
        let selected = model.selected(in: .server)
        let place = lines.firstIndex { $0.id == selected }
        let shown = window(count: lines.count, height: height, around: place)
        let room = frame(
            .server, in: rectangle, note: StyledText(), right: overflow(shown, of: lines.count))
        if lines.isEmpty { line(StyledText("no picture yet", .muted), room.row, in: room) }
        for (offset, index) in shown.enumerated() {
            let y = room.row + offset
            let name = lines[index].name
            let padding = String(repeating: " ", count: max(1, 12 - DisplayText.width(name)))
            line(StyledText(name + padding, .muted) + lines[index].value, y, in: room)
            offer(lines[index].id, at: y, in: room, of: .server, isSelected: index == place)
        }
    }
}
