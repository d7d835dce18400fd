import Migration

/// ALTER DOMAIN … ADD CONSTRAINT without NOT VALID reads every table that uses the domain under its lock.
enum DomainConstraint: Rule {
    static let id = "domain-constraint"
    static let severity = Hazard.Severity.danger
    static let summary =
        "ALTER DOMAIN … ADD CONSTRAINT without NOT VALID reads every table that uses the domain under its lock."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard statement.kind == "AlterDomainStmt" else { return [] }
        let node = statement.node
        let constraint = node["def"].cast("Constraint")
        let addsCheck = node["subtype"].text == "C" && !constraint["skip_validation"].isTrue
        guard addsCheck || node["subtype"].text == "O" else { return [] }
        return [
            finding(
                statement,
                "Every table with a column of this domain is read; their writers wait.",
                lock: .share,
                instead: """
                    ALTER DOMAIN … ADD CONSTRAINT … CHECK (…) NOT VALID;
                    ALTER DOMAIN … VALIDATE CONSTRAINT …;  -- in a later transaction
                    """)
        ]
    }
}
