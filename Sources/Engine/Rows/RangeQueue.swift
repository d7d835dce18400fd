import Migration
import Synchronization

/// Hands the blocks of a table out to workers, lowest first, each block once.
final class RangeQueue: Sendable {
    private let left: Mutex<[BlockRange]>

    init(_ ranges: [BlockRange]) {
        left = Mutex(ranges.sorted { $0.from < $1.from })
    }

    /// The next at most `count` blocks; nil when all are handed out.
    func take(_ count: Int) -> BlockRange? {
        left.withLock { left in
            guard let first = left.first else { return nil }
            let taken = BlockRange(from: first.from, to: min(first.to, first.from + count))
            if taken.to == first.to {
                left.removeFirst()
            } else {
                left[0] = BlockRange(from: taken.to, to: first.to)
            }
            return taken
        }
    }

    /// Takes back what a worker could not do.
    func giveBack(_ range: BlockRange) {
        left.withLock { left in
            left.append(range)
            left.sort { $0.from < $1.from }
        }
    }

    /// Hands out nothing more: the blocks are others now.
    func clear() { left.withLock { $0 = [] } }

    var isEmpty: Bool { left.withLock(\.isEmpty) }
}
