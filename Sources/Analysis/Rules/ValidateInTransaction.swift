import Migration

/// VALIDATE CONSTRAINT in the transaction that added the constraint scans under the strong lock of the ADD.
enum ValidateInTransaction: Rule {
    static let id = "validate-in-transaction"
    static let severity = Hazard.Severity.danger
    static let summary =
        "VALIDATE CONSTRAINT in the transaction that added the constraint scans under the strong lock of the ADD."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        alterations(["ValidateConstraint"], statement, script).compactMap { alteration in
            let name = alteration.node["name"].text ?? ""
            guard script.transaction(of: statement)?.constraints.contains(name) == true else {
                return nil
            }
            return finding(
                statement, at: alteration.offset,
                "The lock that ADD CONSTRAINT took is kept until the commit, so this scan stops the application after all.",
                lock: .accessExclusive,
                instead: "COMMIT before it: VALIDATE alone lets reads and writes go on.")
        }
    }
}
