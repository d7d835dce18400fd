import Yams

/// One value of a spec file with its place, read by type. Every error names file, line and column.
package struct Value: Sendable {
    // Yams' Node holds its anchor by a weak reference, so it can't be `Sendable`; this copy of what
    // the spec needs can.
    package indirect enum Content: Sendable, Equatable {
        case null
        /// `isPlain`: written without quotes, so that `null`, `yes` and numbers mean themselves.
        case scalar(String, isPlain: Bool)
        case list([Value])
        case mapping([Entry])
    }

    package struct Entry: Sendable, Equatable {
        package let key: String
        package let keyMark: SourceMark
        package let value: Value
    }

    package let content: Content
    let mark: SourceMark
    let file: String

    /// Where a list or a mapping begins. The library puts what an alias stands for in the alias's
    /// place, with the mark of where it is written: met again, it is an alias.
    struct Place: Hashable {
        let isList: Bool
        let mark: SourceMark
    }

    /// - Parameter seen: the lists and mappings met so far. Aliases of them are refused: each within
    ///   the next, a few lines could stand for more than fits into any memory.
    init(_ node: Node, file: String, seen: inout Set<Place>) throws(SpecError) {
        self.file = file
        mark = SourceMark(node.mark)
        if node.scalar == nil,
            !seen.insert(Place(isList: node.sequence != nil, mark: mark)).inserted
        {
            throw SpecError(
                file: file, mark: mark, message: "write this out again instead of an alias for it")
        }
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain
            let isNull = isPlain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
            content = isNull ? .null : .scalar(scalar.string, isPlain: isPlain)
        case .sequence(let sequence):
            var values: [Value] = []
            for item in sequence { values.append(try Value(item, file: file, seen: &seen)) }
            content = .list(values)
        case .mapping(let mapping):
            var entries: [Entry] = []
            for (key, value) in mapping {
                guard case .scalar(let name) = key else {
                    throw SpecError(
                        file: file, mark: SourceMark(key.mark),
                        message: "a key must be a word; write this as KEY: VALUE")
                }
                entries.append(
                    Entry(
                        key: name.string, keyMark: SourceMark(name.mark),
                        value: try Value(value, file: file, seen: &seen)))
            }
            content = .mapping(entries)
        case .alias:
            throw SpecError(
                file: file, mark: mark, message: "write the value out instead of this alias")
        }
    }

    /// A scalar from elsewhere than a file: the command line.
    package init(scalar text: String, file: String) {
        content = text == "null" ? .null : .scalar(text, isPlain: true)
        mark = SourceMark(line: 1, column: 1)
        self.file = file
    }

    package func error(_ message: String, suggestion: String? = nil) -> SpecError {
        SpecError(file: file, mark: mark, message: message, suggestion: suggestion)
    }

    var isNull: Bool { content == .null }

    package func string(_ what: String) throws(SpecError) -> String {
        switch content {
        case .scalar(let text, _): return text
        case .null: throw error("\(what) is empty; give it a value or leave the key out")
        case .list: throw error("\(what) must be one value, not a list")
        case .mapping: throw error("\(what) must be one value, not keys with values")
        }
    }

    package func list(_ what: String) throws(SpecError) -> [Value] {
        guard case .list(let values) = content else {
            throw error("\(what) must be a list; write each entry on a line after \"- \"")
        }
        return values
    }

    package func boolean(_ what: String) throws(SpecError) -> Bool {
        switch try string(what) {
        case "true": return true
        case "false": return false
        case let other:
            throw error("\(what) must be true or false, not \"\(other)\"")
        }
    }

    func integer(_ what: String, in range: ClosedRange<Int>) throws(SpecError) -> Int {
        let text = try string(what)
        guard let number = Int(text), range.contains(number) else {
            throw error(
                "\(what) must be a whole number from \(range.lowerBound) to \(range.upperBound), not \"\(text)\""
            )
        }
        return number
    }

    /// One of an enumeration's words.
    package func choice<Choice: RawRepresentable & CaseIterable>(
        _ what: String, _: Choice.Type
    ) throws(SpecError) -> Choice where Choice.RawValue == String {
        let text = try string(what)
        guard let choice = Choice(rawValue: text) else {
            let words = Choice.allCases.map(\.rawValue)
            throw error(
                "\(what) must be one of \(words.joined(separator: ", ")), not \"\(text)\"",
                suggestion: Suggestion.didYouMean(text, among: words))
        }
        return choice
    }
}

// Equal by what they say, wherever it stands.
extension Value: Equatable {
    package static func == (left: Value, right: Value) -> Bool { left.content == right.content }
}

extension SourceMark {
    init(_ mark: Mark?) { self.init(line: mark?.line ?? 1, column: mark?.column ?? 1) }
}

/// The keys and values of one mapping of a spec file, where a key that is not known is an error.
public struct Fields: Sendable {
    package let entries: [Value.Entry]
    /// Where the mapping's own key stands, for what is missing in it.
    let mark: SourceMark
    let file: String
    /// What this mapping is, for messages: `replace_column`, `settings.backfill`.
    let what: String

    package init(
        _ value: Value, what: String, mark: SourceMark? = nil, known: [String]
    ) throws(SpecError) {
        guard case .mapping(let entries) = value.content else {
            throw value.error(
                "\(what) must have keys with values: \(known.joined(separator: ", "))")
        }
        self.entries = entries
        self.mark = mark ?? value.mark
        self.what = what
        file = value.file
        for entry in entries where !known.contains(entry.key) {
            throw SpecError(
                file: file, mark: entry.keyMark,
                message: "\(what) has no key \(Quoted.key(entry.key))",
                suggestion: Suggestion.didYouMean(entry.key, among: known)
                    ?? "it knows \(known.joined(separator: ", "))")
        }
    }

    package subscript(key: String) -> Value? { entries.first { $0.key == key }?.value }

    func has(_ key: String) -> Bool { self[key] != nil }

    func mark(_ key: String) -> SourceMark { self[key]?.mark ?? mark }

    func required(_ key: String) throws(SpecError) -> Value {
        guard let value = self[key] else {
            throw SpecError(
                file: file, mark: mark, message: "\(what) needs \"\(key)\"; add it here")
        }
        return value
    }

    package func string(_ key: String) throws(SpecError) -> String {
        let value = try required(key)
        let text = try value.string("\"\(key)\"")
        guard !text.isEmpty else { throw value.error("\"\(key)\" is empty; give it a value") }
        return text
    }

    package func optionalString(_ key: String) throws(SpecError) -> String? {
        has(key) ? try string(key) : nil
    }

    func boolean(_ key: String, default fallback: Bool) throws(SpecError) -> Bool {
        try self[key]?.boolean("\"\(key)\"") ?? fallback
    }

    package func optionalBoolean(_ key: String) throws(SpecError) -> Bool? {
        try self[key]?.boolean("\"\(key)\"")
    }

    package func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, _ type: Choice.Type
    ) throws(SpecError) -> Choice? where Choice.RawValue == String {
        try self[key]?.choice("\"\(key)\"", type)
    }
}
