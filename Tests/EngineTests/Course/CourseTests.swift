import Foundation
import Migration
import SQLText
import Testing

@testable import Engine

@Suite("The course of a migration")
struct CourseTests {
    @Test("forward, the steps run in the plan's order")
    func order() {
        var course = Course.sample()
        #expect(course.next(now: .now) == .run(course.step("1.expand.add")))
        course.done("1.expand.add")
        #expect(course.next(now: .now) == .run(course.step("1.migrate.sync")))
    }

    @Test("a step that was running when the engine died runs again")
    func resumes() {
        var course = Course.sample()
        course.done("1.expand.add")
        course.steps["1.migrate.sync"] = StepRecord(state: .running)
        #expect(course.next(now: .now) == .run(course.step("1.migrate.sync")))
    }

    @Test("an open checklist item stops it before Expand, a waived one does not")
    func checklist() {
        var course = Course.sample()
        course.checklist = [ChecklistView(id: "rehearsed", text: "Tested", state: .open)]
        #expect(course.next(now: .now) == .wait(.checklist(["rehearsed"])))
        course.checklist[0].state = .waived
        #expect(course.next(now: .now) == .run(course.step("1.expand.add")))
    }

    @Test("an item that opens again after Expand stops nothing")
    func checklistLater() {
        var course = Course.sample()
        course.done("1.expand.add")
        course.checklist = [ChecklistView(id: "rehearsed", text: "Tested", state: .open)]
        #expect(course.next(now: .now) == .run(course.step("1.migrate.sync")))
    }

    @Test("in an interactive run each phase waits for somebody to start it")
    func phaseStart() {
        var course = Course.sample()
        course.isInteractive = true
        #expect(course.next(now: .now) == .wait(.phaseStart(.expand)))
        course.say(.phase, "expand")
        #expect(course.next(now: .now) == .run(course.step("1.expand.add")))
        course.done("1.expand.add")
        #expect(course.next(now: .now) == .wait(.phaseStart(.migrate)))
    }

    @Test("a gate waits for as many different people as it asks for")
    func gate() {
        var course = Course.sample(approvals: 2)
        course.done("1.expand.add", "1.migrate.sync")
        guard case .waitAtGate(let gate, let said) = course.next(now: .now) else {
            Issue.record("it does not wait")
            return
        }
        #expect(gate.id == "1.switch")
        #expect(said.isEmpty)
        course.say(.gate, "1.switch", by: "anna")
        course.say(.gate, "1.switch", by: "anna")
        guard case .waitAtGate = course.next(now: .now) else {
            Issue.record("one person's word passed a gate that asks for two")
            return
        }
        course.say(.gate, "1.switch", by: "ben")
        #expect(course.next(now: .now) == .pass(course.step("1.switch.gate")))
    }

    @Test("the purge waits for the end of the quarantine and for its confirmation")
    func quarantine() {
        var course = Course.sample()
        let began = Date(timeIntervalSince1970: 1_000_000)
        course.done("1.expand.add", "1.migrate.sync", "1.switch.gate")
        course.steps["1.contract.wait"] = StepRecord(state: .running, startedAt: began)
        let end = began.addingTimeInterval(24 * 3600)
        course.say(.purge, "purge")
        #expect(course.next(now: began) == .wait(.quarantine(until: end)))
        #expect(course.next(now: end) == .pass(course.step("1.contract.wait")))
        course.approvals = []
        #expect(course.next(now: end) == .wait(.purge))
        course.say(.purgeNow, "purge")
        #expect(course.next(now: began) == .pass(course.step("1.contract.wait")))
    }

    @Test("--until ends after its phase; contract counts as done in quarantine")
    func until() {
        var course = Course.sample()
        course.until = .expand
        course.done("1.expand.add")
        #expect(course.next(now: .now) == .reached(.expand))
        course.until = .contract
        course.done("1.migrate.sync", "1.switch.gate")
        #expect(course.next(now: .now) == .reached(.contract))
    }

    @Test("backward, what was done is undone newest first, each by its own steps")
    func backward() {
        var course = Course.sample()
        course.done("1.expand.add", "1.migrate.sync")
        course.direction = .back(to: nil)
        guard case .waitAtGate(let gate, _) = course.next(now: .now) else {
            Issue.record("the sync ended without asking whether somebody still writes the new side")
            return
        }
        #expect(gate.id == "1.undo")
        course.say(.gate, "1.undo")
        let sync = course.step("1.migrate.sync")
        #expect(course.next(now: .now) == .passUndoGate(sync.undo[0], of: sync))
        course.done(sync.undo[0].id)
        #expect(course.next(now: .now) == .undo(sync.undo[1], of: sync))
        course.done(sync.undo[1].id)
        #expect(course.next(now: .now) == .markUndone(sync))
        course.steps[sync.id] = StepRecord(state: .undone)
        let add = course.step("1.expand.add")
        #expect(course.next(now: .now) == .undo(add.undo[0], of: add))
        course.done(add.undo[0].id)
        course.steps[add.id] = StepRecord(state: .undone)
        #expect(course.next(now: .now) == .rolledBack(to: nil))
    }

    @Test("back to the end of a phase leaves that phase alone")
    func backToPhase() {
        var course = Course.sample()
        course.done("1.expand.add", "1.migrate.sync", "1.switch.gate")
        course.direction = .back(to: .migrate)
        #expect(course.next(now: .now) == .markUndone(course.step("1.switch.gate")))
        course.steps["1.switch.gate"] = StepRecord(state: .undone)
        #expect(course.next(now: .now) == .rolledBack(to: .migrate))
    }

    @Test("a transaction that never committed needs no undo, an index build that began does")
    func begunSteps() {
        var course = Course.sample()
        course.done("1.expand.add")
        course.steps["1.migrate.sync"] = StepRecord(state: .failed)
        #expect(course.undoSteps(to: nil).map(\.id) == ["1.expand.add.drop"])
        course.plan = .sample(middle: .buildIndex(.sample))
        #expect(
            course.undoSteps(to: nil).map(\.id) == [
                "1.migrate.sync.gate", "1.migrate.sync.drop", "1.expand.add.drop",
            ])
    }
}

extension Course {
    static func sample(approvals: Int = 1) -> Course { Course(plan: .sample(approvals: approvals)) }

    mutating func done(_ ids: StepID...) {
        for id in ids { steps[id] = StepRecord(state: .done) }
    }

    mutating func say(_ kind: Approval.Kind, _ subject: String, by name: String = "anna") {
        let person = Person(databaseUser: name, systemUser: name, host: "desk")
        approvals.append(
            Approval(kind: kind, subject: subject, by: person, reason: nil, at: .distantPast))
    }

    func step(_ id: StepID) -> Step {
        plan.steps.first { $0.id == id }!
    }
}

extension IndexBuild {
    static var sample: IndexBuild {
        IndexBuild(
            table: QualifiedName("public", "t"), index: QualifiedName("public", "i"),
            isUnique: false, create: "CREATE INDEX CONCURRENTLY i ON t (a)",
            drop: "DROP INDEX CONCURRENTLY i")
    }
}

extension Plan {
    /// Add, sync, gate, quarantine, purge: one of each kind of stop.
    static func sample(approvals: Int = 1, middle: StepAction? = nil) -> Plan {
        func transaction(_ sql: SQL) -> StepAction {
            .transaction(
                TransactionAction([
                    Statement(
                        sql, locks: [TableLock(QualifiedName("public", "t"), .accessExclusive)])
                ]))
        }
        return Plan(
            name: "sample", description: nil, operations: [],
            steps: [
                Step(
                    id: "1.expand.add", operation: 1, phase: .expand, title: "add",
                    action: transaction("ALTER TABLE t ADD COLUMN b int"),
                    undo: [
                        UndoStep(
                            id: "1.expand.add.drop", title: "drop",
                            action: transaction("ALTER TABLE t DROP COLUMN b"))
                    ]),
                Step(
                    id: "1.migrate.sync", operation: 1, phase: .migrate, title: "sync",
                    action: middle ?? transaction("CREATE TRIGGER s …"),
                    undo: [
                        UndoStep(
                            id: "1.migrate.sync.gate", title: "gate",
                            action: .gate(Gate(id: "1.undo", text: "nothing names b"))),
                        UndoStep(
                            id: "1.migrate.sync.drop", title: "drop",
                            action: transaction("DROP TRIGGER s ON t")),
                    ]),
                Step(
                    id: "1.switch.gate", operation: 1, phase: .switch, title: "gate",
                    action: .gate(Gate(id: "1.switch", text: "uses b", approvals: approvals))),
                Step(
                    id: "1.contract.wait", operation: 1, phase: .contract, title: "wait",
                    action: .quarantine),
                Step(
                    id: "1.contract.purge", operation: 1, phase: .contract, title: "purge",
                    action: transaction("ALTER TABLE t DROP COLUMN a"), isPointOfNoReturn: true),
            ], hazards: [],
            session: SessionFacts(searchPath: [], timeZone: "UTC", dateStyle: "ISO"))
    }
}
