import Analysis
import Foundation
import Migration
import Postgres

/// Where an unfinished migration's journal and the catalogue say different things.
extension Doctor {
    func disagreements(_ record: MigrationRecord) async throws -> [Ailment] {
        guard tables.isSuperset(of: ["steps", "approvals"]) else { return [] }
        let steps = try await Journal(connection: connection).steps(of: record.id)
        var found = unknownSteps(record, steps)
        found += try await objects(record, steps)
        found += gaps(record, steps)
        found += try await duePurge(record)
        return found
    }

    private func unknownSteps(_ record: MigrationRecord, _ steps: [StepID: StepRecord])
        -> [Ailment]
    {
        let known = Set(record.plan.steps.flatMap { [$0.id] + $0.undo.map(\.id) })
        return steps.keys.filter { !known.contains($0) }.sorted().map { step in
            Ailment(
                "unknown-step", of: "\(record.id) \(step)",
                "The journal has a step \(step) of \(record.name) that its plan does not have.",
                mend: "Take the row away; nothing reads it.",
                [
                    "DELETE FROM lockkeeper.steps WHERE migration = \(record.id) AND step = \(literal: step)"
                ])
        }
    }

    // MARK: the catalogue

    private func objects(_ record: MigrationRecord, _ steps: [StepID: StepRecord]) async throws
        -> [Ailment]
    {
        var found: [Ailment] = []
        for expected in Expectations(record, steps).all
        where try await isThere(expected.object) != expected.isThere {
            let goOn = record.direction == .forward ? "run" : "rollback"
            found.append(
                Ailment(
                    expected.isThere ? "missing-object" : "unexpected-object",
                    of: "\(record.id) \(expected.object.words)",
                    expected.isThere
                        ? "The \(expected.object.words) is missing, which step \(expected.step) of \(record.name) has made."
                        : "The \(expected.object.words) is there, which step \(expected.step) of \(record.name) has taken away.",
                    mend: expected.isThere
                        ? "Make it again as it was (`lockkeeper history \(record.name)` and the plan have its statement), or roll back: `lockkeeper rollback \(record.name)`. Don't `\(goOn)` before."
                        : "Find out who made it again; if it is not needed, drop it, then go on."))
        }
        return found
    }

    private func isThere(_ object: StatementEffect.Object) async throws -> Bool {
        func name(_ relation: RelationName) -> SQL {
            let quoted =
                relation.schema.map { QualifiedName($0, relation.name).quoted }
                ?? Identifier(relation.name).quoted
            return "pg_catalog.to_regclass(\(literal: quoted))"
        }
        let query: SQL =
            switch object {
            case .relation(let relation), .index(let relation):
                "SELECT \(name(relation)) IS NOT NULL AS there"
            case .column(let relation, let column):
                """
                SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = \(name(relation))
                  AND attname = \(literal: column) AND NOT attisdropped) AS there
                """
            case .constraint(let relation, let constraint):
                """
                SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = \(name(relation))
                  AND conname = \(literal: constraint)) AS there
                """
            case .trigger(let relation, let trigger):
                """
                SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = \(name(relation))
                  AND tgname = \(literal: trigger)) AS there
                """
            case .function(let function):
                """
                SELECT EXISTS (SELECT FROM pg_catalog.pg_proc
                  WHERE pronamespace = pg_catalog.to_regnamespace(\(literal: Identifier(function.schema ?? "public").quoted))
                    AND proname = \(literal: function.name)) AS there
                """
            }
        return try await connection.query(query).onlyRow().bool("there")
    }

    // MARK: the journal

    /// Steps run one after another: one that is not done before one that is has lost its row.
    private func gaps(_ record: MigrationRecord, _ steps: [StepID: StepRecord]) -> [Ailment] {
        guard record.direction == .forward,
            let last = record.plan.steps.lastIndex(where: { steps[$0.id]?.state == .done })
        else { return [] }
        return record.plan.steps[..<last].filter { steps[$0.id]?.state != .done }.map { step in
            Ailment(
                "lost-step", of: "\(record.id) \(step.id)",
                "Steps behind it are done, but the journal does not say so of \(step.id) of \(record.name): its row was changed or is lost.",
                mend:
                    "Look in `lockkeeper history \(record.name)` whether it was done; then note it so.",
                [Journal.note(.done, step: step.id, of: record.id)])
        }
    }

    private func duePurge(_ record: MigrationRecord) async throws -> [Ailment] {
        let standing = try await Standing.read(record, nil, on: connection)
        guard case .wait(.purge) = standing.decision else { return [] }
        return [
            Ailment(
                "purge-due", of: "\(record.id)",
                "The quarantine of \(record.name) is over, and its old structure is still kept in step.",
                mend:
                    "`lockkeeper purge \(record.name)` drops it, for good; `lockkeeper rollback \(record.name)` goes back."
            )
        ]
    }
}

/// What should be there, and what should not, when the steps are done that the journal says are.
private struct Expectations {
    struct Expectation {
        let object: StatementEffect.Object
        let isThere: Bool
        let step: StepID
    }

    private(set) var all: [Expectation] = []

    init(_ record: MigrationRecord, _ steps: [StepID: StepRecord]) {
        let users = Set(
            record.plan.operations.filter { $0.kind == "sql" }.map(\.number))
        let ours = record.plan.steps.filter { !users.contains($0.operation) }
        // What was undone was done before.
        for step in ours
        where [.done, .undone].contains(steps[step.id]?.state) || Self.isUndoing(step, steps) {
            note(step.action, step.id)
        }
        for step in ours.reversed() {
            for undo in step.undo where steps[undo.id]?.state == .done {
                note(undo.action, undo.id)
            }
        }
    }

    private static func isUndoing(_ step: Step, _ steps: [StepID: StepRecord]) -> Bool {
        step.undo.contains { steps[$0.id]?.state == .done }
    }

    private mutating func note(_ action: StepAction, _ step: StepID) {
        switch action {
        case .transaction, .buildIndex, .dropIndex: break
        default: return
        }
        for statement in action.statements {
            let effects = StatementEffect.effects(of: statement.text)
            if effects.count == 2, case .relation(let old) = effects[0].object, !effects[0].makes,
                case .relation(let new) = effects[1].object, effects[1].makes
            {
                move(old, to: new)
            }
            for effect in effects { note(effect, step) }
        }
    }

    private mutating func note(_ effect: StatementEffect, _ step: StepID) {
        all.removeAll { $0.object == effect.object }
        switch effect.object {
        case .relation(let gone) where !effect.makes:
            all.removeAll { $0.object.table == gone }
        // With a column go its indexes and constraints, whose names don't tell whose they are.
        case .column(let table, _) where !effect.makes:
            all.removeAll { expected in
                switch expected.object {
                case .index: true
                case .constraint(let of, _): of == table
                default: false
                }
            }
        default: break
        }
        all.append(Expectation(object: effect.object, isThere: effect.makes, step: step))
    }

    /// A renamed table takes along what it has.
    private mutating func move(_ old: RelationName, to new: RelationName) {
        all = all.map {
            Expectation(object: $0.object.moved(old, to: new), isThere: $0.isThere, step: $0.step)
        }
    }
}

extension StatementEffect.Object {
    fileprivate var table: RelationName? {
        switch self {
        case .column(let table, _), .constraint(let table, _), .trigger(let table, _): table
        default: nil
        }
    }

    fileprivate func moved(_ old: RelationName, to new: RelationName) -> Self {
        switch self {
        case .column(old, let name): .column(of: new, name)
        case .constraint(old, let name): .constraint(of: new, name)
        case .trigger(old, let name): .trigger(of: new, name)
        default: self
        }
    }

    /// `column status_v2 of public.orders`
    fileprivate var words: String {
        func named(_ relation: RelationName) -> String {
            (relation.schema.map { $0 + "." } ?? "") + relation.name
        }
        return switch self {
        case .relation(let name): "relation \(named(name))"
        case .index(let name): "index \(named(name))"
        case .column(let table, let name): "column \(name) of \(named(table))"
        case .constraint(let table, let name): "constraint \(name) of \(named(table))"
        case .trigger(let table, let name): "trigger \(name) on \(named(table))"
        case .function(let name): "function \(named(name))"
        }
    }
}
