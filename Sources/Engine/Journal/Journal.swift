import Foundation
import Migration
import Postgres

/// The migration's row.
public struct MigrationRecord: Sendable {
    public let id: Int
    public let name: String
    public let spec: String
    public let specFile: String
    public let identity: String
    public let plan: Plan
    public let checklist: [ChecklistItem]
    public var settings: Settings
    /// `active`, `finished` or `rolled_back`.
    public var state: String
    public var direction: Direction
    public var pausedBy: String?
    public var failure: String?
    public var worstWaitMilliseconds: Double?
    public let startedAt: Date
    public var updatedAt: Date
}

public struct StepRecord: Sendable, Equatable {
    public var state: StepState
    public var startedAt: Date?
    public var finishedAt: Date?
    public var tries: Int
    public var error: String?

    public init(
        state: StepState, startedAt: Date? = nil, finishedAt: Date? = nil, tries: Int = 0,
        error: String? = nil
    ) {
        self.state = state
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.tries = tries
        self.error = error
    }
}

/// Somebody's word: a gate passed, an item ticked or waived, a phase started, a purge confirmed.
public struct Approval: Sendable, Equatable {
    public enum Kind: String, Sendable {
        case gate, check, waive, phase, purge
        /// A purge that does not wait for the quarantine to end.
        case purgeNow = "purge_now"
        /// What the program found for a checklist item; the reason says what.
        case evidence
    }

    public let kind: Kind
    public let subject: String
    public let by: Person
    public let reason: String?
    public let at: Date

    public init(kind: Kind, subject: String, by: Person, reason: String?, at: Date) {
        self.kind = kind
        self.subject = subject
        self.by = by
        self.reason = reason
        self.at = at
    }
}

/// The journal's statements, over a connection of the engine's or of a command's.
struct Journal: Sendable {
    let connection: Connection

    /// Whether the schema is there. Throws `JournalTooNew` where a newer program made it.
    func isInstalled() async throws -> Bool { try await version() != nil }

    /// Of the tables that are there; nil where there are none. Throws `JournalTooNew` where a newer
    /// program made them.
    func version() async throws -> Int? {
        let there = try await connection.query(
            "SELECT pg_catalog.to_regclass('lockkeeper.meta') IS NOT NULL AS there")
        guard try there.onlyRow().bool("there") else { return nil }
        let found = try await connection.query("SELECT version FROM lockkeeper.meta").rows.first
        let version = try found?.int("version") ?? 0
        guard version <= JournalSchema.version else { throw JournalTooNew(version: version) }
        return version
    }

    /// Brings the journal up to this program's version, or makes it where there is none.
    ///
    /// An engine of an older program that is running goes on: columns and tables are only added.
    func install() async throws {
        if try await version() == JournalSchema.version { return }
        let row = try await connection.query(
            "SELECT pg_catalog.to_regnamespace('lockkeeper') IS NOT NULL AS there")
        // Where a DBA has made it for us, the right to make schemas is not asked for.
        try await connection.inTransactionMessage(
            JournalSchema.create(withSchema: !row.onlyRow().bool("there")))
    }

    // MARK: migrations

    private static let columns: SQL = """
        id, name, spec, spec_file, identity, plan, checklist, settings, state, direction,
        paused_by, failure, worst_wait_ms, extract(epoch FROM started_at) AS started,
        extract(epoch FROM greatest(updated_at,
          (SELECT max(e.at) FROM lockkeeper.events e WHERE e.migration = m.id))) AS updated
        """

    /// The newest run under a name; nil where there was none.
    func newest(_ name: String) async throws -> MigrationRecord? {
        try await connection.query(
            """
            SELECT \(Self.columns) FROM lockkeeper.migrations m
             WHERE name = $1 ORDER BY id DESC LIMIT 1
            """, name
        ).rows.first.map(MigrationRecord.init)
    }

    func newestID(_ name: String) async throws -> Int? {
        try await connection.query(
            "SELECT id FROM lockkeeper.migrations WHERE name = $1 ORDER BY id DESC LIMIT 1", name
        ).rows.first?.int("id")
    }

    /// The version of a migration's row: every change of the row makes another one. Reading a frozen
    /// plan costs more than a picture of the server.
    func rowVersion(_ id: Int) async throws -> String {
        try await connection.query(
            "SELECT xmin::text AS version FROM lockkeeper.migrations WHERE id = $1", id
        ).onlyRow().string("version")
    }

    func migration(_ id: Int) async throws -> MigrationRecord {
        try MigrationRecord(
            await connection.query(
                "SELECT \(Self.columns) FROM lockkeeper.migrations m WHERE id = $1", id
            ).onlyRow())
    }

    func all() async throws -> [MigrationRecord] {
        try await connection.query(
            "SELECT \(Self.columns) FROM lockkeeper.migrations m ORDER BY id"
        ).rows.map(MigrationRecord.init)
    }

    func create(_ spec: Spec, text: String, file: String, plan: Plan, facts: Facts) async throws
        -> MigrationRecord
    {
        let row = try await connection.query(
            """
            WITH made AS (
              INSERT INTO lockkeeper.migrations
                (name, spec, spec_file, identity, plan, facts, checklist, settings, direction)
              VALUES ($1, $2, $3, $4, $5::jsonb, $6::jsonb, $7::jsonb, $8::jsonb, $9::jsonb)
              RETURNING *),
            fence AS (INSERT INTO lockkeeper.fences SELECT id, '' FROM made)
            SELECT \(Self.columns) FROM made m
            """, spec.name, text, file, spec.identity, try CompactJSON.encode(plan),
            try CompactJSON.encode(facts), try CompactJSON.encode(spec.checklist),
            try CompactJSON.encode(spec.settings), try CompactJSON.encode(Direction.forward)
        ).onlyRow()
        return try MigrationRecord(row)
    }

    /// What the server was when the plan was made.
    func facts(of id: Int) async throws -> Facts {
        try await connection.query("SELECT facts FROM lockkeeper.migrations WHERE id = $1", id)
            .onlyRow().json("facts")
    }

    func set(_ settings: Settings, of id: Int) async throws {
        try await update(id, "settings = $2::jsonb", try CompactJSON.encode(settings))
    }

    /// Settings of a spec file that was edited, with its text.
    func set(_ settings: Settings, text: String, of id: Int) async throws {
        try await set(settings, of: id)
        try await update(id, "spec = $2", text)
    }

    func set(pausedBy: String?, of id: Int) async throws {
        try await update(id, "paused_by = $2", pausedBy)
    }

    func set(failure: String?, of id: Int) async throws {
        try await update(id, "failure = $2", failure)
    }

    func set(worstWait milliseconds: Double, of id: Int) async throws {
        try await update(
            id, "worst_wait_ms = greatest(worst_wait_ms, $2::double precision)", milliseconds)
    }

    /// The end, the event that tells of it, and that no engine is at work any more are one transaction: one
    /// that is killed right behind it would stay in a journal to which nobody comes back.
    func finish(_ id: Int, as state: String, _ event: EngineEvent, by person: Person) async throws {
        try await connection.query(
            """
            WITH ended AS (
              UPDATE lockkeeper.migrations
                 SET state = $2, finished_at = pg_catalog.clock_timestamp(),
                     updated_at = pg_catalog.clock_timestamp() WHERE id = $1),
            gone AS (DELETE FROM lockkeeper.engines WHERE migration = $1)
            INSERT INTO lockkeeper.events
              (migration, kind, phase, step, text, fields, db_user, os_user, host)
            VALUES ($1, $3, NULL, NULL, $4, $5::jsonb, $6, $7, $8)
            """, id, state, event.kind.rawValue, event.text,
            try CompactJSON.encode(event.fields), person.databaseUser, person.systemUser,
            person.host)
    }

    private func update(_ id: Int, _ assignment: SQL, _ value: (any Bindable)?) async throws {
        try await connection.query(
            """
            UPDATE lockkeeper.migrations
               SET \(assignment), updated_at = pg_catalog.clock_timestamp() WHERE id = $1
            """, id, value)
    }

    /// Turns round. Going forward again, what was undone is to be done anew and what was said of it
    /// no longer counts. One transaction.
    func turn(
        _ id: Int, to direction: Direction, undone: [StepID], undoSteps: [StepID], gates: [String]
    )
        async throws
    {
        var statements: [SQL] = [
            "BEGIN",
            """
            UPDATE lockkeeper.migrations SET direction = \(literal: try CompactJSON.encode(direction))::jsonb,
              failure = NULL, updated_at = pg_catalog.clock_timestamp() WHERE id = \(id)
            """,
        ]
        if direction == .forward {
            statements += [
                "DELETE FROM lockkeeper.steps WHERE migration = \(id) AND step IN \(list(undone + undoSteps))",
                "DELETE FROM lockkeeper.backfills WHERE migration = \(id) AND split_part(step, ' ', 1) IN \(list(undone + undoSteps))",
                """
                UPDATE lockkeeper.approvals SET withdrawn_at = pg_catalog.clock_timestamp()
                 WHERE migration = \(id) AND withdrawn_at IS NULL
                   AND (kind IN ('phase', 'purge', 'purge_now')
                        OR kind = 'gate' AND subject IN \(list(gates)))
                """,
            ]
        }
        try await connection.inTransactionMessage(statements + ["COMMIT"])
    }

    private func list(_ texts: [String]) -> SQL {
        "(\((texts + [""]).map { SQL.literal($0) }.joined(separator: ", ")))"
    }
}

/// The journal was made by a newer Lockkeeper.
public struct JournalTooNew: Error, CustomStringConvertible {
    public let version: Int

    public var description: String {
        "The journal in this database is of version \(version), newer than this program's "
            + "\(JournalSchema.version). Run it with the Lockkeeper that made it, or a newer one."
    }
}

extension MigrationRecord {
    init(_ row: Row) throws {
        id = try row.int("id")
        name = try row.string("name")
        spec = try row.string("spec")
        specFile = try row.string("spec_file")
        identity = try row.string("identity")
        plan = try row.json("plan")
        checklist = try row.json("checklist")
        settings = try row.json("settings")
        state = try row.string("state")
        direction = try row.json("direction")
        pausedBy = try row.optional("paused_by")
        failure = try row.optional("failure")
        worstWaitMilliseconds = try row.optionalDouble("worst_wait_ms")
        startedAt = try row.date("started") ?? .distantPast
        updatedAt = try row.date("updated") ?? .distantPast
    }
}

extension JSONDecoder {
    /// For what `CompactJSON` writes.
    static var journal: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .rfc3339
        return decoder
    }
}

extension JSONDecoder.DateDecodingStrategy {
    /// What `CompactJSON` writes.
    static let rfc3339 = custom { decoder in
        try Date(
            decoder.singleValueContainer().decode(String.self),
            strategy: .iso8601.year().month().day()
                .timeZone(separator: .omitted).time(includingFractionalSeconds: true))
    }
}

extension Row {
    func json<Value: Decodable>(_ column: String) throws -> Value {
        try JSONDecoder.journal.decode(Value.self, from: Data(try string(column).utf8))
    }

    /// A column that holds seconds since 1970.
    func date(_ column: String) throws -> Date? {
        try optionalDouble(column).map { Date(timeIntervalSince1970: $0) }
    }

    func decoded<Value>(_ column: String, _ make: (String) -> Value?) throws -> Value {
        let text = try string(column)
        guard let value = make(text) else {
            throw DecodingFailure(
                message: "the journal holds \(text) as \(column), which this program does not know")
        }
        return value
    }
}

extension Connection {
    /// Runs a message that begins and ends a transaction; when a statement of it is refused, the
    /// transaction is ended before the error is thrown.
    @discardableResult
    func inTransactionMessage(_ statements: [SQL]) async throws -> [QueryResult] {
        do {
            return try await run(statements)
        } catch {
            await rollBackIfOpen()
            throw error
        }
    }

    /// Ends what a failed or cancelled message left open, also in a task that is cancelled. A session
    /// that can't even do that is closed: the server then ends the transaction.
    func rollBackIfOpen() async {
        guard isOpen, isInTransaction else { return }
        await Task { [self] in
            do { try await run("ROLLBACK") } catch { close() }
        }.value
    }
}
