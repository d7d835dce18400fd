import SQLText

/// How a column is made NOT NULL without a scan under a strong lock: by a check that PostgreSQL takes
/// the word of, or from 18 on by a constraint NOT NULL that is added NOT VALID and then proven.
struct NotNull: Sendable, Equatable {
    let column: Identifier
    /// The check's name; it does not outlive the migration.
    let check: Identifier
    /// From 18 on: the constraint's name, and what it says.
    let constraint: Constraint?

    struct Constraint: Sendable, Equatable {
        let name: Identifier
        /// `NOT NULL status`
        let definition: SQL
        var isValidated = true
        var comment: String?
    }

    /// The first version that knows NOT NULL as a constraint with a name.
    static let firstWithConstraint = 180_000

    /// - Parameter column: one of the table's, whose own constraint is then meant, or a new one.
    init(_ context: PlanContext, _ table: TableFacts, _ column: String) {
        self.column = Identifier(column)
        check = OurNames.notNullCheck(context.migration, table.name, column: column)
        guard context.facts.server.version >= Self.firstWithConstraint else {
            constraint = nil
            return
        }
        constraint =
            Self.own(of: column, in: table)
            ?? Constraint(
                name: Self.defaultName(of: column, in: table),
                definition: "NOT NULL \(self.column)")
    }

    private static func own(of column: String, in table: TableFacts) -> Constraint? {
        table.constraints.first { $0.kind == .notNull && $0.columns == [column] }.map {
            Constraint(
                name: Identifier($0.name),
                definition: ConstraintFacts.unproven($0.definition.sql()),
                isValidated: $0.isValidated, comment: $0.comment)
        }
    }

    /// As PostgreSQL names it, so that a dump says NOT NULL and nothing more: table, column and
    /// `not_null`, the longer of the two cut first.
    static func defaultName(of column: String, in table: TableFacts) -> Identifier {
        let end = "_not_null"
        var (first, second) = (table.name.name.name.utf8.count, column.utf8.count)
        while first + second + 1 + end.utf8.count > Identifier.maximumBytes {
            if first > second { first -= 1 } else { second -= 1 }
        }
        let start = OurNames.cut(table.name.name.name, bytes: first)
        let name = start + "_" + OurNames.cut(column, bytes: second) + end
        let taken = Set(table.constraints.map(\.name))
        var candidate = name
        var number = 0
        while taken.contains(candidate) {
            number += 1
            candidate = OurNames.cut(name, bytes: Identifier.maximumBytes - 3) + "\(number)"
        }
        return Identifier(candidate)
    }
}
