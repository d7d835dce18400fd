import Engine
import Foundation
import Migration
import Monitor

/// The dialogs that show, and those that choose.
extension DialogContent {
    mutating func help(_ model: Model) {
        title = StyledText("Keys", .title)
        let groups: [(String, KeyBinding.Kind)] = [
            ("Act", .acting), ("Dangerous (each asks first)", .dangerous), ("Look", .looking),
        ]
        for (name, kind) in groups {
            let bindings = KeyTable.bindings.filter { $0.kind == kind && !$0.help.isEmpty }
            addHeading(name)
            if kind != .looking && model.isReadOnly {
                add("taken away by --read-only", .muted)
                continue
            }
            for binding in bindings {
                let padded = model.keys.name(binding.name).padding(
                    toLength: 12, withPad: " ", startingAt: 0)
                lines.append(StyledText("  " + padded, .key) + StyledText(binding.help))
                if let obstacle = model.obstacle(to: binding.command) {
                    add("              not now: \(obstacle)", .muted)
                }
            }
        }
        addHeading("Signs")
        let glyphs = model.glyphs
        add(
            "  \(glyphs.wanted) waits for you   \(glyphs.waiting) stands still   \(glyphs.pending) pending   "
                + "\(glyphs.running) running")
        add(
            "  \(glyphs.done) done   \(glyphs.failed) error   \(glyphs.undone) undone   \(glyphs.empty) nothing to do"
        )
        add(
            "  \(glyphs.open) open   \(glyphs.checked) ticked   \(glyphs.evident) found by the program   "
                + "\(glyphs.waived) waived   \(glyphs.ours) ours")
        answers = Self.keys([("Esc", "back"), ("Up Down", "read")])
    }

    mutating func step(_ id: StepID, _ model: Model) {
        guard let step = model.listedSteps.first(where: { $0.id == id }) else {
            add("This step is not in the plan any more.", .muted)
            answers = Self.keys([("Esc", "back")])
            return
        }
        title = StyledText("Step \(step.id)", .title)
        add(step.title, .title, bold: true)
        addBlank()
        let figures = model.figures
        let (glyph, role) = model.sign(step)
        addFact("state", StyledText("\(glyph) \(model.words(step))", role))
        if let start = step.startedAt {
            let end = step.finishedAt ?? model.serverNow
            addFact(
                "took",
                StyledText(
                    "\(figures.duration(end.timeIntervalSince(start))), from \(figures.time(start))"
                        + (step.finishedAt == nil ? " on" : "")))
        }
        if let estimate = step.estimate, let seconds = estimate.seconds, step.finishedAt == nil {
            addFact(
                "planned",
                StyledText(
                    "about \(figures.duration(seconds)): \(DisplayText.singleLine(estimate.basis))")
            )
        }
        if step.tries > 0 { addFact("tries", StyledText("\(step.tries)")) }
        for lock in step.locks { addFact("lock", StyledText(lock, lockRole(lock))) }
        if step.locks.isEmpty {
            addFact("lock", StyledText("none that is held on a table", .muted))
        }
        if !step.approvals.isEmpty {
            addHeading("Approved by")
            for approval in step.approvals { add(approval) }
        }
        if let error = step.error {
            addHeading("Error")
            add(error, .danger)
        }
        addFoundRows(step, model)
        addHeading("Statements")
        for statement in step.statements { addSQL(statement) }
        if step.statements.isEmpty { add("  none of its own", .muted) }
        addHeading("Undo")
        for statement in step.undo { addSQL(statement) }
        if step.undo.isEmpty { add("  nothing needs to be undone", .muted) }
        let told = model.listedEvents.filter { $0.step == id }
        if !told.isEmpty { addHeading("What happened, newest first") }
        for event in told {
            lines.append(
                StyledText("  \(figures.time(event.at))  ", .muted)
                    + StyledText(DisplayText.singleLine(event.text)))
        }
        answers = Self.keys([("Esc", "back"), ("Up Down", "read")])
    }

    /// The rows that the step stopped at, with their keys and values.
    private mutating func addFoundRows(_ step: StepView, _ model: Model) {
        guard step.state == .failed,
            let rows = model.listedEvents.first(where: {
                $0.step == step.id && !$0.foundRows.isEmpty
            })?.foundRows
        else { return }
        addHeading("The first rows that it found")
        for row in rows {
            lines.append(StyledText("  \(row.key)", .title, bold: true))
            lines.append(StyledText("    " + DisplayText.singleLine(row.values)))
        }
    }

    mutating func addSession(_ row: LockTree.Row, _ model: Model) {
        let figures = model.figures
        guard case .session(let session) = row.subject else { return }
        let blocker = row.blocker
        addFact("user", StyledText(session?.user ?? blocker?.user ?? figures.unknown))
        let application = session?.application ?? blocker?.application ?? ""
        addFact("application", StyledText(application.isEmpty ? figures.unknown : application))
        if let client = session?.client { addFact("client", StyledText(client)) }
        addFact("state", StyledText(session?.state ?? blocker?.state ?? figures.unknown))
        if let event = session?.waitEvent {
            addFact("waits for", StyledText("\(session?.waitEventType ?? ""): \(event)"))
        }
        addFact(
            "transaction",
            StyledText(figures.duration(session?.transactionAge ?? blocker?.ageSeconds)))
        if let age = session?.stateAge {
            addFact("in it for", StyledText(figures.duration(age)))
        }
        if let lock = blocker?.lock { addFact("holds", StyledText(lock, .warning)) }
        if let wait = row.wait {
            addFact(
                "wants",
                StyledText("\(wait.mode) on \(wait.target), for \(figures.duration(wait.age))"))
        }
        if row.waiters > 0 {
            addFact(
                "behind it",
                StyledText(row.waiters == 1 ? "1 session" : "\(row.waiters) sessions", .warning))
        }
        if !row.alsoBehind.isEmpty {
            addFact(
                "also behind", StyledText(row.alsoBehind.map(String.init).joined(separator: ", ")))
        }
        addHeading("Its statement, or its last one")
        guard let query = row.query else {
            add("  not visible: GRANT pg_read_all_stats or pg_monitor to our role shows it", .muted)
            return
        }
        addSQL(query)
    }

    mutating func session(_ id: String, _ model: Model) {
        answers = Self.keys([("Esc", "back"), ("Up Down", "read")])
        guard let row = model.lockRows.first(where: { $0.id == id }) else {
            title = StyledText("Session \(id)", .title)
            add("It is gone.", .muted)
            return
        }
        switch row.subject {
        case .session:
            title = StyledText("Session \(id)" + (row.isOurs ? ", ours" : ""), .title)
            addSession(row, model)
            addLocks(row, model)
            if !row.isOurs, !model.isReadOnly {
                answers = Self.keys([
                    ("c", "cancels its query"), ("K", "terminates it"), ("Esc", "back"),
                    ("Up Down", "read"),
                ])
            }
        case .prepared(let prepared):
            title = StyledText("Prepared transaction", .title)
            addFact("name", StyledText(prepared?.identifier ?? model.glyphs.unknown))
            addFact("owner", StyledText(prepared?.owner ?? model.glyphs.unknown))
            addFact("prepared", StyledText(model.figures.duration(prepared?.age) + " ago"))
            addBlank()
            add(
                "It has no session: nobody can cancel it. Its coordinator, or a person, ends it with"
            )
            let name = (prepared?.identifier ?? "NAME").replacingOccurrences(of: "'", with: "''")
            add("  COMMIT PREPARED '\(name)'; or ROLLBACK PREPARED '\(name)';", .code)
        case .request(let request):
            title = StyledText("Our lock request", .title)
            addFact("lock", StyledText("\(request.lock) on \(request.table)", .warning))
            addFact("step", StyledText(request.step))
            addFact("try", StyledText("\(request.attempt)"))
            addFact("budget", StyledText("\(request.budgetMilliseconds) ms a try"))
            addFact(
                "since",
                StyledText(model.figures.duration(model.serverNow.timeIntervalSince(request.since)))
            )
            addBlank()
            add(
                request.isQueued
                    ? "It is in the queue now; whoever comes after it waits for it."
                    : "We look and don't ask while somebody older is in the way: nobody waits for us."
            )
        }
    }

    /// Read anew with each picture while this stands open.
    private mutating func addLocks(_ row: LockTree.Row, _ model: Model) {
        addHeading("Its locks")
        guard let held = model.snapshot?.server?.inspected, held.pid == row.pid else {
            add("  being read", .muted)
            return
        }
        for lock in held.locks {
            let words = "\(lock.mode) on \(lock.target)"
            lines.append(
                StyledText(lock.isGranted ? "  holds " : "  waits for ", .muted)
                    + StyledText(words, lock.isGranted ? lockRole(words) : .warning))
        }
        if held.total > held.locks.count {
            add("  and \(model.figures.count(held.total - held.locks.count)) more", .muted)
        }
        if held.locks.isEmpty { add("  none", .muted) }
    }

    mutating func server(_ id: String, _ model: Model) {
        answers = Self.keys([("Esc", "back"), ("Up Down", "read")])
        title = StyledText("Server", .title)
        guard let line = model.serverLines.first(where: { $0.id == id }) else {
            add("It is gone.", .muted)
            return
        }
        title = StyledText("Server: \(line.name)", .title)
        for (name, value) in line.facts { addFact(name, StyledText(value), width: 16) }
        guard let server = model.snapshot?.server?.server else { return }
        addHeading("Where")
        addFact("server", StyledText("\(server.database) on \(server.host)"), width: 16)
        addFact(
            "version",
            StyledText("\(server.version), \(server.isStandby ? "standby" : "primary")"), width: 16)
        addFact("user", StyledText(server.user), width: 16)
    }

    mutating func item(_ id: String, _ model: Model) {
        answers = Self.keys([("Esc", "back")])
        guard let item = model.snapshot?.checklist.first(where: { $0.id == id }) else { return }
        title = StyledText("Checklist: \(item.id)", .title)
        add(item.text, .title, bold: true)
        addBlank()
        let (glyph, role) = item.state.sign(model.glyphs)
        addFact("state", StyledText("\(glyph) \(item.state.word)", role))
        if let by = item.by { addFact("by", StyledText(by)) }
        if let at = item.at {
            addFact("at", StyledText(model.figures.moment(at, now: model.serverNow)))
        }
        if let reason = item.reason { addFact("reason", StyledText(reason)) }
        addHeading("Evidence")
        add(
            item.evidence ?? "The program can find nothing for this; only you can know.",
            item.evidence == nil ? .muted : .text)
        if !model.isReadOnly, item.state != .evident {
            answers = Self.keys([
                ("Space", item.isOpen ? "ticks it" : "opens it again"),
                ("w", item.isOpen ? "waives it, with a reason" : "withdraws it"), ("Esc", "back"),
            ])
        }
    }

    mutating func progress(_ id: StepID, _ model: Model) {
        answers = Self.keys([("Esc", "back")])
        guard let row = model.snapshot?.progress.first(where: { $0.id == id }) else { return }
        let figures = model.figures
        title = StyledText(row.title, .title)
        addFact("step", StyledText(row.id))
        addFact(
            "done",
            StyledText(
                "\(figures.count(row.done)) of \(figures.count(row.total)) \(row.unit), "
                    + figures.percent(done: row.done, total: row.total)))
        addFact("rows", StyledText(figures.count(row.rows)))
        addFact("rate", StyledText(figures.rate(row.rowsPerSecond, "rows")))
        addFact(
            "batch",
            StyledText(
                "\(figures.milliseconds(row.batchMilliseconds)), next one \(figures.count(row.batchSize)) blocks"
            ))
        addFact(
            "ETA",
            StyledText(
                figures.duration(row.etaSeconds) + (row.etaBasis.map { ", \($0)" } ?? "")))
        if let end = model.end(of: row) { addFact("end", end) }
        addFact("skipped", StyledText("\(figures.count(row.skipped)) rows that others had locked"))
        for gauge in model.snapshot?.gauges ?? [] {
            let limit =
                gauge.limit == nil
                ? "no limit" : "limit \(figures.gauge(gauge.limit, gauge.unit))"
            addFact(
                gauge.title,
                StyledText(
                    "\(figures.gauge(gauge.value, gauge.unit)), \(limit)",
                    gauge.isOver ? .warning : .text), width: 16)
        }
        if let reason = row.pauseReason { addFact("stands", StyledText(reason, .warning)) }
    }

    mutating func event(_ id: String, _ model: Model) {
        answers = Self.keys([("Esc", "back"), ("Up Down", "read")])
        let events = model.listedEvents
        guard let index = events.indices.first(where: { model.eventID(at: $0) == id }) else {
            return
        }
        let event = events[index]
        title = StyledText(event.kind, .title)
        add(event.text)
        addBlank()
        addFact("at", StyledText("\(model.figures.time(event.at))"))
        addFact("by", StyledText(event.by))
        if let step = event.step { addFact("step", StyledText(step)) }
        if !event.foundRows.isEmpty { addHeading("The first rows that it found") }
        for row in event.foundRows {
            lines.append(StyledText("  \(row.key)", .title, bold: true))
            lines.append(StyledText("    " + DisplayText.singleLine(row.values)))
        }
        let rest = event.fields.filter { $0.key != "rows_found" }.sorted { $0.key < $1.key }
        if !rest.isEmpty { addHeading("In numbers and names") }
        for (name, value) in rest {
            addFact("  " + name.replacing("_", with: " "), StyledText(value.shown), width: 20)
        }
    }

    mutating func settings(_ dialog: Dialog, _ model: Model) {
        title = StyledText("Live settings", .title)
        let settings = model.snapshot?.settings ?? Settings()
        for (offset, setting) in LiveSetting.allCases.enumerated() {
            if offset == dialog.position { selectedLine = lines.count }
            let name = setting.rawValue.padding(toLength: 26, withPad: " ", startingAt: 0)
            lines.append(StyledText(" " + name) + StyledText(setting.value(in: settings), .active))
        }
        addBlank()
        let chosen = LiveSetting.allCases[
            min(max(0, dialog.position), LiveSetting.allCases.count - 1)]
        add(chosen.explanation, .muted)
        answers = Self.keys([("Enter", "changes it"), ("Up Down", "choose"), ("Esc", "back")])
    }

    mutating func setting(_ setting: LiveSetting, _ dialog: Dialog, _ model: Model) {
        title = StyledText(setting.rawValue, .title)
        add(setting.explanation)
        let now = setting.value(in: model.snapshot?.settings ?? Settings())
        addFact("now", StyledText(now, .active))
        addBlank()
        add("It holds from the next batch or try on, and is written to the history.", .muted)
        field = Field(prompt: "New value:", text: dialog.input)
        answers = Self.keys([("Enter", "sets it"), ("Esc", "back")])
    }

    mutating func theme(_ dialog: Dialog, _ model: Model) {
        title = StyledText("Theme", .title)
        for (offset, name) in model.themes.enumerated() {
            if offset == dialog.position { selectedLine = lines.count }
            let about = Theme.shipped.first { $0.name == name }?.description ?? "yours"
            lines.append(
                StyledText(" " + name.padding(toLength: 14, withPad: " ", startingAt: 0))
                    + StyledText(about, .muted))
        }
        addBlank()
        lines.append(
            [
                StyledText("\(model.glyphs.done) ok", .ok),
                StyledText("\(model.glyphs.running) active", .active),
                StyledText("\(model.glyphs.waiting) warning", .warning),
                StyledText("\(model.glyphs.failed) danger", .danger),
                StyledText("\(model.glyphs.wanted) waits for you", .wanted),
                StyledText("\(model.glyphs.ours) ours", .ours), StyledText("muted", .muted),
                StyledText("key", .key), StyledText("SELECT 1", .code),
            ].dotted("  "))
        answers = Self.keys([("Enter", "keeps it"), ("Up Down", "look"), ("Esc", "back")])
    }
}

extension JSONValue {
    /// On one line, as a person reads it.
    fileprivate var shown: String {
        switch self {
        case .null: "–"
        case .bool(let value): value ? "yes" : "no"
        case .int(let value): Numerals.grouped(value)
        case .double(let value): "\(value)"
        case .string(let value): DisplayText.singleLine(value)
        case .array(let values): values.map(\.shown).joined(separator: "; ")
        case .object(let fields):
            fields.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.shown)" }
                .joined(separator: ", ")
        }
    }
}
