import Migration

/// timestamp without time zone does not say which moment it is.
enum TimestampType: Rule {
    static let id = "timestamp-type"
    static let severity = Hazard.Severity.note
    static let summary =
        "timestamp without time zone does not say which moment it is."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        statement.definedColumns.compactMap { _, column in
            guard let type = ColumnType(column["typeName"]), type.name == "timestamp" else {
                return nil
            }
            return finding(
                statement, at: statement.offset(column["typeName"]),
                "What moment it means depends on the reader's zone.",
                instead: "timestamptz")
        }
    }
}
