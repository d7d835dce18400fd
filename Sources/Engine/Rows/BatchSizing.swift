import Foundation

/// How many blocks the next batch takes, from what recent ones needed.
///
/// Grows slowly and shrinks at once. It judges by the batches' own work, measured on the server from
/// the statement's arrival to its end, without the wait for row locks (a batch that waits is redone
/// skipping) and without the commit: a servo on elapsed time collapses to its floor when writes
/// queue. Capped, because beyond some hundred blocks a batch is no faster and only holds its row
/// locks longer (measured: 50 to 150 blocks are as fast as one UPDATE of the whole table).
public struct BatchSizing: Sendable, Equatable {
    public static let floor = 1
    public static let ceiling = 128
    private static let remembered = 8

    /// Blocks of the next batch.
    public private(set) var blocks: Int
    private var recent: [Double] = []

    /// Begins with one block: what a row costs (a trigger of the user's) is not known yet.
    public init(blocks: Int = 1) { self.blocks = min(max(blocks, Self.floor), Self.ceiling) }

    /// A batch of `count` blocks was given up, because it took too long or met a contended row.
    public mutating func gaveUp(count: Int) {
        blocks = min(max(count / 2, Self.floor), Self.ceiling)
        recent = []
    }

    /// A batch of `count` blocks took `milliseconds` of work; `target` is what one should take.
    public mutating func finished(count: Int, milliseconds: Double, target: Double) {
        guard count > 0 else { return }
        if milliseconds > target {
            let fitting = Double(count) * target / milliseconds * 0.8
            blocks = min(max(Int(fitting), Self.floor), Self.ceiling)
            recent = []
            return
        }
        recent.append(milliseconds / Double(count))
        if recent.count > Self.remembered { recent.removeFirst() }
        // The slowest of the last few decides, so that one fast batch over filled blocks does not.
        guard recent.count >= 3, let slowest = recent.max() else { return }
        let affordable = slowest > 0 ? target / slowest : Double(Self.ceiling)
        let grown = min(max(Double(blocks) * 1.5, Double(blocks + 1)), affordable * 0.9)
        if Int(grown) > blocks { blocks = min(Int(grown), Self.ceiling) }
    }
}
