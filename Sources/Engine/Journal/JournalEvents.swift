import Foundation
import Migration
import Postgres

/// What happened, in its order: rows are added and never changed.
extension Journal {
    func add(_ event: EngineEvent, of id: Int, by person: Person) async throws {
        try await connection.query(
            """
            WITH added AS (
              INSERT INTO lockkeeper.events
                (migration, kind, phase, step, text, fields, db_user, os_user, host)
              VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9) RETURNING migration)
            SELECT pg_catalog.pg_notify('lockkeeper', 'event ' || migration) FROM added
            """, id, event.kind.rawValue, event.phase?.rawValue, event.step, event.text,
            try CompactJSON.encode(event.fields), person.databaseUser, person.systemUser,
            person.host)
    }

    /// What the evidence for a gate said when it was last told of; nil where it was not.
    func look(at gate: String, of id: Int) async throws -> GateLook? {
        try await connection.query(
            """
            SELECT coalesce(fields -> 'evidence', '[]') AS evidence, extract(epoch FROM at) AS at
              FROM lockkeeper.events
             WHERE migration = $1 AND kind = 'gate' AND fields ->> 'gate' = $2
             ORDER BY id DESC LIMIT 1
            """, id, gate
        ).rows.first.map { row in
            GateLook(
                gate: gate, views: try row.json("evidence"),
                at: try row.date("at") ?? .distantPast)
        }
    }

    /// The last events, oldest first.
    func events(of id: Int, last count: Int) async throws -> [EventView] {
        try await events(of: id, after: 0, last: count).map(\.event)
    }

    /// The last events after one of them, oldest first, with their places in the journal.
    func events(of id: Int, after place: Int, last count: Int) async throws
        -> [(place: Int, event: EventView)]
    {
        try await connection.query(
            """
            SELECT id, kind, text, step, fields, db_user, os_user, host,
                   extract(epoch FROM at) AS at
              FROM lockkeeper.events WHERE migration = $1 AND id > $3 ORDER BY id DESC LIMIT $2
            """, id, count, place
        ).rows.reversed().map { row in
            let event = EventView(
                at: try row.date("at") ?? .distantPast, kind: try row.string("kind"),
                text: try row.string("text"),
                by: Person(
                    databaseUser: try row.string("db_user"), systemUser: try row.string("os_user"),
                    host: try row.string("host")
                ).description, step: try row.optional("step"),
                fields: try row.json("fields"))
            return (try row.int("id"), event)
        }
    }
}
