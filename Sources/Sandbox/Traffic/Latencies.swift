/// How long statements took: a histogram of bounded size, exact to 1/64, with the worst kept as it
/// was.
public struct Latencies: Sendable, Hashable {
    private static let steps = 64
    private var counts: [Int] = []
    public private(set) var count = 0
    /// Milliseconds.
    public private(set) var worst = 0.0

    public init() {}

    public mutating func add(_ duration: Duration) {
        let microseconds = max(0, duration / .microseconds(1))
        let index = Self.index(UInt64(microseconds))
        if index >= counts.count {
            counts.append(contentsOf: repeatElement(0, count: index + 1 - counts.count))
        }
        counts[index] += 1
        count += 1
        worst = max(worst, microseconds / 1000)
    }

    public mutating func add(_ other: Latencies) {
        if other.counts.count > counts.count {
            counts.append(
                contentsOf: repeatElement(0, count: other.counts.count - counts.count))
        }
        for (index, number) in other.counts.enumerated() { counts[index] += number }
        count += other.count
        worst = max(worst, other.worst)
    }

    /// Milliseconds within which this share of the statements was done; nil when there was none.
    public func percentile(_ percent: Double) -> Double? {
        guard count > 0 else { return nil }
        let rank = max(1, Int((Double(count) * percent / 100).rounded(.up)))
        var seen = 0
        for (index, number) in counts.enumerated() {
            seen += number
            if seen >= rank { return min(worst, Double(Self.upperEdge(index)) / 1000) }
        }
        return worst
    }

    /// Values below 64 have a bucket each, then every power of two has 64.
    private static func index(_ value: UInt64) -> Int {
        guard value >= UInt64(steps) else { return Int(value) }
        let power = 63 - value.leadingZeroBitCount - 6
        return power * steps + Int(value >> UInt64(power))
    }

    private static func upperEdge(_ index: Int) -> UInt64 {
        guard index >= 2 * steps else { return UInt64(index) }
        let power = index / steps - 1
        return ((UInt64(index - power * steps) + 1) << UInt64(power)) - 1
    }
}
