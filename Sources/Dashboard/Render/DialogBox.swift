import Foundation

/// A dialog cut to the screen: its wrapped lines, which of them show, and where.
struct DialogBox {
    var content: DialogContent
    var body: [StyledText] = []
    var field: [StyledText] = []
    /// The lines of the body that are selected.
    var selected: Range<Int>?
    var rectangle: Rectangle
    /// The first line that shows, and how many do.
    var first: Int
    var shown: Int

    init(_ dialog: Dialog, model: Model, rows: Int, columns: Int) {
        content = DialogContent(dialog, model: model)
        let width =
            dialog.isFullScreen ? columns : min(columns - 4, columns >= 110 ? 100 : 76)
        let inner = width - 4
        for (offset, text) in content.lines.enumerated() {
            let lines =
                text.isEmpty
                ? [StyledText()] : wrap(text, width: inner, ascii: model.glyphs.isASCII)
            if offset == content.selectedLine { selected = body.count..<body.count + lines.count }
            body += lines
        }
        if let asked = content.field {
            field = Self.lines(asked, width: inner, glyphs: model.glyphs)
        }
        let fixed = field.count + (field.isEmpty ? 0 : 1) + 2
        // The header stays: the server, the window and the worst wait are always in sight.
        let height =
            dialog.isFullScreen ? rows - 2 : min(rows - 3, body.count + fixed + 2)
        shown = max(1, height - 2 - fixed)
        let last = max(0, body.count - shown)
        if let selected {
            first = min(max(0, selected.upperBound - shown), last)
        } else {
            first = min(dialog.isList ? 0 : dialog.position, last)
        }
        rectangle = Rectangle(
            row: dialog.isFullScreen ? 2 : max(2, (rows - height) / 2),
            column: (columns - width) / 2, height: height, width: width)
    }

    /// How far it scrolls.
    var lastFirst: Int { max(0, body.count - shown) }

    private static func lines(_ field: DialogContent.Field, width: Int, glyphs: Glyphs)
        -> [StyledText]
    {
        // The end of what is typed must stay in sight.
        let room = max(8, width - DisplayText.width(field.prompt) - 3)
        let typed = DisplayText.glyphs(field.text, ascii: glyphs.isASCII)
        let tail = typed.suffix(room).map(\.text).joined()
        return [
            StyledText(field.prompt + " ", .title, bold: true) + StyledText(tail, .active)
                + StyledText("_", .focus)
        ]
    }
}

extension Painter {
    /// Draws a dialog over what is there; the screen around it stays live.
    mutating func drawDialog(_ dialog: Dialog) {
        let box = DialogBox(dialog, model: model, rows: surface.rows, columns: surface.columns)
        surface.fill(box.rectangle, style: Style(.dialog, raised: true))
        let room = surface.drawBox(
            box.rectangle, frame: glyphs.heavy, title: box.content.title, right: scrollNote(box),
            style: Style(box.content.tone, raised: true))
        var row = room.row
        for index in box.first..<min(box.body.count, box.first + box.shown) {
            surface.draw(
                box.body[index], row: row, column: room.column, width: room.width, raised: true)
            if box.selected?.contains(index) == true {
                surface.restyle(
                    Rectangle(row: row, column: room.column, height: 1, width: room.width)
                ) { $0.isSelected = true }
            }
            row += 1
        }
        row = room.bottom - 2 - box.field.count
        for line in box.field {
            surface.draw(line, row: row, column: room.column, width: room.width, raised: true)
            row += 1
        }
        let answers = model.notice.map { StyledText($0.text, $0.role) } ?? box.content.answers
        surface.draw(
            answers, row: room.bottom - 1, column: room.column, width: room.width, raised: true)
    }

    private func scrollNote(_ box: DialogBox) -> StyledText {
        guard box.lastFirst > 0 else { return StyledText() }
        let up = box.first > 0 ? glyphs.arrowUp : " "
        let down = box.first < box.lastFirst ? glyphs.arrowDown : " "
        let end = min(box.body.count, box.first + box.shown)
        return StyledText("\(up)\(down) \(end) of \(box.body.count)", .muted)
    }
}
