import Foundation
import Migration
import Monitor
import Postgres

/// Where a migration stands, for `status` and for scripts.
public struct MigrationStatus: Sendable, Encodable {
    public struct Progress: Sendable, Encodable {
        public let done: Int
        public let total: Int
        public let unit: String
    }

    public struct EngineInfo: Sendable, Encodable {
        public let alive: Bool
        public let host: String?
        public let pid: Int?

        enum CodingKeys: String, CodingKey { case alive, host, pid }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(alive, forKey: .alive)
            try container.encode(host, forKey: .host)
            try container.encode(pid, forKey: .pid)
        }
    }

    public let name: String
    public let state: MigrationState
    public let phase: Phase?
    public let step: StepID?
    public let progress: Progress?
    public let engine: EngineInfo
    public let started: Date
    public let updated: Date
    public let worstWaitMilliseconds: Double?
    /// What to type next.
    public let next: String
    /// Where it stands, in one sentence.
    public let sentence: String
    /// What was asked of its engine and is not answered.
    public let commands: [CommandView]
    /// Who looks on.
    public let watchers: [WatcherView]
    /// Who has passed which gate.
    public let approvals: [GateApproval]

    public struct GateApproval: Sendable, Encodable {
        public let gate: String
        public let by: String
        public let at: Date
        /// What made this another person than those before; nil for the first.
        public let countedBy: String?

        enum CodingKeys: String, CodingKey {
            case gate, by, at
            case countedBy = "counted_by"
        }
    }

    enum CodingKeys: String, CodingKey {
        case name, state, phase, step, progress, engine, started, updated, next, sentence
        case commands, watchers, approvals
        case worstWaitMilliseconds = "worst_wait_ms"
    }

    /// Unknown is null, never left out.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(state, forKey: .state)
        try container.encode(phase, forKey: .phase)
        try container.encode(step, forKey: .step)
        try container.encode(progress, forKey: .progress)
        try container.encode(engine, forKey: .engine)
        try container.encode(started, forKey: .started)
        try container.encode(updated, forKey: .updated)
        try container.encode(worstWaitMilliseconds, forKey: .worstWaitMilliseconds)
        try container.encode(next, forKey: .next)
        try container.encode(sentence, forKey: .sentence)
        try container.encode(commands, forKey: .commands)
        try container.encode(watchers, forKey: .watchers)
        try container.encode(approvals, forKey: .approvals)
    }
}

/// What the journal and the server's locks say about one migration; everything else follows from it.
struct Standing: Sendable {
    let record: MigrationRecord
    let course: Course
    /// Its session is there.
    let isEngineAlive: Bool
    /// Seconds since its last heartbeat, where its session is there and it has been silent for long.
    let silence: Double?
    let engineHost: String?
    let enginePID: Int?
    let heartbeat: Date?
    let progress: MigrationStatus.Progress?
    let report: EngineReport?
    let commands: [CommandView]
    let watchers: [WatcherView]

    /// An engine that has told nothing for this many seconds stands still.
    static let longSilence: Double = 10
    /// The phase to whose end it was rolled back, where nothing has been done since.
    var restsAfter: Phase?

    /// - Parameter picture: what the checklist's own evidence rests on; nil where there is none.
    static func read(
        _ record: MigrationRecord, _ picture: ServerPicture?, on connection: Connection
    ) async throws -> Standing {
        let journal = Journal(connection: connection)
        let isCurrent =
            try await journal.version() ?? 0 >= JournalSchema.versionWithWatchers
        let approvals = try await journal.approvals(of: record.id)
        var course = Course(
            plan: record.plan, steps: try await journal.steps(of: record.id), approvals: approvals,
            direction: record.direction,
            checklist: Checklist(
                items: record.checklist, plan: record.plan, approvals: approvals, picture: picture
            ).views, settings: record.settings)
        let engine = try await connection.query(
            """
            SELECT e.host, e.pid, e.interactive, extract(epoch FROM e.heartbeat_at) AS heartbeat,
                   extract(epoch FROM clock_timestamp() - e.heartbeat_at) AS silence,
                   \(isCurrent ? "e.report" as SQL : "NULL") AS report,
                   CASE WHEN pg_catalog.pg_is_in_recovery()
                        -- A standby knows the journal and not the primary's locks.
                        THEN e.heartbeat_at > clock_timestamp() - interval '10 s'
                        ELSE EXISTS (
                     SELECT FROM pg_catalog.pg_locks l
                      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
                        AND l.classid = \(JournalSchema.advisoryClass) AND l.objid = e.migration::oid
                        AND l.pid = e.backend_pid) END AS alive
              FROM lockkeeper.engines e WHERE e.migration = $1
            """, record.id
        ).rows.first
        let isAlive = try engine?.bool("alive") ?? false
        let silence = try engine?.optionalDouble("silence")
        // Whose phases wait for somebody only while its engine has a screen.
        course.isInteractive = try isAlive && engine?.bool("interactive") ?? false
        var progress: MigrationStatus.Progress?
        if let step = course.standing,
            let fill = try await FillRecord.extent(of: step, of: record.id, on: connection)
        {
            progress = MigrationStatus.Progress(
                done: fill.done, total: fill.blocks, unit: "blocks")
        }
        let last = try await connection.query(
            """
            SELECT kind, fields->>'to' AS phase FROM lockkeeper.events
             WHERE migration = $1 AND kind IN ('rolled_back', 'step_started') ORDER BY id DESC LIMIT 1
            """, record.id
        ).rows.first
        let rest: String? = try last?.optional("phase")
        return Standing(
            record: record, course: course, isEngineAlive: isAlive,
            silence: isAlive ? silence.flatMap { $0 > longSilence ? $0 : nil } : nil,
            engineHost: try engine?.optional("host"), enginePID: try engine?.optionalInt("pid"),
            heartbeat: try engine?.date("heartbeat"), progress: progress,
            report: try isAlive
                ? engine?.optional("report").flatMap(EngineReport.init(json:)) : nil,
            commands: isCurrent ? try await journal.openCommands(of: record.id) : [],
            watchers: isCurrent ? try await journal.watchers(of: record.id) : [],
            restsAfter: rest.flatMap(Phase.init(rawValue:)))
    }

    var decision: Course.Decision { course.next(now: Date()) }

    var state: MigrationState {
        switch record.state {
        case "finished": return .finished
        case "rolled_back": return .rolledBack
        default: break
        }
        if record.failure != nil { return .failed }
        let isBack = course.direction != .forward
        switch decision {
        case .wait(.quarantine), .wait(.purge): return .quarantined
        case .waitAtGate, .wait: return .waiting
        default:
            if record.pausedBy != nil { return .paused }
            guard isEngineAlive else { return .interrupted }
            return isBack ? .rollingBack : .running
        }
    }

    /// As a shell takes it.
    private var file: String {
        if record.specFile.isEmpty { return "FILE" }
        if record.specFile.wholeMatch(of: #/[\w.\/+,:@%-]+/#.asciiOnlyWordCharacters()) != nil,
            !record.specFile.hasPrefix("-")
        {
            return record.specFile
        }
        return "'" + record.specFile.replacing("'", with: "'\\''") + "'"
    }

    var next: String {
        let goOn =
            course.direction == .forward
            ? "lockkeeper run \(file)" : "lockkeeper rollback \(record.name)"
        switch state {
        case .finished, .rolledBack: return ""
        // One that has a screen stays, and tries again when it is told to.
        case .failed where isEngineAlive: return "lockkeeper advance \(record.name)"
        case .failed, .interrupted: return goOn
        case .paused: return "lockkeeper resume \(record.name)"
        case .running, .rollingBack:
            // Then T.
            if silence != nil { return "lockkeeper watch \(record.name)" }
            return "lockkeeper pause \(record.name)"
        case .quarantined: return "lockkeeper purge \(record.name)"
        case .waiting:
            switch decision {
            case .waitAtGate(let gate, _): return "lockkeeper advance \(record.name) \(gate.id)"
            case .wait(.phaseStart): return "lockkeeper advance \(record.name)"
            case .wait(.checklist) where isEngineAlive: return "lockkeeper watch \(record.name)"
            case .wait(.checklist(let open)):
                return "\(goOn) " + open.map { "--check \($0)" }.joined(separator: " ")
            default: return goOn
            }
        }
    }

    var sentence: String {
        switch state {
        case .finished: return "Finished; nothing of the old structure is left."
        case .rolledBack: return "Rolled back; everything is as it was before."
        case .failed: return record.failure ?? ""
        case .interrupted:
            let next = course.standing ?? "the next step"
            if let phase = restsAfter {
                return
                    "Rolled back to the end of \(phase.title) and rests there; `\(self.next)` goes on at "
                    + "\(next), `lockkeeper rollback \(record.name)` goes all the way back."
            }
            return course.direction == .forward
                ? "No engine runs it; `\(self.next)` goes on at \(next)."
                : "Its rollback was interrupted and no engine runs it; `\(self.next)` goes on at \(next)."
        case .paused: return "Paused by \(record.pausedBy ?? "somebody"); writes stay in sync."
        case .running, .rollingBack:
            if let silence {
                return "The engine on \(engineHost ?? "its host") gives no sign of life for "
                    + "\(Numerals.duration(silence)); `lockkeeper watch \(record.name)`, then T, takes over."
            }
            return state == .running ? "Runs \(course.standing ?? "")." : "Is being rolled back."
        case .quarantined:
            if case .wait(.quarantine(let until)) = decision {
                return
                    "The old structure is in quarantine until \(until.rfc3339); a rollback loses nothing."
            }
            return "The quarantine is over; the purge waits for its confirmation."
        case .waiting:
            switch decision {
            case .waitAtGate(let gate, let said):
                return "Waits at gate \(gate.id) (\(said.count) of \(gate.approvals)): \(gate.text)"
                    + (said.isEmpty ? "" : ". " + gate.missing(after: said))
            case .wait(.checklist(let open)):
                return Checklist.sentence(open: open)
            case .wait(.phaseStart(let phase)):
                return "Waits for somebody to start \(phase.title)."
            default: return "Waits for its operator."
            }
        }
    }

    var status: MigrationStatus {
        MigrationStatus(
            name: record.name, state: state,
            phase: course.standing.flatMap { id in
                course.plan.steps.first { $0.id == id || $0.undo.contains { $0.id == id } }?.phase
            },
            step: record.state == "active" ? course.standing : nil, progress: progress,
            engine: .init(alive: isEngineAlive && silence == nil, host: engineHost, pid: enginePID),
            started: record.startedAt, updated: record.updatedAt,
            worstWaitMilliseconds: record.worstWaitMilliseconds, next: next, sentence: sentence,
            commands: commands, watchers: watchers,
            approvals: course.approvals.filter { $0.kind == .gate }.map {
                .init(gate: $0.subject, by: $0.by.description, at: $0.at, countedBy: $0.reason)
            })
    }
}

extension Course {
    /// The step, or undo step, that is this gate, and its phase.
    func place(of gate: Gate) -> (phase: Phase, step: StepID)? {
        func isIt(_ action: StepAction) -> Bool {
            if case .gate(let other) = action { other.id == gate.id } else { false }
        }
        for step in plan.steps {
            if isIt(step.action) { return (step.phase, step.id) }
            if let undo = step.undo.first(where: { isIt($0.action) }) {
                return (step.phase, undo.id)
            }
        }
        return nil
    }

    /// The step, or undo step, that is next or runs.
    var standing: StepID? {
        switch next(now: Date()) {
        case .run(let step), .pass(let step), .markUndone(let step): step.id
        case .undo(let undo, _), .passUndoGate(let undo, _): undo.id
        case .waitAtGate(let gate, _): place(of: gate)?.step ?? gate.id
        case .wait, .reached:
            plan.steps.first { state(of: $0.id) != .done }?.id
        case .finished, .rolledBack: nil
        }
    }
}
