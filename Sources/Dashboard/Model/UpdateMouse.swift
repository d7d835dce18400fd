/// What the mouse does: it selects, opens and scrolls, and confirms nothing.
extension Model {
    /// Selects the row that was pointed at; the one that is selected already is opened. A dialog is left
    /// as it is: what it asks is answered by a key.
    mutating func click(row: Int, column: Int) -> [Effect] {
        guard dialog == nil, let target = target(row: row, column: column) else { return [] }
        let isAgain = focus == target.panel && selected(in: focus) == target.row
        focus = target.panel
        guard let id = target.row else { return [] }
        guard isAgain else {
            selection[focus] = id
            return []
        }
        return obey(.details)
    }

    /// Scrolls the dialog, or the panel that is pointed at.
    mutating func turn(_ notches: Int, row: Int, column: Int) -> [Effect] {
        if let open = dialog { return moveInDialog(by: open.isList ? notches : notches * 3) }
        guard let target = target(row: row, column: column) else { return [] }
        focus = target.panel
        select(by: notches)
        return []
    }
}
