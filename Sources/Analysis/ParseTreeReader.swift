/// Reads the JSON that libpg_query prints. A file to judge has thousands of statements, and
/// `JSONDecoder` spends ten times as long on each; this knows only what that printer writes.
struct ParseTreeReader {
    /// What stops the reading; the parser's own output has none of it but great depth.
    struct Malformed: Error {}

    /// Deeper trees would overflow the stack of a thread that is not the main one.
    private static let maximumDepth = 500

    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var depth = 0

    static func read(_ bytes: UnsafeBufferPointer<UInt8>) throws(Malformed) -> ParseNode {
        var reader = ParseTreeReader(bytes: bytes)
        return try reader.value()
    }

    private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    private var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

    private mutating func take(_ byte: UInt8) throws(Malformed) {
        guard next == byte else { throw Malformed() }
        position += 1
    }

    private mutating func value() throws(Malformed) -> ParseNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else { throw Malformed() }
        switch next {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object() throws(Malformed) -> ParseNode {
        var fields: [String: ParseNode] = [:]
        try take(UInt8(ascii: "{"))
        if next == UInt8(ascii: "}") {
            position += 1
            return .object(fields)
        }
        while true {
            let key = try string()
            try take(UInt8(ascii: ":"))
            fields[key] = try value()
            if next == UInt8(ascii: "}") {
                position += 1
                return .object(fields)
            }
            try take(UInt8(ascii: ","))
        }
    }

    private mutating func array() throws(Malformed) -> ParseNode {
        var items: [ParseNode] = []
        try take(UInt8(ascii: "["))
        if next == UInt8(ascii: "]") {
            position += 1
            return .array(items)
        }
        while true {
            items.append(try value())
            if next == UInt8(ascii: "]") {
                position += 1
                return .array(items)
            }
            try take(UInt8(ascii: ","))
        }
    }

    private mutating func word(_ word: StaticString, _ node: ParseNode) throws(Malformed)
        -> ParseNode
    {
        position += word.utf8CodeUnitCount
        guard position <= bytes.count else { throw Malformed() }
        return node
    }

    private mutating func number() throws(Malformed) -> ParseNode {
        var isNegative = false
        if next == UInt8(ascii: "-") {
            isNegative = true
            position += 1
        }
        let start = position
        var number = 0
        while next >= UInt8(ascii: "0"), next <= UInt8(ascii: "9"), position - start < 18 {
            number = number * 10 + Int(next - UInt8(ascii: "0"))
            position += 1
        }
        guard position > start else { throw Malformed() }
        return .integer(isNegative ? -number : number)
    }

    private mutating func string() throws(Malformed) -> String {
        try take(UInt8(ascii: "\""))
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "\""),
            bytes[position] != UInt8(ascii: "\\")
        { position += 1 }
        if next == UInt8(ascii: "\"") {
            defer { position += 1 }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }
        return try escapedString(from: start)
    }

    private mutating func escapedString(from start: Int) throws(Malformed) -> String {
        var text = Array(bytes[start..<position])
        while next != UInt8(ascii: "\"") {
            guard position < bytes.count else { throw Malformed() }
            let byte = bytes[position]
            position += 1
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            let escape = next
            position += 1
            switch escape {
            case UInt8(ascii: "n"): text.append(UInt8(ascii: "\n"))
            case UInt8(ascii: "t"): text.append(UInt8(ascii: "\t"))
            case UInt8(ascii: "r"): text.append(UInt8(ascii: "\r"))
            case UInt8(ascii: "b"): text.append(8)
            case UInt8(ascii: "f"): text.append(12)
            case UInt8(ascii: "u"): try text.append(contentsOf: unicodeEscape())
            default: text.append(escape)
            }
        }
        position += 1
        return String(decoding: text, as: UTF8.self)
    }

    /// The printer escapes single bytes only: control characters, `<` and `>`.
    private mutating func unicodeEscape() throws(Malformed) -> [UInt8] {
        guard position + 4 <= bytes.count,
            let code = UInt32(
                String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16),
            let scalar = Unicode.Scalar(code)
        else { throw Malformed() }
        position += 4
        return Array(String(Character(scalar)).utf8)
    }
}
