import OrderedCollections
import SQLText

/// Makes a plan of a spec and what the server said. Pure: the same spec and facts give the same plan.
public enum Planner {
    /// Throws `Refusals` with everything that speaks against it, in file order.
    ///
    /// `facts` must answer `spec.questions(knowing:)`: ask `spec.questions` first, then, with those
    /// answers, the rest.
    public static func plan(_ spec: Spec, _ facts: Facts) throws(Refusals) -> Plan {
        try checkServer(spec, facts.server)
        var plans: [OperationPlan] = []
        var refusals: [Refusal] = []
        let collisions = Collisions(spec: spec, facts: facts)
        for entry in spec.operations {
            let context = PlanContext(
                migration: spec.name, number: entry.number, mark: entry.mark, file: spec.file,
                facts: facts)
            do throws(Refusals) {
                plans.append(try entry.operation.plan(context).overPartitions(facts))
            } catch {
                refusals += error.refusals.map {
                    collisions.explained($0, of: entry.number)
                }
            }
        }
        if refusals.isEmpty { refusals += collisions.all }
        if refusals.isEmpty { refusals += overlaps(spec, plans) + claims(spec, plans) }
        if refusals.isEmpty { refusals += hiddenRows(spec, plans, facts) }
        var steps = Phase.allCases.flatMap { phase in
            let parts = plans.map { $0.steps.filter { $0.phase == phase } }
            return phase == .contract ? undoableFirst(parts) : parts.flatMap { $0 }
        }
        refusals += unknownGates(spec, steps)
        refusals += repeatedIDs(spec, steps)
        guard refusals.isEmpty else { throw Refusals(file: spec.file, refusals: refusals) }

        steps = steps.map { $0.wording(spec.gates) }
        let estimates = StepEstimates(facts: facts)
        for index in steps.indices { steps[index].estimate = estimates.estimate(steps[index]) }
        let around = SurroundingHazards(steps: steps, facts: facts).all
        let hazards = OrderedSet(plans.flatMap(\.hazards) + around)
        return Plan(
            name: spec.name, description: spec.description, operations: plans.map(\.summary),
            steps: steps, hazards: hazards.sorted { $0.severity > $1.severity },
            session: facts.session.creatingInFirstSchema)
    }

    /// Contract, so that all operations can be undone until the last moment: first everything that has
    /// an undo, every quarantine included; then the waits, and what must be proven before the first
    /// purge; then what can't be undone. Within each of the three, operation by operation.
    private static func undoableFirst(_ parts: [[Step]]) -> [Step] {
        var stages: [[Step]] = [[], [], []]
        for steps in parts {
            let last =
                steps.firstIndex { $0.isPointOfNoReturn || $0.isForGood } ?? steps.endIndex
            let wait = steps[..<last].firstIndex { $0.action == .quarantine } ?? last
            stages[0] += steps[..<wait]
            stages[1] += steps[wait..<last]
            stages[2] += steps[last...]
        }
        return stages.flatMap { $0 }
    }

    private static func checkServer(_ spec: Spec, _ server: ServerFacts) throws(Refusals) {
        var refusals = RefusalList(file: spec.file)
        let start = SourceMark(line: 1, column: 1)
        if server.version < 150_000 {
            refusals.refuse(
                "server-version",
                "this server is PostgreSQL \(server.version / 10_000), and 15 is the oldest that is supported",
                instead: "Upgrade the server first.", at: start)
        }
        if server.isInRecovery {
            refusals.refuse(
                "standby", "this server is a standby, on which nothing can be changed",
                instead: "Connect to the primary.", at: start)
        }
        try refusals.throwIfAny()
    }

    /// Two operations must not keep the same column in step: each one's trigger would take the other's
    /// assignments for the application's.
    private static func overlaps(_ spec: Spec, _ plans: [OperationPlan]) -> [Refusal] {
        var refusals: [Refusal] = []
        var owners: [QualifiedName: [String: Int]] = [:]
        for (entry, plan) in zip(spec.operations, plans) {
            for (table, columns) in plan.synced.sorted(by: { $0.key < $1.key }) {
                for column in columns.sorted() {
                    if let other = owners[table]?[column] {
                        refusals.append(
                            Refusal(
                                rule: "operations-overlap",
                                message:
                                    "operation \(entry.number) and operation \(other) both work with \(table).\(Identifier(column))",
                                instead: "Do one after the other, each in a spec of its own.",
                                mark: entry.mark))
                    } else {
                        owners[table, default: [:]][column] = entry.number
                    }
                }
            }
        }
        return refusals
    }

    /// What renames or drops a table leaves it to nobody else: the others' statements have its name.
    private static func claims(_ spec: Spec, _ plans: [OperationPlan]) -> [Refusal] {
        let known = Array(zip(spec.operations, plans))
        return known.indices.flatMap { later in
            known[..<later].compactMap { entry, plan -> Refusal? in
                let (other, otherPlan) = known[later]
                let both = plan.claimed.intersection(otherPlan.summary.tables)
                    .union(otherPlan.claimed.intersection(plan.summary.tables))
                guard let table = both.min() else { return nil }
                return Refusal(
                    rule: "operations-overlap",
                    message:
                        "operation \(other.number) and operation \(entry.number) both work with \(table), and one of them takes its name away",
                    instead: "Do one after the other, each in a spec of its own.",
                    mark: other.mark)
            }
        }
    }

    /// Rows that a policy hides from us would be neither filled nor compared: with `row_security = off`
    /// the statement raises an error instead (manual, "Row Security Policies"), in the middle of the run.
    private static func hiddenRows(
        _ spec: Spec, _ plans: [OperationPlan], _ facts: Facts
    ) -> [Refusal] {
        guard facts.server.bypassesRowSecurity == false else { return [] }
        let user = Identifier(facts.server.user).quoted
        let hidden = Set(
            facts.tables.values.filter {
                $0.forcesRowSecurity || ($0.hasRowSecurity && !$0.isOwnedByUs)
            }.map(\.name))
        return zip(spec.operations, plans).compactMap { entry, plan in
            let read = plan.steps.flatMap { [$0.action] + $0.undo.map(\.action) }
                .flatMap(\.rowsRead)
            guard let table = read.first(where: hidden.contains) else { return nil }
            return Refusal(
                rule: "row-security",
                message:
                    "the policies of \(table) hide rows from \(user) too, which would be neither found, filled nor compared",
                instead:
                    "Run as a role with BYPASSRLS; or take FORCE away for the time of the migration (ALTER TABLE … NO FORCE ROW LEVEL SECURITY) and run as the table's owner.",
                mark: entry.mark)
        }
    }

    private static func unknownGates(_ spec: Spec, _ steps: [Step]) -> [Refusal] {
        let known = OrderedSet(steps.flatMap(\.gates).map(\.id))
        return spec.gates.filter { !known.contains($0.key) }.map { id, wording in
            let near = Suggestion.didYouMean(id, among: known).map { " (\($0))" } ?? ""
            return Refusal(
                rule: "unknown-gate", message: "this plan has no gate \"\(id)\"\(near)",
                instead: known.isEmpty
                    ? "It has no gates; take the line out."
                    : "It has \(known.joined(separator: ", ")).", mark: wording.mark)
        }
    }

    /// The journal's keys. Ours to get right; said rather than run with.
    private static func repeatedIDs(_ spec: Spec, _ steps: [Step]) -> [Refusal] {
        var seen: Set<StepID> = []
        let ids = steps.map(\.id) + steps.flatMap { $0.undo.map(\.id) }
        return ids.filter { !seen.insert($0).inserted }.map {
            Refusal(
                rule: "repeated-step", message: "two steps of this plan have the id \($0)",
                instead: "Report this with the spec; splitting it in two helps meanwhile.",
                mark: SourceMark(line: 1, column: 1))
        }
    }
}

extension SessionFacts {
    /// The same path without naming `pg_catalog`, which is then searched first all the same (manual,
    /// "search_path"). Named first it is also where CREATE puts what has no schema: "permission denied
    /// to create pg_catalog.order_notes", seen with a user's `sql`.
    var creatingInFirstSchema: SessionFacts {
        let schemas = searchPath.filter { $0.name != "pg_catalog" }
        return SessionFacts(
            searchPath: schemas.isEmpty ? searchPath : schemas, timeZone: timeZone,
            dateStyle: dateStyle)
    }
}

extension Step {
    /// A statement without an undo, such as a user's `sql` without `down`.
    fileprivate var isForGood: Bool {
        guard undo.isEmpty else { return false }
        return switch action {
        case .transaction, .outsideTransaction: true
        default: false
        }
    }

    /// Its own gate and those of its undo.
    var gates: [Gate] {
        ([action] + undo.map(\.action)).compactMap {
            if case .gate(let gate) = $0 { gate } else { nil }
        }
    }

    /// With the spec's words for its gates.
    func wording(_ words: OrderedDictionary<String, GateWording>) -> Step {
        Step(
            id: id, operation: operation, phase: phase, title: title,
            action: action.wording(words),
            undo: undo.map {
                UndoStep(
                    id: $0.id, title: $0.title, action: $0.action.wording(words),
                    isPurge: $0.isPurge)
            },
            isPointOfNoReturn: isPointOfNoReturn, hazards: hazards)
    }
}

extension StepAction {
    fileprivate func wording(_ words: OrderedDictionary<String, GateWording>) -> StepAction {
        guard case .gate(let gate) = self, let wording = words[gate.id] else { return self }
        return .gate(
            Gate(
                id: gate.id, text: wording.text, approvals: wording.approvals,
                evidence: gate.evidence))
    }
}
