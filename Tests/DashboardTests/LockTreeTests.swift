import Engine
import Monitor
import Testing

@testable import Dashboard

@Suite struct LockTreeTests {
    private func wait(_ pid: Int, behind: [Int], age: Double? = nil) -> LockWait {
        LockWait(pid: pid, blockedBy: behind, mode: "ROW EXCLUSIVE", target: "public.t", age: age)
    }

    private func session(_ pid: Int, ours: Bool = false) -> Session {
        Session(pid: pid, user: "app", state: "active", query: "q\(pid)", isOurs: ours)
    }

    /// `7341`, `  8001`, … : the tree by indentation.
    private func outline(_ tree: LockTree) -> [String] {
        tree.rows.map { String(repeating: " ", count: $0.depth * 2) + $0.id }
    }

    @Test func `sessions that queue behind our own request stand under it`() {
        let tree = LockTree(picture: Samples.blocked.server, request: Samples.blocked.lockRequest)
        #expect(
            outline(tree) == ["7341", "  8001", "    8123", "    8124", "    8130", "6020"])
        #expect(tree.title == "4 sessions behind pid 7341")
        #expect(tree.rows.filter(\.isOurs).map(\.id) == ["8001"])
    }

    @Test func `a request that stands in no queue is drawn under those in its way`() {
        var request = Samples.blocked.lockRequest
        request?.isQueued = false
        let tree = LockTree(
            picture: Samples.picture(sessions: [Samples.culprit]), request: request)
        #expect(outline(tree) == ["7341", "  request"])
        #expect(tree.title == "1 session behind pid 7341")
    }

    @Test func `forty sessions that wait for one holder are a flat list`() {
        let waits = (1...40).map { number in
            wait(number, behind: [100] + Array(1..<number), age: Double(100 - number))
        }
        let tree = LockTree(picture: Samples.picture(sessions: [session(100)], waits: waits))
        #expect(tree.rows.map(\.depth).max() == 1)
        #expect(tree.rows.map(\.id) == ["100"] + (1...40).map(String.init))
        #expect(tree.rows[3].alsoBehind == [1, 2])
        #expect(tree.title == "40 sessions behind pid 100")
    }

    @Test func `waits that form a cycle end and are marked`() {
        let tree = LockTree(
            picture: Samples.picture(waits: [
                wait(3, behind: [1]), wait(1, behind: [2]), wait(2, behind: [1]),
            ]))
        #expect(outline(tree) == ["1", "  2", "  3"])
        #expect(tree.rows.map(\.isInCycle) == [true, false, false])
    }

    @Test func `a prepared transaction is a root without a session`() {
        let prepared = PreparedTransaction(
            identifier: "pay-17", owner: "app", database: "shop", age: 900)
        let tree = LockTree(
            picture: Samples.picture(waits: [wait(9, behind: [0])], prepared: [prepared]))
        #expect(outline(tree) == ["prepared", "  9"])
        #expect(tree.title == "1 session behind prepared transaction pay-17")
    }

    @Test func `parallel workers that name themselves do not loop`() {
        let tree = LockTree(picture: Samples.picture(waits: [wait(5, behind: [5, 6])]))
        #expect(outline(tree) == ["6", "  5"])
    }

    @Test func `a filter keeps the rows that match and those above them`() {
        let tree = LockTree(picture: Samples.blocked.server)
        #expect(tree.rows(matching: "shop-worker").map(\.id) == ["7341", "8001", "8130"])
        #expect(tree.rows(matching: "COPY events").map(\.id) == ["6020"])
        #expect(tree.rows(matching: "no such text").isEmpty)
    }

    @Test func `nobody waits without a picture`() {
        let tree = LockTree(picture: nil)
        #expect(tree.rows.isEmpty)
        #expect(tree.title == "nobody waits")
    }
}
