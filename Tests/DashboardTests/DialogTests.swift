import Engine
import Foundation
import Migration
import Testing

@testable import Dashboard

@Suite struct DialogTests {
    @Test func `a rollback is chosen, read and typed`() {
        var desk = Desk(Samples.backfill)
        desk.press(.character("R"))
        #expect(desk.text().contains("back to the end of Expand"))
        #expect(desk.text().contains("undo everything"))
        desk.press(.down, .enter)
        #expect(desk.model.dialog?.kind == .rollBack(to: nil))
        let screen = desk.text()
        let words = screen.range(of: "Every write of either version is kept in status.")
        let statement = screen.range(of: "DROP TRIGGER zz_lk_sync ON public.orders;")
        #expect(words != nil && statement != nil)
        if let words, let statement { #expect(words.lowerBound < statement.lowerBound) }
        desk.press(.enter)
        #expect(desk.effects == [])
        desk.type("orders-statu")
        desk.press(.enter)
        #expect(desk.effects == [])
        #expect(desk.model.notice?.text.contains("type orders-status") == true)
        desk.type("s")
        desk.press(.enter)
        #expect(desk.effects == [])
        #expect(desk.text().contains("The rollback starts in 3 s. Esc withdraws it"))
        desk.wait(2)
        #expect(desk.effects == [])
        desk.wait(1)
        #expect(desk.effects == [.perform(.rollBack(to: nil))])
    }

    @Test(arguments: [Key.escape, .character("w")])
    func `what was typed can be withdrawn until it starts`(key: Key) {
        var desk = Desk(Samples.purgeable)
        desk.press(.character("P"))
        desk.type("orders-status")
        desk.press(.enter)
        #expect(desk.text().contains("The purge starts in 3 s"))
        desk.press(key)
        #expect(desk.model.notice?.text.contains("withdrawn: nothing was changed") == true)
        desk.wait(5)
        #expect(desk.effects == [])
    }

    @Test func `what was typed does not start when what it would do changes`() {
        var desk = Desk(Samples.backfill)
        desk.press(.character("R"), .enter)
        desk.type("orders-status")
        desk.press(.enter)
        desk.send(.snapshot(Samples.backfill))
        #expect(desk.model.held != nil)
        var changed = Samples.backfill
        changed.rollbacks[0].steps[0].statements = ["DROP TRIGGER other ON public.orders"]
        desk.send(.snapshot(changed))
        #expect(desk.model.notice?.text.contains("has not started") == true)
        desk.wait(5)
        #expect(desk.effects == [])
    }

    @Test
    func `a rollback says in words what it keeps, how it stops and that it may be interrupted`() {
        var desk = Desk(Samples.backfill)
        desk.press(.character("R"), .enter)
        let text = desk.text()
        let places = [
            "What it keeps and loses", "p stops after the one in hand", "Interrupting it is safe",
            "DROP TRIGGER",
        ].map { text.range(of: $0)?.lowerBound }
        #expect(!places.contains(nil), "\(text)")
        #expect(places.compactMap { $0 } == places.compactMap { $0 }.sorted())
    }

    @Test func `a paused rollback says how far it is, and p goes on`() {
        var desk = Desk(Samples.rollingBack)
        #expect(desk.text().contains("The rollback is paused by ada after 1 of 3 steps"))
        desk.press(.character("p"))
        #expect(desk.effects == [.perform(.resume)])
    }

    @Test func `y is a letter where a name is typed`() {
        var desk = Desk(Samples.backfill)
        desk.press(.character("R"), .enter, .character("y"))
        #expect(desk.effects == [])
        #expect(desk.model.dialog?.input == "y")
    }

    @Test func `a purge is typed and says what is lost`() {
        var desk = Desk(Samples.purgeable)
        desk.press(.character("P"))
        #expect(desk.text().contains("The old column status and what it held."))
        #expect(desk.text().contains("ALTER TABLE public.orders DROP COLUMN lk_5f21;"))
        desk.type("orders-status")
        desk.press(.enter)
        desk.wait(3)
        #expect(desk.effects == [.perform(.purge)])
    }

    @Test func `a dialog closes itself when what it speaks of changes`() {
        var started = Samples.readyToExpand
        started.waiting = nil
        started.state = .running
        var changed = Samples.backfill
        changed.rollbacks[0].steps[0].statements = ["DROP TRIGGER other ON public.orders"]
        var moved = Samples.blocked
        moved.server?.sessions[0].query = "COMMIT"
        moved.lockRequest?.blockers = []
        var passed = Samples.gate
        passed.waiting = nil
        let cases: [(Snapshot, [Key], Snapshot)] = [
            (Samples.readyToExpand, [.character("a")], started),
            (Samples.backfill, [.character("R"), .enter], changed),
            (Samples.blocked, [.character("K")], moved),
            (Samples.gate, [.character("a")], passed),
            (Samples.beginning, [.character("w")], Samples.readyToExpand),
            (Samples.backfill, [.character("q")], Samples.finished),
        ]
        for (before, keys, after) in cases {
            var desk = Desk(before)
            for key in keys { desk.press(key) }
            let kind = desk.model.dialog?.kind
            #expect(kind != nil)
            desk.send(.snapshot(before))
            #expect(desk.model.dialog?.kind == kind, "an unchanged picture closes nothing")
            desk.send(.snapshot(after))
            #expect(desk.model.dialog == nil, "\(String(describing: kind))")
            #expect(desk.model.notice?.text.contains("while you were reading") == true)
        }
    }

    @Test func `progress does not close the dialog that it runs behind`() {
        var desk = Desk(Samples.backfill)
        desk.press(.character("R"), .enter)
        desk.type("ord")
        var next = Samples.backfill
        next.progress[1].done += 500
        desk.send(.snapshot(next))
        #expect(desk.model.dialog?.input == "ord")
    }

    @Test func `the screen behind a dialog stays live`() {
        var desk = Desk(Samples.backfill)
        desk.press(.character("t"))
        #expect(desk.text().contains("42.1 %"))
        var next = Samples.backfill
        next.progress[1].done = 6_291
        desk.send(.snapshot(next))
        #expect(desk.text().contains("50.0 %"))
    }

    @Test func `settings are changed one at a time, with the spec's own words`() {
        var desk = Desk(Samples.backfill)
        desk.press(.character("o"), .enter)
        #expect(desk.model.dialog?.kind == .setting(.batch))
        #expect(desk.model.dialog?.input == "100ms")
        desk.press(.control("u"))
        desk.type("50ms")
        desk.press(.enter)
        #expect(desk.effects == [.perform(.set(key: "backfill.batch", value: "50ms"))])
        #expect(desk.model.dialog?.kind == .settings)
    }

    @Test func `a gate shows what was found for and against it`() {
        var desk = Desk(Samples.gate)
        desk.press(.character("a"))
        let text = desk.text()
        for words in [
            "1 of 2: ada", "UPDATE orders SET status = $1 WHERE id = $2",
            "views that name status: none",
            "could not be asked: pg_proc of schema billing is not readable",
        ] {
            #expect(text.contains(words), "\(words)")
        }
    }

    @Test func `details show a step's statements, locks, undo and tries`() {
        var desk = Desk(Samples.blocked)
        desk.press(.character("1"), .enter)
        for words in [
            "Step 1.expand.add-column", "tries       7", "ACCESS EXCLUSIVE on public.orders",
            "ALTER TABLE public.orders DROP COLUMN status_v2;",
        ] {
            #expect(desk.text().contains(words), "\(words)")
        }
    }

    @Test func `details of a step that is not done say how long it should work`() {
        var desk = Desk(Samples.backfill)
        desk.press(.character("1"), .enter)
        #expect(
            desk.text().contains("planned     about 1 min 35 s: 1,024 of 12,582 blocks read"),
            "\(desk.text())")
    }

    @Test func `details show a session's whole statement, made safe`() {
        var snapshot = Samples.blocked
        snapshot.server?.sessions[0].query = "SELECT '\u{1B}[2J\u{202E}'\n  FROM t"
        var desk = Desk(snapshot)
        desk.press(.enter)
        #expect(desk.text().contains("SELECT '␛[2J<U+202E>'"))
        #expect(desk.text().contains("  FROM t;"))
    }

    @Test func `a long dialog scrolls to its end and no further`() {
        var snapshot = Samples.readyToExpand
        snapshot.phases[0].steps[1].statements = (1...60).map { "SELECT \($0)" }
        var desk = Desk(snapshot)
        desk.press(.character("a"))
        #expect(!desk.text(rows: 24, columns: 80).contains("SELECT 60;"))
        desk.press(.end)
        #expect(desk.text(rows: 24, columns: 80).contains("SELECT 60;"))
        let end = desk.model.dialog?.position
        desk.press(.down)
        #expect(desk.model.dialog?.position == end)
        desk.press(.up)
        #expect(desk.model.dialog?.position == end.map { $0 - 1 })
    }

    @Test func `the help names every key`() {
        var desk = Desk(Samples.backfill)
        desk.press(.character("?"))
        let text = desk.text(rows: 60, columns: 120)
        for binding in KeyTable.bindings where !binding.help.isEmpty {
            #expect(text.contains(binding.help), "\(binding.name)")
        }
    }
}
