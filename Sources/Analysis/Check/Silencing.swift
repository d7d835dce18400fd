/// The comments `-- lockkeeper: allow RULE, why` of one text, and what they silence.
///
/// Behind a statement, or on any of its lines, a comment silences the findings of its own line and
/// those of a statement that ends there; alone on a line, those of the next line, of the whole
/// statement if one begins there. Without a reason it silences nothing.
struct Silencing {
    private struct Comment {
        let offset: Int
        let rule: String
        let hasReason: Bool
        let lines: ClosedRange<Int>
        var isUsed = false
    }

    private var comments: [Comment] = []
    private let script: Script
    private let source: Int

    init(_ script: Script, source: Int) {
        self.script = script
        self.source = source
        let text = script.sources[source]
        // Statements of one text are in order, those of a DO block inside it.
        let statements =
            text.comments.isEmpty
            ? []
            : script.statements.filter {
                $0.source == source && !$0.context.isInBlock
            }
        for token in text.comments {
            guard let (rule, hasReason) = Self.read(text.bytes[token.start..<token.end]) else {
                continue
            }
            comments.append(
                Comment(
                    offset: token.start, rule: rule, hasReason: hasReason,
                    lines: Self.lines(token, text, statements)))
        }
    }

    /// `allow RULE, why` behind `lockkeeper:`; nil for any other comment.
    private static func read(_ bytes: ArraySlice<UInt8>) -> (rule: String, hasReason: Bool)? {
        var text = String(decoding: bytes, as: UTF8.self)[...]
        if text.hasPrefix("/*"), text.hasSuffix("*/") { text = text.dropFirst(2).dropLast(2) }
        let words = text.drop { $0 == "-" || $0.isWhitespace }
        guard words.hasPrefix("lockkeeper:") else { return nil }
        let order = words.dropFirst("lockkeeper:".count).drop(while: \.isWhitespace)
        guard order.hasPrefix("allow") else { return ("", false) }
        let rest = order.dropFirst("allow".count).drop(while: \.isWhitespace)
        let rule = rest.prefix { $0 != "," && !$0.isWhitespace }
        let reason = rest.dropFirst(rule.count).drop { $0 == "," || $0.isWhitespace }
        return (String(rule), reason.contains { $0.isLetter })
    }

    private static func lines(
        _ comment: FileToken, _ text: Script.Source, _ statements: [ScriptStatement]
    ) -> ClosedRange<Int> {
        let line = text.lines.line(at: comment.start)
        let isAlone = text.bytes[text.lines.start(ofLine: line)..<comment.start]
            .allSatisfy(SQLLexer.isSpace)
        if !isAlone {
            let ending = statements.last { text.lines.line(at: $0.end - 1) == line }
            return (ending.map { text.lines.line(at: $0.start) } ?? line)...line
        }
        var next = line + 1
        while text.lines.start(ofLine: next) < text.bytes.count,
            Self.isBlankOrComment(next, text)
        { next += 1 }
        let beginning = statements.first { text.lines.line(at: $0.start) == next }
        return next...(beginning.map { max(next, text.lines.line(at: $0.end - 1)) } ?? next)
    }

    private static func isBlankOrComment(_ line: Int, _ text: Script.Source) -> Bool {
        let rest = text.bytes[
            text.lines.start(ofLine: line)..<text.lines.start(ofLine: line + 1)
        ].drop(while: SQLLexer.isSpace)
        return rest.isEmpty || rest.starts(with: "--".utf8)
    }

    mutating func silences(_ finding: Finding) -> Bool {
        guard finding.source == source, !comments.isEmpty else { return false }
        let line = script.sources[source].lines.line(at: finding.offset)
        var isSilenced = false
        for index in comments.indices
        where comments[index].rule == finding.rule && comments[index].lines.contains(line) {
            comments[index].isUsed = true
            if comments[index].hasReason { isSilenced = true }
        }
        return isSilenced
    }

    /// What is wrong with the comments themselves, once every finding has been shown to them.
    var complaints: [Finding] {
        let ids = RuleRegistry.all.map { $0.id }
        return comments.compactMap { comment in
            let message: String
            if !ids.contains(comment.rule) {
                message =
                    comment.rule.isEmpty
                    ? "It says no rule." : "There is no rule \"\(comment.rule)\"."
            } else if !comment.hasReason {
                message = "It gives no reason, so it silences nothing."
            } else if !comment.isUsed {
                message = "\(comment.rule) finds nothing here; it can go."
            } else {
                return nil
            }
            return Finding(
                rule: SilencingRule.id, severity: SilencingRule.severity, source: source,
                offset: comment.offset, message: message, lock: nil,
                safeWay: "-- lockkeeper: allow RULE, why")
        }
    }
}
