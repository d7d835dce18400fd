import Foundation
import Migration
import Monitor
import Postgres

/// What can be asked of the migrations in a database without running one: where they stand, what
/// happened, and words to an engine that runs elsewhere.
public actor Office {
    /// What a command that the engine carries out now has for an answer.
    static let underWay = "under way"

    let connection: Connection
    private let person: Person
    private let watch: ServerWatch

    /// Throws `OpeningError.noConnection`, or `JournalTooNew`.
    public static func open(_ settings: ConnectionSettings) async throws -> Office {
        let connection = try await Engine.connect(settings)
        let user = try await connection.query("SELECT session_user AS name").onlyRow().string(
            "name")
        return Office(
            connection: connection, person: .current(databaseUser: user),
            watch: ServerWatch(settings: settings))
    }

    private init(connection: Connection, person: Person, watch: ServerWatch) {
        self.connection = connection
        self.person = person
        self.watch = watch
    }

    public func close() async {
        await watch.close()
        await connection.close()
    }

    private var journal: Journal { Journal(connection: connection) }

    // MARK: where they stand

    /// The newest run under each name, in the order in which they began; only `name`, where given.
    public func statuses(_ name: String? = nil) async throws -> [MigrationStatus] {
        guard try await journal.isInstalled() else { return [] }
        var newest: [String: MigrationRecord] = [:]
        for record in try await journal.all() where name == nil || record.name == name {
            newest[record.name] = record
        }
        var statuses: [MigrationStatus] = []
        for record in newest.values.sorted(by: { $0.id < $1.id }) {
            statuses.append(try await read(record).status)
        }
        return statuses
    }

    /// The events of a migration's newest run, or of all, oldest first.
    public func history(_ name: String?) async throws -> [HistoryEntry] {
        guard try await journal.isInstalled() else { return [] }
        return try await connection.query(
            """
            SELECT m.name, e.kind, e.phase, e.step, e.text, e.db_user, e.os_user, e.host,
                   extract(epoch FROM e.at) AS at
              FROM lockkeeper.events e JOIN lockkeeper.migrations m ON m.id = e.migration
             WHERE $1::text IS NULL OR m.name = $1 ORDER BY e.id
            """, name
        ).rows.map { row in
            HistoryEntry(
                at: try row.date("at") ?? .distantPast, migration: try row.string("name"),
                event: try row.string("kind"), phase: try row.optional("phase"),
                step: try row.optional("step"), text: try row.string("text"),
                by: Person(
                    databaseUser: try row.string("db_user"), systemUser: try row.string("os_user"),
                    host: try row.string("host")
                ).description)
        }
    }

    /// The newest run of that name as a rehearsal: evidence for the same spec on another database.
    public func rehearsal(_ name: String) async throws -> Rehearsal {
        guard try await journal.isInstalled(), let record = try await journal.newest(name) else {
            throw OpeningError.refused(
                "There is no migration \(name) in this database. `lockkeeper status` lists those there are."
            )
        }
        guard let found = try await RehearsalReader.rehearsal(of: record, on: connection) else {
            throw OpeningError.refused(
                "\(name) has not come to its end, or to its purge, and is no rehearsal yet.")
        }
        return found
    }

    // MARK: words to a migration

    /// Hands an action to the engine that runs the migration and waits for its answer; where none
    /// runs, notes it in the journal for the next one. Returns a sentence; throws `ActionRefusal`.
    public func send(_ action: OperatorAction, to name: String) async throws -> String {
        let standing = try await standing(of: name)
        if standing.isEngineAlive { return try await command(action, standing) }
        return try await note(action, standing)
    }

    private func standing(of name: String) async throws -> Standing {
        guard try await journal.isInstalled(), let record = try await journal.newest(name) else {
            throw ActionRefusal(
                "There is no migration \(name) in this database; `lockkeeper status` lists those there are."
            )
        }
        return try await read(record)
    }

    /// With a picture of the server: an engine would see it too, and its checklist rests on it.
    private func read(_ record: MigrationRecord) async throws -> Standing {
        let picture = record.state == "active" ? try await watch.picture(ours: []) : nil
        return try await Standing.read(record, picture, on: connection)
    }

    private func command(_ action: OperatorAction, _ standing: Standing) async throws -> String {
        let id = try await connection.query(
            """
            INSERT INTO lockkeeper.commands (migration, action, os_user, host)
            VALUES ($1, $2::jsonb, $3, $4) RETURNING id
            """, standing.record.id, try CompactJSON.encode(action), person.systemUser, person.host
        ).onlyRow().int("id")
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline {
            let row = try await connection.query(
                "SELECT answered_at IS NOT NULL AS answered, refusal FROM lockkeeper.commands WHERE id = $1",
                id
            ).onlyRow()
            if try row.bool("answered"), try row.optional("refusal") != Self.underWay {
                if let refusal = try row.optional("refusal") { throw ActionRefusal(refusal) }
                return "The engine on \(standing.engineHost ?? "its host") has taken it."
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        try await connection.query(
            """
            UPDATE lockkeeper.commands SET answered_at = clock_timestamp(),
              refusal = 'withdrawn: the engine did not answer'
             WHERE id = $1 AND answered_at IS NULL
            """, id)
        throw ActionRefusal(
            "The engine on \(standing.engineHost ?? "its host") did not answer within 10 s; the command is withdrawn."
        )
    }

    /// No engine runs: what the next one will find.
    private func note(_ action: OperatorAction, _ standing: Standing) async throws -> String {
        let record = standing.record
        guard record.state == "active" else {
            throw ActionRefusal(
                "\(record.name) is \(record.state == "finished" ? "finished" : "rolled back").")
        }
        switch action {
        case .advance(let gate): return try await pass(gate, standing)
        case .pause:
            if let by = record.pausedBy { throw ActionRefusal("It is paused already, by \(by).") }
            try await journal.set(pausedBy: person.description, of: record.id)
            try await write(.paused, "Paused by \(person)", record)
            return "Paused; no engine runs it now."
        case .resume:
            guard record.pausedBy != nil else { throw ActionRefusal("It is not paused.") }
            try await journal.set(pausedBy: nil, of: record.id)
            try await write(.resumed, "Resumed by \(person)", record)
            return "Resumed. `\(try await self.standing(of: record.name).next)` goes on."
        case .set(let key, let value):
            var settings = record.settings
            do { try settings.apply(key: key, value: value) } catch {
                throw ActionRefusal(error.sentence)
            }
            try await journal.set(settings, of: record.id)
            try await write(.operatorAction, "\(person) sets \(key) to \(value)", record)
            return "Set; the next run uses it."
        default:
            throw ActionRefusal("No engine runs \(record.name). `\(standing.next)` starts one.")
        }
    }

    /// What is said while no engine runs is part of the history too.
    private func write(_ kind: EngineEvent.Kind, _ text: String, _ record: MigrationRecord)
        async throws
    {
        let event = EngineEvent(time: Date(), migration: record.name, kind: kind, text: text)
        try await journal.add(event, of: record.id, by: person)
    }

    private func pass(_ gate: String?, _ standing: Standing) async throws -> String {
        let record = standing.record
        guard case .waitAtGate(let waiting, let said) = standing.course.next(now: Date()) else {
            throw ActionRefusal("No gate of \(record.name) waits. \(standing.sentence)")
        }
        if let gate, gate != waiting.id {
            throw ActionRefusal("Gate \(gate) does not wait; \(waiting.id) does.")
        }
        if said.contains(where: { $0.by == person }) {
            throw ActionRefusal(
                "You have said so already; gate \(waiting.id) asks for \(waiting.approvals) people."
            )
        }
        try await journal.approve(.gate, waiting.id, of: record.id, by: person)
        try await write(.operatorAction, "\(person) passes gate \(waiting.id)", record)
        let goOn =
            standing.course.direction == .forward
            ? "lockkeeper run \(record.specFile)" : "lockkeeper rollback \(record.name)"
        return "Gate \(waiting.id) is passed. `\(goOn)` goes on."
    }

    // MARK: what a rollback or a purge would do

    /// The undo steps that a rollback would run now, and what it keeps.
    public func rollbackOffer(_ name: String, to phase: Phase?, purges: Bool = false) async throws
        -> RollbackOffer
    {
        let standing = try await standing(of: name)
        var course = standing.course
        course.purgesUndone = purges
        guard standing.record.state == "active" else {
            throw ActionRefusal(
                "\(name) is \(standing.record.state == "finished" ? "finished" : "rolled back") already."
            )
        }
        if let phase, !standing.course.hasBegun(after: phase) {
            throw ActionRefusal("Nothing after \(phase.title) has been done.")
        }
        if standing.course.isPastPointOfNoReturn {
            throw ActionRefusal(
                "The old structure of \(name) is purged: there is nothing to go back to.")
        }
        return RollbackOffer(
            to: phase, keeps: standing.course.plan.operations.flatMap(\.keeps),
            steps: course.undoSteps(to: phase).map { StepView($0.id, $0.title, $0.action) })
    }

    /// What a purge would drop, or why there is nothing to purge now.
    public func purgeOffer(_ name: String) async throws -> PurgeOffer {
        let standing = try await standing(of: name)
        let from: Date?
        switch standing.course.next(now: Date()) {
        case .wait(.quarantine(let until)): from = until
        case .wait(.purge): from = nil
        default: throw ActionRefusal("Nothing of \(name) waits to be purged. \(standing.sentence)")
        }
        let left = standing.course.plan.steps.filter { standing.course.state(of: $0.id) != .done }
        return PurgeOffer(
            steps: left.filter(\.isPointOfNoReturn).map { StepView($0.id, $0.title, $0.action) },
            loses: standing.course.plan.operations.map(\.title), from: from)
    }

    /// The spec with which a migration was begun.
    public func isEngineAlive(_ name: String) async throws -> Bool {
        try await standing(of: name).isEngineAlive
    }

    // MARK: removal

    /// Drops the journal's schema. Refused while a migration is unfinished, whose plan and sync
    /// functions it holds.
    public func uninstall() async throws -> String {
        guard try await journal.isInstalled() else {
            return "There is no schema lockkeeper in this database."
        }
        let active = try await journal.all().filter { $0.state == "active" }.map(\.name)
        guard active.isEmpty else {
            throw ActionRefusal(
                "Unfinished: \(active.joined(separator: ", ")). Finish or roll back first; the journal "
                    + "holds their plans and the functions of their sync triggers.")
        }
        let triggers = try await connection.query(
            """
            SELECT string_agg(pg_catalog.format('%I on %s', t.tgname, t.tgrelid::regclass), ', ') AS left
              FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
             WHERE p.pronamespace = 'lockkeeper'::pg_catalog.regnamespace
            """
        ).onlyRow().optional("left")
        if let triggers {
            throw ActionRefusal(
                "Triggers still use a function of the schema: \(triggers). Look whose they are and drop "
                    + "them first.")
        }
        try await connection.query("DROP SCHEMA lockkeeper CASCADE")
        return "The schema lockkeeper is dropped."
    }
}

/// One line of `history`.
public struct HistoryEntry: Sendable, Encodable {
    public let at: Date
    public let migration: String
    public let event: String
    public let phase: String?
    public let step: String?
    public let text: String
    public let by: String
}

extension StepView {
    init(_ id: StepID, _ title: String, _ action: StepAction) {
        self.init(
            id: id, title: title, kind: action.kindName, state: .pending,
            statements: action.statements.map(\.text),
            locks: action.locks.map { "\($0.mode.rawValue) on \($0.table)" })
    }
}
