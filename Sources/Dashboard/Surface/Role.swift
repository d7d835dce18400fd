/// What a cell means. Themes turn roles into colours; meaning is never in the colour alone, every
/// state has a glyph or a word as well.
public enum Role: String, Sendable, CaseIterable, Hashable {
    case text, muted, border
    /// The border and title of the panel that has the keys.
    case focus
    case title
    /// The top line.
    case header
    case ok, active, warning, danger
    /// What waits for a person.
    case wanted
    /// The row that keys speak of.
    case selected
    /// Done and not yet done of a progress bar.
    case bar, track
    /// A key's name in the key bar and the help.
    case key
    /// Sessions and requests of this migration.
    case ours
    /// What went wrong, across the screen.
    case alert
    case notice
    /// The background that dialogs stand on, and their plain text.
    case dialog
    /// SQL as it is sent.
    case code
}

public struct Style: Hashable, Sendable {
    public var role: Role
    public var isBold: Bool
    /// Stands on a dialog: takes the dialog's background.
    public var isRaised: Bool
    /// The row is selected: takes the selection's background, and keeps its own foreground where the
    /// theme allows.
    public var isSelected: Bool

    public init(
        _ role: Role = .text, bold: Bool = false, raised: Bool = false, selected: Bool = false
    ) {
        self.role = role
        isBold = bold
        isRaised = raised
        isSelected = selected
    }
}
