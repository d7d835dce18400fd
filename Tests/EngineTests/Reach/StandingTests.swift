import Foundation
import Migration
import Testing

@testable import Engine

/// Every way in which a migration can stand, with the sentence and the command that `status` gives.
@Suite("Where a migration stands")
struct StandingTests {
    /// `state`, what makes it so, the sentence, and what to type next.
    struct Case: CustomTestStringConvertible, Sendable {
        let state: MigrationState
        let name: String
        let sentence: String
        let next: String
        let change: @Sendable (inout Facts) -> Void

        init(
            _ state: MigrationState, _ name: String, _ sentence: String, next: String,
            _ change: @escaping @Sendable (inout Facts) -> Void
        ) {
            (self.state, self.name, self.sentence) = (state, name, sentence)
            (self.next, self.change) = (next, change)
        }

        var testDescription: String { "\(state.rawValue): \(name)" }
    }

    /// What journal and server say; as it stands here, Expand is done and no engine is there.
    struct Facts {
        var course = Course.sample()
        var state = "active"
        var specFile = "orders.yaml"
        var pausedBy: String?
        var failure: String?
        var isAlive = false
        var silence: Double?
        var restsAfter: Phase?

        init() { course.done("1.expand.add") }

        /// The engine is there, with a screen where `interactive`.
        mutating func live(interactive: Bool = false) {
            isAlive = true
            course.isInteractive = interactive
        }

        mutating func toQuarantine(began: Date) {
            course.done("1.migrate.sync", "1.switch.gate")
            course.steps["1.contract.wait"] = StepRecord(state: .running, startedAt: began)
        }

        var standing: Standing {
            Standing(
                record: MigrationRecord(
                    id: 1, name: "sample", spec: "", specFile: specFile, identity: "",
                    plan: course.plan, checklist: [], settings: course.settings, state: state,
                    direction: course.direction, pausedBy: pausedBy, failure: failure,
                    worstWaitMilliseconds: nil, startedAt: .now, updatedAt: .now),
                course: course, isEngineAlive: isAlive, silence: silence,
                engineHost: isAlive ? "ops1" : nil, enginePID: isAlive ? 7 : nil, heartbeat: nil,
                progress: nil, report: nil, commands: [], watchers: [], restsAfter: restsAfter)
        }
    }

    private static let run = "lockkeeper run orders.yaml"
    private static let back = "lockkeeper rollback sample"
    private static let watch = "lockkeeper watch sample"
    private static let began = Date(timeIntervalSince1970: 4_000_000_000)

    static let cases: [Case] = [
        Case(.finished, "all of it", "Finished; nothing of the old structure is left.", next: "") {
            $0.state = "finished"
        },
        Case(
            .rolledBack, "all of it", "Rolled back; everything is as it was before.", next: ""
        ) { $0.state = "rolled_back" },
        Case(.failed, "forward", "The disk is full.", next: run) {
            $0.failure = "The disk is full."
        },
        Case(.failed, "on the way back", "The disk is full.", next: back) {
            $0.failure = "The disk is full."
            $0.course.direction = .back(to: nil)
        },
        Case(
            .failed, "and its engine waits for a word", "The disk is full.",
            next: "lockkeeper advance sample"
        ) {
            $0.failure = "The disk is full."
            $0.live(interactive: true)
        },
        Case(
            .interrupted, "forward",
            "No engine runs it; `\(run)` goes on at 1.migrate.sync.", next: run
        ) { _ in },
        Case(
            .interrupted, "after its last step",
            "No engine runs it; `\(run)` goes on at the next step.", next: run
        ) { facts in for step in facts.course.plan.steps { facts.course.done(step.id) } },
        Case(
            .interrupted, "with the purge confirmed",
            "No engine runs it; `\(run)` goes on at 1.contract.wait.", next: run
        ) {
            $0.toQuarantine(began: began)
            $0.course.say(.purgeNow, "purge")
        },
        Case(
            .interrupted, "on the way back",
            "Its rollback was interrupted and no engine runs it; `\(back)` goes on at 1.expand.add.drop.",
            next: back
        ) { $0.course.direction = .back(to: nil) },
        Case(
            .interrupted, "rolled back to a phase",
            "Rolled back to the end of Expand and rests there; `\(run)` goes on at 1.migrate.sync, `\(back)` goes all the way back.",
            next: run
        ) { $0.restsAfter = .expand },
        Case(
            .interrupted, "whose spec came from no file",
            "No engine runs it; `lockkeeper run FILE` goes on at 1.migrate.sync.",
            next: "lockkeeper run FILE"
        ) { $0.specFile = "" },
        Case(
            .interrupted, "whose file's name is none for a shell",
            "No engine runs it; `lockkeeper run 'it'\\''s; rm -r *.yaml'` goes on at 1.migrate.sync.",
            next: "lockkeeper run 'it'\\''s; rm -r *.yaml'"
        ) { $0.specFile = "it's; rm -r *.yaml" },
        Case(
            .paused, "by somebody", "Paused by ada; writes stay in sync.",
            next: "lockkeeper resume sample"
        ) {
            $0.pausedBy = "ada"
            $0.live()
        },
        Case(.running, "a step", "Runs 1.migrate.sync.", next: "lockkeeper pause sample") {
            $0.live()
        },
        Case(
            .running, "and says nothing",
            "The engine on ops1 gives no sign of life for 40 s; `\(watch)`, then T, takes over.",
            next: watch
        ) {
            $0.live()
            $0.silence = 40
        },
        Case(.rollingBack, "a step", "Is being rolled back.", next: "lockkeeper pause sample") {
            $0.live()
            $0.course.direction = .back(to: nil)
        },
        Case(
            .rollingBack, "and says nothing",
            "The engine on ops1 gives no sign of life for 40 s; `\(watch)`, then T, takes over.",
            next: watch
        ) {
            $0.live()
            $0.silence = 40
            $0.course.direction = .back(to: nil)
        },
        Case(
            .quarantined, "until a moment",
            "The old structure is in quarantine until 2096-10-03T07:06:40.000Z; a rollback loses nothing.",
            next: "lockkeeper purge sample"
        ) { $0.toQuarantine(began: began) },
        Case(
            .quarantined, "until a moment that is over",
            "The quarantine is over; the purge waits for its confirmation.",
            next: "lockkeeper purge sample"
        ) { $0.toQuarantine(began: .distantPast) },
        Case(
            .waiting, "at a gate", "Waits at gate 1.switch (0 of 1): uses b",
            next: "lockkeeper advance sample 1.switch"
        ) { $0.course.done("1.migrate.sync") },
        Case(
            .waiting, "at a gate, though it is paused", "Waits at gate 1.switch (0 of 1): uses b",
            next: "lockkeeper advance sample 1.switch"
        ) {
            $0.course.done("1.migrate.sync")
            $0.pausedBy = "ada"
        },
        Case(
            .waiting, "at a gate for a second person",
            "Waits at gate 1.switch (1 of 2): uses b. Gate 1.switch asks for 2 people, and 1 has said so (ada (ada@desk)); missing: \(PersonDifference.wanted).",
            next: "lockkeeper advance sample 1.switch"
        ) {
            $0.course.plan = .sample(approvals: 2)
            $0.course.done("1.migrate.sync")
            $0.course.say(.gate, "1.switch", by: "ada")
        },
        Case(
            .waiting, "at the gate of its rollback",
            "Waits at gate 1.undo (0 of 1): nothing names b",
            next: "lockkeeper advance sample 1.undo"
        ) {
            $0.course.done("1.migrate.sync")
            $0.course.direction = .back(to: nil)
        },
        Case(
            .waiting, "for its checklist", "2 checklist items are open: one, two.",
            next: "\(run) --check one --check two"
        ) { $0.course = .withOpenItems },
        Case(
            .waiting, "for its checklist, on somebody's screen",
            "2 checklist items are open: one, two.", next: watch
        ) {
            $0.course = .withOpenItems
            $0.live(interactive: true)
        },
        Case(
            .waiting, "for somebody to start a phase", "Waits for somebody to start Migrate.",
            next: "lockkeeper advance sample"
        ) { $0.live(interactive: true) },
    ]

    @Test("is said in one sentence, with what to type", arguments: cases)
    func said(_ one: Case) {
        var facts = Facts()
        one.change(&facts)
        let status = facts.standing.status
        #expect(status.state == one.state)
        #expect(status.sentence == one.sentence)
        #expect(status.next == one.next)
    }

    @Test("is said of every state")
    func all() {
        #expect(Set(Self.cases.map(\.state)) == Set(MigrationState.allCases))
    }
}

extension Course {
    fileprivate static var withOpenItems: Course {
        var course = Course.sample()
        course.checklist = ["one", "two"].map { ChecklistView(id: $0, text: $0, state: .open) }
        return course
    }
}
