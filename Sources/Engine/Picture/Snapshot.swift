import Foundation
import Migration
import Monitor

/// Everything a client shows of a migration, at one instant. The dashboard, `watch`, `status` and the
/// tests draw from this alone.
public struct Snapshot: Sendable, Equatable {
    public var name: String
    public var description: String?
    /// `replace public.orders.status with status_v2 varchar(50)`, one an operation.
    public var operations: [String]
    public var state: MigrationState
    public var direction: Direction
    public var phases: [PhaseView]
    /// The steps of a rollback in the order in which they run; empty going forward.
    public var undo: [StepView]
    /// What it stands at, if it stands.
    public var waiting: Waiting?
    public var progress: [ProgressView]
    /// The throttle's signals against their limits; empty before the first picture of the server.
    public var gauges: [GaugeView]
    public var lockRequest: LockRequestView?
    /// Nil on the way back, and when all work before the quarantine is done.
    public var forecast: Forecast?
    public var checklist: [ChecklistView]
    public var settings: Settings
    /// When this run began, by the server's clock.
    public var startedAt: Date?
    /// The longest that a statement of the application was seen to wait because of us, milliseconds.
    public var worstWaitMilliseconds: Double?
    public var engine: EngineView?
    /// What was asked of the engine from elsewhere and is not answered; what it carries out itself.
    public var commands: [CommandView]
    /// Who else looks on, oldest first.
    public var watchers: [WatcherView]
    /// Oldest first; the last two hundred.
    public var events: [EventView]
    /// What went wrong and what to do, where something did.
    public var alert: String?
    /// What a rollback would do now, by the phase to whose end it goes back; `nil` key: everything.
    public var rollbacks: [RollbackOffer]
    /// The statements of the purge; nil while there is nothing to purge or it is done.
    public var purge: PurgeOffer?
    /// The last picture of the server; nil before the first.
    public var server: ServerPicture?
    /// Why the picture is old, where it is: the server's or libpq's words.
    public var serverTrouble: String?

    public init(name: String) {
        self.name = name
        operations = []
        state = .waiting
        direction = .forward
        phases = Phase.allCases.map { PhaseView(phase: $0, state: .pending, steps: []) }
        undo = []
        progress = []
        gauges = []
        checklist = []
        settings = Settings()
        events = []
        rollbacks = []
        commands = []
        watchers = []
    }
}

public enum MigrationState: String, Sendable, Codable, CaseIterable {
    case running, interrupted, waiting, paused, failed, quarantined, finished
    case rollingBack = "rolling_back"
    case rolledBack = "rolled_back"
}

public enum Direction: Sendable, Equatable, Codable {
    case forward
    /// Back to the end of a phase; nil: everything.
    case back(to: Phase?)
}

public enum StepState: String, Sendable, Codable {
    case pending, running, done, failed, undone
}

public struct PhaseView: Sendable, Equatable {
    public enum State: String, Sendable {
        case pending, running, waiting, done, failed, undone, empty
    }

    public var phase: Phase
    public var state: State
    public var steps: [StepView]

    public init(phase: Phase, state: State, steps: [StepView]) {
        self.phase = phase
        self.state = state
        self.steps = steps
    }
}

public struct StepView: Sendable, Equatable, Identifiable {
    public var id: StepID
    public var title: String
    /// `transaction`, `buildIndex`, `fill`, `gate`, …
    public var kind: String
    public var state: StepState
    public var startedAt: Date?
    public var finishedAt: Date?
    /// Times that its locks were asked for.
    public var tries: Int
    public var error: String?
    /// The statements as they are sent.
    public var statements: [String]
    /// `ACCESS EXCLUSIVE on public.orders`
    public var locks: [String]
    public var undo: [String]
    /// Of its work once it has its locks; nil for a step of an undo.
    public var estimate: StepEstimate?
    /// Of a gate: who said that it is so, when, and what made them another person.
    public var approvals: [String] = []

    public init(
        id: StepID, title: String, kind: String, state: StepState, startedAt: Date? = nil,
        finishedAt: Date? = nil, tries: Int = 0, error: String? = nil, statements: [String] = [],
        locks: [String] = [], undo: [String] = [], estimate: StepEstimate? = nil
    ) {
        self.id = id
        self.title = title
        self.kind = kind
        self.state = state
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.tries = tries
        self.error = error
        self.statements = statements
        self.locks = locks
        self.undo = undo
        self.estimate = estimate
    }
}

public enum Waiting: Sendable, Equatable {
    /// For an operator to start a phase (interactive runs only).
    case phaseStart(Phase)
    case gate(GateView)
    /// Until this moment nothing is purged; then the purge is offered.
    case quarantine(until: Date)
    /// The quarantine is over; the purge waits for its confirmation.
    case purge
    case paused(by: String)
    /// Checklist items that are open before Expand.
    case checklist([String])
}

public struct GateView: Sendable, Equatable {
    public var id: String
    public var text: String
    public var approvalsNeeded: Int
    public var approvedBy: [String]
    public var evidence: [EvidenceView]
    /// When the server had answered for the evidence; nil while it is still being asked.
    public var askedAt: Date?
    /// Whose word is still wanted; nil before the first was given.
    public var missing: String?

    public init(
        id: String, text: String, approvalsNeeded: Int = 1, approvedBy: [String] = [],
        evidence: [EvidenceView] = [], askedAt: Date? = nil, missing: String? = nil
    ) {
        self.missing = missing
        self.id = id
        self.text = text
        self.approvalsNeeded = approvalsNeeded
        self.approvedBy = approvedBy
        self.evidence = evidence
        self.askedAt = askedAt
    }
}

public struct EvidenceView: Sendable, Equatable, Codable {
    public var title: String
    /// The first findings; empty is good news.
    public var findings: [String]
    /// How much was looked at: no finding in no row says nothing.
    public var basis: String?
    /// Why it could not be asked.
    public var unavailable: String?

    public init(
        title: String, findings: [String], basis: String? = nil, unavailable: String? = nil
    ) {
        self.title = title
        self.findings = findings
        self.basis = basis
        self.unavailable = unavailable
    }

    /// `none`, where nothing was found, with what was looked at.
    public var nothing: String { "none" + (basis.map { " (\($0))" } ?? "") }
}

/// One row of the progress panel: a fill, a probe, a comparison or an index build.
public struct ProgressView: Sendable, Equatable, Identifiable, Codable {
    public var id: StepID
    /// `fill public.orders.status_v2`
    public var title: String
    public var table: String
    public var state: StepState
    public var done: Int
    public var total: Int
    /// `blocks` or `rows`.
    public var unit: String
    public var rows: Int
    public var rowsPerSecond: Double?
    public var batchMilliseconds: Double?
    /// Blocks of the next batch.
    public var batchSize: Int?
    /// Nil while it is unknown: before 1 % or without a rate.
    public var etaSeconds: Double?
    /// `from the last 30 s`
    public var etaBasis: String?
    /// Why it stands still, with limit and value; nil while it moves.
    public var pauseReason: String?
    /// Rows that others had locked, to be visited again.
    public var skipped: Int

    public init(
        id: StepID, title: String, table: String, state: StepState, done: Int, total: Int,
        unit: String = "blocks", rows: Int = 0, rowsPerSecond: Double? = nil,
        batchMilliseconds: Double? = nil, batchSize: Int? = nil, etaSeconds: Double? = nil,
        etaBasis: String? = nil, pauseReason: String? = nil, skipped: Int = 0
    ) {
        self.id = id
        self.title = title
        self.table = table
        self.state = state
        self.done = done
        self.total = total
        self.unit = unit
        self.rows = rows
        self.rowsPerSecond = rowsPerSecond
        self.batchMilliseconds = batchMilliseconds
        self.batchSize = batchSize
        self.etaSeconds = etaSeconds
        self.etaBasis = etaBasis
        self.pauseReason = pauseReason
        self.skipped = skipped
    }
}

/// A lock that a step can't have yet.
public struct LockRequestView: Sendable, Equatable, Codable {
    public var step: StepID
    /// `ACCESS EXCLUSIVE`
    public var lock: String
    public var table: String
    public var attempt: Int
    public var budgetMilliseconds: Int
    public var since: Date
    /// We look and don't ask while somebody older is in the way; true: our request is in the queue.
    public var isQueued: Bool
    public var blockers: [Blocker]
    /// Sessions that wait behind us.
    public var queued: [Int]
    /// Why a standby holds us, in a sentence; nil where none does.
    public var standby: String?

    public init(
        step: StepID, lock: String, table: String, attempt: Int, budgetMilliseconds: Int,
        since: Date, isQueued: Bool, blockers: [Blocker], queued: [Int], standby: String? = nil
    ) {
        self.step = step
        self.lock = lock
        self.table = table
        self.attempt = attempt
        self.budgetMilliseconds = budgetMilliseconds
        self.since = since
        self.isQueued = isQueued
        self.blockers = blockers
        self.queued = queued
        self.standby = standby
    }
}

/// Who holds what we want.
public struct Blocker: Sendable, Equatable, Codable {
    /// 0 for a prepared transaction, which has no session.
    public var pid: Int
    public var user: String?
    public var application: String
    /// `idle in transaction`, `active`, `autovacuum`, `autovacuum to prevent wraparound`,
    /// `prepared transaction NAME`.
    public var state: String
    /// Of its transaction.
    public var ageSeconds: Double?
    /// The mode that it holds.
    public var lock: String
    public var query: String?

    public init(
        pid: Int, user: String?, application: String, state: String, ageSeconds: Double?,
        lock: String, query: String?
    ) {
        self.pid = pid
        self.user = user
        self.application = application
        self.state = state
        self.ageSeconds = ageSeconds
        self.lock = lock
        self.query = query
    }

    enum CodingKeys: String, CodingKey {
        case pid, user, application, state, lock, query
        case ageSeconds = "age_seconds"
    }
}

public struct ChecklistView: Sendable, Equatable, Identifiable {
    public enum State: String, Sendable { case open, checked, evident, waived }

    public var id: String
    public var text: String
    public var state: State
    /// What the program found, good or bad; nil where it can find nothing.
    public var evidence: String?
    /// Who ticked or waived it, when, and why.
    public var by: String?
    public var at: Date?
    public var reason: String?

    public var isOpen: Bool { state == .open }

    public init(
        id: String, text: String, state: State, evidence: String? = nil, by: String? = nil,
        at: Date? = nil, reason: String? = nil
    ) {
        self.id = id
        self.text = text
        self.state = state
        self.evidence = evidence
        self.by = by
        self.at = at
        self.reason = reason
    }
}

public struct EngineView: Sendable, Equatable {
    public var host: String
    public var pid: Int
    public var isAlive: Bool
    /// It is the engine in this process.
    public var isThis: Bool
    public var heartbeat: Date?

    public init(host: String, pid: Int, isAlive: Bool, isThis: Bool, heartbeat: Date?) {
        self.host = host
        self.pid = pid
        self.isAlive = isAlive
        self.isThis = isThis
        self.heartbeat = heartbeat
    }
}

public struct EventView: Sendable, Equatable {
    public var at: Date
    /// As in the JSON: `step_finished`, `gate`, …
    public var kind: String
    /// One line for a person.
    public var text: String
    public var by: String
    public var step: StepID?
    /// What else is known of it: `differing`, `blockers`, `seconds`, …
    public var fields: [String: JSONValue]

    public init(
        at: Date, kind: String, text: String, by: String, step: StepID? = nil,
        fields: [String: JSONValue] = [:]
    ) {
        self.at = at
        self.kind = kind
        self.text = text
        self.by = by
        self.step = step
        self.fields = fields
    }
}

/// A row that a comparison or a search found, as text.
public struct FoundRow: Sendable, Equatable {
    /// `id=7, line=2`; the row's place where the table has no key.
    public var key: String
    /// `status=paid, status_v2=NULL`, or what is wrong with it.
    public var values: String

    public init(key: String, values: String) {
        self.key = key
        self.values = values
    }

    init?(_ json: JSONValue) {
        guard case .object(let fields) = json, case .string(let key)? = fields["key"],
            case .string(let values)? = fields["row"]
        else { return nil }
        self.init(key: key, values: values)
    }

    var json: JSONValue { .object(["key": .string(key), "row": .string(values)]) }
}

extension EventView {
    /// The rows that a failed step has named.
    public var foundRows: [FoundRow] {
        guard case .array(let rows)? = fields["rows_found"] else { return [] }
        return rows.compactMap(FoundRow.init)
    }
}

public struct RollbackOffer: Sendable, Equatable {
    /// Back to the end of this phase; nil: everything.
    public var to: Phase?
    /// What it keeps and loses, a sentence each.
    public var keeps: [String]
    public var steps: [StepView]

    public init(to: Phase?, keeps: [String], steps: [StepView]) {
        self.to = to
        self.keeps = keeps
        self.steps = steps
    }
}

public struct PurgeOffer: Sendable, Equatable {
    public var steps: [StepView]
    /// What is lost, a sentence each.
    public var loses: [String]
    /// When it may run; nil: now.
    public var from: Date?

    public init(steps: [StepView], loses: [String], from: Date?) {
        self.steps = steps
        self.loses = loses
        self.from = from
    }
}
