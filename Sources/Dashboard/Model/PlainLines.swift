import Engine
import Foundation
import Migration

/// The migration as lines of text, one for each thing that changed: for pipes, and for screen readers,
/// which a screen that is drawn again and again tells nothing.
public struct PlainLines: Sendable {
    private var last: Snapshot?
    private var culprit = ""
    private var toldShare = -1
    private let figures: Figures

    public init(timeZone: TimeZone = .current) {
        figures = Figures(glyphs: .ascii, timeZone: timeZone)
    }

    /// What is new since the snapshot before, each with the server's time; of the first one all that
    /// matters.
    public mutating func lines(_ next: Snapshot) -> [String] {
        defer { last = next }
        var words: [String] = []
        if last == nil {
            words.append("\(next.name) is \(next.state.word)")
        } else if last?.state != next.state {
            words.append("state: \(next.state.word)")
        }
        words += newEvents(next)
        if next.waiting != last?.waiting, let waiting = next.waiting.flatMap(asked) {
            words.append(waiting)
        }
        words += progress(next)
        words += locks(next)
        if let trouble = next.serverTrouble, last?.serverTrouble == nil {
            words.append("the server does not answer: \(trouble.shownOnOneLine)")
        } else if next.serverTrouble == nil, last?.serverTrouble != nil {
            words.append("the server answers again")
        }
        let time = figures.time(next.server?.takenAt ?? next.events.last?.at)
        return words.map { "\(time)  \($0)" }
    }

    private func newEvents(_ next: Snapshot) -> [String] {
        let known = last?.events.last
        let fresh: ArraySlice<EventView>
        if let known, let place = next.events.lastIndex(of: known) {
            fresh = next.events[(place + 1)...]
        } else {
            fresh = next.events.suffix(last == nil ? 3 : 20)
        }
        return fresh.map { "\($0.kind.replacing("_", with: " ")): \($0.text.shownOnOneLine)" }
    }

    private func asked(_ waiting: Waiting) -> String? {
        switch waiting {
        case .phaseStart(let phase): "waits for its start: \(phase.title)"
        case .gate(let gate):
            "waits at gate \(gate.id), \(gate.approvedBy.count) of \(gate.approvalsNeeded) approvals: "
                + gate.text.shownOnOneLine
        case .quarantine(let until):
            "in quarantine until \(figures.moment(until, now: .distantPast))"
        case .purge: "only the purge is left"
        case .paused(let by): "paused by \(by)"
        case .checklist(let items): "open on the checklist: \(items.joined(separator: ", "))"
        }
    }

    /// A line every ten hundredths of a table, and one when it stands or goes on.
    private mutating func progress(_ next: Snapshot) -> [String] {
        guard let row = next.progress.first(where: { $0.state == .running }) else {
            toldShare = -1
            return []
        }
        var words: [String] = []
        let share = row.total > 0 ? row.done * 10 / row.total : 0
        if share != toldShare {
            toldShare = share
            let rate = figures.rate(row.rowsPerSecond, "rows")
            words.append(
                "\(row.title): \(figures.percent(done: row.done, total: row.total)), "
                    + "\(figures.count(row.rows)) rows, \(rate), "
                    + "\(figures.duration(row.etaSeconds)) left")
        }
        let before = last?.progress.first { $0.id == row.id }?.pauseReason
        if row.pauseReason != before {
            words.append(row.pauseReason.map { "it stands: \($0.shownOnOneLine)" } ?? "it goes on")
        }
        return words
    }

    private mutating func locks(_ next: Snapshot) -> [String] {
        let title = LockTree(picture: next.server, request: next.lockRequest).title.shownOnOneLine
        defer { culprit = title }
        guard title != culprit, !(culprit.isEmpty && title == "nobody waits") else { return [] }
        return ["locks: \(title)"]
    }
}
