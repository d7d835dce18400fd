extension String {
    /// The text on one line, as the dashboard shows text from the database: control characters,
    /// escapes and bidirectional overrides as visible signs, so that they can't drive a terminal.
    public var shownOnOneLine: String {
        DisplayText.glyphs(DisplayText.singleLine(self)).map(\.text).joined()
    }
}
