import Engine
import Foundation
import Migration

/// A line across the screen: what is wrong, or what it waits for.
struct Banner {
    var text: StyledText
    /// The whole width takes the role's background.
    var isAlert = false

    func lines(width: Int, ascii: Bool) -> [StyledText] { wrap(text, width: width, ascii: ascii) }

    /// The most pressing first.
    static func all(_ model: Model) -> [Banner] {
        var result: [Banner] = []
        let glyphs = model.glyphs
        if model.ending != nil, !model.hasEnded {
            result.append(
                Banner(
                    text: StyledText(
                        "\(glyphs.waiting) Stopping: finishing the batch in hand\(glyphs.ellipsis) "
                            + "(again: leave at once)", .notice, bold: true)))
        }
        if let held = model.held {
            let left = max(0, Int(held.startsAt.timeIntervalSince(model.now).rounded(.up)))
            result.append(
                Banner(
                    text: StyledText(
                        "\(glyphs.waiting) \(held.words) starts in \(left) s. ", .danger, bold: true
                    )
                        + StyledText("Esc", .key) + StyledText(" withdraws it", .muted)))
        }
        guard let snapshot = model.snapshot else {
            return result + [
                Banner(text: StyledText("Reading the journal\(glyphs.ellipsis)", .muted))
            ]
        }
        if let trouble = snapshot.serverTrouble {
            let age = model.figures.age(model.dataAge)
            result.append(
                Banner(
                    text: StyledText(
                        "\(glyphs.failed) The server does not answer; this picture is \(age) old: "
                            + DisplayText.singleLine(trouble), .alert), isAlert: true))
        }
        if let alert = snapshot.alert {
            result.append(
                Banner(
                    text: StyledText(
                        "\(glyphs.failed) " + DisplayText.singleLine(alert), .alert), isAlert: true)
            )
        }
        result += underWay(model)
        if let engine = snapshot.engine, !engine.isAlive, snapshot.state != .interrupted,
            snapshot.state != .finished, snapshot.state != .rolledBack
        {
            result.append(silent(engine, model))
        }
        if let forecast = forecast(snapshot, model) { result.append(Banner(text: forecast)) }
        // What has been confirmed is not asked for again.
        if model.held == nil, let prompt = prompt(snapshot, model) {
            result.append(Banner(text: prompt))
        }
        return result
    }

    /// What was asked of the engine and is not done yet.
    private static func underWay(_ model: Model) -> [Banner] {
        model.underWay.suffix(2).map { command in
            let age = model.figures.duration(
                max(0, (command.id < 0 ? model.now : model.serverNow).timeIntervalSince(command.at))
            )
            var text =
                StyledText("\(model.glyphs.running) ", .notice)
                + StyledText(DisplayText.singleLine(command.words), .notice, bold: true)
            if !command.by.isEmpty {
                text.add(" by \(DisplayText.singleLine(command.by))", .text)
            }
            text.add(
                command.isTaken
                    ? ": under way for \(age)"
                    : ": asked \(age) ago, the engine has not taken it; ",
                .muted)
            if !command.isTaken {
                text.add(model.keys.name("w"), .key)
                text.add(" withdraws it", .muted)
            }
            return Banner(text: text)
        }
    }

    private static func silent(_ engine: EngineView, _ model: Model) -> Banner {
        let age = engine.heartbeat.map {
            " for " + model.figures.duration(model.serverNow.timeIntervalSince($0))
        }
        return Banner(
            text: StyledText(
                "\(model.glyphs.waiting) The engine on \(DisplayText.singleLine(engine.host)) gives no sign of life\(age ?? ""). ",
                .danger, bold: true)
                + (model.canTakeOver
                    ? StyledText(model.keys.name("T"), .key)
                        + StyledText(" takes over, where it stopped", .muted)
                    : StyledText("`lockkeeper watch` can take over", .muted)))
    }

    /// The work that is left does not fit into the window.
    private static func forecast(_ snapshot: Snapshot, _ model: Model) -> StyledText? {
        let window = snapshot.settings.window
        guard let forecast = snapshot.forecast, let closes = window?.closes,
            let over = forecast.overrun(of: window, now: model.serverNow)
        else { return nil }
        let left = model.figures.duration(forecast.seconds)
        let end = model.figures.moment(closes.addingTimeInterval(over), now: model.serverNow)
        return StyledText("\(model.glyphs.waiting) Too long for the window: ", .danger, bold: true)
            + StyledText("about \(left) of work is left, until \(end), ", .text)
            + StyledText("\(model.figures.duration(over)) after it closes", .danger)
    }

    /// What would let it go on.
    private static func prompt(_ snapshot: Snapshot, _ model: Model) -> StyledText? {
        let sign = model.glyphs.waiting + " "
        if let waiting = snapshot.waiting {
            let wanted = StyledText(model.glyphs.wanted + " ", .wanted)
            return (waiting.wantsPerson ? wanted : StyledText(sign, .warning))
                + words(waiting, snapshot, model)
        }
        switch snapshot.state {
        case .finished:
            return StyledText(
                "\(model.glyphs.done) Finished: every phase is done. ", .ok, bold: true)
                + StyledText("\(model.keys.name("q")) leaves", .muted)
        case .rolledBack:
            return StyledText("\(model.glyphs.undone) Rolled back. ", .ok, bold: true)
                + StyledText("\(model.keys.name("q")) leaves", .muted)
        case .interrupted:
            return StyledText("\(sign)No engine runs it. ", .warning, bold: true)
                + StyledText(
                    model.canTakeOver
                        ? "\(model.keys.name("T")) takes over, where it stopped"
                        : "`lockkeeper run` goes on, where it stopped")
        default: return nil
        }
    }

    private static func sentence(_ text: String) -> String {
        text.last?.isPunctuation == true ? text : text + "."
    }

    private static func words(_ waiting: Waiting, _ snapshot: Snapshot, _ model: Model)
        -> StyledText
    {
        func key(_ name: String) -> StyledText { StyledText(model.keys.name(name), .key) }
        switch waiting {
        case .phaseStart(let phase):
            let steps = snapshot.phases.first { $0.phase == phase }?.steps ?? []
            let count = steps.count == 1 ? "1 step" : "\(steps.count) steps"
            return key("a") + StyledText(" starts \(phase.title)", .title, bold: true)
                + StyledText(": \(count); it shows them first", .muted)
        case .gate(let gate):
            guard gate.askedAt != nil else {
                return StyledText("Gate \(gate.id): ", .warning, bold: true)
                    + StyledText(sentence(gate.text), .title, bold: true)
                    + StyledText(
                        " Looking for what speaks against it \(model.glyphs.ellipsis)", .muted)
            }
            let findings = gate.evidence.reduce(0) { $0 + $1.findings.count }
            let approvals =
                gate.approvalsNeeded > 1
                ? " \(gate.approvedBy.count) of \(gate.approvalsNeeded) said so"
                    + (gate.approvedBy.isEmpty
                        ? "." : ": \(gate.approvedBy.joined(separator: ", ")).") : ""
            let found =
                gate.evidence.isEmpty
                ? ""
                : findings == 0 ? " Nothing found against it." : " Found against it: \(findings)."
            return StyledText("Gate \(gate.id): ", .warning, bold: true)
                + StyledText(sentence(gate.text), .title, bold: true)
                + StyledText(approvals, .warning)
                + StyledText(found + " ", findings == 0 ? .muted : .danger) + key("a")
                + StyledText(" passes it", .muted)
        case .quarantine(let until):
            let left = model.figures.duration(until.timeIntervalSince(model.serverNow))
            return StyledText("Quarantined", .title, bold: true)
                + StyledText(
                    ": the old structure is out of sight and in sync for another \(left), until "
                        + "\(model.figures.moment(until, now: model.serverNow)). ") + key("R")
                + StyledText(" still goes back", .muted)
        case .purge:
            return StyledText("Only the purge is left. ", .title, bold: true) + key("P")
                + StyledText(" drops the old structure for good, ", .muted) + key("R")
                + StyledText(" goes back", .muted)
        case .paused(let by) where snapshot.direction != .forward:
            let done = snapshot.undo.filter { $0.state == .done || $0.state == .undone }.count
            return StyledText("The rollback is paused by \(by)", .warning, bold: true)
                + StyledText(
                    " after \(done) of \(snapshot.undo.count) steps; nothing is half done. ")
                + key("p") + StyledText(" goes on", .muted)
        case .paused(let by):
            return StyledText("Paused by \(by). ", .warning, bold: true) + key("p")
                + StyledText(" goes on", .muted)
        case .checklist(let items):
            let count = max(items.count, model.openItems.count)
            return StyledText(
                count == 1 ? "1 checklist item is open. " : "\(count) checklist items are open. ",
                .warning, bold: true) + key("Space") + StyledText(" ticks, ", .muted) + key("w")
                + StyledText(" waives with a reason", .muted)
        }
    }
}

extension Painter {
    mutating func drawBanners(_ rectangle: Rectangle) {
        var row = rectangle.row
        for banner in Banner.all(model) {
            var lines = banner.lines(width: rectangle.width - 2, ascii: glyphs.isASCII)
            let room = min(isBoxed ? 3 : 2, rectangle.bottom - row)
            if lines.count > room, room > 0 {
                lines = Array(lines.prefix(room))
                lines[room - 1].add(" " + glyphs.ellipsis)
            }
            for line in lines where row < rectangle.bottom {
                if banner.isAlert {
                    surface.fill(
                        Rectangle(
                            row: row, column: rectangle.column, height: 1, width: rectangle.width),
                        style: Style(.alert))
                }
                surface.draw(
                    line, row: row, column: rectangle.column + 1, width: rectangle.width - 2)
                row += 1
            }
        }
    }
}
