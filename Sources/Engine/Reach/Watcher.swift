import Foundation
import Migration
import Monitor
import Postgres

/// A client of a migration that runs elsewhere, or rests: it reads the journal and looks at the
/// server itself, with nothing but the database between it and the engine.
///
/// It looks each refresh, and at once when the journal tells that something happened (NOTIFY). Actions
/// go through the journal's `commands`; sessions are cancelled and terminated by itself. On a standby,
/// which has neither NOTIFY nor writes, it looks each refresh, and actions go to the primary where that
/// is known.
public actor Watcher: MigrationClient {
    public nonisolated let snapshots: AsyncStream<Snapshot>

    private let name: String
    private let settings: ConnectionSettings
    private let primary: ConnectionSettings?
    private let out: AsyncStream<Snapshot>.Continuation
    private var refresh: Double
    private var connection: Connection?
    private var isStandby = false
    /// The migration in which this session has announced itself.
    private var announced: Int?
    private var office: Office?
    private var picture: ServerPicture?
    private var last: Snapshot?
    private var isStopping = false
    private var resting: Task<Void, Never>?
    private var known: (version: String, record: MigrationRecord, shown: ShownSteps)?
    /// The events of a migration that were read, with their places in the journal.
    private var told: (id: Int, events: [(place: Int, event: EventView)]) = (0, [])
    private var inspected: Int?

    /// - Parameter primary: where actions go from a standby; nil: nowhere.
    public init(
        name: String, settings: ConnectionSettings, primary: ConnectionSettings? = nil,
        refresh: Double = 1
    ) {
        self.name = name
        self.settings = settings
        self.primary = primary
        self.refresh = refresh
        (snapshots, out) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    public func setRefresh(_ seconds: Double) {
        refresh = max(0.1, seconds)
        resting?.cancel()
    }

    /// Stops looking, for somebody else who draws from now on: the snapshots do not end.
    public func retire() {
        isStopping = true
        resting?.cancel()
    }

    public func inspect(pid: Int?) {
        guard inspected != pid else { return }
        inspected = pid
        if pid != nil { resting?.cancel() }
    }

    /// Looks again and again until `perform(.stop)`. A lost server leaves the last picture, with what
    /// is wrong.
    public func run() async {
        let watch = ServerWatch(settings: settings)
        while !isStopping, !Task.isCancelled {
            do {
                let snapshot = try await look(watch)
                last = snapshot
                if !isStopping { out.yield(snapshot) }
            } catch {
                if error.isCancellation { break }
                await forget()
                if var snapshot = last {
                    snapshot.serverTrouble = "\(error)"
                    out.yield(snapshot)
                }
            }
            await rest()
        }
        await watch.close()
        await forget()
        if Task.isCancelled { out.finish() }
    }

    private func forget() async {
        if let announced, let connection {
            // The lock of the session says that we are there; a row that stays behind says nothing.
            _ = try? await Journal(connection: connection).leave(announced)
        }
        announced = nil
        await connection?.close()
        connection = nil
        await office?.close()
        office = nil
    }

    /// Until the next look: a refresh, or less where the journal has news.
    private func rest() async {
        let began = ContinuousClock.now
        while !isStopping, !Task.isCancelled {
            let left = .seconds(refresh) - (ContinuousClock.now - began)
            guard left > .zero else { return }
            guard let connection, !isStandby else {
                await wait { try? await Task.sleep(for: left) }
                continue
            }
            await wait { await connection.arrival(upTo: left) }
            // What is lost here is met, and said, by the next look.
            guard let news = try? await connection.takeNotifications() else { return }
            if let announced, news.contains(where: { $0.payload.hasSuffix(" \(announced)") }) {
                // A burst of events is one look.
                let rest = .milliseconds(100) - (ContinuousClock.now - began)
                if rest > .zero { await wait { try? await Task.sleep(for: rest) } }
                return
            }
        }
    }

    /// Ends when it is over, or when a stop or another refresh cuts it short.
    private func wait(_ body: @escaping @Sendable () async -> Void) async {
        let task = Task { await body() }
        resting = task
        await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        resting = nil
    }

    // MARK: looking

    private func look(_ watch: ServerWatch) async throws -> Snapshot {
        // Two sessions: neither waits for the other's answers.
        async let pictured = watch.picture(ours: ownPIDs, inspecting: inspected)
        let connection = try await opened()
        let journal = Journal(connection: connection)
        guard try await journal.isInstalled(), let id = try await journal.newestID(name) else {
            throw ActionRefusal("There is no migration \(name) in this database any more.")
        }
        try await announce(id, journal)
        // First: what an event tells of is then in the state that is read after it.
        let events = try await events(id, journal)
        let (record, shown) = try await record(id, journal)
        picture = try await pictured
        let standing = try await Standing.read(record, picture, on: connection)
        let report = standing.report
        var control = EngineControl.State(settings: record.settings)
        control.pausedBy = record.pausedBy
        control.picture = picture
        control.ownPIDs = ownPIDs
        control.waitingForUs = picture?.waits(behind: ownPIDs).count ?? 0
        let running = standing.isEngineAlive ? runningStep(standing.course, report) : nil
        for progress in report?.progress ?? [] { control.progress[progress.id] = progress }
        control.lockRequest = report?.lockRequest
        var gateLook = report?.gateLook
        if gateLook == nil, case .waitAtGate(let gate, _) = standing.decision {
            gateLook = try await journal.look(at: gate.id, of: record.id)
        }
        var snapshot = SnapshotBuilder(
            record: record, course: standing.course, shown: shown, control: control,
            decision: standing.decision, failure: record.failure, look: gateLook,
            events: events,
            engine: EngineView(
                host: standing.engineHost ?? "–", pid: standing.enginePID ?? 0,
                isAlive: standing.isEngineAlive && standing.silence == nil, isThis: false,
                heartbeat: standing.heartbeat),
            running: running, commands: standing.commands + (report?.inHand ?? []),
            watchers: standing.watchers
        ).snapshot()
        snapshot.state = standing.state
        return snapshot
    }

    /// Decoded anew only where its row has changed.
    private func record(_ id: Int, _ journal: Journal) async throws
        -> (record: MigrationRecord, shown: ShownSteps)
    {
        let version = try await journal.rowVersion(id)
        if let known, known.record.id == id {
            if known.version == version { return (known.record, known.shown) }
            // The plan is frozen: of a migration it never changes.
            let record = try await journal.migration(id)
            self.known = (version, record, known.shown)
            return (record, known.shown)
        }
        let record = try await journal.migration(id)
        let shown = ShownSteps(record.plan)
        known = (version, record, shown)
        return (record, shown)
    }

    /// Those since the last look, behind those that were read before. The last few are read again: of
    /// two sessions that write at once the later place may be seen first.
    private func events(_ id: Int, _ journal: Journal) async throws -> [EventView] {
        if told.id != id { told = (id, []) }
        let from = (told.events.last?.place ?? 0) - 20
        let fresh = try await journal.events(of: id, after: from, last: 200)
        told.events = Array((told.events.filter { $0.place <= from } + fresh).suffix(200))
        return told.events.map(\.event)
    }

    private func opened() async throws -> Connection {
        if let connection { return connection }
        let fresh = try await Engine.connect(settings)
        isStandby = try await fresh.query("SELECT pg_catalog.pg_is_in_recovery() AS standby")
            .onlyRow().bool("standby")
        if !isStandby { try await fresh.query("LISTEN \(JournalSchema.channel)") }
        connection = fresh
        return fresh
    }

    /// Once a session and migration. A role that may only read looks on unseen.
    private func announce(_ id: Int, _ journal: Journal) async throws {
        guard announced != id else { return }
        announced = id
        guard !isStandby, try await journal.version() ?? 0 >= JournalSchema.versionWithWatchers
        else { return }
        let user = try await journal.connection.query("SELECT session_user AS name").onlyRow()
            .string("name")
        do { try await journal.announce(.current(databaseUser: user), of: id) } catch let error
            as ServerError where error.sqlState == .insufficientPrivilege
        {
            // Looking on needs no more than reading; the others then don't see us.
        }
    }

    /// Every Lockkeeper's sessions: the engine's own can't be told from another's here.
    private var ownPIDs: Set<Int> {
        Set((picture?.sessions ?? []).filter { $0.application == "lockkeeper" }.map(\.pid))
    }

    /// Of an engine that does not tell it, what the journal says.
    private func runningStep(_ course: Course, _ report: EngineReport?) -> StepID? {
        report.map(\.running) ?? course.steps.first { $0.value.state == .running }?.key
    }

    // MARK: asking

    public func perform(_ action: OperatorAction) async throws {
        switch action {
        case .stop:
            retire()
            out.finish()
        case .cancelQuery(let pid): try await signal(pid, "pg_cancel_backend")
        case .terminateSession(let pid): try await signal(pid, "pg_terminate_backend")
        default: try await ask(action)
        }
        // The answer is on the screen at once.
        resting?.cancel()
    }

    private func ask(_ action: OperatorAction) async throws {
        let office = try await actingOffice()
        do {
            if case .withdraw(let command) = action {
                _ = try await office.withdraw(command, of: name)
            } else {
                _ = try await office.send(action, to: name)
            }
        } catch let error where error.connectionTrouble != nil {
            // The next action connects anew.
            self.office = nil
            await office.close()
            throw ActionRefusal("The server was lost: \(error.connectionTrouble ?? ""). Ask again.")
        }
    }

    /// Where actions go: this server, or its primary.
    private func actingOffice() async throws -> Office {
        if let office { return office }
        if isStandby, primary == nil {
            throw ActionRefusal(
                "This server is a standby, on which nothing can be asked for. `lockkeeper watch "
                    + "\(name) --primary DSN` acts through the primary.")
        }
        do {
            let fresh = try await Office.open(isStandby ? primary ?? settings : settings)
            office = fresh
            return fresh
        } catch let error as OpeningError {
            throw ActionRefusal(error.description)
        }
    }

    private func signal(_ pid: Int, _ function: String) async throws {
        do {
            let done = try await opened().query(
                "SELECT pg_catalog.\(Identifier(function))($1) AS done", pid
            ).onlyRow().bool("done")
            guard done else { throw ActionRefusal("pid \(pid) is there no longer.") }
        } catch let error as ServerError {
            throw ActionRefusal("\(error.message). \(error.hint ?? "")")
        }
    }
}
