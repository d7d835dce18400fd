import Engine
import Foundation
import Migration
import Monitor

/// What stands over the screen and has the keys.
struct Dialog: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case help
        case advance(Phase)
        case gate(String)
        case chooseRollback
        /// Back to the end of a phase; nil: everything.
        case rollBack(to: Phase?)
        case purge
        case cancelQuery(pid: Int)
        case terminateSession(pid: Int)
        case takeOver
        case settings
        case setting(LiveSetting)
        case waive(item: String)
        case step(StepID)
        case session(row: String)
        case item(String)
        case progress(StepID)
        case event(String)
        case server(String)
        case theme(before: String)
        case quit
    }

    var kind: Kind
    /// The first line of the body that shows, or of a list the selected one.
    var position = 0
    /// What has been typed, where it is typed into.
    var input = ""
    /// What it speaks of, as it was when it opened; when that changes it closes.
    var subject: Subject?

    init(_ kind: Kind, in model: Model) {
        self.kind = kind
        subject = Subject(of: kind, in: model)
        switch kind {
        case .theme: position = model.themes.firstIndex(of: model.theme) ?? 0
        case .setting(let setting):
            input = setting.value(in: model.snapshot?.settings ?? Settings())
        default: break
        }
    }

    /// Whether letters go into a field.
    var isTyping: Bool {
        switch kind {
        case .rollBack, .purge, .setting, .waive: true
        default: false
        }
    }

    /// Takes the whole screen under the header, and shows everything known of one row.
    var isFullScreen: Bool {
        switch kind {
        case .step, .session, .item, .progress, .event, .server: true
        default: false
        }
    }

    var isList: Bool {
        switch kind {
        case .chooseRollback, .settings, .theme: true
        default: false
        }
    }
}

/// The facts on which an operator decides: a dialog whose facts change closes itself, so that nobody
/// confirms what they did not read.
enum Subject: Sendable, Equatable {
    case gone
    case phase(Waiting?, [Statements])
    case gate(id: String, text: String, approvals: Int, hasFindings: Bool)
    case rollback([String], [Statements])
    case rollbackChoice([Phase?])
    case purge([String], [Statements])
    case session(user: String?, application: String, query: String?, state: String?)
    case engine(host: String, pid: Int, isAlive: Bool)
    case noEngine
    case item(ChecklistView.State)
    case running(Bool)

    /// What of a step is sent: its progress may change under a dialog, its statements may not.
    struct Statements: Sendable, Equatable {
        var id: StepID
        var texts: [String]
        var locks: [String]

        init(_ step: StepView) {
            id = step.id
            texts = step.statements
            locks = step.locks
        }
    }

    /// Nil for a dialog that only shows.
    init?(of kind: Dialog.Kind, in model: Model) {
        guard let snapshot = model.snapshot else { return nil }
        switch kind {
        case .advance(let phase):
            let steps = snapshot.phases.first { $0.phase == phase }?.steps ?? []
            self = .phase(snapshot.waiting, steps.map(Statements.init))
        case .gate(let id):
            guard case .gate(let gate) = snapshot.waiting, gate.id == id else {
                self = .gone
                return
            }
            self = .gate(
                id: id, text: gate.text, approvals: gate.approvedBy.count,
                hasFindings: gate.evidence.contains { !$0.findings.isEmpty })
        case .chooseRollback: self = .rollbackChoice(snapshot.rollbacks.map(\.to))
        case .rollBack(let phase):
            guard let offer = snapshot.rollbacks.first(where: { $0.to == phase }) else {
                self = .gone
                return
            }
            self = .rollback(offer.keeps, offer.steps.map(Statements.init))
        case .purge:
            guard let offer = snapshot.purge else {
                self = .gone
                return
            }
            self = .purge(offer.loses, offer.steps.map(Statements.init))
        case .cancelQuery(let pid), .terminateSession(let pid):
            self = Self.session(pid, model)
        case .takeOver:
            guard let engine = snapshot.engine else {
                self = .noEngine
                return
            }
            self = .engine(host: engine.host, pid: engine.pid, isAlive: engine.isAlive)
        case .waive(let id):
            guard let item = snapshot.checklist.first(where: { $0.id == id }) else {
                self = .gone
                return
            }
            self = .item(item.state)
        case .quit: self = .running(model.quittingStopsEngine)
        default: return nil
        }
    }

    private static func session(_ pid: Int, _ model: Model) -> Subject {
        guard let row = model.lockRows.first(where: { $0.pid == pid }) else { return .gone }
        guard case .session(let found) = row.subject else { return .gone }
        return .session(
            user: found?.user ?? row.blocker?.user,
            application: found?.application ?? row.blocker?.application ?? "", query: row.query,
            state: found?.state ?? row.blocker?.state)
    }
}

extension Model {
    /// Leaving would end the engine in the middle of its work.
    var quittingStopsEngine: Bool {
        guard let snapshot, !hasEnded, snapshot.engine?.isThis == true,
            snapshot.engine?.isAlive == true
        else { return false }
        switch snapshot.state {
        case .finished, .rolledBack, .failed: return false
        default: return true
        }
    }
}

/// A setting that may change while it runs, with its key in `lockkeeper set`.
public enum LiveSetting: String, Sendable, CaseIterable {
    case batch = "backfill.batch"
    case workers = "backfill.workers"
    case pause = "backfill.pause"
    case vacuumEvery = "backfill.vacuum_every"
    case stallBudget = "stall_budget"
    case replicationLag = "throttle.replication_lag"
    case lockWaiters = "throttle.lock_waiters"
    case activeSessions = "throttle.active_sessions"
    case walRate = "throttle.wal_rate"
    case retainedWAL = "throttle.retained_wal"
    case query = "throttle.query"
    case quarantine = "quarantine"

    var explanation: String {
        switch self {
        case .batch: "what one batch should take, as 100ms"
        case .workers: "batches at the same time"
        case .pause: "rest after each batch, as 50ms"
        case .vacuumEvery: "VACUUM after this share of the table, as 10%; null for never"
        case .stallBudget: "longest a statement of the application may wait for us, as 100ms"
        case .replicationLag: "the fill waits above this lag of a replica, as 10s; null for any"
        case .lockWaiters: "the fill waits above this many sessions behind us; null for any"
        case .activeSessions: "the fill waits above this many active sessions; null for any"
        case .walRate: "the fill waits above this much WAL a second, as 20MB; null for any"
        case .retainedWAL:
            "the fill waits above this much WAL kept by a slot, as 20GB; null for any"
        case .query: "the fill waits while this query says true; null for none"
        case .quarantine: "from quarantine to the purge, as 24h"
        }
    }

    /// As a spec writes it.
    func value(in settings: Settings) -> String {
        switch self {
        case .batch: "\(settings.backfill.batchMilliseconds)ms"
        case .workers: "\(settings.backfill.workers)"
        case .pause: "\(settings.backfill.pauseMilliseconds)ms"
        case .vacuumEvery: settings.backfill.vacuumEveryPercent.map { plain($0) + "%" } ?? "null"
        case .stallBudget: "\(settings.stallBudgetMilliseconds)ms"
        case .replicationLag:
            settings.throttle.replicationLagSeconds.map { plain($0) + "s" } ?? "null"
        case .lockWaiters: settings.throttle.lockWaiters.map(String.init) ?? "null"
        case .activeSessions: settings.throttle.activeSessions.map(String.init) ?? "null"
        case .walRate: settings.throttle.walRate.map(String.init) ?? "null"
        case .retainedWAL: settings.throttle.retainedWAL.map(String.init) ?? "null"
        case .query: settings.throttle.query ?? "null"
        case .quarantine:
            settings.quarantineSeconds % 3600 == 0
                ? "\(settings.quarantineSeconds / 3600)h" : "\(settings.quarantineSeconds)s"
        }
    }

    private func plain(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }
}
