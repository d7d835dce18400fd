import Engine
import Foundation
import Testing

@testable import Dashboard

/// Screens as files: the text, and below it a letter for the role of each cell.
///
/// `LOCKKEEPER_GOLDEN=write swift test --filter GoldenTests` writes them anew; read the difference
/// before it is committed.
@Suite struct GoldenTests {
    struct Moment: Sendable, CustomTestStringConvertible {
        var name: String
        var snapshot: Snapshot
        var keys = ""

        var testDescription: String { name }
    }

    static let moments = [
        Moment(name: "beginning", snapshot: Samples.beginning),
        Moment(name: "start-dialog", snapshot: Samples.readyToExpand, keys: "a"),
        Moment(name: "blocked", snapshot: Samples.blocked),
        Moment(name: "backfill", snapshot: Samples.backfill),
        Moment(name: "throttled", snapshot: Samples.throttled),
        Moment(name: "steps", snapshot: Samples.backfill, keys: "1"),
        Moment(name: "gate", snapshot: Samples.gate),
        Moment(name: "gate-dialog", snapshot: Samples.gate, keys: "a"),
        Moment(name: "rollback-dialog", snapshot: Samples.quarantined, keys: "RG\norders"),
        Moment(name: "help", snapshot: Samples.backfill, keys: "?"),
        Moment(name: "lost", snapshot: Samples.lost),
        Moment(name: "finished", snapshot: Samples.finished),
        Moment(name: "server", snapshot: Samples.backfill, keys: "6"),
        Moment(name: "sorted", snapshot: Samples.blocked, keys: ">>/app\n"),
        Moment(name: "differing", snapshot: Samples.differing),
        Moment(name: "rolling-back", snapshot: Samples.rollingBack),
        Moment(name: "step-details", snapshot: Samples.differing, keys: "1\n"),
        Moment(name: "progress-details", snapshot: Samples.throttled, keys: "2\n"),
        Moment(name: "session-details", snapshot: Samples.blocked, keys: "3\n"),
        Moment(name: "item-details", snapshot: Samples.beginning, keys: "4\n"),
        Moment(name: "event-details", snapshot: Samples.differing, keys: "5\n"),
        Moment(name: "server-details", snapshot: Samples.backfill, keys: "6jj\n"),
        Moment(name: "terminate-dialog", snapshot: Samples.blocked, keys: "K"),
        Moment(name: "purge-dialog", snapshot: Samples.purgeable, keys: "Porders"),
        Moment(name: "settings-dialog", snapshot: Samples.backfill, keys: "oj"),
        Moment(name: "theme-dialog", snapshot: Samples.backfill, keys: "tj"),
        Moment(name: "waive-dialog", snapshot: Samples.beginning, keys: "wno probe"),
        Moment(name: "quit-dialog", snapshot: Samples.backfill, keys: "q"),
    ]

    @Test(arguments: moments, [(24, 80), (40, 120), (50, 200)])
    func `the screen is as it was`(moment: Moment, size: (Int, Int)) throws {
        let surface = Self.draw(moment, rows: size.0, columns: size.1)
        try Self.compare(surface, "\(moment.name)-\(size.1)x\(size.0)")
    }

    @Test(arguments: moments, [(24, 80), (40, 120), (50, 200)])
    func `the screen of ASCII signs is as it was`(moment: Moment, size: (Int, Int)) throws {
        let surface = Self.draw(moment, rows: size.0, columns: size.1, isASCII: true)
        try Self.compare(surface, "\(moment.name)-ascii-\(size.1)x\(size.0)")
    }

    @Test func `under 60 x 20 one line says what size is needed`() throws {
        let surface = Self.draw(Self.moments[3], rows: 19, columns: 59)
        #expect(surface.plainText.hasPrefix("59x19: make it 60x20 or larger\n"))
        try Self.compare(surface, "backfill-59x19")
    }

    @Test func `without UTF-8 every cell is ASCII`() throws {
        for moment in Self.moments {
            for (rows, columns) in [(24, 80), (40, 120), (50, 200), (5, 20)] {
                let surface = Self.draw(moment, rows: rows, columns: columns, isASCII: true)
                let strange = surface.cells.filter { !$0.text.utf8.allSatisfy { $0 < 0x80 } }
                #expect(strange.map(\.text) == [], "\(moment.name) at \(columns)x\(rows)")
            }
        }
    }

    @Test(arguments: moments)
    func `every size draws`(moment: Moment) {
        for rows in [0, 1, 2, 5, 19, 20, 21, 24, 29, 33, 34, 40, 45, 46, 50, 60] {
            for columns in [0, 1, 2, 5, 20, 59, 60, 61, 79, 80, 109, 110, 111, 179, 180, 250] {
                let surface = Self.draw(moment, rows: rows, columns: columns)
                #expect(surface.cells.count == rows * columns)
            }
        }
    }

    private static func draw(_ moment: Moment, rows: Int, columns: Int, isASCII: Bool = false)
        -> Surface
    {
        screen(
            moment.snapshot, rows: rows, columns: columns, keys: moment.keys, isASCII: isASCII,
            timeZone: .gmt)
    }

    private static func compare(_ surface: Surface, _ name: String) throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden")
        let file = folder.appendingPathComponent("\(name).txt")
        let text = surface.plainText + "--- roles\n" + roles(surface)
        if ProcessInfo.processInfo.environment["LOCKKEEPER_GOLDEN"] == "write" {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        let wanted = try String(contentsOf: file, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == wanted.count)
        for (line, old) in zip(lines, wanted) { #expect(line == old, "\(name)") }
    }

    private static let letters: [Role: Character] = [
        .text: ".", .muted: "m", .border: "b", .focus: "f", .title: "t", .header: "h", .ok: "o",
        .active: "a", .warning: "w", .danger: "d", .wanted: "W", .selected: "s", .bar: "B",
        .track: "_",
        .key: "k", .ours: "u", .alert: "!", .notice: "n", .dialog: "D", .code: "c",
    ]

    /// A letter a cell, `S` where the row is selected; blanks of plain text are left out.
    private static func roles(_ surface: Surface) -> String {
        (0..<surface.rows).map { row in
            let line = (0..<surface.columns).map { column -> Character in
                let cell = surface[row, column]
                if cell.style.isSelected { return "S" }
                if cell.text == " " && cell.style.role == .text { return " " }
                return letters[cell.style.role] ?? "?"
            }
            return String(String(line.reversed().drop { $0 == " " }.reversed()))
        }.joined(separator: "\n") + "\n"
    }
}
