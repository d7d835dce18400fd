import SQLText

/// Where a fill keeps what it writes over: a table of ours with a row for each row that it changes,
/// found by a key of the filled table.
///
/// Its columns have names of their own, since the filled table's may be anything: `k1`, … the key,
/// `was1`, … the values before, `wrote1`, … what the fill stored, in the order of its assignments.
public struct Keeping: Codable, Sendable, Equatable {
    public let store: QualifiedName
    /// Columns of the filled table that are NOT NULL and together unique.
    public let key: [Identifier]

    public init(store: QualifiedName, key: [Identifier]) {
        self.store = store
        self.key = key
    }

    static func keyName(_ place: Int) -> Identifier { Identifier("k\(place + 1)") }
    static func was(_ place: Int) -> Identifier { Identifier("was\(place + 1)") }
    static func wrote(_ place: Int) -> Identifier { Identifier("wrote\(place + 1)") }
}

extension Fill {
    /// A batch that stores what it writes over, in one statement with the writing.
    ///
    /// A row that changed since the statement's snapshot is neither written nor stored: its place is
    /// another one then. So what is stored is what was there, and the range is looked at again.
    func updateKeeping(_ keeping: Keeping, _ range: BlockRange?, waits: SQL) -> SQL {
        let name = table.name
        let columns = assignments.map(\.column)
        let read =
            keeping.key.enumerated().map { "\($1) AS \(lk(Keeping.keyName($0)))" as SQL }
            + columns.enumerated().map { "\($1) AS \(lk(Keeping.was($0)))" as SQL }
        let keys = keeping.key.indices.map(Keeping.keyName)
        let was = columns.indices.map(Keeping.was)
        let wrote = columns.indices.map(Keeping.wrote)
        let written = columns.enumerated().map {
            "\(name).\($1) AS \(lk(Keeping.wrote($0)))" as SQL
        }
        let returned = ((keys + was).map { "lk_before.\(lk($0))" as SQL } + written)
            .joined(separator: ", ")
        let changed = columns.indices.map {
            "NOT (ROW(\(lk(Keeping.was($0))))::record *= ROW(\(lk(Keeping.wrote($0))))::record)"
                as SQL
        }
        let anew = (was + wrote).map { "\($0) = excluded.\($0)" as SQL }
        return """
            WITH lk_before AS MATERIALIZED (
              SELECT ctid AS lk_ctid, \(read.joined(separator: ", ")) FROM ONLY \(table)
               WHERE \(rangePredicate(range)) AND (\(predicate)) FOR NO KEY UPDATE\(waits)),
            lk_filled AS (
              UPDATE ONLY \(table) SET \(assignmentList) FROM lk_before
               WHERE \(name).ctid = lk_before.lk_ctid
              RETURNING \(returned))
            INSERT INTO \(keeping.store) (\(names: keys + was + wrote))
            SELECT \(names: (keys + was + wrote).map(lk)) FROM lk_filled
             WHERE \(changed.joined(separator: " OR "))
            ON CONFLICT (\(names: keys)) DO UPDATE SET \(anew.joined(separator: ", "))
            """
    }

    private func lk(_ name: Identifier) -> Identifier { Identifier("lk_" + name.name) }
}

/// What brings the kept values back, and what takes their store away.
struct KeptValues: Sendable {
    let table: QualifiedName
    let keeping: Keeping
    /// The filled columns, in the order of the fill's assignments.
    let columns: [Identifier]
    let types: (key: [SQL], columns: [SQL])

    private var pairs: [SQL] {
        keeping.key.enumerated().map { "lk_kept.\(Keeping.keyName($0)) = \(table).\($1)" }
    }

    private var isSameRow: SQL { pairs.joined(separator: " AND ") }

    private func isSame(_ left: SQL, _ right: SQL) -> SQL {
        "ROW(\(left))::record *= ROW(\(right))::record"
    }

    /// The fill changed the column in that row.
    private func wasChanged(_ place: Int) -> SQL {
        "NOT (\(isSame("lk_kept.\(Keeping.was(place))", "lk_kept.\(Keeping.wrote(place))")))"
    }

    private func isAsWritten(_ place: Int) -> SQL {
        isSame("\(table).\(columns[place])", "lk_kept.\(Keeping.wrote(place))")
    }

    var create: SQL {
        let keys = zip(keeping.key.indices, types.key).map {
            "\(Keeping.keyName($0)) \($1) NOT NULL" as SQL
        }
        let values = zip(columns.indices, types.columns).flatMap { place, type -> [SQL] in
            ["\(Keeping.was(place)) \(type)", "\(Keeping.wrote(place)) \(type)"]
        }
        let primary = keeping.key.indices.map(Keeping.keyName)
        return """
            CREATE TABLE \(keeping.store) (
              \((keys + values).joined(separator: ",\n  ")),
              PRIMARY KEY (\(names: primary)))
            """
    }

    var drop: SQL { "DROP TABLE \(keeping.store)" }

    /// Gives each column that still has what the fill wrote the value of before.
    ///
    /// - Parameter triggerSetting: of the operation whose trigger must not fill it again.
    func restore(triggerSetting: String?) -> Fill {
        let stillThere = columns.indices.map { "\(wasChanged($0)) AND \(isAsWritten($0))" as SQL }
        return Fill(
            table: table,
            assignments: columns.enumerated().map { place, column in
                .init(
                    column: column,
                    expression: """
                        SELECT CASE WHEN \(isAsWritten(place)) THEN lk_kept.\(Keeping.was(place)) ELSE \(table).\(column) END
                          FROM \(keeping.store) AS lk_kept WHERE \(isSameRow)
                        """)
            },
            predicate: """
                EXISTS (SELECT FROM \(keeping.store) AS lk_kept
                         WHERE \(isSameRow) AND (\(stillThere.joined(separator: " OR "))))
                """, walk: .key(keeping.key), triggerSetting: triggerSetting, closing: report)
    }

    /// What became of the kept values: back, written again since, or of rows that are gone.
    private var report: SQL {
        let isLater = columns.indices.map {
            "\(wasChanged($0)) AND NOT (\(isSame("\(table).\(columns[$0])", "lk_kept.\(Keeping.was($0))")))"
                as SQL
        }
        let isThere: SQL = keeping.key.first.map { "\(table).\($0) IS NOT NULL" } ?? "true"
        let keys = keeping.key.enumerated().map {
            "\(literal: $1.name + "=") || lk_kept.\(Keeping.keyName($0))::text" as SQL
        }
        return """
            SELECT pg_catalog.format('%s rows have their values of before again; %s were written since and keep what was written%s; %s are gone',
                     count(*) FILTER (WHERE is_there AND NOT is_later), count(*) FILTER (WHERE is_later),
                     coalesce(' (the first: ' || pg_catalog.array_to_string((pg_catalog.array_agg(key ORDER BY key) FILTER (WHERE is_later))[1:5], '; ') || ')', ''),
                     count(*) FILTER (WHERE NOT is_there)) AS finding
              FROM (SELECT \(isThere) AS is_there, \(isThere) AND (\(isLater.joined(separator: " OR "))) AS is_later,
                           \(keys.joined(separator: " || ', ' || ")) AS key
                      FROM \(keeping.store) AS lk_kept LEFT JOIN ONLY \(table) ON \(isSameRow)) AS found
            """
    }
}
