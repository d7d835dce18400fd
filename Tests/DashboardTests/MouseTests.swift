import Foundation
import Testing

@testable import Dashboard

@Suite struct MouseTests {
    /// A desk of a size, and the place of a text on it.
    private func desk(_ moment: String, _ rows: Int, _ columns: Int) throws -> Desk {
        let moment = try #require(GoldenTests.moments.first { $0.name == moment })
        var desk = Desk(moment.snapshot)
        desk.send(.resized(rows: rows, columns: columns))
        return desk
    }

    private func place(of text: String, in desk: Desk) throws -> (row: Int, column: Int) {
        let lines = desk.text(rows: desk.model.rows, columns: desk.model.columns)
            .split(separator: "\n", omittingEmptySubsequences: false)
        for (row, line) in lines.enumerated() {
            if let range = line.firstRange(of: text) {
                return (row, line.distance(from: line.startIndex, to: range.lowerBound))
            }
        }
        throw Missing(text: text, screen: lines.joined(separator: "\n"))
    }

    private struct Missing: Error {
        var text: String
        var screen: String
    }

    private func click(_ text: String, on desk: inout Desk) throws {
        let place = try place(of: text, in: desk)
        desk.press(.click(row: place.row, column: place.column))
    }

    @Test(arguments: [(24, 80), (40, 120), (50, 200)])
    func `a click selects the row that is there, a second one opens it`(rows: Int, columns: Int)
        throws
    {
        var desk = try desk("blocked", rows, columns)
        desk.press(.character("5"))
        try click("8124", on: &desk)
        #expect(desk.model.focus == .locks)
        #expect(desk.model.selected(in: .locks) == "8124")
        #expect(desk.model.dialog == nil)
        try click("8124", on: &desk)
        #expect(desk.model.dialog?.kind == .session(row: "8124"))
    }

    @Test func `every panel takes the click on its own rows`() throws {
        for (text, panel, id) in [
            ("compare status and", Panel.steps, "1.switch.compare"),
            ("fill public.orders.status_v2", .progress, "1.backfill.fill"),
            ("Rollback plan documented", .checklist, "rollback"),
            ("replication lag 12 s is above", .events, nil),
        ] {
            var desk = try desk("backfill", 50, 200)
            try click(text, on: &desk)
            #expect(desk.model.focus == panel, "\(text)")
            if let id { #expect(desk.model.selected(in: panel) == id, "\(text)") }
        }
    }

    @Test(arguments: ["start-dialog", "rollback-dialog", "purge-dialog", "terminate-dialog"])
    func `a click never confirms anything`(name: String) throws {
        let moment = try #require(GoldenTests.moments.first { $0.name == name })
        var desk = try desk(name, 40, 120)
        for letter in moment.keys {
            desk.press(letter == "\n" ? .enter : letter == "G" ? .end : .character(letter))
        }
        let open = try #require(desk.model.dialog)
        for row in 0..<40 {
            for column in stride(from: 0, to: 120, by: 3) {
                desk.press(.click(row: row, column: column))
                #expect(desk.effects == [])
            }
        }
        #expect(desk.model.dialog == open)
        #expect(desk.model.held == nil)
    }

    @Test func `the wheel scrolls the dialog, and else selects in the panel under it`() throws {
        var desk = try desk("help", 24, 80)
        desk.press(.character("?"), .wheel(1, row: 10, column: 10))
        #expect(desk.model.dialog?.position == 3)
        desk.press(.wheel(-1, row: 10, column: 10), .wheel(-1, row: 10, column: 10))
        #expect(desk.model.dialog?.position == 0)
        desk.press(.escape)
        let place = try place(of: "Events", in: desk)
        desk.press(.wheel(1, row: place.row, column: place.column))
        #expect(desk.model.focus == .events)
        #expect(desk.model.selected(in: .events) == desk.model.rowIDs(of: .events)[1])
    }

    @Test func `outside the panels, and on a screen that is too small, a click does nothing`()
        throws
    {
        var desk = try desk("backfill", 40, 120)
        let before = desk.model
        desk.press(.click(row: 0, column: 5), .click(row: 500, column: 500))
        #expect(desk.model == before)
        desk.send(.resized(rows: 5, columns: 20))
        desk.press(.click(row: 2, column: 5))
        #expect(desk.effects == [] && desk.model.dialog == nil)
    }
}
