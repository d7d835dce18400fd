/// The text of a statement, or of a part of one.
///
/// It is built by interpolation, and only names, numbers, other SQL and quoted literals can be
/// interpolated: a plain `String` does not compile into a statement. Text that a person wrote (an
/// expression of the spec) goes in as `SQL(writtenByUser:)`, so that every such place can be found.
public struct SQL: Hashable, Sendable, CustomStringConvertible {
    public let text: String

    /// SQL from outside the program: the user's own expression or statement, or a definition that
    /// the catalogue printed (`pg_get_indexdef`).
    public init(writtenByUser text: String) { self.text = text }

    public var description: String { text }

    /// The comment that stands behind each statement of the program's own sessions.
    public static let ours: SQL = "/* lockkeeper */"

    /// A body to the letter between two tags (`$lk$…$lk$`) of which it does not hold the beginning.
    public static func dollarQuoted(_ body: SQL, tag: String = "lk") -> SQL {
        // By bytes, as the server looks for the end: a tag with a combining mark behind it is no
        // part of a String any more.
        let bytes = Array(body.text.utf8)
        var free = "$" + tag
        var number = 0
        while bytes.contains(Array(free.utf8)) {
            number += 1
            free = "$\(tag)\(number)"
        }
        return SQL(writtenByUser: free + "$" + body.text + free + "$")
    }

    /// An anonymous block of PL/pgSQL: `DO $lockkeeper$…$lockkeeper$`.
    public static func block(_ body: SQL) -> SQL {
        "DO \(dollarQuoted(" \(body) ", tag: "lockkeeper"))"
    }

    /// Text that may stand between `/*` and `*/`.
    public static func inComment(_ text: String) -> SQL {
        var shown = ""
        for scalar in text.unicodeScalars {
            // Neither its end nor the beginning of another in it.
            if let last = shown.unicodeScalars.last,
                last == "*" && scalar == "/" || last == "/" && scalar == "*"
            {
                shown += " "
            }
            shown.unicodeScalars.append(scalar)
        }
        return SQL(writtenByUser: shown)
    }

    /// `'…'`, with quotes doubled, and `E'…'` where there is a backslash, as `quote_literal` has it.
    public static func literal(_ value: String) -> SQL {
        var escaped = ""
        var hasBackslash = false
        for scalar in value.unicodeScalars where scalar != "\0" {
            if scalar == "'" {
                escaped += "''"
            } else if scalar == "\\" {
                escaped += "\\\\"
                hasBackslash = true
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return SQL(writtenByUser: (hasBackslash ? "E'" : "'") + escaped + "'")
    }
}

extension SQL: ExpressibleByStringInterpolation {
    public init(stringLiteral value: String) { text = value }
    public init(stringInterpolation interpolation: Interpolation) { text = interpolation.text }

    public struct Interpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        public init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + interpolationCount * 12)
        }

        public mutating func appendLiteral(_ literal: String) { text += literal }
        public mutating func appendInterpolation(_ name: Identifier) { text += name.quoted }
        public mutating func appendInterpolation(_ name: QualifiedName) { text += name.quoted }
        public mutating func appendInterpolation(_ sql: SQL) { text += sql.text }
        public mutating func appendInterpolation(_ number: some BinaryInteger) {
            text += String(number)
        }
        public mutating func appendInterpolation(literal value: String) {
            text += SQL.literal(value).text
        }
        public mutating func appendInterpolation(names: [Identifier]) {
            text += names.map(\.quoted).joined(separator: ", ")
        }
    }
}

extension SQL: Codable {
    public init(from decoder: any Decoder) throws {
        text = try decoder.singleValueContainer().decode(String.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

extension Sequence<SQL> {
    public func joined(separator: String) -> SQL {
        SQL(writtenByUser: map(\.text).joined(separator: separator))
    }
}
