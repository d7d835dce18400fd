/// Text in pieces of one style each. It may hold anything; it is made safe where it is drawn.
struct StyledText: Sendable, Equatable, ExpressibleByStringLiteral {
    struct Span: Sendable, Equatable {
        var text: String
        var style: Style
    }

    var spans: [Span]

    init() { spans = [] }

    init(_ text: String, _ role: Role = .text, bold: Bool = false) {
        spans = [Span(text: text, style: Style(role, bold: bold))]
    }

    init(stringLiteral value: String) { self.init(value) }

    var text: String { spans.map(\.text).joined() }
    var width: Int { spans.reduce(0) { $0 + DisplayText.width($1.text) } }
    var isEmpty: Bool { spans.allSatisfy(\.text.isEmpty) }

    static func + (left: StyledText, right: StyledText) -> StyledText {
        var both = left
        both.spans += right.spans
        return both
    }

    static func += (left: inout StyledText, right: StyledText) { left.spans += right.spans }

    mutating func add(_ text: String, _ role: Role = .text, bold: Bool = false) {
        spans.append(Span(text: text, style: Style(role, bold: bold)))
    }
}

extension Sequence<StyledText> {
    /// Joined by ` · `; empty ones are left out.
    func dotted(_ separator: String = " · ") -> StyledText {
        var result = StyledText()
        for item in self where !item.isEmpty {
            if !result.isEmpty { result.add(separator, .muted) }
            result += item
        }
        return result
    }
}
