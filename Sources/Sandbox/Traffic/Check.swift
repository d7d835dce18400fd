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

    /// Looks through the eyes of each version that could still read the table: every tracked row has
    /// its last acknowledged status, no row is missing or too many, every row that no client touched
    /// is as it was loaded, and on every other row the two sides say the same.
    ///
    /// Reads the table a few times; takes ACCESS SHARE.
    static func run(
        _ shop: Shop, _ application: Application, _ ledger: Ledger
    ) async throws -> Check {
        let connection = try await Connection.open(shop.applicationSettings)
        var check = Check()
        do {
            let versions = try await readers(connection, application)
            guard let first = versions.first else {
                check.add("no version of the application can read the orders")
                await connection.close()
                return check
            }
            let book = ledger.book()
            check.trackedRows = book.entries.count
            let known = book.touched.union(book.entries.lazy.map(\.id))
            for version in versions {
                try await check.compareTracked(connection, version, book.entries)
                try await check.compareLoaded(connection, version, shop.rows, except: known)
                if version.side == .both { try await check.compareSides(connection, version) }
            }
            try await check.count(connection, first, expected: book.rowCount)
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
        return check
    }

    /// The versions whose table and columns are there.
    private static func readers(
        _ connection: Connection, _ application: Application
    ) async throws -> [Version] {
        var readers: [Version] = []
        for version in application.versions {
            let rows = try await connection.query(
                """
                SELECT attname FROM pg_attribute
                WHERE attrelid = to_regclass(\(literal: version.table.quoted))
                    AND NOT attisdropped
                """
            ).rows
            let names = try Set(rows.map { try $0.string("attname") })
            if !rows.isEmpty, version.readColumns.allSatisfy({ names.contains($0.name) }) {
                readers.append(version)
            }
        }
        return readers
    }

    private mutating func compareTracked(
        _ connection: Connection, _ version: Version, _ entries: [Ledger.Entry]
    ) async throws {
        let ids = "{" + entries.map { String($0.id) }.joined(separator: ",") + "}"
        let rows = try await connection.query(
            """
            SELECT id, \(names: version.columns) FROM \(version.table)
            WHERE id = ANY ($1::bigint[])
            """, ids
        ).rows
        var found: [Int: [String?]] = [:]
        for row in rows { found[try row.int("id")] = Array(row.values.dropFirst()) }
        for entry in entries {
            switch (entry.exists, found[entry.id]) {
            case (true, let values?):
                let fault = version.fault(values, expected: [entry.status], isFilled: true)
                if let fault { add("order \(entry.id): \(fault)") }
            case (true, nil): add("order \(entry.id) is lost")
            case (false, .some): add("order \(entry.id) was deleted and is there")
            case (false, nil): break
            }
        }
    }

    private mutating func compareLoaded(
        _ connection: Connection, _ version: Version, _ loaded: Int, except known: Set<Int>
    ) async throws {
        for column in version.status {
            let expected = Shop.loadedStatusSQL("id")
            let spelt: SQL = column.isInCapitals ? "upper(\(expected))" : expected
            let rows = try await connection.query(
                """
                SELECT id FROM \(version.table)
                WHERE id <= $1 AND \(column.name) IS DISTINCT FROM \(spelt)
                """, loaded
            ).rows
            for row in rows {
                let id = try row.int("id")
                if !known.contains(id) {
                    add("order \(id) was never changed, but has another \(column.name)")
                }
            }
        }
    }

    private mutating func compareSides(
        _ connection: Connection, _ version: Version
    ) async throws {
        let (old, new) = (version.status[0], version.status[1])
        let image: SQL = new.isInCapitals ? "upper(\(old.name))" : "\(old.name)"
        let rows = try await connection.query(
            "SELECT id FROM \(version.table) WHERE \(new.name) IS DISTINCT FROM \(image)"
        ).rows
        for row in rows {
            add("order \(try row.int("id")): \(new.name) does not go with \(old.name)")
        }
    }

    private mutating func count(
        _ connection: Connection, _ version: Version, expected: Int?
    ) async throws {
        let row = try await connection.query("SELECT count(*) AS rows FROM \(version.table)")
            .onlyRow()
        rows = try row.int("rows")
        if let expected, expected != rows {
            add("the table has \(rows) rows, and should have \(expected)")
        }
    }
}
