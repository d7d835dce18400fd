import CTerminal
import Engine
import Foundation

/// The dashboard on a real terminal.
///
/// Drawing and waiting for keys happen on a thread of its own, which blocks in `poll` without
/// occupying the cooperative pool; the client's snapshots and the answers to its actions come in as
/// letters that ring a pipe.
public struct DashboardProgram: Sendable {
    public init() {}

    /// Shows the dashboard until the operator leaves, a signal ends it, or the client ends; then the
    /// terminal is as it was before.
    ///
    /// Throws `DashboardError` where standard input or output is no terminal.
    public func run(client: any MigrationClient, options: DashboardOptions = DashboardOptions())
        async throws -> ExitReason
    {
        let mailbox = options.remote?.mailbox ?? Mailbox()
        defer { mailbox.close() }
        return try await withCheckedThrowingContinuation { continuation in
            let thread = Thread {
                do throws(DashboardError) {
                    let terminal = try Terminal(usesMouse: options.usesMouse)
                    var loop = DashboardLoop(
                        client: client, options: options, mailbox: mailbox, terminal: terminal)
                    let reason = loop.run(terminal)
                    // The terminal is given back before anybody can print.
                    _ = consume terminal
                    continuation.resume(returning: reason)
                } catch {
                    continuation.resume(throwing: error)
                }
            }
            thread.name = "dashboard"
            // Foundation's default on some systems is too small for a debug build's frames.
            thread.stackSize = 8 << 20
            thread.start()
        }
    }
}

/// The loop itself; lives on the dashboard's thread.
struct DashboardLoop {
    private var model: Model
    private var client: any MigrationClient
    private let options: DashboardOptions
    private let mailbox: Mailbox
    private let depth: ColorDepth
    private var theme: Theme
    private var drawn: Surface?
    private var title = ""
    private var listening: Task<Void, Never>?
    /// Counts the clients, so that the end of one that was replaced is not taken for the end.
    private var generation = 0
    private var sent = 0
    private var leaving: ExitReason?
    private var givesUpAt: Date?
    private var isHungUp = false
    /// When the last snapshot was drawn, seconds since 1970; nil where the next one may be further off
    /// than a second.
    private var pictured: Double?

    init(
        client: any MigrationClient, options: DashboardOptions, mailbox: Mailbox,
        terminal: borrowing Terminal
    ) {
        self.client = client
        self.options = options
        self.mailbox = mailbox
        theme = options.theme
        let isMonochrome = options.isMonochrome || environment("NO_COLOR") != nil
        depth = isMonochrome ? .mono : terminal.depth
        model = Model(now: Date())
        model.theme = theme.name
        model.themes = options.themes.map(\.name)
        if !model.themes.contains(theme.name) { model.themes.append(theme.name) }
        model.glyphs = options.isASCII || !terminal.isUTF8 ? .ascii : .unicode
        model.isReadOnly = options.isReadOnly
        model.canTakeOver = options.takeOver != nil
        model.refreshSeconds = options.refreshSeconds
        model.environments = options.environments
        model.keys = options.keys
        if terminal.isFallback {
            let term = Terminal.term
            model.tell(
                term.isEmpty
                    ? "TERM is not set: drawing as for xterm-256color"
                    : "TERM=\(term) is not known here: drawing as for xterm-256color", .warning)
        } else if let greeting = options.greeting {
            model.tell(greeting)
        }
    }

    mutating func run(_ terminal: borrowing Terminal) -> ExitReason {
        listen()
        defer { listening?.cancel() }
        handle(.resized(rows: terminal.rows, columns: terminal.columns))
        while leaving == nil {
            paint(terminal)
            let saw = Int(lk_wait(millisecondsToNextTick()))
            handle(.tick(Date()))
            if saw & Int(LK_SAW_BELL) != 0 { answerBell(terminal) }
            if saw & Int(LK_SAW_INPUT) != 0 { for key in terminal.keys() { handle(.key(key)) } }
            if saw & Int(LK_SAW_HANGUP) != 0 { hangUp() }
            if let givesUpAt, givesUpAt <= model.now { giveUp() }
        }
        return leaving ?? .quit
    }

    /// Ages and durations on the screen change with the second. While a picture comes each second or more
    /// often, its frame shows them, and none is drawn between.
    private func millisecondsToNextTick() -> Int32 {
        let now = Date().timeIntervalSince1970
        var next = now.rounded(.down) + 1
        if let pictured, model.held == nil { next = max(next, pictured + 1.1) }
        return Int32(((next - now) * 1000).rounded(.up))
    }

    private mutating func answerBell(_ terminal: borrowing Terminal) {
        let signals = Int(lk_signals())
        for letter in mailbox.take() { open(letter, terminal) }
        if signals & Int(LK_SIGNAL_CONTINUE) != 0 { lk_resume() }
        if signals & Int(LK_SIGNAL_WINDOW | LK_SIGNAL_CONTINUE) != 0 { takeSize(terminal) }
        if signals & Int(LK_SIGNAL_INTERRUPT) != 0 { handle(.signal(SignalNumber.interrupt)) }
        if signals & Int(LK_SIGNAL_TERMINATE) != 0 { handle(.signal(SignalNumber.terminate)) }
        if signals & Int(LK_SIGNAL_HANGUP) != 0 { hangUp() }
        if signals & Int(LK_SIGNAL_STOP) != 0 { suspend(terminal) }
    }

    /// The signal and the dead keyboard are the same news; the second is not an impatient second
    /// wish to leave.
    private mutating func hangUp() {
        lk_forget_keyboard()
        guard !isHungUp else { return }
        isHungUp = true
        handle(.signal(SignalNumber.hangup))
    }

    private mutating func open(_ letter: Mailbox.Letter, _ terminal: borrowing Terminal) {
        switch letter {
        case .snapshot(let snapshot, let generation):
            guard generation == self.generation else { return }
            handle(.snapshot(snapshot))
            pictured = model.refreshSeconds <= 1 ? Date().timeIntervalSince1970 : nil
        case .ended(let generation):
            if generation == self.generation { handle(.ended) }
        case .key(let key): handle(.key(key))
        case .told(let text, let isTrouble): handle(.told(text, isTrouble: isTrouble))
        case .answered(let id): handle(.answered(id))
        case .client(let next):
            client = next
            listen()
            handle(.told("taken over", isTrouble: false))
        case .picture(let waiting):
            paint(terminal)
            waiting.resume(returning: drawn)
        case .drawing(let rows, let columns, let waiting):
            var model = model
            model.rows = rows
            model.columns = columns
            waiting.resume(returning: (render(model, rows: rows, columns: columns), theme))
        }
    }

    private mutating func listen() {
        listening?.cancel()
        generation += 1
        let (generation, mailbox, snapshots) = (generation, mailbox, client.snapshots)
        listening = Task {
            for await snapshot in snapshots {
                mailbox.post(.snapshot(snapshot, generation: generation))
            }
            mailbox.post(.ended(generation: generation))
        }
    }

    private mutating func handle(_ event: Event) {
        for effect in update(&model, event) { carryOut(effect) }
    }

    private mutating func carryOut(_ effect: Effect) {
        switch effect {
        case .perform(let action): perform(action)
        case .takeOver: takeOver()
        case .inspect(let pid):
            let client = client
            Task { await client.inspect(pid: pid) }
        case .save: save()
        case .useTheme(let name):
            if let chosen = (options.themes + [options.theme]).first(where: { $0.name == name }) {
                theme = chosen
                redraw()
            }
        case .refresh(let seconds): options.setRefresh?(seconds)
        case .suspend: suspends = true
        case .redraw: redraw()
        case .bell: if options.ringsBell { lk_bell() }
        case .leave(let reason):
            if reason == .ended && options.staysAfterEnd { return }
            leaving = reason
        }
    }

    /// Asked for by a key; done once the events in hand are through.
    private var suspends = false

    private mutating func perform(_ action: OperatorAction) {
        if action == .stop { givesUpAt = model.now.addingTimeInterval(options.stopPatience) }
        let (client, mailbox) = (client, mailbox)
        // Stopping has its own line.
        let id = action == .stop ? nil : send(action.words)
        Task {
            do {
                try await client.perform(action)
            } catch let refusal as ActionRefusal {
                mailbox.post(.told(refusal.message, isTrouble: true))
            } catch {
                mailbox.post(.told("\(error)", isTrouble: true))
            }
            if let id { mailbox.post(.answered(id)) }
        }
    }

    private mutating func takeOver() {
        guard let takeOver = options.takeOver else { return }
        let mailbox = mailbox
        let id = send("take over")
        Task {
            do {
                mailbox.post(.client(try await takeOver()))
            } catch {
                mailbox.post(.told("not taken over: \(error)", isTrouble: true))
            }
            mailbox.post(.answered(id))
        }
    }

    /// Counts what is on its way, so that its answer can be told from another's.
    private mutating func send(_ words: String) -> Int {
        sent += 1
        handle(.sent(sent, words: words))
        return sent
    }

    /// The engine did not end in time; what is in hand is left to its journal.
    private mutating func giveUp() {
        switch model.ending {
        case .signal(let number): leaving = .signal(number)
        default: leaving = .quit
        }
    }

    private mutating func suspend(_ terminal: borrowing Terminal) {
        lk_suspend()
        takeSize(terminal)
        redraw()
        handle(.tick(Date()))
    }

    private mutating func takeSize(_ terminal: borrowing Terminal) {
        _ = lk_take_size()
        handle(.resized(rows: terminal.rows, columns: terminal.columns))
        drawn = nil
    }

    private mutating func redraw() {
        drawn = nil
        lk_erase()
        lk_redraw()
    }

    private mutating func paint(_ terminal: borrowing Terminal) {
        if suspends {
            suspends = false
            suspend(terminal)
        }
        let next = render(model, rows: terminal.rows, columns: terminal.columns)
        let runs = next.runs(since: drawn)
        if !runs.isEmpty {
            terminal.draw(runs, theme: theme, depth: depth)
            terminal.flush()
        }
        drawn = next
        guard options.setsTitle else { return }
        let name = model.snapshot.map { "\($0.name) \($0.state.word)" } ?? "lockkeeper"
        let wanted = DisplayText.glyphs(name).map(\.text).joined()
        if wanted != title {
            title = wanted
            lk_title(wanted)
        }
    }

    private mutating func save() {
        guard let surface = drawn else { return }
        let path = options.savePath ?? savePath()
        do {
            try surface.svg(theme: theme).write(toFile: path, atomically: true, encoding: .utf8)
            handle(.told("saved \(path)", isTrouble: false))
        } catch {
            handle(
                .told("\(path) can't be written: \(error.localizedDescription)", isTrouble: true))
        }
    }

    /// `lockkeeper-orders-status-20261123-221407.svg`
    private func savePath() -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "yyyyMMdd-HHmmss"
        let name = (model.snapshot?.name ?? "screen").filter {
            $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_"
        }
        return "lockkeeper-\(name)-\(formatter.string(from: model.now)).svg"
    }
}
