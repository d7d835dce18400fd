import Engine
import Foundation
import Migration
import Monitor
import Testing

@testable import Dashboard

/// A model after some events, and what it asked for.
struct Desk {
    var model: Model
    var effects: [Effect] = []

    init(_ snapshot: Snapshot? = nil, isReadOnly: Bool = false) {
        model = Model(now: Samples.now)
        model.timeZone = .gmt
        model.isReadOnly = isReadOnly
        if let snapshot { send(.snapshot(snapshot)) }
    }

    mutating func send(_ event: Event) { effects = update(&model, event) }

    mutating func press(_ keys: Key...) { for key in keys { send(.key(key)) } }

    mutating func type(_ text: String) {
        for letter in text { press(letter == " " ? .space : .character(letter)) }
    }

    mutating func wait(_ seconds: Double) { send(.tick(model.now.addingTimeInterval(seconds))) }

    /// The screen's text.
    func text(rows: Int = 40, columns: Int = 120) -> String {
        render(model, rows: rows, columns: columns).plainText
    }
}

@Suite struct UpdateTests {
    @Test(arguments: [
        ("a", Samples.beginning, "2 checklist items are open"),
        ("a", Samples.backfill, "Backfill is running; nothing waits for you"),
        ("a", Samples.gateOpening, "what speaks against gate 1.switch is still being looked for"),
        ("a", Samples.quarantined, "in quarantine for another 22 h 46 min; then P purges"),
        ("a", Samples.purgeable, "only the purge is left: P, or R to go back"),
        ("a", Samples.finished, "the migration is finished"),
        ("p", Samples.gate, "it stands and waits already"),
        ("p", Samples.finished, "nothing runs that could be paused"),
        ("R", Samples.beginning, "nothing has been changed yet"),
        ("R", Samples.finished, "the old structure is purged; there is no way back"),
        ("P", Samples.backfill, "nothing is in quarantine yet"),
        ("P", Samples.quarantined, "; o shortens that"),
        ("T", Samples.backfill, "the engine runs here already"),
        ("c", Samples.backfill, "no session stands in the lock panel"),
        (
            "c", Samples.blocked,
            "pid 7341 runs no query that could be cancelled; K ends the session"
        ),
    ])
    func `a key that can't act says why`(key: Character, snapshot: Snapshot, reason: String) {
        var desk = Desk(snapshot)
        desk.press(.character(key))
        #expect(desk.effects == [])
        #expect(desk.model.dialog == nil)
        #expect(
            desk.model.notice?.text.contains(reason) == true, "\(desk.model.notice?.text ?? "")")
    }

    @Test(arguments: KeyTable.bindings.filter { $0.kind != .looking }.map(\.keys[0]))
    func `read-only takes the acting keys away`(key: Key) {
        for snapshot in [Samples.readyToExpand, Samples.gate, Samples.blocked, Samples.purgeable] {
            var desk = Desk(snapshot, isReadOnly: true)
            desk.model.canTakeOver = true
            desk.press(key)
            #expect(desk.effects == [])
            #expect(desk.model.dialog == nil)
            #expect(desk.model.notice?.text.contains("read-only") == true)
        }
    }

    @Test func `every key does one thing only`() {
        let keys = KeyTable.bindings.flatMap(\.keys)
        #expect(Set(keys).count == keys.count)
    }

    @Test func `a starts the next phase once y confirms it`() {
        var desk = Desk(Samples.readyToExpand)
        desk.press(.character("a"))
        #expect(desk.model.dialog?.kind == .advance(.expand))
        #expect(desk.text().contains("ALTER TABLE public.orders ADD COLUMN status_v2 varchar(50);"))
        #expect(desk.text().contains("lock ACCESS EXCLUSIVE on public.orders"))
        desk.press(.enter)
        #expect(desk.effects == [])
        #expect(desk.model.notice?.text.contains("Enter alone confirms nothing") == true)
        desk.press(.character("y"))
        #expect(desk.effects == [.perform(.start(phase: .expand))])
        #expect(desk.model.dialog == nil)
    }

    @Test func `a passes only the gate that was read`() {
        var desk = Desk(Samples.gate)
        desk.press(.character("a"), .character("y"))
        #expect(desk.effects == [.perform(.advance(gate: "1.switch"))])
    }

    @Test func `p pauses, and goes on after a pause`() {
        var desk = Desk(Samples.backfill)
        desk.press(.character("p"))
        #expect(desk.effects == [.perform(.pause)])
        var paused = Samples.backfill
        paused.state = .paused
        desk.send(.snapshot(paused))
        desk.press(.character("p"))
        #expect(desk.effects == [.perform(.resume)])
    }

    @Test func `Space ticks the selected item of the checklist, never an unseen one`() {
        var desk = Desk(Samples.beginning)
        #expect(desk.model.focus == .checklist)
        desk.press(.space)
        #expect(desk.effects == [.perform(.check(item: "monitored"))])
        desk.press(.space)
        #expect(desk.effects == [.perform(.check(item: "notified"))])
        desk.press(.up, .space)
        #expect(desk.effects == [.perform(.uncheck(item: "rehearsed"))])
        desk.press(.up, .space)
        #expect(desk.effects == [])
        #expect(desk.model.notice?.text.contains("has its evidence") == true)

        var elsewhere = Desk(Samples.beginning)
        elsewhere.press(.character("5"), .space)
        #expect(elsewhere.effects == [])
        #expect(elsewhere.model.focus == .checklist)
    }

    @Test func `a waiver wants a reason`() {
        var desk = Desk(Samples.beginning)
        desk.press(.character("w"), .enter)
        #expect(desk.effects == [])
        #expect(desk.model.notice?.text.contains("needs a reason") == true)
        desk.type("no probe here")
        desk.press(.enter)
        #expect(desk.effects == [.perform(.waive(item: "monitored", reason: "no probe here"))])
    }

    @Test func `w withdraws a lock request`() {
        var desk = Desk(Samples.blocked)
        desk.press(.character("w"))
        #expect(desk.effects == [.perform(.pause)])
    }

    @Test func `the selection stays with its row when rows come and go`() {
        var desk = Desk(Samples.blocked)
        desk.press(.down, .down, .down)
        #expect(desk.model.selected(in: .locks) == "8124")
        var next = Samples.blocked
        next.server?.lockWaits.removeAll { $0.pid == 8123 }
        desk.send(.snapshot(next))
        #expect(desk.model.selected(in: .locks) == "8124")
        next.server?.lockWaits.removeAll { $0.pid == 8124 }
        next.server?.sessions.removeAll { $0.pid == 8124 }
        desk.send(.snapshot(next))
        #expect(desk.model.selected(in: .locks) == "7341")
    }

    @Test func `a session is cancelled or terminated only after y, and never our own`() {
        var desk = Desk(Samples.blocked)
        desk.press(.character("K"))
        #expect(desk.text().contains("SELECT pg_terminate_backend(7341);"))
        desk.press(.character("y"))
        #expect(desk.effects == [.perform(.terminateSession(pid: 7341))])
        desk.press(.down, .character("c"))
        #expect(desk.effects == [])
        #expect(desk.model.notice?.text.contains("pid 8001 is ours") == true)
        desk.press(.down, .character("c"), .character("y"))
        #expect(desk.effects == [.perform(.cancelQuery(pid: 8123))])
    }

    @Test func `the filter leaves what contains its text, and Esc clears it`() {
        var desk = Desk(Samples.blocked)
        desk.press(.character("/"))
        desk.type("worker")
        desk.press(.enter)
        #expect(desk.model.rowIDs(of: .locks) == ["7341", "8001", "8130"])
        desk.press(.escape)
        #expect(desk.model.rowIDs(of: .locks).count == 6)
        // While it is typed, letters are no commands.
        desk.press(.character("/"), .character("R"), .character("q"))
        #expect(desk.model.dialog == nil)
        #expect(desk.model.filter == "Rq")
    }

    @Test func `locks are sorted, and stay a tree`() {
        var desk = Desk(Samples.blocked)
        #expect(desk.model.rowIDs(of: .locks).first == "7341")
        desk.press(.character("/"))
        desk.press(.enter, .character(">"), .character(">"))
        #expect(desk.model.lockOrder == .pid)
        #expect(desk.text().contains("by pid"))
        #expect(
            desk.model.rowIDs(of: .locks) == ["7341", "8001", "8123", "8124", "8130", "6020"])
        desk.press(.character("<"), .character("<"))
        #expect(desk.model.lockOrder == .waiters)
    }

    @Test func `a session's details ask for its locks, show them, and act on it`() {
        var desk = Desk(Samples.blocked)
        desk.press(.character("3"), .down, .down, .enter)
        #expect(desk.effects == [.inspect(pid: 8123)])
        #expect(desk.text().contains("being read"))
        var next = Samples.blocked
        next.server?.inspected = SessionLocks(
            pid: 8123,
            locks: [
                .init(mode: "ROW EXCLUSIVE", target: "public.orders", isGranted: false),
                .init(mode: "ACCESS SHARE", target: "public.customers", isGranted: true),
            ], total: 2)
        desk.send(.snapshot(next))
        #expect(desk.text().contains("waits for ROW EXCLUSIVE on public.orders"))
        #expect(desk.text().contains("holds ACCESS SHARE on public.customers"))
        desk.press(.character("K"))
        #expect(desk.model.dialog?.kind == .terminateSession(pid: 8123))
        #expect(desk.effects == [.inspect(pid: nil)])
        desk.press(.character("y"))
        #expect(desk.effects == [.perform(.terminateSession(pid: 8123))])
    }

    @Test func `a failed comparison's rows stand with their keys and values`() {
        var desk = Desk(Samples.differing)
        desk.press(.character("1"), .enter)
        let text = desk.text()
        for words in ["The first rows that it found", "id=7", "status=paid, status_v2=NULL"] {
            #expect(text.contains(words), "\(words)")
        }
    }

    @Test func `scrolling stops no picture`() {
        var desk = Desk(Samples.blocked)
        desk.press(.character("1"), .enter)
        for _ in 0..<5 {
            desk.press(.down)
            var next = Samples.blocked
            next.worstWaitMilliseconds = 77
            desk.send(.snapshot(next))
        }
        #expect(desk.model.dialog != nil)
        #expect(desk.text().contains("worst wait 77 ms"))
    }

    @Test func `plus and minus change the refresh within its bounds`() {
        var desk = Desk(Samples.backfill)
        desk.press(.character("+"))
        #expect(desk.effects == [.refresh(seconds: 0.5)])
        desk.press(.character("+"), .character("+"), .character("+"))
        #expect(desk.effects == [.refresh(seconds: 0.25)])
        for _ in 0..<9 { desk.press(.character("-")) }
        #expect(desk.effects == [.refresh(seconds: 10)])
    }

    @Test func `a theme is looked at before it is kept`() {
        var desk = Desk(Samples.backfill)
        desk.press(.character("t"), .down)
        #expect(desk.effects == [.useTheme("midnight")])
        desk.press(.escape)
        #expect(desk.effects == [.useTheme("terminal")])
        desk.press(.character("t"), .down, .enter)
        #expect(desk.model.theme == "midnight")
    }

    @Test func `Tab and digits move the focus`() {
        var desk = Desk(Samples.backfill)
        desk.press(.tab)
        #expect(desk.model.focus == .checklist)
        desk.press(.backTab, .backTab)
        #expect(desk.model.focus == .progress)
        desk.press(.character("6"), .tab)
        #expect(desk.model.focus == .steps)
    }

    @Test func `the age of the data grows while no picture comes`() {
        var desk = Desk(Samples.backfill)
        desk.send(.tick(Samples.now.addingTimeInterval(12)))
        #expect(desk.text().contains("data 12 s old"))
        desk.send(.snapshot(Samples.lost))
        #expect(desk.text().contains("this picture is 12 s old"))
        var fresh = Samples.backfill
        fresh.server?.takenAt = Samples.now.addingTimeInterval(13)
        desk.send(.snapshot(fresh))
        #expect(desk.text().contains("data 0.0 s old"))
    }

    @Test func `durations follow the server's clock, not ours`() {
        var desk = Desk()
        desk.send(.tick(Samples.now.addingTimeInterval(-3600)))
        desk.send(.snapshot(Samples.backfill))
        #expect(desk.text().contains("13 min 31 s elapsed"))
    }

    @Test func `a bell rings when a person is wanted, once`() {
        var desk = Desk(Samples.backfill)
        desk.send(.snapshot(Samples.gate))
        #expect(desk.effects == [.bell])
        desk.send(.snapshot(Samples.gate))
        #expect(desk.effects == [])
    }
}

@Suite struct LeavingTests {
    @Test func `q asks first where it would stop the engine`() {
        var desk = Desk(Samples.backfill)
        desk.press(.character("q"))
        #expect(desk.effects == [])
        #expect(desk.model.dialog?.kind == .quit)
        desk.press(.enter)
        #expect(desk.effects == [])
        desk.press(.character("y"))
        #expect(desk.effects == [.perform(.stop)])
        #expect(desk.text().contains("finishing the batch in hand"))
        desk.send(.ended)
        #expect(desk.effects == [.leave(.quit)])
    }

    @Test func `q leaves at once where the engine is elsewhere or has nothing to do`() {
        var watching = Samples.backfill
        watching.engine?.isThis = false
        for snapshot in [watching, Samples.finished] {
            var desk = Desk(snapshot)
            desk.press(.character("q"))
            #expect(desk.effects == [.leave(.quit)])
        }
        var early = Desk()
        early.press(.character("q"))
        #expect(early.effects == [.leave(.quit)])
    }

    @Test func `a signal stops the engine and leaves when it has stopped; a second one at once`() {
        var desk = Desk(Samples.backfill)
        desk.send(.signal(15))
        #expect(desk.effects == [.perform(.stop)])
        desk.send(.ended)
        #expect(desk.effects == [.leave(.signal(15))])
        var hasty = Desk(Samples.backfill)
        hasty.send(.signal(15))
        hasty.press(.control("c"))
        #expect(hasty.effects == [.leave(.signal(2))])
    }

    @Test func `the client's end is the dashboard's`() {
        var desk = Desk(Samples.finished)
        desk.send(.ended)
        #expect(desk.effects == [.leave(.ended)])
    }
}
