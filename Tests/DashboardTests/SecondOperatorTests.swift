import Engine
import Foundation
import Migration
import Testing

@testable import Dashboard

@Suite struct SecondOperatorTests {
    private static let asked = CommandView(
        id: 7, words: "pause", by: "ada (ada@ops1)", at: Samples.ago(4), isTaken: false)

    @Test func `what was asked and not taken is shown, and w withdraws it`() {
        var snapshot = Samples.backfill
        snapshot.commands = [Self.asked]
        var desk = Desk(snapshot)
        #expect(
            desk.text().contains(
                "pause by ada (ada@ops1): asked 4.0 s ago, the engine has not taken it; w withdraws it"
            ),
            "\(desk.text())")
        desk.press(.character("w"))
        #expect(desk.effects == [.perform(.withdraw(command: 7))])
        snapshot.engine?.isAlive = false
        snapshot.engine?.isThis = false
        desk.send(.snapshot(snapshot))
        desk.press(.character("w"))
        #expect(desk.effects == [.perform(.withdraw(command: 7))], "a silent engine's command")
    }

    @Test func `a command that is carried out says so and can't be withdrawn`() {
        var snapshot = Samples.backfill
        snapshot.commands = [
            CommandView(
                id: 8, words: "roll everything back", by: "bob (bob@ops2)", at: Samples.ago(2),
                isTaken: true)
        ]
        var desk = Desk(snapshot)
        #expect(
            desk.text().contains("roll everything back by bob (bob@ops2): under way for 2.0 s"),
            "\(desk.text())")
        desk.press(.character("w"))
        #expect(!desk.effects.contains(.perform(.withdraw(command: 8))))
    }

    @Test func `what is sent from here is shown once it takes longer than a moment`() {
        var desk = Desk(Samples.backfill)
        desk.send(.sent(1, words: "take over"))
        #expect(!desk.text().contains("take over: under way"))
        desk.send(.tick(Samples.now.addingTimeInterval(1)))
        #expect(desk.text().contains("take over: under way for 1.0 s"), "\(desk.text())")
        desk.send(.answered(1))
        #expect(!desk.text().contains("take over: under way"))
    }

    @Test func `an engine that gives no sign of life is told, with its key`() {
        var snapshot = Samples.backfill
        snapshot.engine = EngineView(
            host: "ops1", pid: 4711, isAlive: false, isThis: false, heartbeat: Samples.ago(40))
        var desk = Desk(snapshot)
        desk.model.canTakeOver = true
        #expect(
            desk.text().contains("The engine on ops1 gives no sign of life for 40 s. T takes over"),
            "\(desk.text())")
        desk.press(.character("T"))
        #expect(desk.model.dialog?.kind == .takeOver)
        desk.press(.character("y"))
        #expect(desk.effects == [.takeOver])
    }

    @Test func `who looks on and who approved is on the screen`() {
        var snapshot = Samples.gate
        snapshot.watchers = [WatcherView(by: "bob (bob@ops2)", since: Samples.ago(60))]
        if case .gate(var gate) = snapshot.waiting {
            gate.approvalsNeeded = 2
            gate.approvedBy = ["ada (ada@ops1)"]
            gate.missing = "missing: another database user"
            snapshot.waiting = .gate(gate)
        }
        var desk = Desk(snapshot)
        #expect(desk.text(columns: 200).contains("1 more watching"))
        #expect(
            desk.text(rows: 50, columns: 200).contains("watching    bob (bob@ops2)"),
            "\(desk.text(rows: 50, columns: 200))")
        #expect(
            desk.text(columns: 200).contains("1 of 2 said so: ada (ada@ops1)."),
            "\(desk.text(columns: 200))")
        desk.press(.character("a"))
        #expect(desk.text().contains("missing: another database user"), "\(desk.text())")
    }

    @Test func `names from elsewhere do not reach the terminal raw`() {
        let evil = "ada\u{1B}[2J\u{202E}|\nx"
        var snapshot = Samples.gate
        snapshot.commands = [
            CommandView(
                id: 1, words: "set query to \(evil)", by: evil, at: Samples.now, isTaken: false)
        ]
        snapshot.watchers = [WatcherView(by: evil, since: Samples.now)]
        var desk = Desk(snapshot)
        desk.model.environments = [
            EnvironmentLabel(label: evil, host: "*", database: nil, color: .danger)
        ]
        for (rows, columns) in [(24, 80), (50, 200)] {
            let surface = render(desk.model, rows: rows, columns: columns)
            let bad = surface.cells.flatMap(\.text.unicodeScalars).filter {
                $0.value < 0x20 || $0 == "\u{202E}"
            }
            #expect(bad == [])
        }
    }
}
