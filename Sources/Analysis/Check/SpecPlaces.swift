import Migration

/// Where the text of a YAML scalar stands in the spec's file, so that a place in a statement is a
/// place in the file.
struct SpecPlaces {
    /// From a place in a scalar's text to one in the file.
    struct Origin {
        let place: @Sendable (SourceMark) -> SourceMark
    }

    private let lines: [String]

    init(_ bytes: [UInt8]) {
        lines = String(decoding: bytes, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// `mark`: where the value begins: its first letter, its quote, or the `|` of a block.
    func origin(of text: String, at mark: SourceMark) -> Origin {
        let line = line(mark.line)
        let rest = String(line.unicodeScalars.dropFirst(mark.column - 1))
        if rest.hasPrefix("|") { return block(mark) }
        let quote = rest.hasPrefix("\"") || rest.hasPrefix("'") ? 1 : 0
        let isOneLine = rest.dropFirst(quote).hasPrefix(text)
        return Origin { place in
            isOneLine && place.line == 1
                ? SourceMark(line: mark.line, column: mark.column + quote + place.column - 1)
                : mark
        }
    }

    /// A `|` block: its lines are the file's, indented.
    private func block(_ mark: SourceMark) -> Origin {
        var start = mark.line + 1
        while start <= lines.count, line(start).allSatisfy(\.isWhitespace) { start += 1 }
        let content = line(start)
        // Blanks of the first line itself were trimmed along with the indentation.
        let indentation = content.prefix(while: \.isWhitespace).count
        let beginning = start
        return Origin { place in
            SourceMark(
                line: beginning + place.line - 1, column: place.column + indentation)
        }
    }

    private func line(_ number: Int) -> String {
        lines.indices.contains(number - 1) ? lines[number - 1] : ""
    }
}
