import SQLText

/// The look at every row before anything is changed: whether `up` gives each a value that the new
/// column can hold.
struct ReplacementProbe {
    let operation: ReplaceColumn
    let judged: JudgedReplacement
    let table: QualifiedName
    let up: SQL
    let new: Identifier
    let key: [Identifier]

    var probe: Probe {
        // A cast that raises would end the look at its first row.
        let value: SQL = overflow == nil ? "(\(up))::\(newType)" : "(\(up))"
        return Probe(
            table: table,
            expressions: [.init(label: "up (\(operation.up))", expression: value)],
            violations: violations, key: key)
    }

    private var newType: SQL { SQL(writtenByUser: judged.new.type) }

    /// True where the cast to the new type raises.
    private var overflow: SQL? {
        Representation.overflow("(\(up))", from: judged.up.type, to: judged.new.type)
    }

    /// A condition that must not be asked of a row on which the cast raises: that row is counted as
    /// such.
    private func castable(_ condition: SQL) -> SQL {
        overflow.map { "CASE WHEN \($0) THEN false ELSE \(condition) END" } ?? condition
    }

    /// Rows on which the copies and the new type would refuse what `up` gives.
    private var violations: [Probe.Labelled] {
        var violations: [Probe.Labelled] = []
        if judged.isNotNull {
            violations.append(
                .init(label: "up gives NULL, but \(new) is NOT NULL", expression: "(\(up)) IS NULL")
            )
        }
        if let room = Representation.maximumLength(judged.new.type) {
            violations.append(
                .init(
                    label: "up gives more than \(room) characters",
                    // Blanks beyond the limit are dropped, as the SQL standard has it.
                    expression: "pg_catalog.length(pg_catalog.rtrim((\(up))::text, ' ')) > \(room)")
            )
        }
        if let overflow {
            violations.append(
                .init(
                    label: "up gives a value that is out of the range of \(judged.new.type)",
                    expression: overflow))
        }
        if let unfit = operation.unfit {
            violations.append(
                .init(
                    label: unfit.label,
                    expression: castable("(\(SQL(writtenByUser: unfit.condition)))")))
        }
        return violations + conditions
    }

    /// The checks that the new column is given, over the row as it will be; a check passes where it is
    /// NULL.
    private var conditions: [Probe.Labelled] {
        let conditions =
            [operation.check].compactMap { $0 }
            + judged.checks.filter(\.isValidated).map(\.condition)
        return conditions.map { condition in
            let row: SQL = "SELECT \(table.name).*, (\(up))::\(newType) AS \(new)"
            return .init(
                label:
                    "up gives a value that the check (\(condition)) refuses; \"with: {check: …}\" says another for the new side",
                expression: castable(
                    "NOT coalesce((SELECT (\(SQL(writtenByUser: condition))) FROM (\(row)) AS \(table.name)), true)"
                ))
        }
    }
}
