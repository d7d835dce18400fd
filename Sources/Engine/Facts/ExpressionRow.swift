import Migration
import Postgres

/// The row that an expression sees: the table's columns, and new ones that are not there yet.
struct ExpressionRow: Sendable {
    struct Column: Sendable {
        let name: String
        /// As `format_type` prints it.
        let type: String
        let isNew: Bool
    }

    let table: QualifiedName
    private(set) var columns: [Column]
    /// There is no such table yet: the row is made of its columns' types alone.
    var isOfNewTable = false

    /// What stands before the expression's text.
    static let prefix = "SELECT ("

    /// The expression over the table. Nothing is read from it: the statement is described only.
    func select(_ expression: SQL) -> SQL {
        "\(SQL(writtenByUser: Self.prefix))\(expression)\n) FROM \(source) LIMIT 0"
    }

    func select(_ expression: SQL, where condition: SQL) -> SQL {
        "SELECT \(expression) FROM \(source) WHERE \(condition) LIMIT 0"
    }

    /// The expression over one row of given values, without the table.
    func select(_ expression: SQL, over values: [ExpressionQuestion.NewColumn]) -> SQL {
        let row = columns.map { column in
            let value: SQL =
                values.last { $0.name == column.name }
                .map { "(\(SQL(writtenByUser: $0.text))\n)" } ?? "NULL"
            return """
                (\(value))::\(SQL(writtenByUser: column.type)) AS \(Identifier(column.name))
                """ as SQL
        }
        return "SELECT \(expression) FROM (SELECT \(row.joined(separator: ", "))) \(alias)"
    }

    func without(_ name: String) -> ExpressionRow {
        var row = self
        row.columns.removeAll { $0.name == name }
        return row
    }

    /// The row with one more column, or with this one in the place of the one of its name.
    func with(_ column: Column) -> ExpressionRow {
        var row = self
        if let index = columns.firstIndex(where: { $0.name == column.name }) {
            row.columns[index] = column
        } else {
            row.columns.append(column)
        }
        return row
    }

    /// The column that `status` or `orders.status` names.
    func column(named names: [String]) -> String? {
        guard let last = names.last, columns.contains(where: { $0.name == last }) else {
            return nil
        }
        return names.count == 1 || names == [table.name.name, last] ? last : nil
    }

    /// Whether the names stand for the whole row: `orders`, or a function in a column's clothes
    /// (`orders.something`).
    func isWhole(_ names: [String]) -> Bool {
        names.first == table.name.name && column(named: names) == nil
    }

    private var source: SQL {
        "(\(isOfNewTable ? "SELECT \(list)" : rows(of: table))) \(alias)"
    }

    /// Such rows of the table, or of a partition of it.
    func rows(of relation: QualifiedName) -> SQL {
        "SELECT \(list) FROM ONLY \(relation) t"
    }

    private var list: SQL {
        columns.map { column in
            column.isNew
                ? "NULL::\(SQL(writtenByUser: column.type)) AS \(Identifier(column.name))" as SQL
                : "t.\(Identifier(column.name))"
        }.joined(separator: ", ")
    }

    /// The name by which the expression may qualify its columns.
    var alias: SQL { SQL(writtenByUser: table.name.alwaysQuoted) }
}
