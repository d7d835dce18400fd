import Migration

/// char(n) pads with blanks, which comparisons then ignore; it saves nothing.
enum CharType: Rule {
    static let id = "char-type"
    static let severity = Hazard.Severity.note
    static let summary =
        "char(n) pads with blanks, which comparisons then ignore; it saves nothing."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        statement.definedColumns.compactMap { _, column in
            guard let type = ColumnType(column["typeName"]), type.name == "bpchar" else {
                return nil
            }
            return finding(
                statement, at: statement.offset(column["typeName"]),
                "Values come back padded, and trailing blanks do not count in comparisons.",
                instead: "text, with a CHECK of its length where that matters.")
        }
    }
}
