import Migration

/// DROP SCHEMA takes away names that running versions may say.
enum DropSchema: Rule {
    static let id = "drop-schema"
    static let severity = Hazard.Severity.danger
    static let summary =
        "DROP SCHEMA takes away names that running versions may say."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard statement.kind == "DropStmt", statement.node["removeType"].text == "OBJECT_SCHEMA"
        else { return [] }
        return [
            finding(
                statement, "What is in the schema is gone for every running version.",
                lock: .accessExclusive,
                instead:
                    "Retire every version that uses it, drop its objects one after another, then the empty schema; silence this rule with that reason."
            )
        ]
    }
}
