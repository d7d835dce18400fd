import Testing

@testable import Monitor

@Suite("Who keeps somebody waiting")
struct BlockerTests {
    private let waits = [
        LockWait(pid: 11, blockedBy: [1, 2], mode: "SHARE", target: "public.orders", age: 1),
        LockWait(pid: 12, blockedBy: [2, 11], mode: "SHARE", target: "public.orders", age: 1),
    ]

    @Test("is found among few and among many", arguments: [3, 40])
    func blockers(count: Int) {
        let found = PictureReader.blockers(among: Array(1...count), waits)
        #expect(found.isSuperset(of: [1, 2]))
        #expect(!found.contains(3))
        #expect(PictureReader.blockers(among: [], waits).isEmpty)
    }
}
