import Engine
import Foundation
import Migration
import Monitor

/// The dialogs that something depends on.
extension DialogContent {
    mutating func advance(_ phase: Phase, _ model: Model) {
        let steps = model.snapshot?.phases.first { $0.phase == phase }?.steps ?? []
        title = StyledText("Start \(phase.title)", .title)
        tone = .active
        let count = steps.count == 1 ? "1 step" : "\(steps.count) steps"
        add("\(count) will run, in this order. This is what is sent, to the letter.")
        let strong = steps.flatMap(\.locks).filter { lockRole($0) == .warning }.count
        if strong > 0 {
            let budget = model.snapshot?.settings.stallBudgetMilliseconds ?? 0
            add(
                "Locks that could stall the application are asked for only while nobody is in the "
                    + "way, and given up after \(budget) ms.", .muted)
        }
        addSteps(steps, glyphs: model.glyphs)
        answers = Self.keys([("y", "starts \(phase.title)"), ("Esc", "back"), ("Up Down", "read")])
    }

    mutating func gate(_ id: String, _ model: Model) {
        guard case .gate(let gate) = model.snapshot?.waiting, gate.id == id else { return }
        title = StyledText("Gate \(gate.id)", .title)
        tone = .warning
        add(gate.text, .title, bold: true)
        addBlank()
        if gate.approvalsNeeded > 1 || !gate.approvedBy.isEmpty {
            let names =
                gate.approvedBy.isEmpty ? "" : ": " + gate.approvedBy.joined(separator: ", ")
            addFact(
                "approved",
                StyledText("\(gate.approvedBy.count) of \(gate.approvalsNeeded)\(names)"))
            if let missing = gate.missing { add(missing, .warning) }
        }
        let age = gate.askedAt.map { model.serverNow.timeIntervalSince($0) }
        addHeading("What was found" + (age.map { ", \(model.figures.age($0)) ago" } ?? ""))
        if gate.evidence.isEmpty {
            add("Nothing that the program could look at: only you can know.", .muted)
        }
        for evidence in gate.evidence { lines += Self.words(evidence, glyphs: model.glyphs) }
        answers = Self.keys([("y", "it is so: pass the gate"), ("Esc", "back")])
    }

    /// A question to the server, and what it found.
    static func words(_ evidence: EvidenceView, glyphs: Glyphs) -> [StyledText] {
        if let reason = evidence.unavailable {
            return [
                StyledText("\(glyphs.unknown) ", .muted) + StyledText(evidence.title)
                    + StyledText(" could not be asked: \(reason)", .muted)
            ]
        }
        guard !evidence.findings.isEmpty else {
            return [
                StyledText("\(glyphs.done) ", .ok) + StyledText(evidence.title)
                    + StyledText(": \(evidence.nothing)", .ok)
            ]
        }
        return [
            StyledText("\(glyphs.failed) ", .danger) + StyledText(evidence.title)
                + StyledText(": \(evidence.findings.count)", .danger)
        ] + evidence.findings.map { StyledText("    \(DisplayText.singleLine($0))") }
    }

    static func target(_ phase: Phase?) -> String {
        phase.map { "to the end of \($0.title)" } ?? "everything"
    }

    mutating func chooseRollback(_ dialog: Dialog, _ model: Model) {
        title = StyledText("Roll back", .title)
        tone = .warning
        add("How far? Nothing runs yet: the next page shows every statement.")
        addBlank()
        for (offset, offer) in (model.snapshot?.rollbacks ?? []).enumerated() {
            if offset == dialog.position { selectedLine = lines.count }
            let count = offer.steps.count == 1 ? "1 step" : "\(offer.steps.count) steps"
            let name = offer.to.map { "back to the end of \($0.title)" } ?? "undo everything"
            lines.append(
                StyledText("  \(name)".padding(toLength: 34, withPad: " ", startingAt: 0))
                    + StyledText(count, .muted))
        }
        answers = Self.keys([("Enter", "shows it"), ("Up Down", "choose"), ("Esc", "back")])
    }

    mutating func rollBack(_ phase: Phase?, _ dialog: Dialog, _ model: Model) {
        guard let snapshot = model.snapshot,
            let offer = snapshot.rollbacks.first(where: { $0.to == phase })
        else { return }
        title = StyledText("Roll back \(Self.target(phase))", .title)
        tone = .danger
        addHeading("What it keeps and loses")
        for sentence in offer.keeps { add("\(model.glyphs.dot) \(sentence)") }
        if offer.keeps.isEmpty { add("Nothing was written that could be lost.", .muted) }
        addHeading("How it goes")
        add(
            "\(model.glyphs.dot) The step in hand is ended first; what it had not committed is as if it had never been."
        )
        add(
            "\(model.glyphs.dot) Each step below is listed with its state as it runs. p stops after the one in hand and goes on again."
        )
        add(
            "\(model.glyphs.dot) Interrupting it is safe: every step is journalled with what it did, and the same command goes on from there."
        )
        addHeading("What runs, newest change first")
        addSteps(offer.steps, glyphs: model.glyphs)
        field = Field(prompt: "Type \(snapshot.name) to roll back:", text: dialog.input)
        answers = Self.keys([("Enter", "once it is typed"), ("Esc", "back"), ("Up Down", "read")])
    }

    mutating func purge(_ dialog: Dialog, _ model: Model) {
        guard let snapshot = model.snapshot, let offer = snapshot.purge else { return }
        title = StyledText("Purge: the point of no return", .title)
        tone = .danger
        addHeading("What is lost for good")
        for sentence in offer.loses { add("\(model.glyphs.dot) \(sentence)", .danger) }
        add("After this nothing can be rolled back.", .danger)
        addHeading("What is kept")
        add(
            "\(model.glyphs.dot) Everything else: a purge drops the old structure and touches nothing of the new one."
        )
        add(
            "\(model.glyphs.dot) Until a statement below has its lock, nothing is lost: w withdraws the request, R still goes back."
        )
        addHeading("What runs")
        addSteps(offer.steps, glyphs: model.glyphs)
        field = Field(prompt: "Type \(snapshot.name) to purge:", text: dialog.input)
        answers = Self.keys([("Enter", "once it is typed"), ("Esc", "back"), ("Up Down", "read")])
    }

    mutating func signal(_ pid: Int, terminates: Bool, _ model: Model) {
        title = StyledText(
            terminates ? "Terminate session \(pid)" : "Cancel the query of session \(pid)", .title)
        tone = terminates ? .danger : .warning
        guard let row = model.lockRows.first(where: { $0.pid == pid }) else { return }
        addSession(row, model)
        addBlank()
        add(
            terminates
                ? "Its connection is cut and its transaction is rolled back; its application sees "
                    + "an error."
                : "Its statement ends with an error and its transaction must be rolled back; the "
                    + "connection stays.")
        add("  SELECT pg_\(terminates ? "terminate" : "cancel")_backend(\(pid));", .code)
        answers = Self.keys([
            ("y", terminates ? "terminates it" : "cancels it"), ("Esc", "back"),
        ])
    }

    mutating func takeOver(_ model: Model) {
        title = StyledText("Take over", .title)
        tone = .danger
        if let engine = model.snapshot?.engine {
            add("The engine is on \(engine.host), pid \(engine.pid).", .title, bold: true)
            let heartbeat = engine.heartbeat.map {
                model.figures.duration(model.serverNow.timeIntervalSince($0)) + " ago"
            }
            addFact("last sign", StyledText(heartbeat ?? model.glyphs.unknown))
            if engine.isAlive {
                add("It is alive. Taking over stops it in the middle of its work.", .danger)
            }
        } else {
            add("No engine runs it.", .title, bold: true)
        }
        addBlank()
        add(
            "The old engine's database sessions are ended, what they had not committed is rolled "
                + "back, and this program goes on from the journal.")
        answers = Self.keys([("y", "takes over"), ("Esc", "back")])
    }

    mutating func quit(_ model: Model) {
        title = StyledText("Quit", .title)
        tone = .warning
        let phase = model.currentPhase?.phase.title ?? "the migration"
        add("The engine runs in this program: leaving stops \(phase) after the batch in hand.")
        add("Nothing is lost and nothing stays half made; the same command goes on from there.")
        if let name = model.snapshot?.name {
            add("Another terminal can look on with: lockkeeper watch \(name)", .muted)
        }
        answers = Self.keys([("y", "stops and leaves"), ("Esc", "stays")])
    }

    mutating func waive(_ id: String, _ dialog: Dialog, _ model: Model) {
        guard let item = model.snapshot?.checklist.first(where: { $0.id == id }) else { return }
        title = StyledText("Waive a checklist item", .title)
        tone = .warning
        add(item.text, .title, bold: true)
        if let evidence = item.evidence { add(evidence, .muted) }
        addBlank()
        add("It goes on without this, under your name; the reason is kept in the history.")
        field = Field(prompt: "Reason:", text: dialog.input)
        answers = Self.keys([("Enter", "waives it"), ("Esc", "back")])
    }
}
