import Migration
import Testing

@testable import Engine

@Suite("A gate that asks for several people")
struct GateWordTests {
    private let gate = Gate(id: "1.contract", text: "Retire the old version", approvals: 2)

    private func person(_ user: String, _ system: String, _ host: String) -> Person {
        Person(databaseUser: user, systemUser: system, host: host)
    }

    private func word(_ person: Person, after said: Person...) -> GateWord {
        GateWord(
            gate: gate,
            said: said.map {
                Approval(kind: .gate, subject: gate.id, by: $0, reason: nil, at: .distantPast)
            }, person: person)
    }

    @Test(
        "counts another database user, and where the role is shared another OS user at another host"
    )
    func counts() {
        let ada = person("app", "ada", "ops1")
        #expect(word(ada).refusal == nil)
        #expect(word(ada).basis == nil)
        let otherRole = word(person("bob", "ada", "ops1"), after: ada)
        #expect(otherRole.refusal == nil)
        #expect(otherRole.difference == .databaseUser)
        let shared = word(person("app", "bob", "ops2"), after: ada)
        #expect(shared.refusal == nil)
        #expect(shared.difference == .systemUserAtHost)
        #expect(shared.basis?.contains("the role app is shared") == true)
    }

    @Test("refuses the same person, and says why and what is missing")
    func refuses() {
        let ada = person("app", "ada", "ops1")
        for (other, why) in [
            (ada, "has said so already"), (person("app", "bob", "ops1"), "at one host"),
            (person("app", "ada", "ops2"), "OS user ada"),
        ] {
            let refusal = word(other, after: ada).refusal ?? ""
            #expect(refusal.contains(why), "\(refusal)")
            #expect(
                refusal.contains("asks for 2 people, and 1 has said so (app (ada@ops1)); missing:"),
                "\(refusal)")
        }
    }

    @Test("does not count words that may be one person's, however they came into the journal")
    func course() {
        var course = Course.sample(approvals: 2)
        course.done("1.expand.add", "1.migrate.sync")
        for person in [person("app", "ada", "ops1"), person("app", "bob", "ops1")] {
            course.approvals.append(
                Approval(
                    kind: .gate, subject: "1.switch", by: person, reason: nil, at: .distantPast))
        }
        guard case .waitAtGate(_, let said) = course.next(now: .now) else {
            Issue.record("two names at one host with one role passed it")
            return
        }
        #expect(said.count == 1)
    }
}
