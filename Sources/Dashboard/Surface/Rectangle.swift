/// Cells of a surface: rows and columns from 0.
struct Rectangle: Sendable, Equatable {
    var row: Int
    var column: Int
    var height: Int
    var width: Int

    var isEmpty: Bool { height <= 0 || width <= 0 }
    var bottom: Int { row + height }
    var right: Int { column + width }

    func contains(row: Int, column: Int) -> Bool {
        (self.row..<bottom).contains(row) && (self.column..<right).contains(column)
    }

    func inset(rows: Int = 0, columns: Int = 0) -> Rectangle {
        Rectangle(
            row: row + rows, column: column + columns, height: max(0, height - 2 * rows),
            width: max(0, width - 2 * columns))
    }

    /// The first rows, and what is left below.
    func split(top rows: Int) -> (Rectangle, Rectangle) {
        let rows = min(max(0, rows), height)
        return (
            Rectangle(row: row, column: column, height: rows, width: width),
            Rectangle(row: row + rows, column: column, height: height - rows, width: width)
        )
    }

    /// The first columns, and what is left beside them.
    func split(left columns: Int) -> (Rectangle, Rectangle) {
        let columns = min(max(0, columns), width)
        return (
            Rectangle(row: row, column: column, height: height, width: columns),
            Rectangle(row: row, column: column + columns, height: height, width: width - columns)
        )
    }
}
