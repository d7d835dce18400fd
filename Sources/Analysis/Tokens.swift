import CPgQuery
import Foundation

/// One token of PostgreSQL's scanner, with its place in the text.
struct Token: Equatable {
    enum Kind: Equatable {
        /// A name: quoted or not, a keyword included.
        case word
        /// One of `( ) [ ] , . ;`.
        case punctuation(Character)
        case lineComment, blockComment
        case other
    }

    let kind: Kind
    /// Byte offsets; `end` is the first byte behind it.
    let start: Int
    let end: Int
    let text: String

    /// The name that it stands for, as the catalogue has it; nil for what is no word.
    var name: String? {
        guard kind == .word else { return nil }
        guard text.hasPrefix("\""), text.hasSuffix("\""), text.count >= 2 else {
            return text.lowercased()
        }
        return text.dropFirst().dropLast().replacingOccurrences(of: "\"\"", with: "\"")
    }

    func isKeyword(_ word: String) -> Bool {
        kind == .word && text.uppercased() == word
    }

    func isPunctuation(_ character: Character) -> Bool { kind == .punctuation(character) }
}

/// The tokens of a text, from PostgreSQL's scanner.
struct Tokens {
    let bytes: [UInt8]
    /// Comments included.
    let all: [Token]

    /// Throws `SyntaxError` for an unterminated string, comment or quoted name.
    init(_ text: String) throws {
        guard !text.utf8.contains(0) else {
            throw SyntaxError(
                message: "a NUL character can't be part of a statement", position: nil)
        }
        let result = pg_query_scan(text)
        defer { pg_query_free_scan_result(result) }
        if let error = result.error { throw SyntaxError(error.pointee) }
        let message = UnsafeRawBufferPointer(start: result.pbuf.data, count: result.pbuf.len)
        let bytes = Array(text.utf8)
        self.bytes = bytes
        all = ScanMessage(bytes: Array(message)).tokens.compactMap { raw in
            guard 0 <= raw.start, raw.start < raw.end, raw.end <= bytes.count else { return nil }
            let text = String(decoding: bytes[raw.start..<raw.end], as: UTF8.self)
            return Token(
                kind: Self.kind(raw, text), start: raw.start, end: raw.end, text: text)
        }
    }

    /// Without comments.
    var significant: [Token] {
        all.filter { $0.kind != .lineComment && $0.kind != .blockComment }
    }

    private static func kind(_ raw: ScanMessage.RawToken, _ text: String) -> Token.Kind {
        switch raw.token {
        case 258, 259: return .word
        case 275: return .lineComment
        case 276: return .blockComment
        default:
            if raw.keywordKind != 0 { return .word }
            if text.count == 1, let character = text.first, "()[],.;".contains(character) {
                return .punctuation(character)
            }
            return .other
        }
    }
}

/// libpg_query's `ScanResult`, a protocol-buffer message of two small types (pg_query.proto): not
/// worth a dependency. Field numbers: tokens 2; of a token start 1, end 2, token 4, keyword 5.
private struct ScanMessage {
    struct RawToken {
        var start = 0
        var end = 0
        var token = 0
        var keywordKind = 0
    }

    private(set) var tokens: [RawToken] = []

    init(bytes: [UInt8]) {
        var position = 0
        while let (field, value) = Self.next(bytes, &position) {
            guard field == 2, case .message(let range) = value else { continue }
            tokens.append(Self.token(Array(bytes[range])))
        }
    }

    private enum Value {
        case number(Int)
        case message(Range<Int>)
    }

    private static func token(_ bytes: [UInt8]) -> RawToken {
        var token = RawToken()
        var position = 0
        while let (field, value) = next(bytes, &position) {
            guard case .number(let number) = value else { continue }
            switch field {
            case 1: token.start = number
            case 2: token.end = number
            case 4: token.token = number
            case 5: token.keywordKind = number
            default: break
            }
        }
        return token
    }

    private static func next(_ bytes: [UInt8], _ position: inout Int) -> (Int, Value)? {
        guard let key = varint(bytes, &position) else { return nil }
        switch key & 7 {
        case 0:
            return varint(bytes, &position).map { (key >> 3, .number($0)) }
        case 2:
            guard let length = varint(bytes, &position), length >= 0,
                position + length <= bytes.count
            else { return nil }
            defer { position += length }
            return (key >> 3, .message(position..<position + length))
        default:
            return nil
        }
    }

    private static func varint(_ bytes: [UInt8], _ position: inout Int) -> Int? {
        var value = 0
        var shift = 0
        while position < bytes.count, shift < 63 {
            let byte = bytes[position]
            position += 1
            value |= Int(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        return nil
    }
}
