import Foundation

/// The rate of the last half minute, and what it says about the time that is left.
struct RateMeter: Sendable, Equatable {
    static let span: Double = 30

    private struct Sample: Sendable, Equatable {
        var at: Double
        var blocks: Int
        var rows: Int
    }

    private var samples: [Sample] = []

    /// At `seconds` of a steady clock so much had been done in all.
    mutating func note(at seconds: Double, blocks: Int, rows: Int) {
        samples.append(Sample(at: seconds, blocks: blocks, rows: rows))
        while let first = samples.first, samples.count > 2, seconds - first.at > Self.span {
            samples.removeFirst()
        }
    }

    /// Forgets what came before a pause: its time is not the fill's.
    mutating func restart() { samples = [] }

    private var elapsed: Double? {
        guard let first = samples.first, let last = samples.last, last.at - first.at > 0.5 else {
            return nil
        }
        return last.at - first.at
    }

    var rowsPerSecond: Double? {
        guard let elapsed, let first = samples.first, let last = samples.last else { return nil }
        return Double(last.rows - first.rows) / elapsed
    }

    /// Seconds for the blocks that are left; nil before 1 % and without a rate.
    func eta(done: Int, total: Int) -> Double? {
        guard let elapsed, let first = samples.first, let last = samples.last, total > 0,
            Double(done) / Double(total) >= 0.01, last.blocks > first.blocks
        else { return nil }
        return Double(total - done) * elapsed / Double(last.blocks - first.blocks)
    }

    /// What the estimate rests on.
    var basis: String? { elapsed.map { "from the last \(Int($0.rounded())) s" } }
}
