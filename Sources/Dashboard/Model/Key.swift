/// A key that was pressed.
public enum Key: Sendable, Hashable {
    case character(Character)
    case enter, escape, tab, backTab, space
    case up, down, left, right, pageUp, pageDown, home, end
    case backspace, delete
    /// `.control("c")`
    case control(Character)
    case other
}
