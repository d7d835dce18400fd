/// The statements of a DO block's body that change something, found by where they can begin in
/// PL/pgSQL: behind `;`, BEGIN, THEN, ELSE and LOOP.
struct DoBlock {
    enum Part {
        case statement(StatementText, isInLoop: Bool)
        case commit
        /// What can't be read before it runs, and why.
        case unreadable(Int, String)
    }

    private(set) var parts: [Part] = []
    private(set) var commits = false
    private let bytes: [UInt8]
    private var loopDepth = 0

    init(_ bytes: [UInt8], _ text: StatementText) {
        self.bytes = bytes
        guard
            let body = text.tokens.first(where: { $0.kind == .dollarString || $0.kind == .string })
        else { return }
        let quote = Self.quoteLength(bytes, body)
        // What is doubled or escaped in it can't be read in place.
        if body.kind == .string, bytes[(body.start + 1)..<(body.end - 1)].contains(0x27) {
            parts.append(.unreadable(body.start, "the block's quotes hide what it does"))
            return
        }
        if let language = Self.language(bytes, text), language != "plpgsql" {
            parts.append(
                .unreadable(body.start, "what a block in \(language) does is not known here"))
            return
        }
        read(Self.tokens(bytes, from: body.start + quote, to: body.end - quote))
    }

    /// `plpython3u` of `DO LANGUAGE plpython3u $$…$$`; nil where it is not said.
    private static func language(_ bytes: [UInt8], _ text: StatementText) -> String? {
        guard let place = text.tokens.firstIndex(where: { $0.isWord("language", in: bytes) }),
            place + 1 < text.tokens.count
        else { return nil }
        let name = text.tokens[place + 1]
        return String(decoding: bytes[name.start..<name.end], as: UTF8.self).lowercased()
            .filter { $0 != "\"" && $0 != "'" }
    }

    private static func quoteLength(_ bytes: [UInt8], _ body: FileToken) -> Int {
        guard body.kind == .dollarString else { return 1 }
        let second = bytes[(body.start + 1)...].firstIndex(of: UInt8(ascii: "$")) ?? body.start
        return second - body.start + 1
    }

    private static func tokens(_ bytes: [UInt8], from start: Int, to end: Int) -> [FileToken] {
        var lexer = SQLLexer(bytes, from: start, to: end)
        var tokens: [FileToken] = []
        while let token = lexer.next() { if token.kind != .comment { tokens.append(token) } }
        return tokens
    }

    private mutating func read(_ tokens: [FileToken]) {
        var index = 0
        var canBegin = false
        while index < tokens.count {
            let token = tokens[index]
            if canBegin, let end = statementEnd(tokens, from: index) {
                add(Array(tokens[index..<end]))
                index = end
                continue
            }
            let isEnd = index > 0 && tokens[index - 1].isWord("end", in: bytes)
            if token.isWord("loop", in: bytes) { loopDepth += isEnd ? -1 : 1 }
            if canBegin, token.isWord("commit", in: bytes) {
                commits = true
                parts.append(.commit)
            }
            if canBegin, token.isWord("execute", in: bytes) { addExecute(tokens, index) }
            if canBegin, token.isWord("perform", in: bytes) { addPerform(tokens, index) }
            canBegin =
                token.isSymbol(";", in: bytes)
                || ["begin", "then", "else", "loop"].contains { token.isWord($0, in: bytes) }
            index += 1
        }
    }

    /// The index of the `;` of the statement that begins here; nil where none of ours does.
    private func statementEnd(_ tokens: [FileToken], from index: Int) -> Int? {
        let beginnings: [StaticString] = [
            "alter", "create", "drop", "update", "delete", "insert", "truncate", "reindex",
            "cluster", "merge", "with", "refresh", "lock", "vacuum", "set",
        ]
        guard beginnings.contains(where: { tokens[index].isWord($0, in: bytes) }) else {
            return nil
        }
        return tokens[index...].firstIndex { $0.isSymbol(";", in: bytes) } ?? tokens.count
    }

    private mutating func add(_ tokens: [FileToken]) {
        parts.append(.statement(StatementText(tokens: tokens), isInLoop: loopDepth > 0))
    }

    /// PERFORM of a function that is not the server's own: what that locks is not known.
    private mutating func addPerform(_ tokens: [FileToken], _ index: Int) {
        let end = tokens[index...].firstIndex { $0.isSymbol(";", in: bytes) } ?? tokens.count
        let calls = (index + 1..<end).filter {
            $0 + 1 < end && tokens[$0].kind == .word && tokens[$0 + 1].isSymbol("(", in: bytes)
        }
        let own: Set<String> = ["set_config", "setval", "nextval", "count", "exists", "coalesce"]
        let unknown = calls.map {
            String(decoding: bytes[tokens[$0].start..<tokens[$0].end], as: UTF8.self).lowercased()
        }.first {
            !$0.hasPrefix("pg_") && !own.contains($0)
                && !["in", "values", "and", "or", "not"].contains($0)
        }
        guard let unknown else { return }
        parts.append(
            .unreadable(
                tokens[index].start, "PERFORM calls \(unknown), and what that locks is not known"))
    }

    private mutating func addExecute(_ tokens: [FileToken], _ index: Int) {
        guard index + 1 < tokens.count else { return }
        let literal = tokens[index + 1]
        let isWhole = index + 2 >= tokens.count || tokens[index + 2].isSymbol(";", in: bytes)
        let hasDoubledQuote =
            literal.kind == .string && bytes[(literal.start + 1)..<(literal.end - 1)].contains(0x27)
        guard isWhole, literal.kind == .dollarString || literal.kind == .string, !hasDoubledQuote
        else {
            parts.append(
                .unreadable(
                    tokens[index].start, "EXECUTE runs a statement that is put together only then"))
            return
        }
        let quote = Self.quoteLength(bytes, literal)
        let inner = StatementSplitter(
            bytes, from: literal.start + quote, to: literal.end - quote)
        for statement in inner.statements {
            parts.append(.statement(statement, isInLoop: loopDepth > 0))
        }
    }
}
