import SQLText

/// What may surprise while a column is dropped.
struct DropColumnHazards {
    let old: ColumnFacts
    let table: TableFacts
    let quarantined: Identifier

    private var column: String { Identifier(old.name).quoted }

    var all: [Hazard] {
        let triggers = TriggerHazards(table: table, synced: [], filled: old.name)
        return triggers.naming(old.name) + dependents + indexes + constraints + statistics
            // No row is written, so no transaction fails over one.
            + TableHazards(table: table, column: quarantined.name, isDropped: true).all.filter {
                $0.rule != "serialization"
            }
    }

    private var dependents: [Hazard] {
        table.dependents.filter { $0.columns.contains(old.name) && !$0.isGeneratedColumn }.map {
            // The column's own, of serial or OWNED BY: PostgreSQL drops it with the column.
            guard !$0.description.hasPrefix("sequence ") else {
                return Hazard(
                    rule: "goes-with-column", severity: .note,
                    message: "\($0.description) goes with \(column).")
            }
            return Hazard(
                rule: "dependent", severity: .warning,
                message: "\($0.description) depends on \(column) and stops the purge.",
                safeWay: "Make it do without \(column) before the purge.")
        }
    }

    /// What the purge drops with the column, and others may need.
    private var indexes: [Hazard] {
        table.indexes.compactMap { index in
            let others = index.definition.columns.subtracting([old.name]).sorted()
            guard index.definition.columns.contains(old.name), !others.isEmpty else { return nil }
            return Hazard(
                rule: "goes-with-column", severity: .warning,
                message:
                    "\(index.isUnique ? "The unique index" : "The index") \(index.name.name) goes with \(column); it serves \(others.joined(separator: ", ")) too.",
                safeWay: index.isUnique
                    ? "Build a unique index without \(column) first, if its rows allow it."
                    : "Build one without \(column) first (create_index), if a query needs it.")
        }
    }

    private var constraints: [Hazard] {
        table.constraints.compactMap { constraint in
            guard constraint.definition.columns.contains(old.name) else { return nil }
            let others = constraint.definition.columns.subtracting([old.name]).sorted()
            let kind: String
            switch constraint.kind {
            case .check where !others.isEmpty: kind = "check"
            case .foreignKey: kind = "foreign key"
            case .exclusion where !others.isEmpty: kind = "exclusion constraint"
            default: return nil
            }
            return Hazard(
                rule: "goes-with-column", severity: .warning,
                message: "The \(kind) \(constraint.name) goes with \(column)"
                    + (others.isEmpty
                        ? "." : "; it is about \(others.joined(separator: ", ")) too."))
        }
    }

    private var statistics: [Hazard] {
        table.statistics.filter { $0.definition.columns.contains(old.name) }.map {
            Hazard(
                rule: "goes-with-column", severity: .note,
                message: "The extended statistics \($0.name) lose \(column), or go with it.")
        }
    }
}
