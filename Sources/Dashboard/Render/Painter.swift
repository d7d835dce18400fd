import Foundation

/// The surface that is being drawn, the model that it is drawn from, and the frame of its panels.
struct Painter {
    var surface: Surface
    let model: Model
    /// Frames around panels; without, a line above each, where rows are dear.
    let isBoxed: Bool
    /// Nil where nobody asks what stands where.
    var targets: [Target]?

    /// What a pointer means there.
    struct Target {
        var rectangle: Rectangle
        var panel: Panel
        /// The row's identity; nil for the rest of the panel.
        var row: String?
    }

    var glyphs: Glyphs { model.glyphs }
    var figures: Figures { model.figures }

    /// Draws a panel's frame or heading and returns the room inside.
    mutating func frame(
        _ panel: Panel, in rectangle: Rectangle, note: StyledText, right: StyledText = StyledText()
    ) -> Rectangle {
        targets?.append(Target(rectangle: rectangle, panel: panel, row: nil))
        let hasFocus = model.focus == panel && model.dialog == nil
        var title = StyledText("\(panel.rawValue) ", hasFocus ? .focus : .muted)
        title.add(panel.title, hasFocus ? .focus : .title, bold: true)
        if !note.isEmpty { title = [title, note].dotted() }
        return frame(
            title, in: rectangle, right: right, style: Style(hasFocus ? .focus : .border))
    }

    mutating func frame(
        _ title: StyledText, in rectangle: Rectangle, right: StyledText = StyledText(),
        style: Style = Style(.border)
    ) -> Rectangle {
        guard !rectangle.isEmpty else { return rectangle }
        if isBoxed {
            return surface.drawBox(
                rectangle, frame: glyphs.light, title: title, right: right, style: style)
        }
        surface.drawHeading(
            title, right: right, row: rectangle.row, column: rectangle.column,
            width: rectangle.width, style: style)
        return rectangle.split(top: 1).1.inset(columns: 1)
    }

    /// Which rows of a list show: a window that holds the selected one.
    func window(count: Int, height: Int, around selected: Int?) -> Range<Int> {
        guard count > height, height > 0 else { return 0..<max(0, min(count, height)) }
        let middle = (selected ?? 0) - height / 2
        let start = min(max(0, middle), count - height)
        return start..<start + height
    }

    /// `3–9 of 40`, where not all rows show.
    func overflow(_ shown: Range<Int>, of count: Int) -> StyledText {
        guard shown.count < count else { return StyledText() }
        let dash = glyphs.isASCII ? "-" : "–"
        return StyledText(
            shown.isEmpty
                ? "\(count)" : "\(shown.lowerBound + 1)\(dash)\(shown.upperBound) of \(count)",
            .muted)
    }

    /// A row that can be selected. The one that is, is marked in the panel that has the keys.
    mutating func offer(
        _ id: String, at row: Int, height: Int = 1, in rectangle: Rectangle, of panel: Panel,
        isSelected: Bool
    ) {
        var whole = Rectangle(
            row: row, column: rectangle.column, height: height, width: rectangle.width)
        targets?.append(Target(rectangle: whole, panel: panel, row: id))
        guard isSelected, model.focus == panel else { return }
        whole.height = 1
        surface.restyle(whole) { $0.isSelected = true }
    }

    @discardableResult
    mutating func line(_ text: StyledText, _ row: Int, in rectangle: Rectangle) -> Int {
        guard row < rectangle.bottom else { return 0 }
        return surface.draw(text, row: row, column: rectangle.column, width: rectangle.width)
    }
}

/// Breaks styled text into lines of at most `width` columns, at spaces where there are any; lines
/// after the first start as far in as the first one's text.
func wrap(_ text: StyledText, width: Int, ascii: Bool = false) -> [StyledText] {
    guard width > 0 else { return [] }
    if text.spans.reduce(0, { $0 + DisplayText.width($1.text, ascii: ascii) }) <= width {
        return [text]
    }
    var pieces: [(Glyph, Style)] = []
    for span in text.spans {
        for glyph in DisplayText.glyphs(span.text, ascii: ascii) {
            pieces.append((glyph, span.style))
        }
    }
    var indent = pieces.prefix { $0.0.text == " " }.count
    // What follows a bullet stands in line with its words.
    if indent + 1 < pieces.count, pieces[indent].0.text == (ascii ? "-" : "·"),
        pieces[indent + 1].0.text == " "
    {
        indent += 2
    }
    indent = min(indent, width / 2)

    var lines: [StyledText] = []
    var rest = pieces[...]
    while !rest.isEmpty {
        let room = lines.isEmpty ? width : width - indent
        var used = 0
        var end = rest.startIndex
        while end < rest.endIndex, used + rest[end].0.width <= room {
            used += rest[end].0.width
            end += 1
        }
        if end < rest.endIndex {
            let start = rest.startIndex + (lines.isEmpty ? indent : 0)
            if let space = rest[..<end].lastIndex(where: { $0.0.text == " " }), space > start,
                rest[end].0.text != " "
            {
                end = space
            }
        }
        // A glyph wider than the room still has to go somewhere.
        if end == rest.startIndex { end += 1 }
        var line = StyledText()
        if !lines.isEmpty, indent > 0 { line.add(String(repeating: " ", count: indent)) }
        for (glyph, style) in rest[..<end] { line.append(glyph.text, style) }
        lines.append(line)
        rest = rest[end...].drop { $0.0.text == " " }
    }
    return lines
}

extension StyledText {
    mutating func append(_ text: String, _ style: Style) {
        if spans.last?.style == style {
            spans[spans.count - 1].text += text
        } else {
            spans.append(Span(text: text, style: style))
        }
    }
}
