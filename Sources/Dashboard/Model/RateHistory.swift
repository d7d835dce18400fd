import Foundation

/// Rows a second, second by second, as far back as a sparkline shows.
struct RateHistory: Sendable, Equatable {
    static let length = 60

    private(set) var values: [Double] = []
    private var at: Date?
    private var rows = 0

    /// So many rows had been done in all by then. A count that went back begins anew.
    mutating func note(rows: Int, at now: Date) {
        guard let before = at, rows >= self.rows else {
            values = []
            (at, self.rows) = (now, rows)
            return
        }
        let seconds = now.timeIntervalSince(before)
        guard seconds >= 1 else { return }
        values.append(Double(rows - self.rows) / seconds)
        if values.count > Self.length { values.removeFirst(values.count - Self.length) }
        (at, self.rows) = (now, rows)
    }
}
