import SQLText

/// Looks for what breaks a rule that no single row shows: duplicates, references to nothing.
///
/// An aggregate or a join over whole tables, so one statement, with one snapshot, rather than block
/// ranges. Takes ACCESS SHARE on each table: it stalls nobody, and while it runs VACUUM can't
/// remove what was deleted since it began.
public struct ViolatorSearch: Codable, Sendable, Equatable {
    public let table: QualifiedName
    /// Other tables that it reads.
    public let others: [QualifiedName]
    /// The first of what it finds, a row each: `finding`, and `violators`, how many there are in all.
    /// No row is good news.
    public let query: SQL
    /// What it finds, to stand behind a number: `values of email are in several rows of public.customers`.
    public let found: String
    /// What to do then: whole sentences.
    public let advice: String

    public init(
        table: QualifiedName, others: [QualifiedName] = [], query: SQL, found: String,
        advice: String
    ) {
        self.table = table
        self.others = others
        self.query = query
        self.found = found
        self.advice = advice
    }

    /// Findings named in a message.
    private static let examples = 5
}

extension ViolatorSearch {
    /// Rows that meet a condition, by their keys.
    static func rows(
        of table: TableFacts, where condition: SQL, found: String, advice: String
    ) -> ViolatorSearch {
        ViolatorSearch(
            table: table.name,
            query: """
                SELECT \(keyText(table.key)) AS finding, count(*) OVER () AS violators
                  FROM \(table.rows) WHERE \(condition)
                 ORDER BY 1 LIMIT \(examples)
                """, found: found, advice: advice)
    }

    /// Rows that have no value after the fill: written past our trigger since then, or attached with
    /// their partition.
    static func unfilled(
        _ column: Identifier, of table: TableFacts, advice: String
    ) -> ViolatorSearch {
        rows(
            of: table, where: "\(column) IS NULL",
            found: "rows of \(table.name) have NULL in \(column), and came after the fill",
            advice: advice)
    }

    /// Values that several rows have. As a unique index does it, a row with a NULL among them is
    /// like no other, unless NULLs are not distinct.
    static func duplicates(
        of columns: [Identifier], in table: QualifiedName, nullsAreDistinct: Bool = true,
        advice: String
    ) -> ViolatorSearch {
        let present = columns.map { "\($0) IS NOT NULL" as SQL }.joined(separator: " AND ")
        let condition: SQL = nullsAreDistinct ? "\n WHERE \(present)" : ""
        return ViolatorSearch(
            table: table,
            query: """
                SELECT \(keyText(columns)) || ' (' || count(*)::text || ' rows)' AS finding,
                       count(*) OVER () AS violators
                  FROM ONLY \(table)\(condition)
                 GROUP BY \(names: columns) HAVING count(*) > 1
                 ORDER BY 1 LIMIT \(examples)
                """,
            found:
                "values of \(columns.map(\.quoted).joined(separator: ", ")) are in several rows of \(table)",
            advice: advice)
    }

    /// Rows whose columns name no row of the referenced table, by their keys.
    ///
    /// - Parameter value: what a column that is not there yet would have: its place in the row is taken
    ///   by this expression.
    static func orphans(
        of reference: ReferenceFacts, in table: TableFacts,
        value: (column: Identifier, expression: SQL)? = nil, advice: String
    ) -> ViolatorSearch {
        let child = Identifier("lk_child")
        var source: SQL = table.rows
        if let value {
            let place: SQL = table.primaryKey.isEmpty ? "\(table.name.name).ctid, " : ""
            source = """
                (
                  SELECT \(place)\(table.name.name).*, \(value.expression) AS \(value.column)
                    FROM \(table.rows))
                """
        }
        return ViolatorSearch(
            table: table.name,
            others: reference.table == table.name ? [] : [reference.table],
            query: """
                SELECT \(keyText(table.key)) || ' (' || \(keyText(reference.columns)) || ')' AS finding,
                       count(*) OVER () AS violators
                  FROM \(source) AS \(child)
                 WHERE \(reference.isOrphan(named: child))
                 ORDER BY 1 LIMIT \(examples)
                """,
            found:
                "rows of \(table.name) have a value of \(reference.columns.map(\.quoted).joined(separator: ", ")) that no row of \(reference.table) has",
            advice: advice)
    }
}

/// What a foreign key says.
struct ReferenceFacts: Sendable, Equatable {
    let columns: [Identifier]
    let table: QualifiedName
    let referenced: [Identifier]
    /// MATCH FULL: either none of the columns is NULL, or all are. Else one NULL is enough for the row
    /// to reference nothing (manual, "CREATE TABLE", MATCH SIMPLE).
    var isMatchFull = false
    /// The referenced table has partitions, which have its rows.
    var isPartitioned = false

    /// True for a row of that name which the foreign key refuses.
    func isOrphan(named child: Identifier) -> SQL {
        let parent = Identifier("lk_parent")
        let equal = zip(columns, referenced).map { "\(parent).\($1) = \(child).\($0)" as SQL }
        let missing: SQL = """
            NOT EXISTS (SELECT FROM \(isPartitioned ? "" : "ONLY " as SQL)\(table) AS \(parent) WHERE \(equal.joined(separator: " AND ")))
            """
        guard isMatchFull, columns.count > 1 else {
            let present = columns.map { "\(child).\($0) IS NOT NULL" as SQL }
            return (present + [missing]).joined(separator: " AND ")
        }
        let all = columns.map { "\(child).\($0) IS NULL" as SQL }
        return """
            NOT (\(all.joined(separator: " AND "))) AND (\(all.joined(separator: " OR ")) OR \(missing))
            """
    }
}

extension TableFacts {
    /// The primary key, by which a message names a row; empty where there is none.
    var key: [Identifier] { primaryKey.map { Identifier($0) } }
}
