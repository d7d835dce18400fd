import Testing

@testable import Monitor

@Suite("Where the WAL stood when")
struct WALHistoryTests {
    @Test("it gives the rate since the note before")
    func rate() {
        var history = WALHistory()
        #expect(history.note(1000, at: 10) == nil)
        #expect(history.note(3000, at: 12) == 1000)
    }

    @Test("a position is as old as the first WAL behind it")
    func age() {
        var history = WALHistory()
        #expect(history.age(of: 500, at: 10) == nil)
        _ = history.note(1000, at: 10)
        _ = history.note(1100, at: 11)
        _ = history.note(1100, at: 40)
        // At the end of what is known, nothing lies behind it.
        #expect(history.age(of: 1100, at: 40) == 0)
        #expect(history.age(of: 1000, at: 40) == 29)
        #expect(history.age(of: 999, at: 40) == 30)
    }

    @Test("after a change of server, what was before says nothing any more")
    func newServer() {
        var history = WALHistory()
        _ = history.note(1000, at: 10)
        #expect(history.note(200, at: 20) == nil)
        #expect(history.age(of: 100, at: 25) == 5)
    }

    @Test("it keeps an hour of pictures, and no more")
    func bounded() {
        var history = WALHistory()
        for second in 0...5000 { _ = history.note(Double(second), at: Double(second)) }
        #expect(history.age(of: -1, at: 5000) == Double(WALHistory.length - 1))
    }
}
