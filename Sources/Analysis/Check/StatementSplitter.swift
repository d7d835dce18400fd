/// One statement's place in a file: its tokens without comments, the `;` left out.
struct StatementText {
    let tokens: [FileToken]
    var start: Int { tokens.first?.start ?? 0 }
    var end: Int { tokens.last?.end ?? 0 }
}

/// Cuts a file into statements as psql does: quotes, comments, `BEGIN ATOMIC … END` bodies and rules
/// in parentheses keep their semicolons, psql's `\` lines and COPY's data are no statements.
struct StatementSplitter {
    private(set) var statements: [StatementText] = []
    private(set) var comments: [FileToken] = []
    /// Unquoted and quoted names outside strings, for the check of their length.
    private(set) var longNames: [FileToken] = []

    /// psql's commands that run what is not in the file, with their places.
    private(set) var elsewhere: [(offset: Int, message: String)] = []

    private let bytes: [UInt8]
    private var lexer: SQLLexer
    private var current: [FileToken] = []
    private var parentheses = 0
    private var bodyDepth = 0

    init(_ bytes: [UInt8], from start: Int = 0, to end: Int? = nil) {
        self.bytes = bytes
        lexer = SQLLexer(bytes, from: start, to: end)
        if start == 0, bytes.starts(with: [0xef, 0xbb, 0xbf]) { lexer.skip(to: 3) }
        while let token = lexer.next() { read(token) }
        finish()
    }

    private mutating func read(_ token: FileToken) {
        switch token.kind {
        case .comment: comments.append(token)
        case .symbol: readSymbol(token)
        case .word:
            current.append(token)
            noteLength(token, quotes: 0)
            followBody(token)
        case .quotedName:
            current.append(token)
            noteLength(token, quotes: 2)
        default: current.append(token)
        }
    }

    private mutating func noteLength(_ token: FileToken, quotes: Int) {
        if token.end - token.start - quotes > 63 { longNames.append(token) }
    }

    private mutating func readSymbol(_ token: FileToken) {
        switch bytes[token.start] {
        case UInt8(ascii: "("): parentheses += 1
        case UInt8(ascii: ")"): parentheses -= 1
        case UInt8(ascii: ";"):
            // A parenthesis that is never closed must not hide the rest of the file.
            if bodyDepth > 0 || (parentheses > 0 && isRule) { break }
            finish(isTerminated: true)
            return
        case UInt8(ascii: "\\"):
            readBackslash(token)
            return
        default: break
        }
        current.append(token)
    }

    private mutating func finish(isTerminated: Bool = false) {
        let isCopy = isTerminated && copiesFromInput
        if !current.isEmpty { statements.append(StatementText(tokens: current)) }
        current = []
        parentheses = 0
        bodyDepth = 0
        if isCopy { skipCopyData() }
    }

    // MARK: psql

    /// `\connect …` and the like are a line's rest; `\g…` also end the statement before them, and
    /// `\;` is a semicolon.
    private mutating func readBackslash(_ token: FileToken) {
        if token.end < bytes.count, bytes[token.end] == UInt8(ascii: ";") {
            lexer.skip(to: token.end + 1)
            finish()
            return
        }
        let lineEnd = bytes[token.end...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
        let words = String(decoding: bytes[token.end..<lineEnd], as: UTF8.self)
            .split(whereSeparator: \.isWhitespace).map { $0.lowercased() }
        lexer.skip(to: lineEnd)
        let name = words.first ?? ""
        if name.hasPrefix("gexec") {
            elsewhere.append((token.start, "\\gexec runs what the query returns"))
        } else if ["i", "ir", "include", "include_relative"].contains(name) {
            elsewhere.append(
                (token.start, "\\\(name) runs another file; name that one to check too"))
        }
        if name.hasPrefix("g") || name.hasPrefix("crosstabview") || name.hasPrefix("watch") {
            finish()
        } else if name == "copy", Self.isFromInput(words) {
            skipCopyData()
        }
    }

    private static func isFromInput(_ words: [String]) -> Bool {
        zip(words, words.dropFirst()).contains {
            $0 == "from" && ($1 == "stdin" || $1 == "pstdin")
        }
    }

    private mutating func skipCopyData() {
        var line = bytes[lexer.position...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
        while let start = line, start < bytes.count {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            if end - start >= 2, bytes[start] == UInt8(ascii: "\\"),
                bytes[start + 1] == UInt8(ascii: "."),
                bytes[(start + 2)..<end].allSatisfy(SQLLexer.isSpace)
            {
                lexer.skip(to: end)
                return
            }
            line = end + 1
        }
        lexer.skip(to: bytes.count)
    }

    // MARK: What a statement begins with

    private func isWord(_ index: Int, _ word: StaticString) -> Bool {
        current.indices.contains(index) && current[index].isWord(word, in: bytes)
    }

    private var copiesFromInput: Bool {
        guard isWord(0, "copy"), current.count >= 4 else { return false }
        return current.indices.dropLast().contains { isWord($0, "from") && isWord($0 + 1, "stdin") }
    }

    private var isRule: Bool {
        isWord(0, "create") && (isWord(1, "rule") || isWord(3, "rule"))
    }

    private var isRoutine: Bool {
        guard isWord(0, "create") else { return false }
        let kind = isWord(1, "or") && isWord(2, "replace") ? 3 : 1
        return isWord(kind, "function") || isWord(kind, "procedure")
    }

    /// psql counts BEGIN, CASE and END of a body the same way.
    private mutating func followBody(_ token: FileToken) {
        if bodyDepth == 0 {
            if token.isWord("atomic", in: bytes), isWord(current.count - 2, "begin"), isRoutine {
                bodyDepth = 1
            }
        } else if token.isWord("case", in: bytes) || token.isWord("begin", in: bytes) {
            bodyDepth += 1
        } else if token.isWord("end", in: bytes) {
            bodyDepth -= 1
        }
    }
}

extension FileToken {
    /// Compares an unquoted word, in lower case, without making a string of it.
    func isWord(_ word: StaticString, in bytes: [UInt8]) -> Bool {
        guard kind == .word, end - start == word.utf8CodeUnitCount else { return false }
        for index in 0..<word.utf8CodeUnitCount
        where bytes[start + index] | 0x20 != word.utf8Start[index] { return false }
        return true
    }

    func isSymbol(_ symbol: Unicode.Scalar, in bytes: [UInt8]) -> Bool {
        kind == .symbol && bytes[start] == UInt8(ascii: symbol)
    }
}
