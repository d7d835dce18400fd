import Foundation
import Migration
import Postgres

/// Something that was asked of an engine elsewhere and has not been answered yet.
public struct CommandView: Sendable, Equatable, Codable, Identifiable {
    public let id: Int
    /// `pause`, `pass gate 1.switch`
    public let words: String
    /// `ada (ada@ops1)`
    public let by: String
    public let at: Date
    /// The engine carries it out; it can't be withdrawn any more.
    public let isTaken: Bool

    public init(id: Int, words: String, by: String, at: Date, isTaken: Bool) {
        self.id = id
        self.words = words
        self.by = by
        self.at = at
        self.isTaken = isTaken
    }

    enum CodingKeys: String, CodingKey {
        case id, by, at
        case words = "action"
        case isTaken = "taken"
    }
}

/// A command as the engine finds it.
struct CommandRecord: Sendable {
    let id: Int
    let action: String
    let by: Person

    init(_ row: Row) throws {
        id = try row.int("id")
        action = try row.string("action")
        by = Person(
            databaseUser: try row.string("db_user"), systemUser: try row.string("os_user"),
            host: try row.string("host"))
    }

    /// Nil where another version of the program wrote it.
    var known: OperatorAction? {
        try? JSONDecoder.journal.decode(OperatorAction.self, from: Data(action.utf8))
    }
}

/// Words to an engine elsewhere. A row goes from asked to taken to answered; a command that is asked can
/// be withdrawn, which answers it, and the engine takes only what is not answered: each of the two is one
/// UPDATE, so that one of them wins.
extension Journal {
    /// What an engine of the first journal's version wrote while it carried a command out.
    private static let underWay = "under way"

    func ask(_ action: OperatorAction, of id: Int, by person: Person) async throws -> Int {
        try await connection.query(
            """
            WITH asked AS (
              INSERT INTO lockkeeper.commands (migration, action, os_user, host)
              VALUES ($1, $2::jsonb, $3, $4) RETURNING id)
            SELECT id, pg_catalog.pg_notify('lockkeeper', 'command ' || $1) FROM asked
            """, id, try CompactJSON.encode(action), person.systemUser, person.host
        ).onlyRow().int("id")
    }

    enum Answer {
        case done
        case refused(String)
    }

    /// Nil while it is not answered.
    func answer(to command: Int) async throws -> Answer? {
        let row = try await connection.query(
            """
            SELECT answered_at IS NOT NULL AND refusal IS DISTINCT FROM $2 AS answered, refusal
              FROM lockkeeper.commands WHERE id = $1
            """, command, Self.underWay
        ).onlyRow()
        guard try row.bool("answered") else { return nil }
        return try row.optional("refusal").map { .refused($0) } ?? .done
    }

    /// Those that are not answered, oldest first. From `versionWithWatchers` on.
    func openCommands(of id: Int) async throws -> [CommandView] {
        try await connection.query(
            """
            SELECT id, action, db_user, os_user, host, taken_at IS NOT NULL AS taken,
                   extract(epoch FROM at) AS at
              FROM lockkeeper.commands WHERE migration = $1 AND answered_at IS NULL ORDER BY id
            """, id
        ).rows.map { row in
            let record = try CommandRecord(row)
            return CommandView(
                id: record.id, words: record.known?.words ?? "something this program does not know",
                by: record.by.description, at: try row.date("at") ?? .distantPast,
                isTaken: try row.bool("taken"))
        }
    }

    /// Those that an engine has to take, oldest first.
    func commandsToTake(of id: Int) async throws -> [CommandRecord] {
        try await connection.query(
            """
            SELECT id, action, db_user, os_user, host FROM lockkeeper.commands
             WHERE migration = $1 AND answered_at IS NULL AND taken_at IS NULL ORDER BY id
            """, id
        ).rows.map(CommandRecord.init)
    }

    /// Whether it was still there to be taken.
    func take(_ command: Int) async throws -> Bool {
        try await !connection.query(
            """
            UPDATE lockkeeper.commands SET taken_at = pg_catalog.clock_timestamp()
             WHERE id = $1 AND answered_at IS NULL AND taken_at IS NULL RETURNING id
            """, command
        ).rows.isEmpty
    }

    func answer(_ command: Int, refusal: String?, of id: Int) async throws {
        try await connection.query(
            """
            WITH answered AS (
              UPDATE lockkeeper.commands SET answered_at = pg_catalog.clock_timestamp(), refusal = $2
               WHERE id = $1 RETURNING id)
            SELECT pg_catalog.pg_notify('lockkeeper', 'answer ' || $3) FROM answered
            """, command, refusal, id)
    }

    /// Whether it could still be withdrawn.
    func withdraw(command: Int, of id: Int, because reason: String) async throws -> Bool {
        try await !connection.query(
            """
            WITH withdrawn AS (
              UPDATE lockkeeper.commands SET answered_at = pg_catalog.clock_timestamp(), refusal = $2
               WHERE id = $1 AND migration = $3 AND answered_at IS NULL AND taken_at IS NULL
               RETURNING id)
            SELECT pg_catalog.pg_notify('lockkeeper', 'answer ' || $3) FROM withdrawn
            """, command, "withdrawn: \(reason)", id
        ).rows.isEmpty
    }

    /// Commands that no engine answered were meant for one that is gone.
    func withdrawStaleCommands(of id: Int) async throws {
        try await connection.query(
            """
            UPDATE lockkeeper.commands SET answered_at = pg_catalog.clock_timestamp(),
              refusal = CASE WHEN taken_at IS NULL
                THEN 'withdrawn: the engine that it was meant for is gone'
                ELSE 'the engine ended while it carried this out; the history says what was done' END
             WHERE migration = $1 AND answered_at IS NULL
            """, id)
    }
}

extension OperatorAction {
    /// For whoever looks on: `pass gate 1.switch`.
    public var words: String {
        switch self {
        case .advance(nil): "go on (pass the waiting gate, or start the next phase)"
        case .advance(let gate?): "pass gate \(gate)"
        case .start(let phase): "start \(phase.title)"
        case .pause: "pause"
        case .resume: "resume"
        case .rollBack(nil): "roll everything back"
        case .rollBack(let phase?): "roll back to the end of \(phase.title)"
        case .purge: "purge"
        case .check(let item): "tick \(item)"
        case .uncheck(let item): "open \(item) again"
        case .waive(let item, _): "waive \(item)"
        case .set(let key, let value): "set \(key) to \(value)"
        case .cancelQuery(let pid): "cancel the query of pid \(pid)"
        case .terminateSession(let pid): "terminate session \(pid)"
        case .withdraw(let command): "withdraw command \(command)"
        case .stop: "stop the engine"
        }
    }
}
