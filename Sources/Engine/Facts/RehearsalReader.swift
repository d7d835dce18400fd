import Foundation
import Migration
import Postgres

/// Finds the rehearsal that somebody names: in another database's journal, or in a file that
/// `lockkeeper history NAME --format rehearsal` has written.
struct RehearsalReader {
    /// A path, a libpq URI or a keyword string.
    let source: String

    /// The newest run of these operations that came to its end, or to its purge. Throws `OpeningError`
    /// with what to do where there is none.
    func read(identity: String) async throws -> Rehearsal {
        if FileManager.default.fileExists(atPath: source) { return try readFile() }
        guard source.contains("=") || source.contains("://") else {
            throw OpeningError.refused(
                "--evidence \(source): there is no such file, and it is no connection string either."
            )
        }
        let connection: Connection
        do {
            connection = try await Connection.open(ConnectionSettings(dsn: source))
        } catch let error as ConnectionError {
            throw OpeningError.noConnection("--evidence: \(error.description)")
        }
        do {
            try await connection.run(
                "SET search_path = pg_catalog, pg_temp", "SET default_transaction_read_only = on",
                "SET lock_timeout = '2s'",
                "SET statement_timeout = '10s'")
            let found = try await Self.newest(identity: identity, on: connection)
            await connection.close()
            return found
        } catch {
            await connection.close()
            throw error
        }
    }

    private func readFile() throws -> Rehearsal {
        do {
            let decoder = JSONDecoder()
            decoder.dateDecodingStrategy = .rfc3339
            let rehearsal = try decoder.decode(
                Rehearsal.self, from: Data(contentsOf: URL(fileURLWithPath: source)))
            let times = rehearsal.seconds.values + [rehearsal.worstWaitMilliseconds ?? 0]
            guard times.allSatisfy({ abs($0) < 1e12 }) else {
                throw OpeningError.refused(
                    "--evidence \(source): nothing takes as long as this says.")
            }
            return rehearsal
        } catch let error as OpeningError {
            throw error
        } catch {
            throw OpeningError.refused(
                "--evidence \(source): this is no rehearsal (\(error.localizedDescription)). "
                    + "`lockkeeper history NAME --format rehearsal`, run where it was rehearsed, prints one."
            )
        }
    }

    // MARK: the journal

    private static func newest(identity: String, on connection: Connection) async throws
        -> Rehearsal
    {
        let journal = Journal(connection: connection)
        guard try await journal.isInstalled() else {
            throw OpeningError.refused(
                "--evidence: the database has no journal; nothing was rehearsed there.")
        }
        let rehearsals = try await journal.all().filter { $0.identity == identity }
        for record in rehearsals.reversed() {
            if let found = try await rehearsal(of: record, on: connection) { return found }
        }
        throw OpeningError.refused(
            rehearsals.isEmpty
                ? "--evidence: that journal has no run of these operations under this name."
                : "--evidence: no run of these operations has come to its end there, or to its purge."
        )
    }

    /// Nil where it did not come far enough.
    static func rehearsal(of record: MigrationRecord, on connection: Connection) async throws
        -> Rehearsal?
    {
        let journal = Journal(connection: connection)
        let steps = try await journal.steps(of: record.id)
        let needed = record.plan.steps.prefix { !$0.isPointOfNoReturn && $0.action != .quarantine }
        let isFinished = record.state == "finished"
        guard
            isFinished
                || record.direction == .forward && record.state == "active"
                    && needed.allSatisfy({ steps[$0.id]?.state == .done })
        else { return nil }
        let facts = try await journal.facts(of: record.id)
        let database = try await connection.query(
            "SELECT pg_catalog.current_database() AS database"
        ).onlyRow().string("database")
        var seconds: [StepID: Double] = [:]
        for step in record.plan.steps {
            guard let started = steps[step.id]?.startedAt, let ended = steps[step.id]?.finishedAt
            else { continue }
            seconds[step.id] = ended.timeIntervalSince(started)
        }
        return Rehearsal(
            migration: record.name, specHash: try await hash(of: record.identity, on: connection),
            place: "\(database) on \(connection.address)",
            serverVersion: connection.serverVersion,
            finishedAt: needed.compactMap { steps[$0.id]?.finishedAt }.max() ?? record.updatedAt,
            isBeforePurge: !isFinished, tables: facts.sizes(of: record.plan), seconds: seconds,
            worstWaitMilliseconds: record.worstWaitMilliseconds)
    }

    /// The same hash as a rehearsal's, of our own spec.
    static func hash(of identity: String, on connection: Connection) async throws -> String {
        try await connection.query(
            "SELECT pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to($1, 'UTF8')), 'hex') AS hash",
            identity
        ).onlyRow().string("hash")
    }
}

/// What a rehearsal is worth for the checklist.
struct RehearsalJudgement {
    /// The share of rows that is asked for where the item does not say.
    static let leastPercent = 50.0

    let rehearsal: Rehearsal
    let specHash: String
    let here: [Rehearsal.Table]
    let leastPercent: Double
    /// As `server_version_num`, of the server that is to be migrated.
    let serverVersion: Int

    var isGood: Bool { trouble == nil }

    var text: String {
        if let trouble { return trouble }
        let end = rehearsal.isBeforePurge ? "done but for its purge" : "finished"
        let wait = rehearsal.worstWaitMilliseconds.map {
            ", worst wait \(Int($0.rounded())) ms"
        }
        let (there, now) = (rehearsal.serverVersion / 10_000, serverVersion / 10_000)
        let version = there == now ? "" : ", on PostgreSQL \(there), and this is \(now)"
        return
            "rehearsed in \(rehearsal.place): \(end) \(rehearsal.finishedAt.rfc3339), with \(percent)\(wait ?? "")\(version)"
    }

    private var share: Double? { rehearsal.share(of: here) }

    private var percent: String {
        guard let share else { return "no such table" }
        return share >= 10
            ? "more than ten times the rows" : "\(Int((share * 100).rounded(.down))) % of the rows"
    }

    private var trouble: String? {
        if rehearsal.specHash != specHash {
            return
                "what was rehearsed in \(rehearsal.place) is another spec: its name or operations differ"
        }
        guard let share, share * 100 < leastPercent else {
            return share == nil ? "\(rehearsal.place) does not have every table of this plan" : nil
        }
        return
            "the rehearsal in \(rehearsal.place) had \(percent), and \(Int(leastPercent)) % are asked for"
    }
}
