import SQLText

/// A change of a column's type that PostgreSQL makes in the catalogue alone, and that no client sees in
/// the values.
///
/// The list is short, and each of its entries is measured on every server of the tests: the table and
/// its indexes keep their files. Not on it: `cidr` to `inet`, which prints `10.0.0.1/32` otherwise; `char(n)`,
/// which is written anew; timestamp ⇄ timestamptz, which shifts what clients in other zones see;
/// domains, whose constraints are looked at.
struct InPlaceChange: Sendable, Equatable {
    /// What the way back costs.
    enum Return: Sendable, Equatable {
        /// Both types hold the same values; the type goes back as it came.
        case free
        /// The old type refuses what a check can refuse as well: the condition of one column.
        case check(SQL)
        /// The old type rounds, which no check does.
        case rounding
    }

    let wayBack: Return

    /// Nil where the change is not known to be one.
    ///
    /// - Parameters:
    ///   - old: the column's type, as `format_type` prints it, and `new`.
    init?(of column: Identifier, from old: String, to new: String) {
        let from = Representation.parse(old)
        let to = Representation.parse(new)
        switch (from.base, to.base) {
        case ("text", "character varying") where to.numbers.isEmpty: wayBack = .free
        case ("character varying", "text"), ("character varying", "character varying"),
            ("bit varying", "bit varying"):
            guard Self.isWider(from.numbers, to.numbers) else { return nil }
            wayBack =
                from.numbers.first.map {
                    .check("pg_catalog.length(\(column)) <= \($0)")
                } ?? .free
        case ("numeric", "numeric"):
            guard let numeric = Self.numeric(column, from.numbers, to.numbers) else { return nil }
            wayBack = numeric
        case (let base, to.base) where Self.times.contains(base):
            // Without a precision they have six digits.
            guard let digits = from.numbers.first, digits < to.numbers.first ?? 6 else {
                return nil
            }
            wayBack = .rounding
        default: return nil
        }
        guard old != new else { return nil }
    }

    private static let times: Set<String> = [
        "timestamp without time zone", "timestamp with time zone", "time without time zone",
        "time with time zone",
    ]

    /// No limit is the widest.
    private static func isWider(_ old: [Int], _ new: [Int]) -> Bool {
        guard let room = new.first else { return true }
        return old.first.map { $0 <= room } ?? false
    }

    /// More digits before the point, as many behind it; or no limit at all.
    private static func numeric(
        _ column: Identifier, _ old: [Int], _ new: [Int]
    ) -> Return? {
        guard let precision = old.first else { return nil }
        guard let wider = new.first else { return .rounding }
        let scales = (old.dropFirst().first ?? 0, new.dropFirst().first ?? 0)
        guard scales.0 == scales.1, wider > precision else { return nil }
        return .check(
            "\(column) = 'NaN' OR pg_catalog.abs(\(column)) < 1e\(precision - scales.0)")
    }
}

extension InPlaceChange {
    /// What of a table makes the change more than one of the catalogue, a sentence each.
    static func obstacles(_ table: TableFacts, _ column: String) -> [String] {
        let indexes = table.indexes.filter {
            $0.definition.columns.contains(column) && !$0.definition.isOfPlainColumns
        }.map { "the index \($0.name.name) has an expression or a condition, and is built anew" }
        let constraints = table.constraints.filter {
            $0.definition.columns.contains(column)
        }.compactMap { constraint -> String? in
            switch constraint.kind {
            case .foreignKey:
                "the foreign key \(constraint.name) is made anew, with locks on both tables"
            case .exclusion: "the exclusion constraint \(constraint.name) is made anew"
            case .check, .primaryKey, .unique, .notNull, .trigger: nil
            }
        }
        let referenced = table.referencedBy.filter { $0.columns.contains(column) }.map {
            "the foreign key \($0.constraint) of \($0.table) is made anew, with locks on both tables"
        }
        let dependents = table.dependents.filter { $0.columns.contains(column) }.map {
            "\($0.description) depends on it, which PostgreSQL refuses"
        }
        return indexes + constraints + referenced + dependents
    }
}

extension Definition {
    /// An index over nothing but columns, `USING btree (a, b DESC) INCLUDE (c)`: PostgreSQL keeps it
    /// where a type is relabelled. One with an expression or a condition it builds anew.
    var isOfPlainColumns: Bool {
        var depth = 0
        var isAtStart = false
        for part in parts {
            switch part {
            case .column:
                isAtStart = false
            case .text(let text):
                for letter in text {
                    switch letter {
                    case "(":
                        if depth > 0 { return false }
                        depth += 1
                        isAtStart = true
                    case ")": depth -= 1
                    case ",": isAtStart = true
                    case let other where !other.isWhitespace:
                        // An entry of the list that does not begin with a column.
                        if isAtStart, depth > 0 { return false }
                    default: break
                    }
                }
                if depth == 0, text.contains("WHERE") || text.contains("WITH (") { return false }
            }
        }
        return true
    }
}
