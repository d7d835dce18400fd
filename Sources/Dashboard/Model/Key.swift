/// A key that was pressed, or what a mouse did.
public enum Key: Sendable, Hashable {
    case character(Character)
    case enter, escape, tab, backTab, space
    case up, down, left, right, pageUp, pageDown, home, end
    case backspace, delete
    /// `.control("c")`
    case control(Character)
    /// The first button, at a cell of the screen.
    case click(row: Int, column: Int)
    /// One notch, upwards -1, downwards 1.
    case wheel(Int, row: Int, column: Int)
    case other
}
