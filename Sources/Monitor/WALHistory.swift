/// Where the WAL stood when: how fast it is written, and since when a replica has been behind.
///
/// The server's own `replay_lag` is that of the last WAL that a replica has replayed: while its replay
/// stands still, it stays where it was (seen on 15.18: 5 ms, with a query in the way for minutes).
struct WALHistory: Sendable {
    /// An hour of pictures, one a second.
    static let length = 3600

    private var samples: [(position: Double, at: Double)] = []

    /// Notes where it stands, in bytes, at a time of the server's clock in seconds. Returns bytes a
    /// second since the note before; nil for the first, and after a change of server, when the position
    /// goes back and all before it says nothing any more.
    mutating func note(_ position: Double, at time: Double) -> Double? {
        defer { samples.append((position, time)) }
        guard let last = samples.last else { return nil }
        guard time > last.at, position >= last.position else {
            samples = []
            return nil
        }
        if samples.count >= Self.length { samples.removeFirst() }
        return (position - last.position) / (time - last.at)
    }

    /// Seconds since the first of what lies behind this position was there, at least; 0 where nothing
    /// lies behind it.
    func age(of position: Double, at time: Double) -> Double? {
        guard !samples.isEmpty else { return nil }
        let first = samples.first { $0.position > position }
        return first.map { max(0, time - $0.at) } ?? 0
    }
}
