import Foundation
import Migration
import Monitor

/// Puts a snapshot together from the course and from what the running step has told.
struct SnapshotBuilder {
    let record: MigrationRecord
    let course: Course
    let shown: ShownSteps
    let control: EngineControl.State
    /// Nil before the engine has looked for the first time.
    let decision: Course.Decision?
    let failure: String?
    let look: GateLook?
    let events: [EventView]
    let engine: EngineView
    /// The step or undo step that runs now.
    let running: StepID?
    let commands: [CommandView]
    let watchers: [WatcherView]

    func snapshot() -> Snapshot {
        var snapshot = Snapshot(name: record.name)
        snapshot.description = course.plan.description
        snapshot.operations = course.plan.operations.map(\.title)
        snapshot.direction = course.direction
        snapshot.waiting = waiting
        snapshot.state = state
        snapshot.phases = Phase.allCases.map(phase)
        if case .back(let phase) = course.direction {
            snapshot.undo = course.undoSteps(to: phase, includingUndone: true).compactMap {
                view($0.id, $0.action)
            }
        }
        snapshot.progress = progress
        if let picture = control.picture {
            snapshot.gauges = Throttle.gauges(
                picture, waitingForUs: control.waitingForUs,
                control.settings.throttle)
        }
        snapshot.lockRequest = control.lockRequest
        snapshot.forecast = forecast
        snapshot.checklist = course.checklist
        snapshot.settings = control.settings
        snapshot.startedAt = record.startedAt
        snapshot.worstWaitMilliseconds = worstWait
        snapshot.engine = engine
        snapshot.commands = commands
        snapshot.watchers = watchers
        snapshot.events = events
        snapshot.alert = failure
        snapshot.rollbacks = rollbacks
        snapshot.purge = purge
        snapshot.server = control.picture
        snapshot.serverTrouble = control.trouble
        return snapshot
    }

    private var worstWait: Double? {
        let known = max(control.worstWait, record.worstWaitMilliseconds ?? 0)
        return control.picture == nil && record.worstWaitMilliseconds == nil ? nil : known
    }

    private var state: MigrationState {
        if failure != nil { return .failed }
        if control.pausedBy != nil, running != nil || decisionRuns { return .paused }
        switch decision {
        case .finished: return .finished
        case .rolledBack(to: nil): return .rolledBack
        case .wait(.quarantine), .wait(.purge): return .quarantined
        case .wait, .waitAtGate, .reached: return .waiting
        case .rolledBack: return .waiting
        case nil: return .waiting
        case .run, .pass: return .running
        case .undo, .markUndone, .passUndoGate: return .rollingBack
        }
    }

    private var decisionRuns: Bool {
        switch decision {
        case .run, .undo: true
        default: false
        }
    }

    private var waiting: Waiting? {
        if let by = control.pausedBy, running != nil || decisionRuns { return .paused(by: by) }
        switch decision {
        case .wait(let waiting): return waiting
        case .waitAtGate(let gate, let approvals): return .gate(view(gate, approvals))
        default: return nil
        }
    }

    func view(_ gate: Gate, _ approvals: [Approval]) -> GateView {
        let look = look.flatMap { $0.gate == gate.id ? $0 : nil }
        return GateView(
            id: gate.id, text: gate.text, approvalsNeeded: gate.approvals,
            approvedBy: approvals.map(\.byWithReason), evidence: look?.views ?? [],
            askedAt: look?.at,
            missing: approvals.isEmpty ? nil : gate.missing(after: approvals))
    }

    // MARK: phases and steps

    private func phase(_ phase: Phase) -> PhaseView {
        let steps = course.plan.steps(in: phase).compactMap { view($0.id, $0.action) }
        return PhaseView(phase: phase, state: state(of: phase, steps), steps: steps)
    }

    private func state(of phase: Phase, _ steps: [StepView]) -> PhaseView.State {
        if steps.isEmpty { return .empty }
        if steps.contains(where: { $0.state == .failed }) { return .failed }
        if steps.allSatisfy({ $0.state == .done }) { return .done }
        if steps.contains(where: { $0.state == .undone }) { return .undone }
        if steps.contains(where: { $0.state == .running && $0.id == running }) { return .running }
        if let waitingPhase, waitingPhase == phase { return .waiting }
        if steps.contains(where: { $0.state == .done || $0.state == .running }) { return .running }
        return .pending
    }

    /// The phase in which the migration stands still for somebody.
    private var waitingPhase: Phase? {
        guard waiting != nil else { return nil }
        return course.plan.steps.first { course.state(of: $0.id) != .done }?.phase
    }

    private func view(_ id: StepID, _ action: StepAction) -> StepView? {
        var view = shown.view(id, course.steps[id])
        if case .gate(let gate) = action {
            view?.approvals = course.approvals(of: gate).map(\.words)
        }
        return view
    }

    // MARK: progress

    private var progress: [ProgressView] {
        let ids = course.plan.steps.map(\.id) + course.plan.steps.flatMap { $0.undo.map(\.id) }
        var views = ids.compactMap { control.progress[$0] }
        if let running, let build = indexBuild(running) {
            views.removeAll { $0.id == running && $0.pauseReason == nil }
            views.append(build)
        }
        return views
    }

    /// A concurrent build's progress is the server's own.
    func indexBuild(_ id: StepID) -> ProgressView? {
        let (index, table): (String, String)
        switch course.plan.step(id)?.action {
        case .buildIndex(let build): (index, table) = (build.index.name.quoted, build.table.quoted)
        case .buildPartitionedIndex(let build):
            (index, table) = (build.index.name.quoted, build.table.quoted)
        default: return nil
        }
        guard let picture = control.picture,
            let found = picture.indexBuilds.first(where: { control.ownPIDs.contains($0.pid) })
        else { return nil }
        let waits = found.waitsFor.map { "waits for the transaction of pid \($0)" }
        return ProgressView(
            id: id, title: "build \(index): \(found.phase)", table: table,
            state: .running, done: found.done, total: found.total, unit: found.unit,
            pauseReason: waits)
    }

    // MARK: what could be done

    private var rollbacks: [RollbackOffer] {
        guard !course.isPastPointOfNoReturn, course.direction == .forward,
            let furthest = course.furthest
        else { return [] }
        let targets: [Phase?] = Phase.allCases.filter { $0 < furthest }.reversed() + [nil]
        return targets.map { target in
            RollbackOffer(
                to: target, keeps: course.plan.operations.flatMap(\.keeps),
                steps: course.undoSteps(to: target).compactMap { view($0.id, $0.action) })
        }
    }

    private var purge: PurgeOffer? {
        guard case .wait(let waiting) = decision else { return nil }
        let from: Date?
        switch waiting {
        case .quarantine(let until): from = until
        case .purge: from = nil
        default: return nil
        }
        let left = course.plan.steps.filter { course.state(of: $0.id) != .done }
        return PurgeOffer(
            steps: left.filter(\.isPointOfNoReturn).compactMap { view($0.id, $0.action) },
            loses: course.plan.operations.map {
                "After it, \($0.title) can't be rolled back: the old structure and its values are gone."
            }, from: from)
    }
}
