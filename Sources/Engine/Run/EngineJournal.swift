import Foundation
import Migration
import Monitor
import Postgres

/// The engine's side of the journal, and its connection.
extension Engine {
    func journal() throws -> Journal {
        guard let connection else { throw ConnectionError.closed }
        return Journal(connection: connection)
    }

    /// Reads everything anew: after a loss nothing in memory is believed.
    func reload() async throws {
        record = try await journal().migration(record.id)
        failure = record.failure
        control.change { state in
            state.settings = record.settings
            state.pausedBy = record.pausedBy
            state.windowOverride = request.windowOverride
        }
        course.direction = record.direction
        course.settings = record.settings
        course.isInteractive = request.isInteractive
        course.until = request.until
        course.purgesUndone = request.rollback?.purges ?? false
        course.confirmsPurge = request.purgesAtOnce || request.confirmsPurge
        recentEvents = try await journal().events(of: record.id, last: 200)
        try await reloadSteps()
        try await reloadApprovals()
        if failure != nil, !request.isInteractive || request.rollback != nil, !hasBegun {
            // Running again is the order to try again.
            failure = nil
            try await journal().set(failure: nil, of: record.id)
        }
    }

    func reloadSteps() async throws { course.steps = try await journal().steps(of: record.id) }

    func reloadApprovals() async throws {
        course.approvals = try await journal().approvals(of: record.id)
        course.checklist = checklist
    }

    var checklist: [ChecklistView] {
        Checklist(
            items: record.checklist, plan: course.plan, approvals: course.approvals,
            picture: control.read(\.picture), troubles: troubles
        ).views
    }

    /// A new session, with the lock and the fence confirmed as ours.
    func reconnect() async throws {
        let fresh = try await Connection.open(settings)
        do {
            try await fresh.run(Engine.controlSettings(fresh.serverVersion))
            try await fresh.readBackendPID()
            let isStandby = try await fresh.query(
                "SELECT pg_catalog.pg_is_in_recovery() AS standby"
            ).onlyRow().bool("standby")
            if isStandby {
                throw ConnectionError.lost("what answers there is a standby that is not promoted.")
            }
            try await endGhost(on: fresh)
            try await Engine.takeLock(of: record, on: fresh)
            try await fence.confirm(on: fresh)
            try await fresh.query("LISTEN \(JournalSchema.channel)")
            try await Engine.register(
                record.id, person, isInteractive: request.isInteractive, on: fresh)
        } catch {
            await fresh.close()
            throw error
        }
        connection = fresh
        controlPID = Int(fresh.backendPID)
    }

    /// Our own session before may outlive its connection, where a network swallows the end of it, and
    /// would keep our own lock from us.
    private func endGhost(on connection: Connection) async throws {
        try await connection.query(
            """
            SELECT pg_catalog.pg_terminate_backend(l.pid) FROM pg_catalog.pg_locks l
              JOIN lockkeeper.fences f ON f.migration = $1
             WHERE l.locktype = 'advisory' AND l.classid = \(JournalSchema.advisoryClass)::pg_catalog.oid
               AND l.objid = f.migration::pg_catalog.oid AND l.pid = $2 AND f.token = $3
            """, record.id, controlPID, fence.token)
    }

    /// Grows with each step, undo step and block that is done.
    var extent: Int {
        let steps = course.steps.values.count { [.done, .undone].contains($0.state) }
        let blocks = control.read { $0.progress.values.reduce(0) { $0 + $1.done } }
        return steps * 1_000_000_000 + blocks
    }

    func dropConnection(_ reason: String) async {
        let held = connection
        connection = nil
        control.change { $0.trouble = reason }
        publish()
        await held?.close()
    }

    /// Takes the engine's row away and ends its session, which frees the advisory lock.
    ///
    /// Where that session was lost on the way here, by a new one: a row that stays would be of an
    /// engine that there is no more.
    func leave() async {
        let held = connection
        connection = nil
        do {
            guard let held else { throw ConnectionError.closed }
            try await strikeOut(on: held)
        } catch {
            do {
                let fresh = try await Connection.open(settings)
                try await strikeOut(on: fresh)
                await fresh.close()
            } catch {
                log.info("the engine's row is left behind: \(error)")
            }
        }
        await held?.close()
    }

    /// With it everything before is on a synchronous standby as well: what a command has said to be done
    /// is done after a failover too. One that is gone is waited for five seconds.
    private func strikeOut(on connection: Connection) async throws {
        try await connection.inTransactionMessage([
            "BEGIN", "SET LOCAL synchronous_commit = on", "SET LOCAL statement_timeout = '5s'",
            "DELETE FROM lockkeeper.engines WHERE migration = \(record.id) AND backend_pid = \(controlPID)",
            "COMMIT",
        ])
    }

    /// Turns round, or forward again after a rollback to the end of a phase.
    func turn(to direction: Direction, undoneDownTo phase: Phase? = nil) async throws {
        let undone = Course.undoOrder(course.plan, to: phase)
        try await journal().turn(
            record.id, to: direction, undone: undone.map(\.id),
            undoSteps: undone.flatMap { $0.undo.map(\.id) },
            gates: undone.flatMap(\.gateIDs))
        failure = nil
        await leaveGate()
        control.change { $0.progress = [:] }
        if case .back(let target) = direction {
            control.emit(
                .operatorAction,
                target.map { "Rolling back to the end of \($0.title)" } ?? "Rolling everything back"
            )
        }
        try await reload()
    }

    // MARK: what clients see

    var builder: SnapshotBuilder {
        SnapshotBuilder(
            record: record, course: course, shown: shown, control: control.read { $0 },
            decision: decision, failure: failure, look: gateLook, events: recentEvents,
            engine: EngineView(
                host: person.host, pid: Int(ProcessInfo.processInfo.processIdentifier),
                isAlive: true, isThis: true, heartbeat: Date()), running: runningStep,
            commands: commandsInHand, watchers: watchers)
    }

    /// What somebody asked for that is not done yet: a command, or a turn that waits for the running
    /// statement's end.
    private var commandsInHand: [CommandView] {
        if let carryingOut { return [carryingOut] }
        guard wantedTurn != nil, let askedTurn else { return [] }
        return [askedTurn]
    }

    /// What watchers elsewhere can't know from the journal's other tables.
    var report: EngineReport {
        control.read { state in
            EngineReport(
                running: runningStep, progress: Array(state.progress.values),
                lockRequest: state.lockRequest, gateLook: gateLook,
                // A command is in the journal itself.
                inHand: carryingOut == nil ? commandsInHand : [])
        }
    }

    /// How things stand now.
    public var current: Snapshot { builder.snapshot() }

    public func setRefresh(_ seconds: Double) { refresh = max(0.1, seconds) }

    /// Gives out how things stand, unless nothing but the heartbeat has changed: whoever draws it would
    /// draw the same.
    func publish() {
        let next = builder.snapshot()
        if var last = lastPublished {
            last.engine?.heartbeat = next.engine?.heartbeat
            guard last != next else { return }
        }
        lastPublished = next
        snapshotOut.yield(next)
    }
}

extension Step {
    /// The gates of the step and of its undo.
    var gateIDs: [String] {
        ([action] + undo.map(\.action)).compactMap {
            if case .gate(let gate) = $0 { gate.id } else { nil }
        }
    }
}

extension StepAction {
    /// It changes nothing and takes no time.
    var isLookOrWait: Bool {
        switch self {
        case .gate, .quarantine, .checkTrigger: true
        default: false
        }
    }
}

extension Course.Decision {
    /// Whether there is something to do, rather than somebody to wait for.
    var isWork: Bool {
        switch self {
        case .run, .undo, .markUndone, .pass, .passUndoGate: true
        case .wait, .waitAtGate, .reached, .finished, .rolledBack: false
        }
    }
}

extension EvidenceView {
    var json: JSONValue {
        .object([
            "title": .string(title), "findings": .array(findings.map { .string($0) }),
            "basis": JSONValue(basis), "unavailable": JSONValue(unavailable),
        ])
    }
}

extension Error {
    var isCancellation: Bool {
        self is CancellationError || (self as? ConnectionError) == .cancelled
    }

    /// The reason, where the server or the way to it is gone rather than a statement wrong.
    var connectionTrouble: String? {
        switch self {
        // A cancelled statement says nothing about the way to the server.
        case let error as ConnectionError: error == .cancelled ? nil : error.description
        case let error as ServerError where error.isConnectionTrouble: error.description
        case let error as OpeningError: error.description
        default: nil
        }
    }
}

extension ServerError {
    /// The server ended the session, or is not taking any: shutdown, recovery, no connection left.
    var isConnectionTrouble: Bool {
        sqlState.conditionClass == "08" || sqlState == .tooManyConnections || endsSession
    }

    /// The session is ended, and no statement was wrong. It may be met on a session that is still there:
    /// a parallel worker hears of a shutdown before its leader does.
    var endsSession: Bool {
        [
            .adminShutdown, .crashShutdown, .cannotConnectNow, .idleInTransactionSessionTimeout,
        ].contains(sqlState)
    }
}
