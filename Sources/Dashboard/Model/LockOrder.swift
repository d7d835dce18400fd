/// In which order siblings of the lock tree stand; the tree stays a tree.
public enum LockOrder: Sendable, Equatable, CaseIterable {
    /// Roots by how many they keep waiting, waiters by how long they have waited.
    case waiters
    case age
    case pid
    case application

    var words: String {
        switch self {
        case .waiters: "those who keep most waiting first"
        case .age: "the oldest first"
        case .pid: "by pid"
        case .application: "by application"
        }
    }

    /// For the panel's title; empty for the order that it begins with.
    var note: String { self == .waiters ? "" : self == .age ? "oldest first" : words }

    func next(by step: Int) -> LockOrder {
        let all = LockOrder.allCases
        let place = (all.firstIndex(of: self) ?? 0) + step
        return all[(place + all.count) % all.count]
    }
}
