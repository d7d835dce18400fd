import SQLText

/// A table's name as a spec writes it: `orders`, `shop.orders`, `Order Items`, `"a.b"`.
///
/// Taken literally, not folded to lower case. Split once at the first dot outside double quotes; a
/// part in double quotes is what stands between them, with `""` for `"`.
struct SpecTableName: Equatable {
    /// Nil: the first schema of the search path that has such a table.
    let schema: String?
    let name: String

    init(_ text: String) {
        var isQuoted = false
        var dot: String.Index?
        for index in text.indices where dot == nil {
            if text[index] == "\"" { isQuoted.toggle() }
            if text[index] == ".", !isQuoted { dot = index }
        }
        if let dot, dot != text.startIndex, text.index(after: dot) != text.endIndex {
            schema = Self.unquoted(text[..<dot])
            name = Self.unquoted(text[text.index(after: dot)...])
        } else {
            schema = nil
            name = Self.unquoted(text[...])
        }
    }

    private static func unquoted(_ part: Substring) -> String {
        guard part.count >= 2, part.first == "\"", part.last == "\"" else { return String(part) }
        return part.dropFirst().dropLast()
            .split(separator: "\"\"", omittingEmptySubsequences: false).joined(separator: "\"")
    }
}
