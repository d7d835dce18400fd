/// Text that a person wrote and that statements put into parentheses: it must neither close them
/// nor, by a comment at its end, keep them open.
enum Enclosure {
    /// Throws `SyntaxError` for text that could leave its parentheses, or that is empty.
    static func check(_ text: String) throws {
        let tokens = try Tokens(text)
        guard !tokens.significant.isEmpty else {
            throw SyntaxError(message: "it is empty", position: nil)
        }
        var depth = 0
        for token in tokens.significant {
            if token.isPunctuation("(") { depth += 1 }
            if token.isPunctuation(")") { depth -= 1 }
            if depth < 0 || token.isPunctuation(";") {
                let before = String(decoding: tokens.bytes[..<token.start], as: UTF8.self)
                throw SyntaxError(
                    message: "syntax error at or near \"\(token.text)\"",
                    position: before.count + 1)
            }
        }
        guard depth == 0 else {
            throw SyntaxError(message: "a parenthesis is not closed", position: nil)
        }
        if tokens.all.last?.kind == .lineComment {
            throw SyntaxError(
                message: "it ends in a -- comment; write /* … */ instead", position: nil)
        }
    }
}

/// The text of a type, as a spec writes it.
public enum TypeText {
    /// Whether it is one type and nothing else, so that it can stand in a cast. Throws `SyntaxError`
    /// where it is not. Whether the type exists, the server knows.
    public static func check(_ text: String) throws {
        try Enclosure.check(text)
        let prefix = "SELECT (NULL::"
        let tree: ParseTree
        do {
            tree = try ParseTree(prefix + text + ")")
        } catch let error as SyntaxError {
            throw error.moved(by: -prefix.count, within: text.count)
        }
        let targets = tree.statements.first?.node["targetList"].items ?? []
        let cast = targets.first?.cast("ResTarget")["val"].cast("TypeCast") ?? .null
        guard tree.statements.count == 1, targets.count == 1,
            cast["arg"].cast("A_Const")["isnull"].isTrue, !cast["typeName"]["setof"].isTrue
        else { throw SyntaxError(message: "it is not the name of one type", position: nil) }
    }
}
