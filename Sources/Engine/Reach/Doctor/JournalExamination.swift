import Migration
import Postgres

/// Whether the journal itself is whole: its tables, its rows, and what they say of each other.
struct JournalExamination {
    let connection: Connection
    let tables: Set<String>

    private static let expected = [
        "meta", "migrations", "fences", "engines", "steps", "backfills", "approvals", "commands",
        "events",
    ]
    /// Without these nobody knows what was done.
    private static let vital: Set = ["migrations", "steps", "backfills"]

    static func tables(_ connection: Connection) async throws -> Set<String> {
        Set(
            try await connection.query(
                """
                SELECT relname FROM pg_catalog.pg_class
                 WHERE relnamespace = pg_catalog.to_regnamespace('lockkeeper') AND relkind = 'r'
                """
            ).rows.map { try $0.string("relname") })
    }

    /// The unfinished migrations that can be read, and what is wrong.
    func examine() async throws -> ([MigrationRecord], [Ailment]) {
        guard !tables.isEmpty else { return ([], []) }
        var found = missingTables()
        found += try await meta()
        guard tables.contains("migrations") else { return ([], found) }
        let (active, damaged) = try await migrations()
        found += damaged
        found += try await fences()
        found += try await engines()
        return (active, found)
    }

    private func missingTables() -> [Ailment] {
        Self.expected.filter { !tables.contains($0) }.map { table in
            let isVital = Self.vital.contains(table)
            return Ailment(
                "journal-table", of: table, "The journal's table lockkeeper.\(table) is missing.",
                mend: isVital
                    ? "Restore it from a backup: without it nobody knows what has been done, and an "
                        + "unfinished migration can neither go on nor back."
                    : "Make it anew, empty; what it held is lost.",
                isVital ? [] : JournalSchema.create(withSchema: false))
        }
    }

    private func meta() async throws -> [Ailment] {
        guard tables.contains("meta") else { return [] }
        let count = try await connection.query("SELECT count(*) AS n FROM lockkeeper.meta")
            .onlyRow().int("n")
        guard count == 0 else { return [] }
        return [
            Ailment(
                "journal-version", of: "meta",
                "The journal's version is missing: lockkeeper.meta has no row.",
                mend: "Say again which version it is.",
                [
                    "INSERT INTO lockkeeper.meta (version) VALUES (\(JournalSchema.version)) ON CONFLICT DO NOTHING"
                ])
        ]
    }

    private func migrations() async throws -> ([MigrationRecord], [Ailment]) {
        let rows = try await connection.query(
            "SELECT id, name FROM lockkeeper.migrations WHERE state = 'active' ORDER BY id"
        ).rows
        var active: [MigrationRecord] = []
        var found: [Ailment] = []
        for row in rows {
            let (id, name) = (try row.int("id"), try row.string("name"))
            do {
                active.append(try await Journal(connection: connection).migration(id))
            } catch let error as ConnectionError {
                throw error
            } catch let error as ServerError {
                throw error
            } catch {
                found.append(
                    Ailment(
                        "journal-row", of: "\(id)",
                        "The journal's row of \(name) can't be read, so it can neither go on nor back: \(error)",
                        mend: "Restore that row of lockkeeper.migrations (id \(id)) from a backup.")
                )
            }
        }
        return (active, found)
    }

    private func fences() async throws -> [Ailment] {
        guard tables.contains("fences") else { return [] }
        return try await connection.query(
            """
            SELECT m.id, m.name FROM lockkeeper.migrations m
             WHERE m.state = 'active'
               AND NOT EXISTS (SELECT FROM lockkeeper.fences f WHERE f.migration = m.id)
             ORDER BY m.id
            """
        ).rows.map { row in
            let id = try row.int("id")
            return Ailment(
                "journal-fence", of: "\(id)",
                "The row that keeps two engines from working on \(try row.string("name")) at once is missing; no engine goes on without it.",
                mend: "Make it anew; the next engine writes its token into it.",
                [
                    "INSERT INTO lockkeeper.fences (migration, token) VALUES (\(id), '') ON CONFLICT DO NOTHING"
                ])
        }
    }

    /// An engine that has a row and no session: it was killed, and nobody has gone on since.
    private func engines() async throws -> [Ailment] {
        guard tables.contains("engines") else { return [] }
        return try await connection.query(
            """
            SELECT e.migration, m.name, m.state, e.host, e.pid FROM lockkeeper.engines e
              JOIN lockkeeper.migrations m ON m.id = e.migration
             WHERE NOT EXISTS (
               SELECT FROM pg_catalog.pg_locks l
                WHERE l.locktype = 'advisory' AND l.classid = \(JournalSchema.advisoryClass)
                  AND l.objid = e.migration::oid AND l.objsubid = 2 AND l.granted)
             ORDER BY e.migration
            """
        ).rows.map { row in
            let id = try row.int("migration")
            let name = try row.string("name")
            let isActive = try row.string("state") == "active"
            return Ailment(
                "dead-engine", of: "\(id) \(try row.int("pid"))",
                "The journal still has an engine of \(name), on \(try row.string("host")) with pid \(try row.int("pid")), which has no session any more.",
                mend: isActive
                    ? "`lockkeeper status \(name)` says how to go on, which mends this as well; or take the row away."
                    : "Take the row away.",
                ["DELETE FROM lockkeeper.engines WHERE migration = \(id)"])
        }
    }
}
