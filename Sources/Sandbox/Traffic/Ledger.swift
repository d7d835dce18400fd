import Synchronization

/// What the application's clients know about their rows, kept outside the database: which rows
/// there are and what status each was last acknowledged to have.
///
/// The clients of all versions share the tracked rows. A client takes a row out while it works on
/// it, so that each row's history is known; all other rows are shared without that, and only what
/// holds for any of them is checked.
final class Ledger: Sendable {
    struct Entry: Sendable, Hashable {
        let id: Int
        /// In the old side's spelling.
        var status: String?
        var exists: Bool
    }

    enum Outcome: Sendable {
        /// Nothing was changed, as far as the status and the row's existence go.
        case unchanged
        case status(String?)
        case deleted
        /// The connection was lost in the middle: the row is not judged any more.
        case unknown
    }

    private struct State {
        var entries: [Int: Entry] = [:]
        /// The ids of `entries`, to draw from at random.
        var ids: [Int] = []
        var busy: Set<Int> = []
        var uncertain = 0
        var inserted = 0
        var isFilled = false
        /// Loaded rows that are not tracked and whose status some client may have changed.
        var touched: Set<Int> = []

        mutating func forget(_ id: Int) {
            entries[id] = nil
            if let index = ids.firstIndex(of: id) {
                ids.swapAt(index, ids.count - 1)
                ids.removeLast()
            }
        }
    }

    /// Rows that the clients have inserted themselves and keep, at most.
    static let mostInserted = 1000

    let loaded: Int
    private let stride: Int
    private let state: Mutex<State>

    /// Tracks up to 4000 of the loaded rows, spread over the whole table.
    init(loaded: Int) {
        self.loaded = loaded
        let stride = max(2, loaded / 4000)
        self.stride = stride
        var state = State()
        for id in Swift.stride(from: 1, through: loaded, by: stride) {
            state.entries[id] = Entry(id: id, status: Shop.loadedStatus(id), exists: true)
            state.ids.append(id)
        }
        self.state = Mutex(state)
    }

    /// Whether every row's new side is set: what readers of both sides may insist on.
    var isFilled: Bool {
        get { state.withLock { $0.isFilled } }
        set { state.withLock { $0.isFilled = newValue } }
    }

    /// A loaded row that is not tracked, so any client may change it at any time; none is deleted.
    /// One in eight is of a few rows that everybody wants.
    func sharedID(_ random: inout SplitMix64) -> Int {
        let last = Int.random(in: 1...8, using: &random) == 1 ? min(loaded, 40) : loaded
        var id = Int.random(in: 1...last, using: &random)
        if (id - 1) % stride == 0 { id += id < loaded ? 1 : -1 }
        return max(id, 2)
    }

    /// A client is about to change the status of a shared row.
    func touch(_ id: Int) { state.withLock { _ = $0.touched.insert(id) } }

    var hasRoomForInserts: Bool { state.withLock { $0.inserted < Self.mostInserted } }

    /// A row at random that nobody works on, for this client alone until `put`. Nil when a few
    /// draws found none.
    func take(_ random: inout SplitMix64, where isFit: (Entry) -> Bool) -> Entry? {
        var generator = random
        defer { random = generator }
        return state.withLock { state in
            for _ in 0..<20 {
                guard let id = state.ids.randomElement(using: &generator),
                    !state.busy.contains(id), let entry = state.entries[id], isFit(entry)
                else { continue }
                state.busy.insert(id)
                return entry
            }
            return nil
        }
    }

    func put(_ entry: Entry, _ outcome: Outcome) {
        state.withLock { state in
            state.busy.remove(entry.id)
            switch outcome {
            case .unchanged: return
            case .status(let status):
                state.entries[entry.id] = Entry(id: entry.id, status: status, exists: true)
            case .deleted:
                // A loaded row stays known as deleted, so that an upsert can bring it back.
                if entry.id > loaded {
                    state.forget(entry.id)
                    state.inserted -= 1
                } else {
                    state.entries[entry.id]?.exists = false
                }
            case .unknown:
                state.forget(entry.id)
                state.uncertain += 1
            }
        }
    }

    func addInserted(_ id: Int, status: String?) {
        state.withLock { state in
            state.entries[id] = Entry(id: id, status: status, exists: true)
            state.ids.append(id)
            state.inserted += 1
        }
    }

    /// An insert of which nobody knows whether it was carried out.
    func addUncertain() { state.withLock { $0.uncertain += 1 } }

    /// All that is known, for the check at the end.
    func book() -> (entries: [Entry], touched: Set<Int>, rowCount: Int?) {
        state.withLock { state in
            let gone = state.entries.values.count { !$0.exists }
            let count = state.uncertain == 0 ? loaded - gone + state.inserted : nil
            return (state.entries.values.sorted { $0.id < $1.id }, state.touched, count)
        }
    }
}

/// Random numbers that are the same for the same seed (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014).
struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
