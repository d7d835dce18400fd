/// One token of a file, found without PostgreSQL's scanner: that one gives up at the first thing
/// that it does not know, and a file has psql's lines and newer syntax in it.
struct FileToken: Equatable {
    enum Kind: Equatable {
        /// A name without quotes, a keyword included.
        case word
        case quotedName
        /// `'…'` with any prefix.
        case string
        case dollarString
        case number
        case comment
        /// One byte: `(`, `,`, `;`, `\`, an operator's.
        case symbol
        /// A quote or a comment that the file never closes; it reaches to the end.
        case unterminated
    }

    let kind: Kind
    /// Byte offsets in the file; `end` is the first byte behind it.
    let start: Int
    let end: Int
}

/// Cuts a file's bytes into tokens, as psql does (PostgreSQL manual, "Lexical Structure"):
/// `standard_conforming_strings` on, nested comments, dollar quotes.
struct SQLLexer {
    let bytes: [UInt8]
    private(set) var position: Int
    private let end: Int

    init(_ bytes: [UInt8], from start: Int = 0, to end: Int? = nil) {
        self.bytes = bytes
        position = start
        self.end = end ?? bytes.count
    }

    /// Goes on elsewhere: behind a psql line, behind COPY's data.
    mutating func skip(to offset: Int) { position = min(max(offset, position), end) }

    /// The next token, comments included; nil at the end.
    mutating func next() -> FileToken? {
        while position < end, Self.isSpace(bytes[position]) { position += 1 }
        guard position < end else { return nil }
        let start = position
        let kind = lex(bytes[position])
        return FileToken(kind: kind, start: start, end: position)
    }

    private func peek(_ distance: Int) -> UInt8 {
        position + distance < end ? bytes[position + distance] : 0
    }

    private mutating func lex(_ byte: UInt8) -> FileToken.Kind {
        switch byte {
        case UInt8(ascii: "'"): return quoted(escapes: false)
        case UInt8(ascii: "\""): return quotedName()
        case UInt8(ascii: "$"): return dollar()
        case UInt8(ascii: "-") where peek(1) == UInt8(ascii: "-"):
            while position < end, bytes[position] != UInt8(ascii: "\n") { position += 1 }
            return .comment
        case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "*"): return blockComment()
        case UInt8(ascii: "e"), UInt8(ascii: "E"):
            guard peek(1) == UInt8(ascii: "'") else { return word() }
            position += 1
            return quoted(escapes: true)
        case UInt8(ascii: "b"), UInt8(ascii: "B"), UInt8(ascii: "x"), UInt8(ascii: "X"),
            UInt8(ascii: "n"), UInt8(ascii: "N"):
            guard peek(1) == UInt8(ascii: "'") else { return word() }
            position += 1
            return quoted(escapes: false)
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            guard peek(1) == UInt8(ascii: "&") else { return word() }
            if peek(2) == UInt8(ascii: "'") {
                position += 2
                return quoted(escapes: false)
            }
            if peek(2) == UInt8(ascii: "\"") {
                position += 2
                return quotedName()
            }
            return word()
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            position += 1
            while position < end, Self.isNamePart(bytes[position]) || bytes[position] == 0x2e {
                position += 1
            }
            return .number
        default:
            if Self.isNameStart(byte) { return word() }
            position += 1
            return .symbol
        }
    }

    private mutating func word() -> FileToken.Kind {
        position += 1
        while position < end, Self.isNamePart(bytes[position]) { position += 1 }
        return .word
    }

    private mutating func quoted(escapes: Bool) -> FileToken.Kind {
        position += 1
        while position < end {
            let byte = bytes[position]
            if byte == UInt8(ascii: "'") {
                guard peek(1) == UInt8(ascii: "'") else {
                    position += 1
                    return .string
                }
                position += 1
            } else if escapes, byte == UInt8(ascii: "\\") {
                position += 1
            }
            position += 1
        }
        position = end
        return .unterminated
    }

    private mutating func quotedName() -> FileToken.Kind {
        position += 1
        while position < end {
            if bytes[position] == UInt8(ascii: "\"") {
                guard peek(1) == UInt8(ascii: "\"") else {
                    position += 1
                    return .quotedName
                }
                position += 1
            }
            position += 1
        }
        position = end
        return .unterminated
    }

    private mutating func blockComment() -> FileToken.Kind {
        position += 2
        var depth = 1
        while position < end {
            if bytes[position] == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
                depth += 1
                position += 1
            } else if bytes[position] == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
                depth -= 1
                position += 1
                if depth == 0 {
                    position += 1
                    return .comment
                }
            }
            position += 1
        }
        position = end
        return .unterminated
    }

    /// `$$…$$`, `$tag$…$tag$`; `$1` is a parameter.
    private mutating func dollar() -> FileToken.Kind {
        var tagEnd = position + 1
        while tagEnd < end, Self.isNamePart(bytes[tagEnd]), bytes[tagEnd] != UInt8(ascii: "$") {
            tagEnd += 1
        }
        let first = peek(1)
        guard tagEnd < end, bytes[tagEnd] == UInt8(ascii: "$"),
            first < UInt8(ascii: "0") || first > UInt8(ascii: "9")
        else {
            position = max(tagEnd, position + 1)
            return .symbol
        }
        let tag = bytes[position...tagEnd]
        position = tagEnd + 1
        while position + tag.count <= end {
            if bytes[position] == UInt8(ascii: "$"),
                bytes[position..<position + tag.count].elementsEqual(tag)
            {
                position += tag.count
                return .dollarString
            }
            position += 1
        }
        position = end
        return .unterminated
    }

    static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0d).contains(byte)
    }

    private static func isNameStart(_ byte: UInt8) -> Bool {
        byte >= 0x80 || byte == UInt8(ascii: "_") || isLetter(byte)
    }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        isNameStart(byte) || byte == UInt8(ascii: "$")
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
