import Engine
import Monitor

/// Who waits behind whom, as rows of a tree: waiters under those that keep them waiting.
///
/// A waiter stands once, under the one of its blockers that is nearest to the root, and names the
/// others; so forty sessions that queue for one lock are a flat list and not a staircase, and those
/// that wait only because of our own queued request stand under it. Waits that form a cycle (a
/// deadlock before the server finds it) are entered at their lowest pid and marked.
public struct LockTree: Sendable, Equatable {
    public struct Row: Sendable, Equatable, Identifiable {
        public enum Subject: Sendable, Equatable {
            case session(Session?)
            /// Prepared transactions have no session and can be neither cancelled nor terminated.
            case prepared(PreparedTransaction?)
            /// A lock that one of our steps wants and does not ask for while others hold it.
            case request(LockRequestView)
        }

        public var id: String
        /// 0 for a prepared transaction; nil for a request that stands in no queue.
        public var pid: Int?
        public var depth: Int
        public var subject: Subject
        /// What it waits for; nil for a root.
        public var wait: LockWait?
        /// What it holds, as the lock request's blockers tell it.
        public var blocker: Blocker?
        public var isOurs: Bool
        /// Pids that keep it waiting beside the one that it stands under.
        public var alsoBehind: [Int]
        /// Sessions below it.
        public var waiters: Int
        public var isInCycle: Bool
        /// Whether siblings follow it, and each of its ancestors from depth 1 on: for the branches.
        public var isLast: Bool
        public var ancestorsAreLast: [Bool]
    }

    public let rows: [Row]
    public let waiterCount: Int

    /// Builds the tree of a picture, with our lock request among the waiters.
    public init(
        picture: ServerPicture?, request: LockRequestView? = nil, order: LockOrder = .waiters
    ) {
        let builder = Builder(picture: picture, request: request, order: order)
        rows = builder.rows()
        waiterCount = builder.waits.count + (builder.requestIsVirtual ? 1 : 0)
    }

    /// The root that most sessions wait for.
    public var culprit: Row? {
        rows.filter { $0.depth == 0 && $0.waiters > 0 }.max { $0.waiters < $1.waiters }
    }

    /// `4 sessions behind pid 7341`
    public var title: String {
        guard let culprit else { return "nobody waits" }
        let count = culprit.waiters == 1 ? "1 session" : "\(culprit.waiters) sessions"
        let name: String
        switch culprit.subject {
        case .prepared(let prepared):
            name = "prepared transaction" + (prepared.map { " \($0.identifier)" } ?? "")
        case .request: name = "our request"
        case .session: name = "pid \(culprit.pid.map(String.init) ?? "?")"
        }
        return "\(count) behind \(name)" + (culprit.isOurs ? " (ours)" : "")
    }

    /// The rows that contain a text, and those above them in the tree. An empty text leaves all.
    public func rows(matching filter: String) -> [Row] {
        guard !filter.isEmpty else { return rows }
        let needle = filter.lowercased()
        var kept: [Row] = []
        var lowestKept = 0
        for row in rows.reversed() {
            let isAncestor = row.depth < lowestKept
            if isAncestor || row.searchText.contains(needle) {
                kept.append(row)
                lowestKept = row.depth
            } else {
                lowestKept = min(lowestKept, row.depth)
            }
        }
        return kept.reversed()
    }
}

extension LockTree.Row {
    public var query: String? {
        switch subject {
        case .session(let session): session?.query ?? blocker?.query
        case .prepared, .request: nil
        }
    }

    var searchText: String {
        var parts = [pid.map(String.init) ?? "", wait?.mode ?? "", wait?.target ?? ""]
        switch subject {
        case .session(let session):
            parts += [
                session?.user ?? blocker?.user ?? "",
                session?.application ?? blocker?.application ?? "", session?.client ?? "",
                session?.state ?? blocker?.state ?? "", query ?? "",
            ]
        case .prepared(let prepared): parts += [prepared?.identifier ?? "", prepared?.owner ?? ""]
        case .request(let request): parts += [request.lock, request.table, request.step]
        }
        return parts.joined(separator: " ").lowercased()
    }
}

/// The graph, and the walk through it.
private struct Builder {
    /// pid of a request that stands in no queue: no session has it.
    static let requestPid = -1

    let sessions: [Int: Session]
    let waits: [Int: LockWait]
    let prepared: [PreparedTransaction]
    let request: LockRequestView?
    /// The request is not among the server's waits, so it is drawn as a waiter of its own.
    let requestIsVirtual: Bool
    let blockers: [Int: Blocker]
    let otherSessions: [Int]
    let order: LockOrder
    /// Those that keep each waiter waiting, in the server's order.
    let behind: [Int: [Int]]
    let waitAges: [Int: Double]
    /// Of its wait where it waits, else of its transaction, seconds.
    let ages: [Int: Double]

    init(picture: ServerPicture?, request: LockRequestView?, order: LockOrder) {
        let sessions = Dictionary(
            (picture?.sessions ?? []).map { ($0.pid, $0) }, uniquingKeysWith: { first, _ in first })
        var waits = Dictionary(
            (picture?.lockWaits ?? []).map { ($0.pid, $0) }, uniquingKeysWith: { first, _ in first }
        )
        // A wait for oneself (parallel workers of one query) is none.
        for (pid, wait) in waits where wait.blockedBy.contains(pid) {
            waits[pid]?.blockedBy = wait.blockedBy.filter { $0 != pid }
        }
        let oursWaits = waits.values.contains {
            (sessions[$0.pid]?.isOurs ?? false) && $0.target == request?.table
        }
        self.sessions = sessions
        self.waits = waits
        self.request = request
        prepared = picture?.preparedTransactions ?? []
        requestIsVirtual = request != nil && !oursWaits
        blockers = Dictionary(
            (request?.blockers ?? []).map { ($0.pid, $0) }, uniquingKeysWith: { first, _ in first })
        otherSessions = (picture?.sessions ?? []).map(\.pid)
        self.order = order
        var behind = waits.mapValues(\.blockedBy)
        if let request { behind[Self.requestPid] = request.blockers.map(\.pid).uniqued() }
        self.behind = behind
        waitAges = waits.compactMapValues(\.age)
        ages = sessions.compactMapValues(\.transactionAge)
            .merging(blockers.compactMapValues(\.ageSeconds)) { own, _ in own }
            .merging(waitAges) { _, wait in wait }
    }

    func blockedBy(_ pid: Int) -> [Int] { behind[pid] ?? [] }

    func rows() -> [LockTree.Row] {
        var waiters = waits.keys.sorted()
        if requestIsVirtual { waiters.insert(Self.requestPid, at: 0) }
        let isWaiting = Set(waiters)
        var holders: Set<Int> = []
        for waiter in waiters {
            for pid in blockedBy(waiter) where !isWaiting.contains(pid) { holders.insert(pid) }
        }

        var parent: [Int: Int] = [:]
        var cycleRoots: Set<Int> = []
        var roots = holders.sorted()
        var placed = Set(roots)
        place(from: roots, waiters, &placed, &parent)
        // Waiters without any blocker left in the picture stand alone.
        for waiter in waiters where !placed.contains(waiter) && blockedBy(waiter).isEmpty {
            roots.append(waiter)
            placed.insert(waiter)
            place(from: [waiter], waiters, &placed, &parent)
        }
        // What is left waits for each other.
        while let entry = waiters.first(where: { !placed.contains($0) }) {
            let start = cycleMember(from: entry, unplaced: { !placed.contains($0) })
            roots.append(start)
            cycleRoots.insert(start)
            placed.insert(start)
            place(from: [start], waiters, &placed, &parent)
        }
        let children = Dictionary(grouping: parent.keys, by: { parent[$0] ?? 0 })
        var counts: [Int: Int] = [:]
        for root in roots { count(root, children, &counts) }
        let ordered = sorted(roots) { Double(counts[$0] ?? 0) }

        var result: [LockTree.Row] = []
        for root in ordered {
            walk(
                root, depth: 0, isLast: true, above: [], children: children, counts: counts,
                parent: parent, cycles: cycleRoots, into: &result)
        }
        return result + bystanders(shown: Set(result.compactMap(\.pid)))
    }

    /// Breadth first, so that each waiter comes under the nearest of its blockers.
    private func place(
        from start: [Int], _ waiters: [Int], _ placed: inout Set<Int>, _ parent: inout [Int: Int]
    ) {
        var level = start
        while !level.isEmpty {
            // Few stand at the top, and behind them a queue names its whole length in each of its waits.
            let (few, here) = (level.count <= 8 ? level : [], Set(level))
            func isHere(_ pid: Int) -> Bool { few.isEmpty ? here.contains(pid) : few.contains(pid) }
            var next: [Int] = []
            for waiter in waiters where !placed.contains(waiter) {
                guard let blocker = blockedBy(waiter).first(where: isHere) else { continue }
                parent[waiter] = blocker
                next.append(waiter)
            }
            placed.formUnion(next)
            level = next
        }
    }

    /// Follows waits until a pid comes again: it is in the cycle, not only behind it. Of the cycle
    /// the lowest pid.
    private func cycleMember(from entry: Int, unplaced: (Int) -> Bool) -> Int {
        var path: [Int] = []
        var current = entry
        while !path.contains(current) {
            path.append(current)
            guard let next = blockedBy(current).first(where: unplaced) else { return entry }
            current = next
        }
        guard let start = path.firstIndex(of: current) else { return entry }
        return path[start...].min() ?? entry
    }

    @discardableResult
    private func count(_ pid: Int, _ children: [Int: [Int]], _ counts: inout [Int: Int]) -> Int {
        var total = 0
        for child in children[pid] ?? [] { total += 1 + count(child, children, &counts) }
        counts[pid] = total
        return total
    }

    private func walk(
        _ pid: Int, depth: Int, isLast: Bool, above: [Bool], children: [Int: [Int]],
        counts: [Int: Int], parent: [Int: Int], cycles: Set<Int>, into result: inout [LockTree.Row]
    ) {
        var row = row(for: pid)
        row.depth = depth
        row.waiters = counts[pid] ?? 0
        row.isInCycle = cycles.contains(pid)
        row.isLast = isLast
        row.ancestorsAreLast = above
        if let shown = parent[pid] { row.alsoBehind = blockedBy(pid).filter { $0 != shown } }
        result.append(row)
        // Longest wait first: the head of the queue.
        let below = sorted((children[pid] ?? []).sorted()) { waitAges[$0] ?? -1 }
        for (offset, child) in below.enumerated() {
            walk(
                child, depth: depth + 1, isLast: offset == below.count - 1,
                above: depth == 0 ? [] : above + [isLast], children: children, counts: counts,
                parent: parent, cycles: cycles, into: &result)
        }
    }

    /// In the order that was asked for, by default by a key, the greatest first; what is equal stays as
    /// it was.
    private func sorted(_ pids: [Int], byDefault key: (Int) -> Double) -> [Int] {
        switch order {
        case .waiters: return descending(pids, by: key)
        case .age: return descending(pids) { ages[$0] ?? -1 }
        case .pid: return pids.sorted()
        case .application:
            return pids.map { (name: application($0), pid: $0) }
                .sorted { ($0.name, $0.pid) < ($1.name, $1.pid) }.map(\.pid)
        }
    }

    private func descending(_ pids: [Int], by key: (Int) -> Double) -> [Int] {
        pids.enumerated().map { (key: key($0.element), place: $0.offset, pid: $0.element) }
            .sorted { $0.key == $1.key ? $0.place < $1.place : $0.key > $1.key }.map(\.pid)
    }

    private func application(_ pid: Int) -> String {
        sessions[pid]?.application ?? blockers[pid]?.application ?? ""
    }

    private func row(for pid: Int) -> LockTree.Row {
        let subject: LockTree.Row.Subject
        if pid == Self.requestPid, let request {
            subject = .request(request)
        } else if pid == 0 {
            subject = .prepared(prepared.count == 1 ? prepared.first : namedByBlocker)
        } else {
            subject = .session(sessions[pid])
        }
        return LockTree.Row(
            id: pid == Self.requestPid ? "request" : pid == 0 ? "prepared" : "\(pid)",
            pid: pid == Self.requestPid ? nil : pid, depth: 0, subject: subject, wait: waits[pid],
            blocker: blockers[pid],
            isOurs: pid == Self.requestPid || (sessions[pid]?.isOurs ?? false), alsoBehind: [],
            waiters: 0, isInCycle: false, isLast: true, ancestorsAreLast: [])
    }

    /// `pg_blocking_pids` says 0 for every prepared transaction; the blocker's state has the name.
    private var namedByBlocker: PreparedTransaction? {
        guard let state = blockers[0]?.state else { return nil }
        return prepared.first { state == "prepared transaction \($0.identifier)" }
    }

    /// Sessions of the picture that are in nobody's way now: long transactions, and our own.
    private func bystanders(shown: Set<Int>) -> [LockTree.Row] {
        let unseen = otherSessions.filter { !shown.contains($0) }
        let rest = (order == .waiters ? unseen : sorted(unseen) { _ in 0 }).map(row(for:))
        let idlePrepared = shown.contains(0) ? [] : prepared
        return rest.filter { !$0.isOurs }
            + idlePrepared.map { transaction in
                var row = row(for: 0)
                row.id = "prepared \(transaction.identifier)"
                row.subject = .prepared(transaction)
                return row
            } + rest.filter(\.isOurs)
    }
}

extension Sequence where Element: Hashable {
    fileprivate func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
