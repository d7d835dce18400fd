import Foundation
import Logging
import Migration
import Monitor
import Postgres

/// Runs one migration: takes the steps in their course, one at a time, and journals them.
///
/// One engine a migration: it holds a session advisory lock (`pg_try_advisory_lock`, never waited
/// for) and fences every journalled transaction with a token. It knows no screen: actions come in by
/// `perform`, snapshots and events go out. After any lost connection it believes nothing in memory:
/// it connects anew, makes sure of its lock, and reads the journal.
public actor Engine: MigrationClient {
    public nonisolated let snapshots: AsyncStream<Snapshot>
    public nonisolated let events: AsyncStream<EngineEvent>

    let request: RunRequest
    let settings: ConnectionSettings
    /// Seconds between two pictures of the server.
    var refresh: Double
    let control: EngineControl
    let fence: Fence
    let sessions: SessionFactory
    let log: Logger
    /// The session that holds the advisory lock and writes the journal; nil while it is lost.
    var connection: Connection?
    var record: MigrationRecord
    var course: Course
    let shown: ShownSteps
    var person: Person
    var failure: String?
    var recentEvents: [EventView] = []
    /// What was decided last; nil before the first look.
    var decision: Course.Decision?
    var runningStep: StepID?
    var stepTask: Task<Void, any Error>?
    /// A turn that was asked for while a step ran.
    var wantedTurn: Direction?
    /// Who asked for it.
    var askedTurn: CommandView?
    var isStopping = false
    var hasEnded = false
    /// The session that holds the lock ended under a running step, which was cancelled for it.
    var isControlLost = false
    /// That session's process, to end it where it outlives its connection.
    var controlPID: Int
    /// What was found at the gate that waits; nil where none does, or it is still being asked for.
    var gateLook: GateLook?
    var gateTask: Task<Void, Never>?
    /// What was told of it: its id, and how many have said so.
    var announcedGate: String?
    /// Evidence that was found and does not suffice, by checklist item.
    var troubles: [String: String] = [:]
    /// The spec's, also where another operator takes over who has not got its file.
    let notifyCommands: [String]
    var standstill = Standstill()
    var isForecastTold = false
    var lastPublished: Snapshot?
    /// Between two pictures of the server; ended early where somebody wants the next one now.
    var restOfWatch: Task<Void, any Error>?
    var isEndTold = false
    let began = ContinuousClock.now
    /// What somebody asked for and is being carried out now.
    var carryingOut: CommandView?
    /// Who looks on from elsewhere.
    var watchers: [WatcherView] = []
    /// Answers to commands that could not be given when they were due.
    var answers: [Int: String?] = [:]
    /// The commands of `notify` that run before Expand; a stop ends them.
    var telling: Task<String?, Never>?

    let snapshotOut: AsyncStream<Snapshot>.Continuation
    let eventOut: AsyncStream<EngineEvent>.Continuation
    let wakes: AsyncStream<Void>
    let wake: AsyncStream<Void>.Continuation

    init(_ opened: Opened, request: RunRequest, settings: ConnectionSettings, log: Logger) {
        self.request = request
        refresh = request.refresh
        self.settings = settings
        self.log = log
        connection = opened.connection
        controlPID = Int(opened.connection.backendPID)
        record = opened.record
        person = opened.person
        fence = opened.fence
        notifyCommands = opened.notify
        control = EngineControl(migration: opened.record.name, settings: opened.record.settings)
        sessions = SessionFactory(
            settings: settings, facts: opened.record.plan.session, control: control,
            migration: opened.record.id)
        course = Course(plan: opened.record.plan)
        shown = ShownSteps(opened.record.plan)
        (snapshots, snapshotOut) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (events, eventOut) = AsyncStream.makeStream()
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: the course of a run

    /// Runs until there is nothing left that this run may do. Ends all its sessions.
    public func run() async -> Outcome {
        let background = startBackground()
        let outcome = await runToOutcome()
        hasEnded = true
        runningStep = nil
        publish()
        await leaveGate()
        for task in background.workers { task.cancel() }
        for task in background.workers { await task.value }
        control.endEvents()
        await background.journalist.value
        await leave()
        snapshotOut.finish()
        eventOut.finish()
        return outcome
    }

    private func runToOutcome() async -> Outcome {
        var lostSince: Date?
        // How far the run had come at the loss before, and since when the server is there again.
        var reached = -1
        var backSince: ContinuousClock.Instant? = .now
        // Milliseconds; short at first, because most lost sessions leave a server that is there.
        var rest = 50
        while true {
            do {
                if connection == nil {
                    try await reconnect()
                    backSince = .now
                }
                try await reload()
                try await begin()
                return try await follow()
            } catch is CancellationError {
                return .stopped
            } catch ConnectionError.cancelled {
                return .stopped
            } catch let error as Fenced {
                return .failed(error.description)
            } catch let error as OpeningError {
                return .refused(error.description)
            } catch let error as ActionRefusal {
                return .refused(error.message)
            } catch {
                guard let reason = error.connectionTrouble else {
                    return .failed(Self.words(of: error))
                }
                // One that comes right behind another, with nothing done since, is the same: it would go
                // on for ever.
                let isAnother = backSince.map { .now - $0 > .seconds(10) } ?? false
                backSince = nil
                if extent > reached || isAnother { (lostSince, rest, reached) = (nil, 50, extent) }
                if lostSince == nil {
                    control.emit(.connectionLost, "The server is lost: \(reason). Trying again.")
                }
                lostSince = lostSince ?? Date()
                if isStopping { return .stopped }
                if !request.isInteractive, Date().timeIntervalSince(lostSince ?? Date()) > 60 {
                    return .noConnection(
                        "\(reason) Nothing is lost: run the same command when the server is back.")
                }
                await dropConnection(reason)
                do { try await Task.sleep(for: .milliseconds(rest)) } catch { return .stopped }
                rest = min(rest * 2, 500)
            }
        }
    }

    private static func words(of error: any Error) -> String {
        guard let error = error as? ServerError, error.sqlState == .undefinedTable,
            error.message.contains("lockkeeper.")
        else { return "\(error)" }
        return "The journal was dropped or altered under the run: \(error.message). Put the schema "
            + "lockkeeper back from a backup and run the same command again; without one, `lockkeeper "
            + "doctor` names what is left."
    }

    /// What the request brings along: ticks, waivers, the turn back.
    private func begin() async throws {
        guard !hasBegun else { return }
        try refuseUnknownGates()
        await firstPicture()
        control.emit(
            .engineStarted,
            "Engine started on \(person.host), pid \(ProcessInfo.processInfo.processIdentifier)")
        for item in request.checks { try await tick(item, .check, reason: nil, by: person) }
        for (item, reason) in request.waivers.sorted(by: { $0.key < $1.key }) {
            try await tick(item, .waive, reason: reason, by: person)
        }
        try await gatherEvidence()
        if let reason = request.windowOverride {
            control.emit(
                .operatorAction, "\(person) goes on outside the window: \(reason)",
                ["reason": .string(reason)])
        }
        if let rollback = request.rollback { try await beginRollback(to: rollback.to) }
        // Only now: what was lost with the connection on the way here is asked for again.
        hasBegun = true
    }

    /// Turns round as the command asks, also where a rollback to elsewhere was interrupted.
    private func beginRollback(to phase: Phase?) async throws {
        if course.isPastPointOfNoReturn {
            throw OpeningError.refused(
                "The old structure of \(record.name) is purged: there is nothing to go back to.")
        }
        switch course.direction {
        case .back(let now) where now == phase: break
        case .back:
            if let phase, course.isUndone(downTo: phase) {
                throw OpeningError.refused(
                    "\(record.name) is already rolled back further than the end of \(phase.title). "
                        + "`lockkeeper rollback \(record.name)` without --to, or with an earlier "
                        + "phase, goes on.")
            }
            try await turn(to: .back(to: phase))
        case .forward:
            if let phase, !course.hasBegun(after: phase) {
                throw OpeningError.refused("Nothing after \(phase.title) has been done.")
            }
            try await turn(to: .back(to: phase))
        }
        if control.read(\.pausedBy) != nil { try await resume(by: person) }
    }

    var hasBegun = false

    private func refuseUnknownGates() throws {
        let known = course.plan.steps.flatMap(\.gateIDs)
        let unknown = request.approvedGates.subtracting(known).sorted()
        guard let first = unknown.first else { return }
        throw OpeningError.refused(
            "The plan has no gate \(first); it has \(known.isEmpty ? "none" : Set(known).sorted().joined(separator: ", "))."
        )
    }

    /// Takes one decision after another; between them, and while it waits, it listens.
    private func follow() async throws -> Outcome {
        var ticks = wakes.makeAsyncIterator()
        while true {
            try Task.checkCancellation()
            if isStopping { return .stopped }
            // While nothing but an operator is waited for, housekeeping is who meets a loss.
            if connection == nil { throw ConnectionError.closed }
            if let turn = wantedTurn {
                wantedTurn = nil
                // What was cancelled may have committed all the same.
                try await reloadSteps()
                if course.isPastPointOfNoReturn {
                    control.emit(
                        .operatorAction,
                        "The purge was done already: there is nothing to go back to")
                } else {
                    try await self.turn(to: turn)
                }
            }
            course.checklist = checklist
            let decision = course.next(now: control.serverNow)
            self.decision = decision
            publish()
            if let failure {
                if !request.isInteractive { return .failed(failure) }
            } else if decision.isWork, let by = control.read(\.pausedBy) {
                if !request.isInteractive, !request.waits {
                    return .atRest(
                        "\(record.name) is paused by \(by). `lockkeeper resume \(record.name)` and the "
                            + "same command again go on.")
                }
            } else {
                if let outcome = try await act(on: decision) { return outcome }
                if decision.isWork { continue }
            }
            _ = await ticks.next(isolation: #isolation)
        }
    }

    /// Does what was decided. An outcome ends the run; nil goes on, or waits where there is no work.
    private func act(on decision: Course.Decision) async throws -> Outcome? {
        switch decision {
        case .run(let step):
            if let refusal = windowRefusal(step) { return refusal }
            try await startPhase(of: step)
            try await carryOut(step.id, step.title, step.action, phase: step.phase)
            try await endPhase(of: step)
        case .undo(let undo, let step):
            try await carryOut(undo.id, undo.title, undo.action, phase: step.phase)
        case .markUndone(let step):
            try await note(.undone, step.id)
            control.emit(.stepFinished, phase: step.phase, step: step.id, "\(step.title): undone")
        case .pass(let step):
            // A gate may be the first step of its phase.
            if let refusal = windowRefusal(step) { return refusal }
            try await startPhase(of: step)
            if case .gate = step.action {
                try await note(Journal.notePassed(gate: step.id, of: record.id))
            } else {
                try await note(.done, step.id)
            }
            await leaveGate()
            control.emit(.stepFinished, phase: step.phase, step: step.id, step.title)
            try await endPhase(of: step)
        case .passUndoGate(let undo, let step):
            try await note(Journal.notePassed(gate: undo.id, of: record.id))
            await leaveGate()
            control.emit(.stepFinished, phase: step.phase, step: undo.id, undo.title)
        case .waitAtGate(let gate, let approvals):
            return try await standAt(gate, approvals)
        case .wait(let waiting):
            return try await wait(for: waiting)
        case .reached(let phase):
            return request.isInteractive ? nil : .reached(phase)
        case .finished:
            try await end(
                as: "finished", .finished, "Finished: nothing of the old structure is left")
            return request.isInteractive ? nil : .finished
        case .rolledBack(let phase):
            try await endRollback(to: phase)
            return request.isInteractive ? nil : .rolledBack(to: phase)
        }
        return nil
    }

    // MARK: steps

    /// Runs a step in a task of its own, so that a stop or a turn can cancel its statement.
    private func carryOut(_ id: StepID, _ title: String, _ action: StepAction, phase: Phase)
        async throws
    {
        if course.state(of: id) != .running { try await note(.running, id) }
        runningStep = id
        control.emit(.stepStarted, phase: phase, step: id, title)
        publish()
        let began = ContinuousClock.now
        let context = StepContext(
            migration: record.id, plan: course.plan, fence: fence, sessions: sessions,
            control: control, phase: phase)
        let task = Task { try await StepRunner(id: id, action: action, context: context).run() }
        stepTask = task
        // Asked for while the step was being noted as running.
        if isStopping || wantedTurn != nil { task.cancel() }
        defer {
            stepTask = nil
            runningStep = nil
        }
        do {
            try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        } catch let error where error.isCancellation {
            if isControlLost {
                isControlLost = false
                throw ConnectionError.lost("the engine's own session ended")
            }
            if isStopping || wantedTurn != nil { return }
            throw error
        } catch let error as StepFailure {
            try await fail(id, phase, error.message, rows: error.rows)
            return
        } catch let error as ServerError where !error.isConnectionTrouble {
            try await fail(id, phase, error.description)
            return
        }
        try await reloadSteps()
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        control.emit(
            .stepFinished, phase: phase, step: id, "\(title): done",
            ["seconds": .double((seconds * 1000).rounded() / 1000)])
    }

    private func fail(
        _ id: StepID, _ phase: Phase, _ message: String, rows: [FoundRow] = []
    ) async throws {
        guard let connection else { throw ConnectionError.closed }
        // Behind the fence: a failure of an engine that was taken over is nobody's any more.
        try await fence.run(
            [Journal.note(.failed, step: id, of: record.id, error: message)], on: connection)
        try await journal().set(failure: message, of: record.id)
        try await reloadSteps()
        failure = message
        control.emit(
            .stepFailed, phase: phase, step: id, message,
            rows.isEmpty ? [:] : ["rows_found": .array(rows.map(\.json))])
    }

    func note(_ state: StepState, _ id: StepID) async throws {
        try await note(Journal.note(state, step: id, of: record.id))
    }

    /// One message: other tasks use this session too, and must not get into its transaction.
    private func note(_ statement: SQL) async throws {
        guard let connection else { throw ConnectionError.closed }
        try await fence.run([statement], on: connection)
        try await reloadSteps()
    }

    private func startPhase(of step: Step) async throws {
        guard course.plan.steps(in: step.phase).allSatisfy({ course.state(of: $0.id) == .pending })
        else { return }
        control.emit(.phaseStarted, phase: step.phase, "\(step.phase.title) started")
    }

    private func endPhase(of step: Step) async throws {
        guard course.plan.steps(in: step.phase).allSatisfy({ course.state(of: $0.id) == .done })
        else { return }
        control.emit(.phaseFinished, phase: step.phase, "\(step.phase.title) finished")
    }
}
