import Migration
import SQLText

/// A value is used in the transaction that adds it to the enumeration: PostgreSQL refuses that.
enum EnumValueInTransaction: Rule {
    static let id = "enum-value-in-transaction"
    static let severity = Hazard.Severity.danger
    static let summary =
        "A value is used in the transaction that adds it to the enumeration: PostgreSQL refuses that."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard let values = script.transaction(of: statement)?.enumValues, !values.isEmpty,
            statement.kind != "AlterEnumStmt", statement.kind != "CommentStmt"
        else { return [] }
        var found: (value: String, node: ParseNode)?
        statement.node.visit { type, fields in
            if found == nil, type == "A_Const", let text = fields["sval"]["sval"].text,
                values.contains(text)
            {
                found = (text, fields)
            }
            return found == nil
        }
        return found.map { value, node in
            [
                finding(
                    statement, at: statement.offset(node),
                    "\(SQL.literal(value)) can't be used before the commit of ALTER TYPE … ADD VALUE.",
                    instead: "COMMIT behind ALTER TYPE … ADD VALUE.")
            ]
        } ?? []
    }
}
