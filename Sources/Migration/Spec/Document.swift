import Foundation
import Yams

/// YAML's part of reading a spec, an operator's configuration or a theme: one document, its errors with
/// their place.
package enum Document {
    static func read(_ text: String, file: String) throws(SpecError) -> Value {
        guard let value = try readIfAny(text, file: file) else {
            throw SpecError(
                file: file, mark: SourceMark(line: 1, column: 1),
                message: "this file is empty; \"lockkeeper init\" prints a spec to start from")
        }
        return value
    }

    /// Nil where there is nothing but comments.
    package static func readIfAny(_ text: String, file: String) throws(SpecError) -> Value? {
        try compose(text, file: file).map { node throws(SpecError) in
            var seen: Set<Value.Place> = []
            return try Value(node, file: file, seen: &seen)
        }
    }

    /// As the library has it; nil where there is nothing but comments.
    package static func compose(_ text: String, file: String) throws(SpecError) -> Node? {
        guard !text.utf8.contains(0) else {
            throw SpecError(
                file: file, mark: SourceMark(line: 1, column: 1),
                message: "this file holds a NUL byte, so it is no text; give a YAML file")
        }
        guard !AliasKeys.mayStand(in: text) else {
            throw SpecError(
                file: file, mark: SourceMark(line: 1, column: 1),
                message: "a key here is a list, a mapping or an alias; a key must be a word, and a "
                    + "value is written out instead of an alias")
        }
        do {
            // Yams hands libYAML a pointer into the string's own storage, which a string of up to 15
            // bytes doesn't have; trailing line ends move nothing.
            return try Yams.compose(yaml: text + String(repeating: "\n", count: 16))
        } catch {
            let found = specError(error, file: file)
            throw SpecError(
                file: file, mark: within(text, found.mark), message: found.message,
                suggestion: found.suggestion)
        }
    }

    private static func specError(_ error: any Error, file: String) -> SpecError {
        let start = SourceMark(line: 1, column: 1)
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _),
            .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            if problem.contains("another document") {
                return SpecError(
                    file: file, mark: SourceMark(mark),
                    message: "a second document begins here; put each migration into its own file")
            }
            let whole = [context?.text, problem].compactMap { $0 }.joined(separator: ", ")
            return SpecError(
                file: file, mark: SourceMark(mark),
                message: "this is no valid YAML (\(whole)); correct it here or just before",
                suggestion: problem.contains("cannot start any token")
                    || problem.contains("tab character")
                    ? "indent with spaces, and quote text that begins with % @ ` or a tab" : nil)
        case .duplicatedKeysInMapping(let duplicates, let context):
            return SpecError(
                file: file, mark: SourceMark(context.mark),
                message:
                    "\(Quoted.key(duplicates.first ?? "")) stands twice in one mapping; keep one")
        case .reader(let problem, let offset, _, let yaml):
            return SpecError(
                file: file, mark: mark(at: offset ?? 0, in: yaml),
                message: "this is no valid YAML (\(problem)); save the file as UTF-8 text")
        default:
            return SpecError(
                file: file, mark: start, message: "this is no valid YAML (\(error)); correct it")
        }
    }

    /// What is missing at the end is missing behind the last thing that is there.
    private static func within(_ text: String, _ mark: SourceMark) -> SourceMark {
        let lines = text.trimmed.split(separator: "\n", omittingEmptySubsequences: false)
        guard mark.line > lines.count, let last = lines.last else { return mark }
        return SourceMark(line: lines.count, column: last.unicodeScalars.count + 1)
    }

    private static func mark(at offset: Int, in text: String) -> SourceMark {
        let before = text.utf8.prefix(offset)
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let column = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count + 1
        return SourceMark(line: line, column: column)
    }
}

extension Value {
    /// Text that is the same for two values exactly when they say the same: keys sorted, no
    /// comments, no styles.
    var canonical: String {
        switch content {
        case .null: "null"
        case .scalar(let text, _): Self.quoted(text)
        case .list(let values): "[" + values.map(\.canonical).joined(separator: ",") + "]"
        case .mapping(let entries):
            "{"
                + entries.sorted { $0.key < $1.key }
                .map { "\(Self.quoted($0.key)):\($0.value.canonical)" }.joined(separator: ",") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        let escaped = text.map { letter -> String in
            switch letter {
            case "\"": "\\\""
            case "\\": "\\\\"
            case "\n": "\\n"
            default: String(letter)
            }
        }
        return "\"" + escaped.joined() + "\""
    }
}
