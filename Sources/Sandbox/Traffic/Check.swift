import Postgres

/// The comparison, at the end, of the table with what is known outside the database.
public struct Check: Sendable, Hashable {
    /// Rows whose status the clients know exactly.
    public var trackedRows = 0
    /// All rows of the table.
    public var rows = 0
    /// How many rows are not what they should be.
    public var differing = 0
    /// The first of them, in words.
    public var differences: [String] = []

    private mutating func add(_ difference: String) {
        differing += 1
        if differences.count < 20 { differences.append(difference) }
    }

    /// Looks at whichever of the two columns the table has: every tracked row has its last
    /// acknowledged status on each side, no row is missing or too many, every row that no client
    /// touched is as it was loaded, and on every other row the two sides say the same.
    ///
    /// Reads the table once or twice; takes ACCESS SHARE.
    static func run(_ shop: Shop, _ ledger: Ledger) async throws -> Check {
        let connection = try await Connection.open(shop.applicationSettings)
        var check = Check()
        do {
            let versions = try await sides(connection)
            let book = ledger.book()
            check.trackedRows = book.entries.count
            try await check.compareTracked(connection, versions, book.entries)
            let known = book.touched.union(book.entries.lazy.map(\.id))
            for version in versions {
                try await check.compareLoaded(connection, version, shop.rows, except: known)
            }
            if versions.count == 2 { try await check.compareSides(connection) }
            try await check.count(connection, expected: book.rowCount)
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
        return check
    }

    /// The versions of the application that could read the table as it is now.
    private static func sides(_ connection: Connection) async throws -> [Version] {
        let rows = try await connection.query(
            """
            SELECT attname FROM pg_attribute
            WHERE attrelid = \(literal: Shop.table.quoted)::regclass AND NOT attisdropped
            """
        ).rows
        let names = try Set(rows.map { try $0.string("attname") })
        return [Version.old, .new].filter { version in
            version.columns.allSatisfy { names.contains($0.name) }
        }
    }

    private mutating func compareTracked(
        _ connection: Connection, _ versions: [Version], _ entries: [Ledger.Entry]
    ) async throws {
        let ids = "{" + entries.map { String($0.id) }.joined(separator: ",") + "}"
        for version in versions {
            let rows = try await connection.query(
                """
                SELECT id, \(names: version.columns) FROM \(Shop.table)
                WHERE id = ANY ($1::bigint[])
                """, ids
            ).rows
            var found: [Int: [String?]] = [:]
            for row in rows { found[try row.int("id")] = Array(row.values.dropFirst()) }
            for entry in entries {
                switch (entry.exists, found[entry.id]) {
                case (true, let values?):
                    if let fault = version.fault(
                        values, expected: [entry.status], isFilled: true)
                    {
                        add("order \(entry.id): \(fault)")
                    }
                case (true, nil): add("order \(entry.id) is lost")
                case (false, .some): add("order \(entry.id) was deleted and is there")
                case (false, nil): break
                }
            }
        }
    }

    private mutating func compareLoaded(
        _ connection: Connection, _ version: Version, _ loaded: Int, except known: Set<Int>
    ) async throws {
        let expected = Shop.loadedStatusSQL("id")
        let spelt: SQL = version == .new ? "upper(\(expected))" : expected
        let rows = try await connection.query(
            """
            SELECT id FROM \(Shop.table)
            WHERE id <= $1 AND \(version.columns[0]) IS DISTINCT FROM \(spelt)
            """, loaded
        ).rows
        for row in rows {
            let id = try row.int("id")
            if !known.contains(id) {
                add("order \(id) was never changed, but has another \(version.columns[0])")
            }
        }
    }

    private mutating func compareSides(_ connection: Connection) async throws {
        let rows = try await connection.query(
            """
            SELECT id FROM \(Shop.table)
            WHERE \(Shop.newColumn) IS DISTINCT FROM upper(\(Shop.oldColumn))
            """
        ).rows
        for row in rows {
            add("order \(try row.int("id")): \(Shop.newColumn) does not go with \(Shop.oldColumn)")
        }
    }

    private mutating func count(_ connection: Connection, expected: Int?) async throws {
        let row = try await connection.query("SELECT count(*) AS rows FROM \(Shop.table)").onlyRow()
        rows = try row.int("rows")
        if let expected, expected != rows {
            add("the table has \(rows) rows, and should have \(expected)")
        }
    }
}
