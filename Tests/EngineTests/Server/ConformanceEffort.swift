import Foundation

/// How hard the conformance suite tries: `LOCKKEEPER_CONFORMANCE="rounds=20 writes=500 seed=17"`.
///
/// `phases=1`: every variant goes back from the end of every phase. `rounds`: how often each rehearsal is gone through, each with the next seed. `writes`: how many
/// statements each client makes at least before each part of the way. `seed`: the first one, as a
/// failed rehearsal printed it; without it one is drawn. What the clients write is a function of the
/// seed, what else goes on at that moment is not.
struct ConformanceEffort: Sendable, Equatable {
    var rounds = 1
    var writes = 0
    /// Back from the end of every phase, also where a variant of the same operation does it already.
    var everyPhase = false
    var seed: UInt64?
    /// Whether anything was said: each seed is then printed, not only one that fails.
    var isAsked = false

    static let chosen = ConformanceEffort(
        ProcessInfo.processInfo.environment["LOCKKEEPER_CONFORMANCE"] ?? "")

    init(_ text: String) {
        for word in text.split(whereSeparator: { $0 == " " || $0 == "," }) {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, let number = UInt64(parts[1]) else {
                preconditionFailure("LOCKKEEPER_CONFORMANCE: \(word) is not KEY=NUMBER")
            }
            isAsked = true
            switch parts[0] {
            case "rounds": rounds = max(1, Int(number))
            case "writes": writes = Int(number)
            case "seed": seed = number
            case "phases": everyPhase = number > 0
            default:
                preconditionFailure(
                    "LOCKKEEPER_CONFORMANCE knows rounds, writes, phases and seed, not \(parts[0])")
            }
        }
    }

    /// The seeds of one rehearsal's rounds.
    var seeds: [UInt64] {
        let first = seed ?? UInt64.random(in: 0...999_999)
        return (0..<UInt64(rounds)).map { first &+ $0 }
    }
}
