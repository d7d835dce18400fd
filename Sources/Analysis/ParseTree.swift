import CPgQuery
import Foundation

/// PostgreSQL's own parse tree of a text, as libpg_query gives it (the grammar of PostgreSQL 15).
public struct ParseTree: Sendable {
    public let statements: [Statement]

    public struct Statement: Sendable {
        /// The tree's name of it: `SelectStmt`, `AlterTableStmt`, …
        public let kind: String
        let node: ParseNode
        /// Byte offset and length of its text; a length of 0 is "to the end".
        let location: Int
        let length: Int
    }

    /// Parses any number of statements. Throws `SyntaxError` with the parser's words. No I/O.
    public init(_ text: String) throws {
        guard !text.utf8.contains(0) else {
            throw SyntaxError(
                message: "a NUL character can't be part of a statement", position: nil)
        }
        let result = pg_query_parse(text)
        defer { pg_query_free_parse_result(result) }
        if let error = result.error { throw SyntaxError(error.pointee) }
        guard let pointer = result.parse_tree else {
            throw SyntaxError(message: "the parser gave no tree", position: nil)
        }
        let root: ParseNode
        do {
            root = try UnsafeRawBufferPointer(start: pointer, count: strlen(pointer))
                .withMemoryRebound(to: UInt8.self) { bytes throws(ParseTreeReader.Malformed) in
                    try ParseTreeReader.read(bytes)
                }
        } catch {
            throw SyntaxError(message: "it is nested too deeply to be judged", position: nil)
        }
        statements = root["stmts"].items.compactMap { entry in
            guard let (kind, node) = entry["stmt"].typed else { return nil }
            return Statement(
                kind: kind, node: node, location: entry["stmt_location"].integer ?? 0,
                length: entry["stmt_len"].integer ?? 0)
        }
    }
}

/// What the parser has against a text.
public struct SyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
    public let message: String
    /// Characters into the text, from 1; nil where the error is not about a place in it.
    public let position: Int?

    public init(message: String, position: Int?) {
        self.message = message
        self.position = position
    }

    init(_ error: PgQueryError) {
        message = error.message.map { String(cString: $0) } ?? "syntax error"
        position = error.cursorpos > 0 ? Int(error.cursorpos) : nil
    }

    public var description: String { message }
}

/// One value of the tree. A typed node is an object with one key, its type:
/// `{"ColumnRef": {"fields": […], "location": 7}}`.
indirect enum ParseNode: Sendable, Equatable {
    case object([String: ParseNode])
    case array([ParseNode])
    case string(String)
    case integer(Int)
    case boolean(Bool)
    case null

    subscript(key: String) -> ParseNode {
        if case .object(let fields) = self { fields[key] ?? .null } else { .null }
    }

    var items: [ParseNode] { if case .array(let items) = self { items } else { [] } }
    var text: String? { if case .string(let text) = self { text } else { nil } }
    var integer: Int? { if case .integer(let number) = self { number } else { nil } }
    var isTrue: Bool { self == .boolean(true) }
    var isPresent: Bool { self != .null }

    /// The type and the fields of a typed node.
    var typed: (type: String, fields: ParseNode)? {
        guard case .object(let fields) = self, fields.count == 1, let only = fields.first,
            only.key.first?.isUppercase == true
        else { return nil }
        return (only.key, only.value)
    }

    /// The fields of a node of this type; `.null` for another.
    func cast(_ type: String) -> ParseNode {
        if let typed, typed.type == type { typed.fields } else { .null }
    }

    /// The text of a list of `String` nodes: the parts of a name. A `*` is left out.
    var names: [String] { items.compactMap { $0.cast("String")["sval"].text } }

    /// Visits every typed node below this one, parents first. Where `body` returns false, the
    /// node's own fields are not visited.
    func visit(_ body: (_ type: String, _ fields: ParseNode) -> Bool) {
        switch self {
        case .object(let fields):
            if let typed {
                if body(typed.type, typed.fields) { typed.fields.visit(body) }
            } else {
                for value in fields.values { value.visit(body) }
            }
        case .array(let items):
            for item in items { item.visit(body) }
        default:
            break
        }
    }
}
