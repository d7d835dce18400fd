/// A name as PostgreSQL stores it: one table, column, index, role…, taken literally.
///
/// `quoted` is the only way from a name into a statement, so a name can hold anything that
/// PostgreSQL allows (mixed case, spaces, quotes, reserved words) and never turns into syntax.
public struct Identifier: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let name: String

    public init(_ name: String) { self.name = name }

    /// PostgreSQL's limit on a stored name, in bytes of UTF-8 (NAMEDATALEN - 1).
    public static let maximumBytes = 63

    /// Whether PostgreSQL stores the name as it is. It truncates longer ones silently.
    public var isWithinLimit: Bool {
        !name.isEmpty && name.utf8.count <= Self.maximumBytes && !name.utf8.contains(0)
    }

    /// The name as it stands in a statement, quoted only where PostgreSQL's `quote_ident` would.
    public var quoted: String { isPlain ? name : alwaysQuoted }

    /// The name in quotes whatever it is: for PL/pgSQL, whose own keywords (`if`, `loop`, `begin`)
    /// are plain words to SQL.
    public var alwaysQuoted: String {
        // By scalars: a quote with a combining mark behind it is another Character than a quote.
        var quoted = "\""
        for scalar in name.unicodeScalars {
            if scalar == "\"" { quoted.unicodeScalars.append(scalar) }
            quoted.unicodeScalars.append(scalar)
        }
        quoted.unicodeScalars.append("\"")
        return quoted
    }

    private var isPlain: Bool {
        guard let first = name.utf8.first,
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first) || first == UInt8(ascii: "_")
        else { return false }
        let rest = name.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "_")
        }
        return rest && !Keywords.needingQuotes.contains(name)
    }

    public var description: String { quoted }

    public static func < (left: Identifier, right: Identifier) -> Bool { left.name < right.name }
}

extension Identifier: Codable {
    public init(from decoder: any Decoder) throws {
        name = try decoder.singleValueContainer().decode(String.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}

/// A table, view, index or function with its schema. Two of them order by schema, then name:
/// the global order in which locks on several tables are asked for.
public struct QualifiedName: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    public let schema: Identifier
    public let name: Identifier

    public init(schema: Identifier, name: Identifier) {
        self.schema = schema
        self.name = name
    }

    public init(_ schema: String, _ name: String) {
        self.init(schema: Identifier(schema), name: Identifier(name))
    }

    public var quoted: String { schema.quoted + "." + name.quoted }
    public var description: String { quoted }

    public static func < (left: QualifiedName, right: QualifiedName) -> Bool {
        (left.schema, left.name) < (right.schema, right.name)
    }
}
