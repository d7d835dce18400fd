/// From a statement's text to its tree, with the places that the tree leaves out.
enum StatementParser {
    enum Outcome {
        case statement(kind: String, node: ParseNode)
        /// The parser's words, and the byte offset in the file.
        case error(String, offset: Int)
    }

    static func parse(_ bytes: [UInt8], _ text: StatementText) -> Outcome {
        let slice = bytes[text.start..<text.end]
        do {
            return try outcome(String(decoding: slice, as: UTF8.self), text)
        } catch {
            // psql's variables are replaced before the server sees the statement.
            if let replaced = withoutVariables(bytes, text),
                let outcome = try? outcome(String(decoding: replaced, as: UTF8.self), text)
            {
                return outcome
            }
            guard let error = error as? SyntaxError else {
                return .error("\(error)", offset: text.start)
            }
            if let last = text.tokens.last, last.kind == .unterminated {
                return .error("a quote or comment begins here and never ends", offset: last.start)
            }
            return .error(error.message, offset: place(error, slice))
        }
    }

    private static func outcome(_ words: String, _ text: StatementText) throws -> Outcome {
        guard let statement = try ParseTree(words).statements.first else {
            return .error("there is no statement", offset: text.start)
        }
        return .statement(kind: statement.kind, node: statement.node)
    }

    /// The parser counts characters.
    private static func place(_ error: SyntaxError, _ slice: ArraySlice<UInt8>) -> Int {
        guard var characters = error.position.map({ $0 - 1 }) else { return slice.startIndex }
        var offset = slice.startIndex
        while characters > 0, offset < slice.endIndex - 1 {
            offset += 1
            if slice[offset] & 0xc0 != 0x80 { characters -= 1 }
        }
        return offset
    }

    /// With `:name`, `:'name'` and `:"name"` turned into something of the same length that parses;
    /// nil where there is none.
    private static func withoutVariables(_ bytes: [UInt8], _ text: StatementText) -> [UInt8]? {
        var replaced = Array(bytes[text.start..<text.end])
        var isChanged = false
        for (colon, name) in zip(text.tokens, text.tokens.dropFirst())
        where colon.isSymbol(":", in: bytes) && name.start == colon.end {
            let isCast = colon.start > 0 && bytes[colon.start - 1] == UInt8(ascii: ":")
            guard !isCast, [.word, .quotedName, .string].contains(name.kind) else { continue }
            replaced[colon.start - text.start] = UInt8(ascii: " ")
            isChanged = true
        }
        return isChanged ? replaced : nil
    }

    // MARK: ALTER TABLE

    /// The subcommands, each with the place where it begins: the tree has none for most of them.
    static func alterations(
        _ bytes: [UInt8], _ text: StatementText, _ kind: String, _ node: ParseNode
    ) -> [ScriptStatement.Alteration] {
        guard kind == "AlterTableStmt", node["objtype"].text == "OBJECT_TABLE",
            let table = RelationName(node["relation"])
        else { return [] }
        let places = subcommandPlaces(bytes, text.tokens)
        return node["cmds"].items.enumerated().map { number, entry in
            let command = entry.cast("AlterTableCmd")
            return ScriptStatement.Alteration(
                table: table,
                subtype: (command["subtype"].text ?? "").replacing("AT_", with: ""), node: command,
                offset: number < places.count ? places[number] : text.start)
        }
    }

    private static func subcommandPlaces(_ bytes: [UInt8], _ tokens: [FileToken]) -> [Int] {
        var index = 2
        func isWord(_ word: StaticString) -> Bool {
            tokens.indices.contains(index) && tokens[index].isWord(word, in: bytes)
        }
        func isSymbol(_ symbol: Unicode.Scalar) -> Bool {
            tokens.indices.contains(index) && tokens[index].isSymbol(symbol, in: bytes)
        }
        if isWord("foreign") || isWord("table") { index += 1 }
        if isWord("if") { index += 2 }
        if isWord("only") { index += 1 }
        index += 1
        while isSymbol(".") { index += 2 }
        if isSymbol("*") { index += 1 }
        guard tokens.indices.contains(index) else { return [] }
        var places = [tokens[index].start]
        var depth = 0
        while index < tokens.count {
            if isSymbol("(") || isSymbol("[") { depth += 1 }
            if isSymbol(")") || isSymbol("]") { depth -= 1 }
            if depth == 0, isSymbol(","), index + 1 < tokens.count {
                places.append(tokens[index + 1].start)
            }
            index += 1
        }
        return places
    }
}
