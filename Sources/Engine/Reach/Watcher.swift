import Foundation
import Migration
import Monitor
import Postgres

/// A client of a migration that runs elsewhere, or rests: it reads the journal and looks at the
/// server itself, with nothing but the database between it and the engine.
///
/// Actions go through the journal's `commands`; sessions are cancelled and terminated by itself.
public actor Watcher: MigrationClient {
    public nonisolated let snapshots: AsyncStream<Snapshot>

    private let name: String
    private let settings: ConnectionSettings
    private let out: AsyncStream<Snapshot>.Continuation
    private var refresh: Double
    private var connection: Connection?
    private var office: Office?
    private var meter = RateMeter()
    private var picture: ServerPicture?
    private var last: Snapshot?
    private var isStopping = false
    private var known: (version: String, record: MigrationRecord)?
    /// With their places in the journal.
    private var told: [(place: Int, event: EventView)] = []
    private var inspected: Int?
    /// Between two looks; ended early where somebody wants the next one now.
    private var rest: Task<Void, any Error>?

    public init(name: String, settings: ConnectionSettings, refresh: Double = 1) {
        self.name = name
        self.settings = settings
        self.refresh = refresh
        (snapshots, out) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    public func inspect(pid: Int?) {
        guard inspected != pid else { return }
        inspected = pid
        if pid != nil { rest?.cancel() }
    }

    public func setRefresh(_ seconds: Double) { refresh = max(0.1, seconds) }

    /// Looks again and again until `perform(.stop)`. A lost server leaves the last picture, with what
    /// is wrong.
    public func run() async {
        let watch = ServerWatch(settings: settings)
        while !isStopping, !Task.isCancelled {
            do {
                let snapshot = try await look(watch)
                last = snapshot
                out.yield(snapshot)
            } catch {
                if error.isCancellation { break }
                await forget()
                if var snapshot = last {
                    snapshot.serverTrouble = "\(error)"
                    out.yield(snapshot)
                }
            }
            let rest = Task { [refresh] in
                try await Task.sleep(for: .milliseconds(Int(refresh * 1000)))
            }
            self.rest = rest
            await withTaskCancellationHandler {
                _ = await rest.result
            } onCancel: {
                rest.cancel()
            }
        }
        await watch.close()
        await forget()
        out.finish()
    }

    private func forget() async {
        await connection?.close()
        connection = nil
        await office?.close()
        office = nil
    }

    // MARK: looking

    private func look(_ watch: ServerWatch) async throws -> Snapshot {
        let connection = try await opened()
        let journal = Journal(connection: connection)
        let record = try await record(journal)
        picture = try await watch.picture(ours: ownPIDs, inspecting: inspected)
        let standing = try await Standing.read(record, picture, on: connection)
        var control = EngineControl.State(settings: record.settings)
        control.pausedBy = record.pausedBy
        control.picture = picture
        control.ownPIDs = ownPIDs
        let running = standing.isEngineAlive ? runningStep(standing.course) : nil
        if let running {
            control.progress = try await progress(running, record, on: connection)
            control.lockRequest = try await lockRequest(running, record, on: connection)
        }
        var snapshot = SnapshotBuilder(
            record: record, course: standing.course, control: control,
            decision: standing.decision, failure: record.failure, evidence: [:],
            events: try await events(record.id, journal),
            engine: EngineView(
                host: standing.engineHost ?? "–", pid: standing.enginePID ?? 0,
                isAlive: standing.isEngineAlive, isThis: false, heartbeat: standing.heartbeat),
            running: running
        ).snapshot()
        snapshot.state = standing.state
        return snapshot
    }

    /// Decoded anew only where its row has changed.
    private func record(_ journal: Journal) async throws -> MigrationRecord {
        guard try await journal.isInstalled(), let version = try await journal.newestVersion(name)
        else { throw gone }
        if let known, known.version == version { return known.record }
        guard let record = try await journal.newest(name) else { throw gone }
        if record.id != known?.record.id { told = [] }
        known = (version, record)
        return record
    }

    private var gone: ActionRefusal {
        ActionRefusal("There is no migration \(name) in this database any more.")
    }

    /// Those since the last look, behind those that were read before. The last few are read again: of
    /// two sessions that write at once the later place may be seen first.
    private func events(_ id: Int, _ journal: Journal) async throws -> [EventView] {
        let from = (told.last?.place ?? 0) - 20
        let fresh = try await journal.events(of: id, after: from, last: 200)
        told = Array((told.filter { $0.place <= from } + fresh).suffix(200))
        return told.map(\.event)
    }

    private func opened() async throws -> Connection {
        if let connection { return connection }
        let fresh = try await Engine.connect(settings)
        connection = fresh
        return fresh
    }

    /// Every Lockkeeper's sessions: the engine's own can't be told from another's here.
    private var ownPIDs: Set<Int> {
        Set((picture?.sessions ?? []).filter { $0.application == "lockkeeper" }.map(\.pid))
    }

    private func runningStep(_ course: Course) -> StepID? {
        course.steps.first { $0.value.state == .running }?.key
    }

    /// A fill's cursor, with a rate of our own.
    private func progress(
        _ step: StepID, _ record: MigrationRecord, on connection: Connection
    ) async throws -> [StepID: ProgressView] {
        guard let work = record.plan.step(step)?.action.batchedWork,
            let cursor = try await FillRecord.extent(of: step, of: record.id, on: connection)
        else { return [:] }
        let done = cursor.done
        meter.note(at: Date().timeIntervalSince1970, blocks: done, rows: cursor.rows)
        return [
            step: ProgressView(
                id: step, title: work.title, table: work.table.quoted, state: .running,
                done: done, total: cursor.blocks, rows: cursor.rows,
                rowsPerSecond: meter.rowsPerSecond,
                etaSeconds: meter.eta(done: done, total: cursor.blocks), etaBasis: meter.basis,
                pauseReason: record.pausedBy.map { "paused by \($0)" },
                skipped: cursor.skipped)
        ]
    }

    /// What the engine last said about a lock that the running step can't have.
    private func lockRequest(
        _ step: StepID, _ record: MigrationRecord, on connection: Connection
    ) async throws -> LockRequestView? {
        let row = try await connection.query(
            """
            SELECT e.fields, extract(epoch FROM s.started_at) AS since
              FROM lockkeeper.events e
              JOIN lockkeeper.steps s ON s.migration = e.migration AND s.step = e.step
             WHERE e.migration = $1 AND e.step = $2 AND e.kind = 'lock_wait' AND e.at >= s.started_at
             ORDER BY e.id DESC LIMIT 1
            """, record.id, step
        ).rows.first
        guard let row else { return nil }
        let told: ToldRequest = try row.json("fields")
        return LockRequestView(
            step: step, lock: told.lock, table: told.table, attempt: told.attempt,
            budgetMilliseconds: told.budget, since: try row.date("since") ?? Date(),
            isQueued: false, blockers: told.blockers, queued: told.queued)
    }

    /// A `lock_wait` event's fields.
    private struct ToldRequest: Decodable {
        let lock: String
        let table: String
        let attempt: Int
        let budget: Int
        let blockers: [Blocker]
        let queued: [Int]

        enum CodingKeys: String, CodingKey {
            case lock, table, blockers, queued
            case attempt = "try"
            case budget = "budget_ms"
        }
    }

    // MARK: asking

    public func perform(_ action: OperatorAction) async throws {
        switch action {
        case .stop:
            isStopping = true
            rest?.cancel()
            out.finish()
        case .cancelQuery(let pid): try await signal(pid, "pg_cancel_backend")
        case .terminateSession(let pid): try await signal(pid, "pg_terminate_backend")
        default:
            if office == nil { office = try await Office.open(settings) }
            _ = try await office?.send(action, to: name)
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
