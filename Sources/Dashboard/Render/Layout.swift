import Engine
import Foundation

/// Which part of the screen goes where. Decided before anything is drawn.
struct Layout {
    static let leastRows = 20
    static let leastColumns = 60

    var isBoxed = false
    var header: Rectangle
    var rail: Rectangle
    var banners: Rectangle
    var panels: [Panel: Rectangle] = [:]
    var bottom: Rectangle

    init(model: Model, rows: Int, columns: Int) {
        let whole = Rectangle(row: 0, column: 0, height: rows, width: columns)
        let isWide = columns >= 180 && rows >= 46
        isBoxed = isWide || (columns >= 110 && rows >= 34)
        let spaced = isBoxed ? 1 : 0

        var rest: Rectangle
        (header, rest) = whole.split(top: 2)
        rest = rest.split(top: spaced).1
        (rail, rest) = rest.split(top: 1)
        rest = rest.split(top: spaced).1
        let most = isBoxed ? 3 : 2
        let wanted = Banner.all(model).reduce(0) { count, banner in
            let lines = banner.lines(width: columns - 2, ascii: model.glyphs.isASCII)
            return count + min(most, lines.count)
        }
        (banners, rest) = rest.split(top: min(wanted, 6))
        if wanted > 0 { rest = rest.split(top: spaced).1 }
        (rest, bottom) = rest.split(top: rest.height - 1)
        if isWide {
            placeThreeColumns(rest, model)
        } else if isBoxed {
            placeTwoColumns(rest, model)
        } else {
            placeOneColumn(rest, model)
        }
    }

    /// 200 × 50: steps left, progress over locks in the middle, the rest right.
    private mutating func placeThreeColumns(_ rest: Rectangle, _ model: Model) {
        let side = min(64, rest.width * 25 / 100)
        let (left, others) = rest.split(left: side)
        let (middle, right) = others.split(left: others.width - side)
        panels[.steps] = left
        let progress = max(rest.height / 2, min(rest.height * 2 / 3, Wants.progressTall(model) + 2))
        let (upper, lower) = middle.split(top: progress)
        panels[.progress] = upper
        panels[.locks] = lower
        let checklist = min(rest.height / 3, max(5, model.snapshot?.checklist.count ?? 0) + 2)
        let (top, below) = right.split(top: checklist)
        panels[.checklist] = top
        let picture = min(below.height / 2, Wants.server(model) + 2)
        let (pictured, last) = below.split(top: picture)
        panels[.server] = pictured
        panels[.events] = last
    }

    /// 120 × 40: steps left, progress right, locks across, checklist and events below.
    private mutating func placeTwoColumns(_ rest: Rectangle, _ model: Model) {
        let listed = max(model.snapshot?.checklist.count ?? 0, model.serverLines.count)
        let lower = max(7, min(rest.height / 3, listed + 2))
        let locks = min(
            max(5, Wants.locks(model) + 2), max(5, (rest.height - lower) / 2))
        let upper = rest.height - lower - locks
        let (top, below) = rest.split(top: upper)
        let (left, right) = top.split(left: rest.width * 38 / 100)
        panels[.steps] = left
        panels[.progress] = right
        let (across, last) = below.split(top: locks)
        panels[.locks] = across
        let (lowerLeft, lowerRight) = last.split(left: rest.width * 45 / 100)
        // Once nothing of the checklist is open, the server has more to say.
        let isSettled = model.openItems.isEmpty && model.focus != .checklist
        panels[isSettled || model.focus == .server ? .server : .checklist] = lowerLeft
        panels[.events] = lowerRight
    }

    /// 80 × 24: one column. Rows are given out by priority, at first what each needs at least.
    private mutating func placeOneColumn(_ rest: Rectangle, _ model: Model) {
        var order: [Panel] = [.locks, .progress, .checklist, .events]
        // The steps of a rollback are what somebody looks at while it runs.
        let goesBack = model.snapshot?.undo.isEmpty == false
        if goesBack || model.focus == .steps { order.insert(.steps, at: goesBack ? 0 : 2) }
        if model.focus == .server { order.insert(.server, at: 2) }
        let ideal: [Panel: Int] = [
            .locks: Wants.locks(model) + 1, .progress: Wants.progressFlat(model) + 1,
            .steps: Wants.steps(model) + 1, .checklist: Wants.checklist(model) + 1,
            .events: (model.snapshot?.events.count ?? 0) + 1,
            .server: Wants.server(model) + 1,
        ]
        let least: [Panel: Int] = [
            .locks: 3, .progress: 2, .steps: 6, .checklist: 1, .events: 2, .server: 5,
        ]
        var left = rest.height
        var given: [Panel: Int] = [:]
        func give(_ panel: Panel, upTo wanted: Int) {
            let more = min(max(0, wanted - (given[panel] ?? 0)), left)
            given[panel, default: 0] += more
            left -= more
        }
        for panel in order { give(panel, upTo: min(least[panel] ?? 1, ideal[panel] ?? 1)) }
        if order.contains(model.focus) {
            give(model.focus, upTo: min(ideal[model.focus] ?? 1, max(8, rest.height / 2)))
        }
        give(.locks, upTo: min(ideal[.locks] ?? 1, rest.height / 2))
        let events = min(4, ideal[.events] ?? 1)
        for panel in order { give(panel, upTo: panel == .events ? events : ideal[panel] ?? 1) }
        give(.progress, upTo: Wants.progressTall(model) + 1)
        give(.events, upTo: ideal[.events] ?? 1)
        // The rest shows what is sent now.
        give(.progress, upTo: rest.height)
        // A heading without a row below it says nothing, but the checklist's count does.
        if given[.events] == 1 { given[.events] = 0 }
        var room = rest
        for panel in [Panel.progress, .steps, .server, .locks, .checklist, .events] {
            guard let height = given[panel], height > 0 else { continue }
            let (mine, below) = room.split(top: height)
            panels[panel] = mine
            room = below
        }
    }
}

/// How many rows the panels would fill, frames not counted.
enum Wants {
    static func locks(_ model: Model) -> Int {
        let request = model.snapshot?.lockRequest == nil ? 0 : 1
        let rights = model.snapshot?.server?.missingRights.isEmpty == false ? 1 : 0
        return max(1, model.lockRows.count) + request + rights
    }

    static func progressFlat(_ model: Model) -> Int {
        let rows = model.snapshot?.progress ?? []
        return max(1, rows.count + rows.filter { $0.pauseReason != nil }.count)
    }

    static func progressTall(_ model: Model) -> Int {
        max(1, (model.snapshot?.progress ?? []).reduce(0) { $0 + progressRow($1, model) })
    }

    /// Rows of a table that runs: title, bar, figures, rate, and where there are any its end beside
    /// the window's, the gauges and the reason of a pause.
    static func progressRow(_ row: ProgressView, _ model: Model) -> Int {
        guard row.state == .running || row.state == .failed else { return 1 }
        return 4 + (model.end(of: row) == nil ? 0 : 1) + (model.gauges(of: row).isEmpty ? 0 : 1)
            + (row.pauseReason == nil ? 0 : 1)
    }

    /// Once nothing is open, its count in the heading says it all.
    static func checklist(_ model: Model) -> Int {
        let needsRows = !model.openItems.isEmpty || model.focus == .checklist
        return needsRows ? model.snapshot?.checklist.count ?? 0 : 0
    }

    static func steps(_ model: Model) -> Int {
        guard let snapshot = model.snapshot else { return 0 }
        return snapshot.undo.isEmpty
            ? model.listedSteps.count + snapshot.phases.count : snapshot.undo.count
    }

    static func server(_ model: Model) -> Int { max(1, model.serverLines.count) }
}
