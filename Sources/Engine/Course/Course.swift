import Foundation
import Migration

/// What comes next, from what has been done and said. Facts in, one decision out; no I/O.
///
/// Forward, the steps run in the plan's order; a phase waits for its operator in an interactive run,
/// a gate for its approvals, Expand for the checklist, the purge for the end of the quarantine and
/// its confirmation. Backward, the steps that were begun are undone newest first, each by its own
/// undo steps.
public struct Course: Sendable {
    public enum Decision: Sendable, Equatable {
        case run(Step)
        case undo(UndoStep, of: Step)
        /// All undo steps of this step have run (or it needs none): note it as undone.
        case markUndone(Step)
        /// Approved: note the gate, and the quarantine's wait, as passed.
        case pass(Step)
        case passUndoGate(UndoStep, of: Step)
        case wait(Waiting)
        /// The gate at which it stands, with its step or undo step.
        case waitAtGate(Gate, approvals: [Approval])
        /// `--until` was reached.
        case reached(Phase)
        case finished
        case rolledBack(to: Phase?)
    }

    public var plan: Plan
    public var steps: [StepID: StepRecord]
    public var approvals: [Approval]
    public var direction: Direction
    public var checklist: [ChecklistView]
    public var settings: Settings
    /// Each phase waits for somebody to start it.
    public var isInteractive: Bool
    public var until: Phase?
    /// A rollback also drops what it could only put aside: values written into a column that it adds.
    public var purgesUndone = false
    /// Whoever runs this has confirmed the purge with it.
    public var confirmsPurge = false

    public init(
        plan: Plan, steps: [StepID: StepRecord] = [:], approvals: [Approval] = [],
        direction: Direction = .forward, checklist: [ChecklistView] = [],
        settings: Settings = Settings(), isInteractive: Bool = false, until: Phase? = nil
    ) {
        self.plan = plan
        self.steps = steps
        self.approvals = approvals
        self.direction = direction
        self.checklist = checklist
        self.settings = settings
        self.isInteractive = isInteractive
        self.until = until
    }

    public func state(of id: StepID) -> StepState { steps[id]?.state ?? .pending }

    public func next(now: Date) -> Decision {
        switch direction {
        case .forward: forward(now: now)
        case .back(let phase): backward(to: phase)
        }
    }

    // MARK: forward

    private func forward(now: Date) -> Decision {
        guard let step = plan.steps.first(where: { state(of: $0.id) != .done }) else {
            // Whoever asked to stop early can still go back.
            if let until, until < .contract { return .reached(until) }
            return .finished
        }
        if let until, step.phase > until || isBeyondQuarantine(step, until: until) {
            return .reached(until)
        }
        if !hasBegun(step.phase) {
            let open = checklist.filter(\.isOpen).map(\.id)
            if !open.isEmpty, isFirst(step.phase) { return .wait(.checklist(open)) }
            if isInteractive, !isApproved(.phase, step.phase.rawValue) {
                return .wait(.phaseStart(step.phase))
            }
        }
        switch step.action {
        case .gate(let gate): return atGate(gate, pass: .pass(step))
        case .quarantine: return inQuarantine(step, now: now)
        default: return .run(step)
        }
    }

    /// `--until contract` ends when everything is quarantined: the purge has a command of its own.
    private func isBeyondQuarantine(_ step: Step, until: Phase) -> Bool {
        guard until == .contract, step.phase == .contract, case .quarantine = step.action else {
            return false
        }
        return !isPurgeConfirmed && !confirmsPurge
    }

    private func inQuarantine(_ step: Step, now: Date) -> Decision {
        if isApproved(.purgeNow, "purge") { return .pass(step) }
        // One clock for all operations: their quarantines began before the first of the waits.
        let waits = plan.steps.filter { $0.action == .quarantine }
        let since = waits.compactMap { steps[$0.id]?.startedAt }.min() ?? now
        let until = since.addingTimeInterval(Double(settings.quarantineSeconds))
        if now < until { return .wait(.quarantine(until: until)) }
        return isApproved(.purge, "purge") ? .pass(step) : .wait(.purge)
    }

    /// Whether somebody has said that the old structure may go.
    public var isPurgeConfirmed: Bool {
        isApproved(.purge, "purge") || isApproved(.purgeNow, "purge")
    }

    private func atGate(_ gate: Gate, pass: Decision) -> Decision {
        let said = approvals(of: gate)
        return said.count >= gate.approvals
            ? pass : .waitAtGate(gate, approvals: said)
    }

    /// Who has said that what the gate asks for is so, each another person.
    func approvals(of gate: Gate) -> [Approval] {
        approvals.filter { $0.kind == .gate && $0.subject == gate.id }.people
    }

    private func isApproved(_ kind: Approval.Kind, _ subject: String) -> Bool {
        approvals.contains { $0.kind == kind && $0.subject == subject }
    }

    private func hasBegun(_ phase: Phase) -> Bool {
        plan.steps(in: phase).contains { state(of: $0.id) != .pending }
    }

    private func isFirst(_ phase: Phase) -> Bool {
        plan.steps.first?.phase == phase
    }

    // MARK: backward

    private func backward(to phase: Phase?) -> Decision {
        for step in Self.undoOrder(plan, to: phase) where isToUndo(step) {
            for undo in undo(of: step) where state(of: undo.id) != .done {
                if case .gate(let gate) = undo.action {
                    return atGate(gate, pass: .passUndoGate(undo, of: step))
                }
                return .undo(undo, of: step)
            }
            return .markUndone(step)
        }
        return .rolledBack(to: phase)
    }

    /// A step that changed something, or may have: one in a transaction has only if it is done.
    private func isToUndo(_ step: Step) -> Bool {
        switch state(of: step.id) {
        case .done: true
        case .pending, .undone: false
        case .running, .failed:
            if case .transaction = step.action { false } else { true }
        }
    }

    /// The steps to undo, newest first.
    public static func undoOrder(_ plan: Plan, to phase: Phase?) -> [Step] {
        plan.steps.reversed().filter { step in phase.map { step.phase > $0 } ?? true }
    }

    /// The undo steps that a rollback would run now, newest first.
    public func undoSteps(to phase: Phase?, includingUndone: Bool = false) -> [UndoStep] {
        var gates: Set<String> = []
        return Self.undoOrder(plan, to: phase).filter {
            isToUndo($0) || includingUndone && state(of: $0.id) == .undone
        }.flatMap(undo).filter { undo in
            // Several undos stand behind the same gate, which is asked for once.
            guard case .gate(let gate) = undo.action else { return true }
            return gates.insert(gate.id).inserted
        }
    }

    private func undo(of step: Step) -> [UndoStep] {
        step.undo.filter { purgesUndone || !$0.isPurge }
    }

    /// Whether anything after a phase has been done or begun.
    public func hasBegun(after phase: Phase) -> Bool {
        plan.steps.contains { $0.phase > phase && state(of: $0.id) != .pending }
    }

    /// Whether a rollback has undone, wholly or in part, a step of this phase or one before it.
    public func isUndone(downTo phase: Phase) -> Bool {
        plan.steps.contains { step in
            step.phase <= phase
                && (state(of: step.id) == .undone
                    || step.undo.contains { state(of: $0.id) == .done })
        }
    }

    /// The step after which nothing can be undone, if it is done.
    public var isPastPointOfNoReturn: Bool {
        plan.steps.contains { $0.isPointOfNoReturn && state(of: $0.id) == .done }
    }

    /// The last phase of which a step has been done; nil before Expand.
    public var furthest: Phase? {
        plan.steps.filter { state(of: $0.id) == .done || state(of: $0.id) == .running }.map(\.phase)
            .max()
    }
}
