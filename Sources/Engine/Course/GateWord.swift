import Migration

/// By what somebody counts as another person than those who have approved a gate already.
public enum PersonDifference: String, Sendable, Codable {
    case databaseUser = "database_user"
    case systemUserAtHost = "system_user_at_host"

    /// What a gate that asks for several people still wants.
    static let wanted = "another database user, or another OS user at another host"
}

extension Person {
    /// By what this is another person than `other`; nil where it may be the same one.
    ///
    /// Another role is somebody else. Where a role is shared, another OS user at another host is: on one
    /// host whoever may be root may be everybody, and one person has the same name on several.
    public func difference(from other: Person) -> PersonDifference? {
        if databaseUser != other.databaseUser { return .databaseUser }
        return systemUser != other.systemUser && host != other.host ? .systemUserAtHost : nil
    }
}

extension Approval {
    /// `bob (bob@ops2), another database user`
    var byWithReason: String { by.description + (reason.map { ", \($0)" } ?? "") }

    /// `bob (bob@ops2), another database user, at 2026-11-23T22:14:07.000Z`
    var words: String { "\(byWithReason), at \(at.rfc3339)" }
}

extension [Approval] {
    /// Those that count as different people, in the order in which they spoke.
    var people: [Approval] {
        reduce(into: []) { counted, approval in
            if counted.allSatisfy({ approval.by.difference(from: $0.by) != nil }) {
                counted.append(approval)
            }
        }
    }
}

/// One person's word about a gate: whether it counts beside what was said before, and what is
/// journalled of it.
struct GateWord {
    let gate: Gate
    /// Who counts so far.
    let said: [Approval]
    let person: Person

    /// Why it would not count, and what is missing; nil where it counts.
    var refusal: String? {
        guard let same = said.first(where: { person.difference(from: $0.by) == nil }) else {
            return nil
        }
        let already =
            same.by == person
            ? "\(person) has said so already."
            : "\(person) does not count as another person than \(same.by): both are \(person.databaseUser)"
                + (same.by.host == person.host
                    ? " and at one host." : ", and OS user \(person.systemUser).")
        return already + " " + gate.missing(after: said)
    }

    /// By what this person differs from all before; nil for the first. A shared role counts as little
    /// as it proves: one difference by OS user alone, and that is what is journalled.
    var difference: PersonDifference? {
        let all = said.compactMap { person.difference(from: $0.by) }
        return all.contains(.systemUserAtHost) ? .systemUserAtHost : all.first
    }

    /// For the journal: what made this person another one.
    var basis: String? {
        switch difference {
        case .databaseUser: "another database user"
        case .systemUserAtHost:
            "another OS user at another host, the role \(person.databaseUser) is shared"
        case nil: nil
        }
    }

    /// `ada (ada@ops1) approves gate 1.contract, 1 of 2`
    var text: String {
        guard gate.approvals > 1 else { return "\(person) passes gate \(gate.id)" }
        return "\(person) approves gate \(gate.id), \(said.count + 1) of \(gate.approvals)"
            + (basis.map { ": \($0)" } ?? "")
    }

    var fields: [String: JSONValue] {
        [
            "subject": .string(gate.id), "approvals": .int(said.count + 1),
            "approvals_needed": .int(gate.approvals), "counted_by": JSONValue(difference?.rawValue),
        ]
    }
}

extension Gate {
    /// `Gate 1.contract asks for 2 people, and 1 has said so (ada (ada@ops1)); missing: …`
    func missing(after said: [Approval]) -> String {
        let names = said.map(\.by.description).joined(separator: ", ")
        let have = said.count == 1 ? "1 has" : "\(said.count) have"
        return "Gate \(id) asks for \(approvals) people, and \(have) said so"
            + (names.isEmpty ? "" : " (\(names))") + "; missing: \(PersonDifference.wanted)."
    }
}
