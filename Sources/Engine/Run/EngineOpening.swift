import Foundation
import Logging
import Migration
import Postgres

extension Engine {
    /// What an engine begins with: its session, its lock, and the migration's row.
    struct Opened: Sendable {
        let connection: Connection
        let record: MigrationRecord
        let person: Person
        let fence: Fence
        /// The commands of the spec as it is now; of the journal's where there is only that.
        let notify: [String]
    }

    /// Connects, plans or reads the frozen plan, takes the advisory lock and raises the fence.
    ///
    /// Throws `OpeningError` with a sentence that says what to do, `PlanRefused` where the spec can't
    /// be carried out on this database. Nothing is changed before everything that can refuse has
    /// been asked; then the journal is made, where it is not there.
    public static func open(
        _ request: RunRequest, _ settings: ConnectionSettings, log: Logger = .silent
    ) async throws -> Engine {
        let connection = try await connect(settings)
        do {
            let person = Person.current(databaseUser: try await databaseUser(connection))
            let record = try await findOrCreate(request, settings, on: connection)
            try await bringUpToDate(connection)
            let fence = Fence(migration: record.id, token: UUID().uuidString)
            if request.takesOver {
                try await takeOver(record, raising: fence, on: connection)
            }
            try await takeLock(of: record, on: connection)
            try await fence.raise(on: connection)
            try await register(
                record.id, person, isInteractive: request.isInteractive, on: connection)
            try await Journal(connection: connection).withdrawStaleCommands(of: record.id)
            try await connection.query("LISTEN \(JournalSchema.channel)")
            let opened = Opened(
                connection: connection, record: record, person: person, fence: fence,
                notify: try request.spec?.notify
                    ?? Spec.parse(text: record.spec, file: record.specFile).notify)
            return Engine(opened, request: request, settings: settings, log: log)
        } catch {
            await connection.close()
            throw error
        }
    }

    /// What a session that writes the journal sets for itself, whatever the role's defaults are.
    static func controlSettings(_ serverVersion: Int) -> [SQL] {
        SessionFactory.lasting(serverVersion) + [
            "SET search_path = pg_catalog, pg_temp", "SET statement_timeout = '30s'",
            "SET lock_timeout = '5s'", "SET idle_in_transaction_session_timeout = '5s'",
            "SET synchronous_commit = local", "SET DateStyle = ISO",
        ]
    }

    static func connect(_ settings: ConnectionSettings) async throws -> Connection {
        do {
            let connection = try await Connection.open(settings)
            guard connection.serverVersion >= 150_000 else {
                await connection.close()
                throw OpeningError.refused(
                    "The server is of version \(connection.serverVersion / 10000); Lockkeeper needs "
                        + "PostgreSQL 15 or newer.")
            }
            try await connection.run(controlSettings(connection.serverVersion))
            if try await connection.readBackendPID() {
                try await refuseTransactionPooling(of: connection, settings)
            }
            return connection
        } catch let error as ConnectionError {
            throw OpeningError.noConnection(error.description)
        }
    }

    private static func databaseUser(_ connection: Connection) async throws -> String {
        let row = try await connection.query(
            "SELECT session_user AS name, pg_catalog.pg_is_in_recovery() AS standby"
        ).onlyRow()
        if try row.bool("standby") {
            throw OpeningError.refused(
                "This server is a standby, on which nothing can be changed. Connect to its primary."
            )
        }
        return try row.string("name")
    }

    // MARK: the plan

    /// Plans a spec against a server and changes nothing. Throws `OpeningError` or `Refusals`.
    ///
    /// In a session of its own, as the user's settings make it: its `search_path` is what names in
    /// the spec mean.
    ///
    /// - Parameter evidence: a rehearsal to reckon with: the path of its file, or how to connect to
    ///   the database that has it in its journal.
    public static func plan(
        _ spec: Spec, _ settings: ConnectionSettings, evidence: String? = nil
    ) async throws -> (Plan, Facts) {
        var rehearsal: Rehearsal?
        if let evidence {
            rehearsal = try await RehearsalReader(source: evidence).read(identity: spec.identity)
        }
        let connection: Connection
        do { connection = try await Connection.open(settings) } catch let error as ConnectionError {
            throw OpeningError.noConnection(error.description)
        }
        do {
            // It rests while other sessions look, and each of its transactions has limits of its own.
            try await connection.run(
                [
                    "SET idle_session_timeout = 0", "SET statement_timeout = '30s'",
                    "SET lock_timeout = '2s'", "SET idle_in_transaction_session_timeout = '30s'",
                    "SET client_encoding = 'UTF8'",
                ]
                    + (connection.serverVersion >= 170_000 ? ["SET transaction_timeout = 0"] : []))
            // Asked twice: what the tables look like raises questions of its own.
            let first = try await FactsReader.read(spec.questions, on: connection)
            var facts = try await FactsReader.read(spec.questions(knowing: first), on: connection)
            // What the names of the spec mean is settled; from here on nothing of the user's is meant.
            try await connection.run("SET search_path = pg_catalog, pg_temp")
            facts.surroundings = try await SurroundingsReader(
                settings: settings, facts: facts, connection: connection
            ).read()
            facts.surroundings.samples = try await SampleReader(
                facts: facts, connection: connection
            ).read()
            if let rehearsal {
                guard
                    try await RehearsalReader.hash(of: spec.identity, on: connection)
                        == rehearsal.specHash
                else {
                    throw OpeningError.refused(
                        "--evidence: what was rehearsed in \(rehearsal.place) is another spec: its name or operations differ."
                    )
                }
                facts.surroundings.rehearsal = rehearsal
            }
            let plan = try Planner.plan(spec, facts)
            await connection.close()
            return (plan, facts)
        } catch {
            await connection.close()
            throw error
        }
    }

    // MARK: the migration's row

    private static func findOrCreate(
        _ request: RunRequest, _ settings: ConnectionSettings, on connection: Connection
    ) async throws -> MigrationRecord {
        let journal = Journal(connection: connection)
        if try await journal.isInstalled(), let found = try await journal.newest(request.name) {
            switch found.state {
            case "active": return try await goOn(found, request, journal)
            case "finished": throw finished(found, request)
            default: break
            }
        }
        guard let spec = request.spec else {
            throw OpeningError.refused(
                "There is no unfinished migration \(request.name) in this database. "
                    + "`lockkeeper run FILE` begins one; `lockkeeper status` lists those there are."
            )
        }
        let (plan, facts) = try await plan(spec, settings, evidence: request.evidence)
        do {
            try await journal.install()
            return try await journal.create(
                spec, text: request.specText, file: request.specFile, plan: plan, facts: facts)
        } catch let error as ServerError where error.sqlState == .insufficientPrivilege {
            throw OpeningError.missingRights(
                "The journal can't be made: \(error.message). Let a superuser run: GRANT CREATE ON "
                    + "DATABASE \(Identifier(facts.server.database)) TO \(Identifier(facts.server.user));"
            )
        } catch let error as ServerError where error.sqlState == .uniqueViolation {
            throw OpeningError.refused(
                "Another `lockkeeper run` has just begun \(spec.name). `lockkeeper watch` shows it."
            )
        }
    }

    private static func goOn(
        _ found: MigrationRecord, _ request: RunRequest, _ journal: Journal
    ) async throws -> MigrationRecord {
        var found = found
        if let spec = request.spec {
            guard spec.identity == found.identity else {
                throw OpeningError.refused(
                    "The operations of \(request.specFile) have changed since its run began at "
                        + "\(found.startedAt.rfc3339). Put them back and go on, roll the run back "
                        + "(`lockkeeper rollback \(found.name)`), or give the changed spec another name."
                )
            }
            if request.specText != found.spec {
                // The file was edited since: it wins over what `set` changed meanwhile.
                try await journal.set(spec.settings, text: request.specText, of: found.id)
                found.settings = spec.settings
            }
        }
        if found.direction != .forward, request.rollback == nil, !request.isInteractive {
            throw OpeningError.refused(
                "\(found.name) is being rolled back. `lockkeeper rollback \(found.name)` goes on with that."
            )
        }
        return found
    }

    private static func finished(_ found: MigrationRecord, _ request: RunRequest) -> OpeningError {
        let when = found.updatedAt.rfc3339
        guard let spec = request.spec, spec.identity != found.identity else {
            return .alreadyFinished(
                "\(found.name) is finished since \(when); there is nothing to do.")
        }
        return .refused(
            "A migration named \(found.name) was finished at \(when), with other operations. "
                + "Give this spec another name.")
    }

    /// A journal of an older program gets what is missing in it. Throws `OpeningError.missingRights`.
    static func bringUpToDate(_ connection: Connection) async throws {
        do { try await Journal(connection: connection).install() } catch let error as ServerError
            where error.sqlState == .insufficientPrivilege
        {
            throw OpeningError.missingRights(
                "The journal was made by an older Lockkeeper and has to be brought up to date by the "
                    + "role that owns the schema lockkeeper: let it run `lockkeeper run`, or any command "
                    + "that changes a migration, once. (\(error.message))")
        }
    }

    // MARK: one engine a migration

    /// Polls for the advisory lock: the backend of a killed engine needs a moment to notice.
    static func takeLock(of record: MigrationRecord, on connection: Connection) async throws {
        let deadline = ContinuousClock.now + .seconds(6)
        while true {
            let got = try await connection.query(
                "SELECT pg_catalog.pg_try_advisory_lock(\(JournalSchema.advisoryClass), \(record.id)) AS got"
            ).onlyRow().bool("got")
            if got { break }
            guard ContinuousClock.now < deadline else {
                throw OpeningError.refused(try await otherEngine(record, on: connection))
            }
            try await Task.sleep(for: .milliseconds(200))
        }
        // A pooler that was told to change its mode meanwhile, or that was not met on the way in.
        let held = try await connection.query(
            """
            SELECT count(*) AS held FROM pg_catalog.pg_locks
             WHERE locktype = 'advisory' AND classid = \(JournalSchema.advisoryClass)::pg_catalog.oid
               AND objid = \(record.id)::pg_catalog.oid AND objsubid = 2 AND granted
               AND pid = pg_catalog.pg_backend_pid() AND pid = \(connection.backendPID)
            """
        ).onlyRow().int("held")
        guard held == 1 else { throw transactionPooling }
    }

    /// Through a pooler in transaction mode a session that rests lends its server process to whoever
    /// begins a transaction: two others that stay in one can't both leave ours where it was.
    private static func refuseTransactionPooling(
        of connection: Connection, _ settings: ConnectionSettings
    ) async throws {
        var others: [Connection] = []
        var isLent = false
        do {
            let own = connection.backendPID
            while others.count < 2, !isLent {
                let other = try await Connection.open(settings)
                others.append(other)
                try await other.query("BEGIN READ ONLY")
                try await other.readBackendPID()
                try await connection.readBackendPID()
                isLent = other.backendPID == own || connection.backendPID != own
            }
            for other in others { await other.close() }
        } catch {
            for other in others { await other.close() }
            throw error
        }
        if isLent { throw transactionPooling }
    }

    private static let transactionPooling = OpeningError.refused(
        "A connection pooler in transaction mode is between Lockkeeper and the server: session "
            + "locks do not hold through it. Connect to the server itself, or in session mode.")

    private static func otherEngine(_ record: MigrationRecord, on connection: Connection)
        async throws
        -> String
    {
        let row = try await connection.query(
            """
            SELECT host, pid,
                   extract(epoch FROM clock_timestamp() - heartbeat_at)::int AS age
              FROM lockkeeper.engines WHERE migration = \(record.id)
            """
        ).rows.first
        guard let row else { return "Another session holds the lock of \(record.name)." }
        let age = try row.int("age")
        let who =
            "An engine runs \(record.name) on \(try row.string("host")), pid \(try row.int("pid"))"
        guard age > 10 else {
            return who + ", alive. `lockkeeper status` shows it; `lockkeeper advance`, `pause` and "
                + "`rollback` reach it."
        }
        return who
            + ", silent for \(age) s but still connected. `lockkeeper watch \(record.name)`, "
            + "then T, ends its sessions and goes on from the journal."
    }

    static func register(
        _ id: Int, _ person: Person, isInteractive: Bool, on connection: Connection
    ) async throws {
        try await connection.query(
            """
            INSERT INTO lockkeeper.engines AS e (migration, host, pid, os_user, backend_pid, interactive)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (migration) DO UPDATE SET host = excluded.host, pid = excluded.pid,
              os_user = excluded.os_user, backend_pid = excluded.backend_pid,
              interactive = excluded.interactive, heartbeat_at = clock_timestamp()
            """, id, person.host, Int(ProcessInfo.processInfo.processIdentifier), person.systemUser,
            Int(connection.backendPID), isInteractive)
    }
}

extension Logger {
    /// Where nobody named a log file: standard error belongs to the screen.
    public static var silent: Logger {
        Logger(label: "lockkeeper") { _ in SwiftLogNoOpLogHandler() }
    }
}
