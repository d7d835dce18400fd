import SQLText

/// A table as a spec names it: `orders`, `shop.orders`, `Order Items`, `"a.b"`.
///
/// Taken literally, not folded to lower case. Split once at the first dot outside double quotes;
/// a part in double quotes is what stands between them, with `""` for `"`.
public struct TableReference: Codable, Sendable, Hashable {
    /// As the spec has it: the key of `Facts.tables`.
    public let text: String
    /// Nil: the first schema of the search path that has such a table.
    public let schema: Identifier?
    public let name: Identifier

    public init(_ text: String) {
        self.text = text
        // By scalars: a quote or dot with a combining mark behind it is a Character of its own.
        let scalars = text.unicodeScalars
        var isQuoted = false
        var dot: String.Index?
        for index in scalars.indices {
            if scalars[index] == "\"" { isQuoted.toggle() }
            if scalars[index] == ".", !isQuoted {
                dot = index
                break
            }
        }
        if let dot, dot != scalars.startIndex, scalars.index(after: dot) != scalars.endIndex {
            schema = Self.unquoted(scalars[..<dot])
            name = Self.unquoted(scalars[scalars.index(after: dot)...])
        } else {
            schema = nil
            name = Self.unquoted(scalars[...])
        }
    }

    private static func unquoted(_ part: Substring.UnicodeScalarView) -> Identifier {
        guard part.count >= 2, part.first == "\"", part.last == "\"" else {
            return Identifier(String(part))
        }
        var name = ""
        var isFirstOfPair = false
        for scalar in part.dropFirst().dropLast() {
            isFirstOfPair = scalar == "\"" && !isFirstOfPair
            if scalar != "\"" || isFirstOfPair { name.unicodeScalars.append(scalar) }
        }
        return Identifier(name)
    }
}

extension Fields {
    /// A name that PostgreSQL can store: it would cut a longer one off without a word.
    func identifier(_ key: String) throws(SpecError) -> String {
        try Self.checked(required(key), "\"\(key)\"")
    }

    func optionalIdentifier(_ key: String) throws(SpecError) -> String? {
        has(key) ? try identifier(key) : nil
    }

    func table(_ key: String = "table") throws(SpecError) -> TableReference {
        let value = try required(key)
        let reference = TableReference(try string(key))
        for part in [reference.schema, reference.name].compactMap({ $0 })
        where !part.isWithinLimit {
            throw value.error(Self.tooLong("\"\(key)\"", part.name))
        }
        return reference
    }

    func identifiers(_ key: String) throws(SpecError) -> [String] {
        var names: [String] = []
        for value in try required(key).list("\"\(key)\"") {
            names.append(try Self.checked(value, "an entry of \"\(key)\""))
        }
        return names
    }

    static func checked(_ value: Value, _ what: String) throws(SpecError) -> String {
        let name = try value.string(what)
        guard !name.isEmpty else { throw value.error("\(what) is empty; give it a name") }
        guard Identifier(name).isWithinLimit else { throw value.error(tooLong(what, name)) }
        return name
    }

    private static func tooLong(_ what: String, _ name: String) -> String {
        "\(what) has \(name.utf8.count) bytes and PostgreSQL stores at most "
            + "\(Identifier.maximumBytes); shorten it"
    }

    /// SQL over one row, written by the user; what would change the statement around it is an error.
    func expression(_ key: String) throws(SpecError) -> String {
        let value = try required(key)
        let text = try string(key).trimmed
        if let problem = ExpressionText.problem(in: text) {
            throw value.error("\"\(key)\" \(problem)")
        }
        return text
    }

    func optionalExpression(_ key: String) throws(SpecError) -> String? {
        has(key) ? try expression(key) : nil
    }
}

extension String {
    /// Without blanks and line ends around it: a YAML block ends in one.
    var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}

extension QualifiedName {
    /// As a spec names it, whatever the names hold: the key of `Facts.tables`.
    var specText: String {
        let isPlain = [schema, name].allSatisfy { part in
            !part.name.unicodeScalars.contains { $0 == "." || $0 == "\"" }
        }
        return isPlain
            ? schema.name + "." + name.name : schema.alwaysQuoted + "." + name.alwaysQuoted
    }
}
