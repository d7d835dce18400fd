import Foundation
import Migration
import Postgres

/// Where the steps stand, and what people have said about them.
extension Journal {
    func steps(of id: Int) async throws -> [StepID: StepRecord] {
        let rows = try await connection.query(
            """
            SELECT step, state, extract(epoch FROM started_at) AS started,
                   extract(epoch FROM finished_at) AS finished, tries, error
              FROM lockkeeper.steps WHERE migration = $1
            """, id
        ).rows
        return try Dictionary(
            rows.map { row in
                (
                    try row.string("step"),
                    StepRecord(
                        state: try row.decoded("state", StepState.init(rawValue:)),
                        startedAt: try row.date("started"), finishedAt: try row.date("finished"),
                        tries: try row.int("tries"), error: try row.optional("error"))
                )
            }, uniquingKeysWith: { first, _ in first })
    }

    /// The statement that notes a step's state; part of the step's own transaction where it has one.
    static func note(_ state: StepState, step: StepID, of id: Int, error: String? = nil) -> SQL {
        let now: SQL = "pg_catalog.clock_timestamp()"
        let isEnd = state == .done || state == .failed || state == .undone
        let finished: SQL = isEnd ? now : "NULL"
        let errorText: SQL = error.map { SQL.literal($0) } ?? "NULL"
        return """
            INSERT INTO lockkeeper.steps AS s (migration, step, state, started_at, finished_at, error)
            VALUES (\(id), \(literal: step), \(literal: state.rawValue), \(now), \(finished), \(errorText))
            ON CONFLICT (migration, step) DO UPDATE SET state = excluded.state,
              started_at = coalesce(s.started_at, excluded.started_at),
              finished_at = excluded.finished_at, error = excluded.error
             WHERE NOT (s.state = 'done' AND excluded.state IN ('running', 'failed'))
            """
    }

    /// A gate is done that has been waited at since it was told of: not before the step before it ended,
    /// since it may have been passed and come to again.
    static func notePassed(gate step: StepID, of id: Int) -> SQL {
        """
        INSERT INTO lockkeeper.steps AS s (migration, step, state, started_at, finished_at, error)
        SELECT \(id), \(literal: step), 'done', coalesce(min(e.at), pg_catalog.clock_timestamp()),
               pg_catalog.clock_timestamp(), NULL
          FROM lockkeeper.events e
         WHERE e.migration = \(id) AND e.kind = 'gate' AND e.step = \(literal: step)
           AND e.at >= coalesce((SELECT max(b.finished_at) FROM lockkeeper.steps b
                                  WHERE b.migration = \(id)), '-infinity')
        ON CONFLICT (migration, step) DO UPDATE SET state = excluded.state,
          started_at = excluded.started_at, finished_at = excluded.finished_at, error = NULL
        """
    }

    func note(_ state: StepState, step: StepID, of id: Int, error: String? = nil) async throws {
        try await connection.query(Self.note(state, step: step, of: id, error: error))
    }

    static func countTry(step: StepID, of id: Int) -> SQL {
        """
        UPDATE lockkeeper.steps SET tries = tries + 1
         WHERE migration = \(id) AND step = \(literal: step)
        """
    }

    // MARK: approvals

    func approvals(of id: Int) async throws -> [Approval] {
        try await connection.query(
            """
            SELECT kind, subject, db_user, os_user, host, reason, extract(epoch FROM at) AS at
              FROM lockkeeper.approvals WHERE migration = $1 AND withdrawn_at IS NULL ORDER BY id
            """, id
        ).rows.map { row in
            Approval(
                kind: try row.decoded("kind", Approval.Kind.init(rawValue:)),
                subject: try row.string("subject"),
                by: Person(
                    databaseUser: try row.string("db_user"), systemUser: try row.string("os_user"),
                    host: try row.string("host")),
                reason: try row.optional("reason"), at: try row.date("at") ?? .distantPast)
        }
    }

    func approve(
        _ kind: Approval.Kind, _ subject: String, of id: Int, by person: Person,
        reason: String? = nil
    ) async throws {
        try await connection.query(
            """
            INSERT INTO lockkeeper.approvals (migration, kind, subject, db_user, os_user, host, reason)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """, id, kind.rawValue, subject, person.databaseUser, person.systemUser, person.host,
            reason)
    }

    func withdraw(_ kind: Approval.Kind, _ subject: String, of id: Int) async throws {
        try await connection.query(
            """
            UPDATE lockkeeper.approvals SET withdrawn_at = pg_catalog.clock_timestamp()
             WHERE migration = $1 AND kind = $2 AND subject = $3 AND withdrawn_at IS NULL
            """, id, kind.rawValue, subject)
    }
}
