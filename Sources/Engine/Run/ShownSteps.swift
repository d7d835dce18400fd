import Migration

/// What is shown of the plan's steps and undo steps and never changes: made once a plan, because a
/// snapshot is taken several times a second and the statements are long.
struct ShownSteps: Sendable {
    private let views: [StepID: StepView]

    init(_ plan: Plan) {
        var views: [StepID: StepView] = [:]
        for step in plan.steps {
            views[step.id] = StepView(
                id: step.id, title: step.title, action: step.action,
                undo: step.undo.flatMap(\.action.statements).map(\.text), estimate: step.estimate)
            for undo in step.undo {
                views[undo.id] = StepView(
                    id: undo.id, title: undo.title, action: undo.action, undo: [], estimate: nil)
            }
        }
        self.views = views
    }

    /// A step of the plan, with what is known of it.
    func view(_ id: StepID, _ record: StepRecord?) -> StepView? {
        guard var view = views[id] else { return nil }
        if let record {
            view.state = record.state
            view.startedAt = record.startedAt
            view.finishedAt = record.finishedAt
            view.tries = record.tries
            view.error = record.error
        }
        return view
    }
}

extension StepView {
    fileprivate init(
        id: StepID, title: String, action: StepAction, undo: [String], estimate: StepEstimate?
    ) {
        self.init(
            id: id, title: title, kind: action.kindName, state: .pending,
            statements: action.statements.map(\.text),
            locks: action.locks.map { "\($0.mode.rawValue) on \($0.table)" }, undo: undo,
            estimate: estimate)
    }
}
