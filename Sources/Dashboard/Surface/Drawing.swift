/// What text that does not fit keeps.
enum Cut: Sendable { case end, start }

extension Surface {
    /// Draws text into at most `width` columns of a row and returns the columns that it took.
    /// What does not fit ends in an ellipsis.
    @discardableResult
    mutating func draw(
        _ text: StyledText, row: Int, column: Int, width: Int, raised: Bool = false,
        cut: Cut = .end
    ) -> Int {
        guard width > 0 else { return 0 }
        if text.spans.allSatisfy({ DisplayText.isPlain($0.text) }) {
            let total = text.spans.reduce(0) { $0 + $1.text.utf8.count }
            if total <= width {
                return drawPlain(text, row: row, column: column, raised: raised)
            }
            if cut == .end {
                return drawCut(text, row: row, column: column, width: width, raised: raised)
            }
        }
        var drawn: [(Glyph, Style)] = []
        for span in text.spans {
            var style = span.style
            style.isRaised = style.isRaised || raised
            for glyph in DisplayText.glyphs(span.text, ascii: glyphs.isASCII) {
                drawn.append((glyph, style))
            }
        }
        fit(&drawn, width: width, cut: cut)
        var place = column
        for (glyph, style) in drawn {
            put(glyph, row: row, column: place, style: style)
            place += glyph.width
        }
        return place - column
    }

    /// Printable ASCII that fits: most of what is drawn, and drawn without any measuring.
    private mutating func drawPlain(_ text: StyledText, row: Int, column: Int, raised: Bool) -> Int
    {
        var place = column
        for span in text.spans {
            var style = span.style
            style.isRaised = style.isRaised || raised
            for byte in span.text.utf8 {
                putPlain(DisplayText.plainTexts[Int(byte)], row: row, column: place, style: style)
                place += 1
            }
        }
        return place - column
    }

    /// Printable ASCII that does not fit: as much as there is room for, and the ellipsis.
    private mutating func drawCut(
        _ text: StyledText, row: Int, column: Int, width: Int, raised: Bool
    ) -> Int {
        var left = width - 1
        var kept = StyledText()
        for span in text.spans where left > 0 {
            let part = left < span.text.utf8.count ? String(span.text.prefix(left)) : span.text
            left -= part.utf8.count
            if !part.isEmpty { kept.append(part, span.style) }
        }
        let taken = drawPlain(kept, row: row, column: column, raised: raised)
        var style = kept.spans.last?.style ?? Style()
        style.isRaised = style.isRaised || raised
        put(
            Glyph(text: glyphs.ellipsis, width: 1), row: row, column: column + taken, style: style)
        return taken + 1
    }

    private func fit(_ drawn: inout [(Glyph, Style)], width: Int, cut: Cut) {
        var total = drawn.reduce(0) { $0 + $1.0.width }
        guard total > width else { return }
        while total > width - 1, !drawn.isEmpty {
            let removed = cut == .end ? drawn.removeLast() : drawn.removeFirst()
            total -= removed.0.width
        }
        let style = (cut == .end ? drawn.last?.1 : drawn.first?.1) ?? Style()
        let sign = (Glyph(text: glyphs.ellipsis, width: 1), style)
        if cut == .end { drawn.append(sign) } else { drawn.insert(sign, at: 0) }
    }

    /// Draws text so that it ends before `right`.
    @discardableResult
    mutating func drawRight(
        _ text: StyledText, row: Int, right: Int, width: Int, raised: Bool = false
    ) -> Int {
        let taken = min(text.width, width)
        draw(text, row: row, column: right - taken, width: taken, raised: raised)
        return taken
    }

    mutating func fill(_ rectangle: Rectangle, style: Style) {
        let blank = Glyph(text: " ", width: 1)
        for row in rectangle.row..<max(rectangle.row, rectangle.bottom) {
            for column in rectangle.column..<max(rectangle.column, rectangle.right) {
                put(blank, row: row, column: column, style: style)
            }
        }
    }

    mutating func drawRule(row: Int, column: Int, width: Int, style: Style) {
        for place in column..<column + max(0, width) {
            put(
                Glyph(text: glyphs.light.horizontal, width: 1), row: row, column: place,
                style: style)
        }
    }

    /// `── Locks · nobody waits ─────── 3/12 ──`
    mutating func drawHeading(
        _ title: StyledText, right: StyledText = StyledText(), row: Int, column: Int, width: Int,
        style: Style
    ) {
        drawRule(row: row, column: column, width: width, style: style)
        guard width > 6 else { return }
        let reserved = right.isEmpty ? 0 : min(right.width + 1, width / 2)
        draw(" ", row: row, column: column + 1, width: 1)
        let taken = draw(title, row: row, column: column + 2, width: width - 5 - reserved)
        draw(" ", row: row, column: column + 2 + taken, width: 1)
        guard !right.isEmpty else { return }
        draw(" ", row: row, column: column + width - 2 - reserved, width: reserved)
        drawRight(right, row: row, right: column + width - 2, width: reserved - 1)
        draw(" ", row: row, column: column + width - 2, width: 1)
    }

    /// A frame with a title in its upper edge. Returns the room inside.
    @discardableResult
    mutating func drawBox(
        _ rectangle: Rectangle, frame: Glyphs.Frame, title: StyledText,
        right: StyledText = StyledText(), style: Style
    ) -> Rectangle {
        guard rectangle.height >= 2, rectangle.width >= 4 else { return rectangle }
        let last = rectangle.bottom - 1
        for column in rectangle.column + 1..<rectangle.right - 1 {
            put(
                Glyph(text: frame.horizontal, width: 1), row: rectangle.row, column: column,
                style: style)
            put(Glyph(text: frame.horizontal, width: 1), row: last, column: column, style: style)
        }
        for row in rectangle.row + 1..<max(rectangle.row + 1, last) {
            put(
                Glyph(text: frame.vertical, width: 1), row: row, column: rectangle.column,
                style: style)
            put(
                Glyph(text: frame.vertical, width: 1), row: row, column: rectangle.right - 1,
                style: style)
        }
        let corners = [
            (frame.topLeft, rectangle.row, rectangle.column),
            (frame.topRight, rectangle.row, rectangle.right - 1),
            (frame.bottomLeft, last, rectangle.column),
            (frame.bottomRight, last, rectangle.right - 1),
        ]
        for (text, row, column) in corners {
            put(Glyph(text: text, width: 1), row: row, column: column, style: style)
        }
        drawEdge(title, right: right, of: rectangle, raised: style.isRaised)
        return rectangle.inset(rows: 1, columns: 2)
    }

    private mutating func drawEdge(
        _ title: StyledText, right: StyledText, of rectangle: Rectangle, raised: Bool
    ) {
        let room = rectangle.width - 6
        guard room > 3 else { return }
        let reserved = right.isEmpty ? 0 : min(right.width + 3, room / 2)
        if !title.isEmpty {
            let padded = StyledText(" ") + title
            let taken = draw(
                padded, row: rectangle.row, column: rectangle.column + 2, width: room - reserved,
                raised: raised)
            draw(
                " ", row: rectangle.row, column: rectangle.column + 2 + taken, width: 1,
                raised: raised)
        }
        guard !right.isEmpty else { return }
        drawRight(
            StyledText(" ") + right + StyledText(" "), row: rectangle.row,
            right: rectangle.right - 2, width: reserved, raised: raised)
    }

    /// A progress bar. `share` from 0 to 1; nil draws an empty track.
    mutating func drawBar(share: Double?, row: Int, column: Int, width: Int, role: Role = .bar) {
        guard width > 0 else { return }
        let share = min(1, max(0, share ?? 0))
        let parts = glyphs.barParts.count + 1
        // Full only when it is done, and never empty once it has begun.
        var eighths = Int((share * Double(width * parts)).rounded(.down))
        if share > 0 { eighths = max(eighths, 1) }
        for place in 0..<width {
            let inCell = eighths - place * parts
            if inCell >= parts {
                put(
                    Glyph(text: glyphs.barFull, width: 1), row: row, column: column + place,
                    style: Style(role))
            } else if inCell > 0 {
                put(
                    Glyph(text: glyphs.barParts[inCell - 1], width: 1), row: row,
                    column: column + place, style: Style(role))
            } else {
                put(
                    Glyph(text: glyphs.barTrack, width: 1), row: row, column: column + place,
                    style: Style(.track))
            }
        }
    }
}
