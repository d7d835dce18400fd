/// One cell of a surface.
public struct Cell: Sendable, Equatable {
    /// A code point with its combining marks; empty in the right half of a wide one.
    public var text: String
    /// 1, 2, or 0 for the right half of a wide one.
    public var width: Int
    public var style: Style

    public init(_ text: String = " ", width: Int = 1, style: Style = Style()) {
        self.text = text
        self.width = width
        self.style = style
    }
}

/// A screen as a value: a grid of cells that the terminal, the SVG export, the plain output and the
/// tests read alike.
public struct Surface: Sendable, Equatable {
    public let rows: Int
    public let columns: Int
    public private(set) var cells: [Cell]
    let glyphs: Glyphs

    public init(rows: Int, columns: Int, glyphs: Glyphs = .unicode) {
        self.rows = max(0, rows)
        self.columns = max(0, columns)
        self.glyphs = glyphs
        cells = Array(repeating: Cell(), count: self.rows * self.columns)
    }

    public subscript(row: Int, column: Int) -> Cell { cells[row * columns + column] }

    var bounds: Rectangle { Rectangle(row: 0, column: 0, height: rows, width: columns) }

    /// Puts one glyph; outside the grid it does nothing. A wide one that is cut in half, old or new,
    /// leaves a blank: half a glyph can't be sent.
    mutating func put(_ glyph: Glyph, row: Int, column: Int, style: Style) {
        guard row >= 0, row < rows, column >= 0, column < columns else { return }
        guard column + glyph.width <= columns else {
            put(Glyph(text: " ", width: 1), row: row, column: column, style: style)
            return
        }
        for place in column..<column + glyph.width { blankOtherHalf(row: row, column: place) }
        let index = row * columns + column
        cells[index] = Cell(glyph.text, width: glyph.width, style: style)
        if glyph.width == 2 { cells[index + 1] = Cell("", width: 0, style: style) }
    }

    /// Puts a text of one column.
    mutating func putPlain(_ text: String, row: Int, column: Int, style: Style) {
        guard row >= 0, row < rows, column >= 0, column < columns else { return }
        let index = row * columns + column
        if cells[index].width != 1 { blankOtherHalf(row: row, column: column) }
        cells[index] = Cell(text, style: style)
    }

    private mutating func blankOtherHalf(row: Int, column: Int) {
        let index = row * columns + column
        if cells[index].width == 0, column > 0 {
            cells[index - 1] = Cell(style: cells[index - 1].style)
        }
        if cells[index].width == 2, column + 1 < columns {
            cells[index + 1] = Cell(style: cells[index + 1].style)
        }
    }

    /// Changes the style of cells that are drawn already.
    mutating func restyle(_ rectangle: Rectangle, _ change: (inout Style) -> Void) {
        for row in max(0, rectangle.row)..<max(0, min(rows, rectangle.bottom)) {
            for column in max(0, rectangle.column)..<max(0, min(columns, rectangle.right)) {
                change(&cells[row * columns + column].style)
            }
        }
    }

    /// The text as it stands on the screen, a line a row, trailing blanks left out.
    public var plainText: String {
        (0..<rows).map { row in
            let line = cells[row * columns..<(row + 1) * columns].map(\.text).joined()
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n") + "\n"
    }
}

/// Neighbouring cells of one row and one style: what the terminal sends at once.
public struct CellRun: Sendable, Equatable {
    public var row: Int
    public var column: Int
    public var text: String
    public var style: Style
}

extension Surface {
    /// All of it, in runs.
    public var runs: [CellRun] { runs { _ in true } }

    /// What changed since `before`, in runs; all of it where the size differs.
    public func runs(since before: Surface?) -> [CellRun] {
        guard let before, before.rows == rows, before.columns == columns else { return runs }
        return cells.withUnsafeBufferPointer { now in
            before.cells.withUnsafeBufferPointer { then in runs { now[$0] != then[$0] } }
        }
    }

    private func runs(where isWanted: (Int) -> Bool) -> [CellRun] {
        var result: [CellRun] = []
        for row in 0..<rows {
            var open: CellRun?
            for column in 0..<columns {
                let index = row * columns + column
                let cell = cells[index]
                // The halves of a wide glyph always go together.
                if cell.width == 0 { continue }
                let isTouched =
                    isWanted(index) || (cell.width == 2 && isWanted(index + 1))
                if isTouched, open?.style == cell.style {
                    open?.text += cell.text
                } else {
                    if let open { result.append(open) }
                    open =
                        isTouched
                        ? CellRun(row: row, column: column, text: cell.text, style: cell.style)
                        : nil
                }
            }
            if let open { result.append(open) }
        }
        return result
    }
}
