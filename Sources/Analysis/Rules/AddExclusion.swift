import Migration

/// ADD … EXCLUDE builds its index under ACCESS EXCLUSIVE, and there is no online way.
enum AddExclusion: Rule {
    static let id = "add-exclusion"
    static let severity = Hazard.Severity.danger
    static let summary =
        "ADD … EXCLUDE builds its index under ACCESS EXCLUSIVE, and there is no online way."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        alterations(["AddConstraint"], statement, script).compactMap { alteration in
            guard alteration.constraint["contype"].text == "CONSTR_EXCLUSION" else { return nil }
            return finding(
                statement, at: alteration.offset,
                "The index is built while nobody can read or write \(alteration.table.quoted).",
                lock: .accessExclusive,
                instead:
                    "Create a new table with the constraint and move the rows in batches, or do it in a maintenance window."
            )
        }
    }
}
