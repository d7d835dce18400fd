/// A place in a spec file, both from 1. The column counts Unicode scalars, as libYAML does.
public struct SourceMark: Codable, Sendable, Hashable {
    public let line: Int
    public let column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// What is wrong with a spec's text, where, and what to write instead. Exit code 64.
public struct SpecError: Error, Sendable, Equatable, CustomStringConvertible {
    public let file: String
    public let mark: SourceMark
    /// One sentence for the person who wrote the file; it says what to do.
    public let message: String
    /// `did you mean "column"?`; nil where nothing is near.
    public let suggestion: String?

    public init(file: String, mark: SourceMark, message: String, suggestion: String? = nil) {
        self.file = file
        self.mark = mark
        self.message = message
        self.suggestion = suggestion
    }

    public var description: String { "\(file):\(mark.line):\(mark.column): \(sentence)" }

    /// Without its place, for what was not read from a file.
    public var sentence: String { message + (suggestion.map { "; \($0)" } ?? "") }
}

/// Why a migration can't be planned against this server, and what to do instead. Exit code 4.
public struct Refusal: Sendable, Equatable, CustomStringConvertible {
    /// `missing-column`, `volatile-up`, …: stable, for scripts.
    public let rule: String
    public let message: String
    public let instead: String
    public let mark: SourceMark

    public init(rule: String, message: String, instead: String, mark: SourceMark) {
        self.rule = rule
        self.message = message
        self.instead = instead
        self.mark = mark
    }

    public var description: String {
        "\(mark.line):\(mark.column): \(message) [\(rule)]\n  \(instead)"
    }
}

/// Everything for which a spec is refused, in file order, so that one look shows all of it.
public struct Refusals: Error, Sendable, Equatable, CustomStringConvertible {
    public let file: String
    public let refusals: [Refusal]

    public init(file: String, refusals: [Refusal]) {
        self.file = file
        self.refusals = refusals
    }

    public var description: String {
        refusals.map { "\(file):\($0.description)" }.joined(separator: "\n")
    }
}
