import Migration

/// json keeps the text: no equality, so no DISTINCT, GROUP BY or UNION, and each look parses it again.
enum JSONType: Rule {
    static let id = "json-type"
    static let severity = Hazard.Severity.note
    static let summary =
        "json keeps the text: no equality, so no DISTINCT, GROUP BY or UNION, and each look parses it again."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        statement.definedColumns.compactMap { _, column in
            guard let type = ColumnType(column["typeName"]), type.name == "json" else { return nil }
            return finding(
                statement, at: statement.offset(column["typeName"]),
                "SELECT DISTINCT over a row with it is an error.",
                instead: "jsonb")
        }
    }
}
