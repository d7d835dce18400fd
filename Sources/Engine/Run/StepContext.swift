import Foundation
import Migration
import Monitor
import Postgres

/// What a running step works with.
struct StepContext: Sendable {
    let migration: Int
    let plan: Plan
    let fence: Fence
    let sessions: SessionFactory
    let control: EngineControl
    let phase: Phase

    func emit(
        _ kind: EngineEvent.Kind, _ step: StepID, _ text: String,
        _ fields: [String: JSONValue] = [:]
    ) {
        control.emit(kind, phase: phase, step: step, text, fields)
    }

    /// Notes a step that is no transaction of its own as done; throws `Fenced` where another engine
    /// has taken over meanwhile.
    func noteDone(_ step: StepID, on connection: Connection) async throws {
        try await fence.run([Journal.note(.done, step: step, of: migration)], on: connection)
    }
}

/// Opens the sessions that a migration works in, each set as the frozen plan says.
struct SessionFactory: Sendable {
    let settings: ConnectionSettings
    let facts: SessionFacts
    let control: EngineControl
    let migration: Int

    /// By it another engine that takes over finds every session of this one. Waits for nobody: nobody
    /// takes it otherwise than shared.
    static func mark(_ migration: Int) -> SQL {
        "SELECT pg_catalog.pg_advisory_lock_shared(\(JournalSchema.sessionClass), \(migration))"
    }

    /// A session with the plan's `search_path`, `TimeZone` and `DateStyle`, no timeouts but those
    /// that keep a frozen engine from holding locks, row security off (an error instead of missing
    /// rows), and without JIT, which costs more than a batch.
    func open() async throws -> Connection {
        let connection = try await Connection.open(settings)
        // Unnamed, temporary tables would be found before the application's.
        let path = (facts.searchPath.map(\.quoted) + ["pg_temp"]).joined(separator: ", ")
        try await connection.run(
            "SELECT pg_catalog.set_config('search_path', \(literal: path), false)",
            "SELECT pg_catalog.set_config('timezone', \(literal: facts.timeZone), false)",
            "SELECT pg_catalog.set_config('datestyle', \(literal: facts.dateStyle), false)",
            "SET idle_in_transaction_session_timeout = '1s'",
            "SET statement_timeout = 0", "SET lock_timeout = 0", "SET row_security = off",
            "SET standard_conforming_strings = on", Self.mark(migration))
        try await connection.run(Self.lasting(connection.serverVersion))
        try await connection.readBackendPID()
        try await refuseOtherServer(connection)
        control.change { $0.ownPIDs.insert(Int(connection.backendPID)) }
        return connection
    }

    /// After a failover the address, or one of several hosts, may lead to another server than the one
    /// where the engine's own session is: to a standby, or to a new primary while the old one is still
    /// there. Work on the one and a journal on the other would not be one migration; the engine's
    /// advisory lock, which is not replicated, tells them apart.
    private func refuseOtherServer(_ connection: Connection) async throws {
        let isHere: Bool
        do {
            isHere = try await connection.query(
                """
                SELECT EXISTS (SELECT FROM pg_catalog.pg_locks
                  WHERE locktype = 'advisory' AND classid = \(JournalSchema.advisoryClass)::pg_catalog.oid
                    AND objid = \(migration)::pg_catalog.oid AND objsubid = 2 AND granted
                    AND database = (SELECT oid FROM pg_catalog.pg_database
                                     WHERE datname = pg_catalog.current_database())) AS here
                """
            ).onlyRow().bool("here")
        } catch {
            await connection.close()
            throw error
        }
        guard !isHere else { return }
        await connection.close()
        throw ConnectionError.lost(
            "a new session did not reach the server where the engine has its lock")
    }

    /// What every session of ours sets, whatever the role's defaults are: it is not ended while it
    /// rests, its transactions are ordinary ones, and the server notices soon that we are gone, also
    /// where a network swallows the end of the connection (its own default is two hours).
    static func lasting(_ serverVersion: Int) -> [SQL] {
        [
            "SET client_connection_check_interval = '1s'", "SET tcp_keepalives_idle = 5",
            "SET tcp_keepalives_interval = 2", "SET tcp_keepalives_count = 3",
            "SET tcp_user_timeout = 15000", "SET idle_session_timeout = 0", "SET jit = off",
            "SET client_min_messages = notice",
            "SET default_transaction_isolation = 'read committed'",
            "SET default_transaction_read_only = off", "SET default_transaction_deferrable = off",
        ] + (serverVersion >= 170_000 ? ["SET transaction_timeout = 0"] : [])
    }

    func close(_ connection: Connection) async {
        control.change { $0.ownPIDs.remove(Int(connection.backendPID)) }
        await connection.close()
    }

    /// Opens a session for the body and closes it whatever happens.
    func with<Value: Sendable>(_ body: (Connection) async throws -> Value) async throws -> Value {
        let connection = try await open()
        do {
            let value = try await body(connection)
            await close(connection)
            return value
        } catch {
            await close(connection)
            throw error
        }
    }
}

/// Keeps two engines from working on one migration.
///
/// Each engine writes a token of its own when it begins; every journalled transaction first reads it
/// FOR SHARE, so that a new engine's token waits for the transaction in hand and none comes after. A
/// plain read would race with the new token.
struct Fence: Sendable {
    let migration: Int
    let token: String

    /// The SQLSTATE with which the server says that the token is another's.
    private static let lost = SQLState(rawValue: "LK001")

    /// Reads the token FOR SHARE and raises where it is another's, so that the rest of its message is
    /// not carried out.
    private let check: SQL

    init(migration: Int, token: String) {
        self.migration = migration
        self.token = token
        check = SQL.block(
            """
            BEGIN
              PERFORM FROM lockkeeper.fences
                WHERE migration = \(migration) AND token = \(literal: token) FOR SHARE;
              IF NOT FOUND THEN
                RAISE EXCEPTION 'another engine has taken this migration over'
                  USING ERRCODE = \(literal: Self.lost.rawValue);
              END IF;
            END
            """)
    }

    /// Begins a transaction, sets what it is given, and makes sure that this engine still is the
    /// one. Throws `Fenced` with the transaction ended.
    func begin(on connection: Connection, _ settings: [SQL] = []) async throws {
        try await send(["BEGIN"] + settings + [check], on: connection)
    }

    /// The same with the transaction's first statements in the same message, whose results it
    /// returns; an error counts `completedStatements` from the first of them. `comment` stands at its
    /// beginning, for who looks at `pg_stat_activity`.
    nonisolated(nonsending) func begin(
        on connection: Connection, _ settings: [SQL], comment: String, then statements: [SQL]
    ) async throws -> [QueryResult] {
        let start = ["/* \(SQL.inComment(comment)) */ BEGIN"] + settings + [check]
        do {
            let results = try await send(start + statements, on: connection)
            return Array(results.dropFirst(start.count))
        } catch var error as ServerError {
            error.completedStatements -= start.count
            throw error
        }
    }

    /// A whole transaction in one message, behind the same check.
    func run(_ statements: [SQL], on connection: Connection) async throws {
        try await send(["BEGIN", check] + statements + ["COMMIT"], on: connection)
    }

    @discardableResult
    nonisolated(nonsending) private func send(
        _ message: [SQL], on connection: Connection
    ) async throws -> [QueryResult] {
        do {
            return try await connection.inTransactionMessage(message)
        } catch let error as ServerError where error.sqlState == Self.lost {
            throw Fenced()
        }
    }

    /// The statement that makes this engine the one.
    var raising: SQL {
        "UPDATE lockkeeper.fences SET token = \(literal: token) WHERE migration = \(migration)"
    }

    /// Makes this engine the one. Waits for transactions of the engine before, at most the session's
    /// `lock_timeout`. A synchronous standby has the token before anything is done under it: one that was
    /// promoted without it would take this engine for one that was taken over.
    func raise(on connection: Connection) async throws {
        do {
            try await connection.inTransactionMessage([
                "BEGIN", "SET LOCAL synchronous_commit = on", raising, "COMMIT",
            ])
        } catch let error as ServerError where error.sqlState == .lockNotAvailable {
            throw OpeningError.refused(
                "A session of the engine before still carries out a step on the server. Wait until it "
                    + "has ended (`lockkeeper locks` shows it), then run again.")
        }
    }

    /// Waits until no session of before is at work any more, and makes sure that this engine still is
    /// the one.
    ///
    /// A lost connection's backend may go on for a while, and commit; what the journal says before
    /// that is not to be believed: a step would be begun a second time (seen: an INSERT of the user's
    /// done twice).
    func confirm(on connection: Connection) async throws {
        do {
            let rows = try await connection.query(
                """
                UPDATE lockkeeper.fences SET token = token WHERE migration = $1 AND token = $2
                 RETURNING migration
                """, migration, token
            ).rows
            guard !rows.isEmpty else { throw Fenced() }
        } catch let error as ServerError where error.sqlState == .lockNotAvailable {
            throw ConnectionError.lost("a session that was lost is still at work on the server.")
        }
    }
}

/// Another engine has taken this migration over: this one must change nothing any more.
struct Fenced: Error, CustomStringConvertible {
    var description: String {
        "Another engine has taken this migration over. `lockkeeper watch` shows it."
    }
}

/// A step that did not do what it should, in a sentence that says what to do next.
struct StepFailure: Error, CustomStringConvertible {
    let message: String
    /// The first rows that it speaks of, for those who look closer.
    let rows: [FoundRow]
    var description: String { message }

    init(_ message: String, rows: [FoundRow] = []) {
        self.message = message
        self.rows = rows
    }
}
