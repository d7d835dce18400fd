import Monitor
import SQLText
import Testing

@testable import Engine

@Suite("Asking for a lock")
struct LockAcquisitionTests {
    let budget = Duration.milliseconds(100)

    @Test("where nobody is in the way it is asked for at once")
    func free() {
        var acquisition = LockAcquisition(seed: 1)
        #expect(acquisition.begin() == .look)
        #expect(acquisition.looked([], budget: budget) == .ask)
        #expect(acquisition.attempts == 1)
    }

    @Test("an old transaction is shown, not queued behind")
    func oldHolder() {
        var acquisition = LockAcquisition(seed: 1)
        let action = acquisition.looked([.holding(age: 12)], budget: budget)
        #expect(action == .rest(.milliseconds(200)))
        #expect(acquisition.blockers.map(\.pid) == [7341])
        #expect(acquisition.attempts == 0)
    }

    @Test("a transaction younger than the budget will be gone: ask")
    func youngHolder() {
        var acquisition = LockAcquisition(seed: 1)
        #expect(acquisition.looked([.holding(age: 0.02)], budget: budget) == .ask)
    }

    @Test("an autovacuum is displaced, one that prevents wraparound is a blocker")
    func autovacuum() {
        var acquisition = LockAcquisition(seed: 1)
        #expect(acquisition.looked([.holding(age: 50, isAutovacuum: true)], budget: budget) == .ask)
        let stubborn = LockHolder.holding(age: 50, isAutovacuum: true, preventsWraparound: true)
        #expect(acquisition.looked([stubborn], budget: budget) != .ask)
        #expect(acquisition.blockers.map(\.condition) == ["autovacuum to prevent wraparound"])
    }

    @Test("a prepared transaction is in the way, however young, and is named as one")
    func prepared() {
        var acquisition = LockAcquisition(seed: 1)
        let action = acquisition.looked(
            [.holding(pid: 0, age: 0.01, prepared: "tx1")], budget: budget)
        #expect(action != .ask)
        #expect(acquisition.blockers.map(\.condition) == ["prepared transaction tx1"])
    }

    @Test("while a standby's replay is behind it gets no further lock to replay, and that is said")
    func standby() {
        var acquisition = LockAcquisition(seed: 1)
        let why = "replica standby1 is 12 s behind, limit 10 s"
        #expect(
            acquisition.looked([], standby: why, budget: budget) == .rest(.milliseconds(200)))
        #expect(acquisition.standby == why)
        #expect(acquisition.attempts == 0)
        #expect(acquisition.looked([], budget: budget) == .ask)
        #expect(acquisition.standby == nil)
    }

    @Test("after a refusal it stays out of the queue about nine times as long as it was in it")
    func backsOff() {
        for seed in UInt64(1)...50 {
            var acquisition = LockAcquisition(seed: seed)
            guard case .rest(let rest) = acquisition.refused(after: .milliseconds(100)) else {
                Issue.record("it asked again at once")
                return
            }
            #expect(
                rest >= .milliseconds(720) && rest <= .milliseconds(1080), "seed \(seed): \(rest)")
        }
    }
}

extension LockHolder {
    static func holding(
        pid: Int = 7341, age: Double, isAutovacuum: Bool = false, preventsWraparound: Bool = false,
        prepared: String? = nil
    ) -> LockHolder {
        LockHolder(
            pid: pid, user: "app", application: "reporting", state: "idle in transaction",
            transactionAge: age, table: QualifiedName("public", "orders"), mode: "ACCESS SHARE",
            isAutovacuum: isAutovacuum, preventsWraparound: preventsWraparound, prepared: prepared)
    }
}
