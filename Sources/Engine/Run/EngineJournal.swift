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
            try await endGhost(on: fresh)
            try await Engine.takeLock(of: record, on: fresh)
            try await fence.confirm(on: fresh)
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
             WHERE l.locktype = 'advisory' AND l.classid = \(JournalSchema.advisoryClass)
               AND l.objid = f.migration::oid AND l.pid = $2 AND f.token = $3
            """, record.id, controlPID, fence.token)
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

    private func strikeOut(on connection: Connection) async throws {
        try await connection.query(
            "DELETE FROM lockkeeper.engines WHERE migration = $1 AND backend_pid = $2",
            record.id, controlPID)
    }

    /// Turns round, or forward again after a rollback to the end of a phase.
    func turn(to direction: Direction, undoneDownTo phase: Phase? = nil) async throws {
        let undone = Course.undoOrder(course.plan, to: phase)
        try await journal().turn(
            record.id, to: direction, undone: undone.map(\.id),
            undoSteps: undone.flatMap { $0.undo.map(\.id) },
            gates: undone.flatMap(\.gateIDs))
        failure = nil
        announcedGate = nil
        control.change { $0.progress = [:] }
        if case .back(let target) = direction {
            control.emit(
                .operatorAction,
                target.map { "Rolling back to the end of \($0.title)" } ?? "Rolling everything back"
            )
        }
        try await reload()
    }

    /// Asks what a gate's evidence queries have to say. What can't be asked says why.
    func gather(_ queries: [Evidence]) async -> [EvidenceView] {
        var views: [EvidenceView] = []
        for query in queries {
            do {
                views.append(try await sessions.with { try await Engine.ask(query, on: $0) })
            } catch {
                views.append(
                    EvidenceView(title: query.title, findings: [], unavailable: "\(error)"))
            }
        }
        return views
    }

    private static func ask(_ evidence: Evidence, on connection: Connection) async throws
        -> EvidenceView
    {
        if let name = evidence.needsExtension {
            let there = try await connection.query(
                "SELECT count(*) AS n FROM pg_catalog.pg_extension WHERE extname = $1", name
            ).onlyRow().int("n")
            guard there > 0 else {
                return EvidenceView(
                    title: evidence.title, findings: [],
                    unavailable: "the extension \(name) is not installed")
            }
        }
        try await connection.run(
            "SET statement_timeout = '3s'", "SET default_transaction_read_only = on")
        let rows = try await connection.query(evidence.query).rows
        return EvidenceView(
            title: evidence.title, findings: rows.prefix(10).compactMap { $0.values.first ?? nil })
    }

    // MARK: what clients see

    var builder: SnapshotBuilder {
        SnapshotBuilder(
            record: record, course: course, control: control.read { $0 }, decision: decision,
            failure: failure, evidence: evidence, events: recentEvents,
            engine: EngineView(
                host: person.host, pid: Int(ProcessInfo.processInfo.processIdentifier),
                isAlive: true, isThis: true, heartbeat: Date()), running: runningStep)
    }

    /// How things stand now.
    public var current: Snapshot { builder.snapshot() }

    public func setRefresh(_ seconds: Double) { refresh = max(0.1, seconds) }

    func publish() { snapshotOut.yield(builder.snapshot()) }
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
            "unavailable": JSONValue(unavailable),
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
        sqlState.conditionClass == "08" || sqlState == .tooManyConnections
            || [
                .adminShutdown, .crashShutdown, .cannotConnectNow, .idleInTransactionSessionTimeout,
            ].contains(sqlState)
    }
}
