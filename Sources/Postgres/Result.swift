/// What one statement gave: its rows as text, and its command tag.
public struct QueryResult: Sendable, Hashable {
    public let columns: [String]
    public let rows: [Row]
    /// `UPDATE 12`, `CREATE INDEX`, …
    public let commandTag: String
    /// Rows inserted, updated, deleted or selected; 0 where the command counts none.
    public let affectedRows: Int
    /// The types of `columns`, in their order.
    public let columnTypes: [ColumnType]

    public init(
        columns: [String], rows: [Row], commandTag: String, affectedRows: Int,
        columnTypes: [ColumnType] = []
    ) {
        self.columns = columns
        self.columnTypes = columnTypes
        self.rows = rows
        self.commandTag = commandTag
        self.affectedRows = affectedRows
    }

    /// The only row; throws `DecodingFailure` where there is none or more than one.
    public func onlyRow() throws -> Row {
        guard rows.count == 1, let row = rows.first else {
            throw DecodingFailure(message: "one row was expected, \(rows.count) came")
        }
        return row
    }
}

/// The type of a result's column, for `format_type(oid, modifier)`.
public struct ColumnType: Sendable, Hashable {
    public let oid: Int
    /// -1 where the type has none.
    public let modifier: Int

    public init(oid: Int, modifier: Int) {
        self.oid = oid
        self.modifier = modifier
    }
}

/// A value that is not what the program's own query promised: a defect of ours, or a damaged journal.
public struct DecodingFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public let message: String
    public init(message: String) { self.message = message }
    public var description: String { message }
}

/// One row, its values in the text format. `nil` is SQL NULL.
public struct Row: Sendable, Hashable {
    let columns: [String]
    public let values: [String?]

    public init(columns: [String], values: [String?]) {
        self.columns = columns
        self.values = values
    }

    /// The text of a column, nil for NULL. Throws where the query has no such column.
    public func optional(_ column: String) throws -> String? {
        guard let index = columns.firstIndex(of: column) else {
            throw DecodingFailure(message: "the result has no column \(column)")
        }
        return values[index]
    }

    public func string(_ column: String) throws -> String {
        guard let value = try optional(column) else {
            throw DecodingFailure(message: "column \(column) is NULL")
        }
        return value
    }

    public func optionalInt(_ column: String) throws -> Int? {
        try optional(column).map { try parsed($0, Int($0), column) }
    }

    public func int(_ column: String) throws -> Int {
        let text = try string(column)
        return try parsed(text, Int(text), column)
    }

    public func optionalDouble(_ column: String) throws -> Double? {
        try optional(column).map { try parsed($0, Double($0), column) }
    }

    public func double(_ column: String) throws -> Double {
        let text = try string(column)
        return try parsed(text, Double(text), column)
    }

    /// PostgreSQL prints `t` and `f`.
    public func bool(_ column: String) throws -> Bool {
        switch try string(column) {
        case "t": true
        case "f": false
        case let other:
            throw DecodingFailure(message: "column \(column) is no boolean: \(other)")
        }
    }

    private func parsed<Value>(_ text: String, _ value: Value?, _ column: String) throws -> Value {
        guard let value else {
            throw DecodingFailure(message: "column \(column) is no number: \(text)")
        }
        return value
    }
}

/// A parameter bound to `$1`, `$2`, … in the text format.
public protocol Bindable: Sendable {
    var postgresText: String? { get }
}

extension String: Bindable { public var postgresText: String? { self } }
extension Int: Bindable { public var postgresText: String? { String(self) } }
extension Int32: Bindable { public var postgresText: String? { String(self) } }
extension Int64: Bindable { public var postgresText: String? { String(self) } }
extension Double: Bindable { public var postgresText: String? { String(self) } }
extension Bool: Bindable { public var postgresText: String? { self ? "t" : "f" } }
extension Optional: Bindable where Wrapped: Bindable {
    public var postgresText: String? { self?.postgresText }
}
