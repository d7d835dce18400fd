import Conformance
import Engine
import Foundation
import Migration
import Postgres
import Sandbox
import Synchronization

/// A trial's world: its database, the clients of both versions, and the engine by way of a tap.
final class Scene: Sendable {
    let trial: Trial
    let theatre: Theatre
    let database: String
    let before: String
    /// Of a pair: what follows the server, until it takes its place.
    let standby: SandboxServer?
    let folder: String
    let tap: Wiretap
    let trigger: Trigger
    let old: ModelClient?
    let new: ModelClient?
    private let untouched: [Int: ModelRow]
    private struct State {
        var engine: EngineProcess?
        var words: [String] = []
        var dsn: String?
        var story: [String] = []
        var problems: [String] = []
        /// What the fault began and must end.
        var keeping: [Task<Void, Never>] = []
        var note: String?
        var strike: Task<Void, Never>?
        var server: SandboxServer
    }
    private let state: Mutex<State>

    init(_ trial: Trial, _ theatre: Theatre, at moment: Int) async throws {
        self.trial = trial
        self.theatre = theatre
        let room = try await theatre.room(for: trial.variant)
        let server = room.server
        (database, before, standby) = (room.database, room.schema, room.standby)
        state = Mutex(State(server: server))
        folder = FileManager.default.temporaryDirectory.path + "/lkf" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try trial.variant.spec.write(
            toFile: folder + "/orders-status.yaml", atomically: true, encoding: .utf8)
        let trigger = Trigger(at: moment, marks: trial.fault.within?.marks)
        self.trigger = trigger
        tap = try Wiretap(server) { trigger.judge($0) }
        // What a fault sets for the database is meant for the engine.
        let settings = ConnectionSettings(
            dsn: Self.dsn([server.folder] + (room.standby.map { [$0.folder] } ?? []), database)
        ).adding([("application_name", "shop"), ("options", Self.usual)])
        let odd = Orders.model.filter { $0.key % 2 == 1 }
        let even = Orders.model.filter { $0.key % 2 == 0 }
        let variant = trial.variant
        old = variant.old.map {
            ModelClient(
                settings, $0, seed: trial.random, ids: 100_000, rows: odd, patience: .outages)
        }
        new = variant.new.map {
            ModelClient(
                settings, $0, seed: trial.random &+ 1, ids: 200_000, rows: even, patience: .outages)
        }
        untouched = (variant.old == nil ? odd : [:])
            .merging(variant.new == nil ? even : [:]) { first, _ in first }
    }

    // MARK: what the fault reaches

    /// The server that takes writes.
    var server: SandboxServer { state.withLock { $0.server } }

    /// The standby has taken the server's place.
    func fallOver(to standby: SandboxServer) { state.withLock { $0.server = standby } }

    /// How the application, and an operator who knows the cluster, connects: to whichever of the hosts
    /// takes writes.
    static func dsn(_ folders: [String], _ database: String) -> String {
        "host='\(folders.joined(separator: ","))' port='\(folders.map { _ in "5432" }.joined(separator: ","))' "
            + "user=\(SandboxServer.superuser) dbname='\(database)' "
            + (folders.count > 1 ? "target_session_attrs=read-write" : "")
    }

    var engine: EngineProcess? { state.withLock { $0.engine } }

    /// The command in hand.
    var words: [String] { state.withLock { $0.words } }

    /// What a fault keeps from its strike for its end.
    var note: String? {
        get { state.withLock { $0.note } }
        set { state.withLock { $0.note = newValue } }
    }

    func tell(_ text: String) { state.withLock { $0.story.append(text) } }
    func blame(_ text: String) { state.withLock { $0.problems.append(text) } }
    var story: [String] { state.withLock { $0.story } }
    var problems: [String] { state.withLock { $0.problems } }

    /// The engine connects there instead of through the tap.
    func reroute(_ dsn: String?) { state.withLock { $0.dsn = dsn } }

    var dsn: String { state.withLock { $0.dsn } ?? tap.dsn(database: database) }

    func keep(_ task: Task<Void, Never>) { state.withLock { $0.keeping.append(task) } }

    func strikes(_ task: Task<Void, Never>) { state.withLock { $0.strike = task } }

    /// Waits until the fault has been made wholly.
    func untilStruck() async { await state.withLock { $0.strike }?.value }

    /// Ends what the fault has begun.
    func endKept() async {
        for task in state.withLock({ state in
            defer { state.keeping = [] }
            return state.keeping
        }) {
            task.cancel()
            await task.value
        }
    }

    /// As the superuser, past the tap.
    func connect() async throws -> Connection {
        try await Connection.open(
            server.settings(database: database).adding([
                ("application_name", "trial"), ("options", Self.usual),
            ]))
    }

    private static let usual = [
        "statement_timeout=0", "lock_timeout=0", "idle_in_transaction_session_timeout=0",
        "idle_session_timeout=0", "default_transaction_read_only=off", "DateStyle=ISO",
        "default_transaction_isolation=read\\ committed", "client_min_messages=notice",
    ].map { "-c \($0)" }.joined(separator: " ")

    @discardableResult
    func run(_ statements: SQL...) async throws -> QueryResult? {
        let connection = try await connect()
        do {
            var last: QueryResult?
            for statement in statements { last = try await connection.query(statement) }
            await connection.close()
            return last
        } catch {
            await connection.close()
            throw error
        }
    }

    func value(_ query: SQL) async throws -> String? {
        try await run(query)?.onlyRow().values.first ?? nil
    }

    // MARK: commands

    var spec: String { folder + "/orders-status.yaml" }

    func start(_ words: [String], isStruck: Bool = true) async throws -> EngineProcess {
        guard isStruck else {
            return try await EngineProcess.start(
                words + ["--dsn", server.dsn(database: database)], in: folder)
        }
        return try await EngineProcess.start(
            words + ["--dsn", dsn], in: folder, wrapped: trial.fault.wrapped ?? { $0 })
    }

    /// Runs a command to its end; a crash of the program itself is a problem whatever the fault was.
    func lockkeeper(_ words: [String]) async throws -> EngineProcess.Ended {
        let process = try await start(words)
        state.withLock {
            $0.engine = process
            $0.words = words
        }
        let ended = try await process.end(within: trial.fault.seconds)
        state.withLock { $0.engine = nil }
        tell("\(words.joined(separator: " ").replacing(folder + "/", with: "")): \(ended.summary)")
        if ended.isCrash { blame("the program crashed: \(ended.summary)") }
        if ended.errors.hasSuffix("and was killed") { blame("\(words[0]): \(ended.summary)") }
        return ended
    }

    /// Past every fault.
    func unstruck(_ words: [String]) async throws -> EngineProcess.Ended {
        try await start(words, isStruck: false).end()
    }

    // MARK: the end

    func model() async -> [Int: ModelRow] {
        var all = untouched
        for client in [old, new].compactMap({ $0 }) {
            all.merge(await client.rows) { first, _ in first }
        }
        return all
    }

    func close() async {
        await endKept()
        await old?.stop()
        await new?.stop()
        engine?.signal(SIGKILL)
        tap.close()
        await theatre.leave(database)
        do { try await trial.fault.clear?(self) } catch {
            FileHandle.standardError.write(Data("\(trial): \(error)\n".utf8))
        }
        try? FileManager.default.removeItem(atPath: folder)
    }
}
