/// What a key asks the dashboard for.
enum Command: Sendable, Hashable {
    case advance, pause, rollBack, cancelQuery, terminateSession, tick, waive
    case settings, takeOver, purge
    case details, back, filter, nextPanel, previousPanel
    case panel(Panel)
    case sortForward, sortBack
    case faster, slower, theme, save, help, quit
    case up, down, pageUp, pageDown, first, last
}

/// The parts of the screen that can have the keys, by their digit.
enum Panel: Int, Sendable, CaseIterable, Hashable {
    case steps = 1
    case progress, locks, checklist, events, server

    var title: String {
        switch self {
        case .steps: "Steps"
        case .progress: "Progress"
        case .locks: "Locks"
        case .checklist: "Checklist"
        case .events: "Events"
        case .server: "Server"
        }
    }
}

struct KeyBinding: Sendable {
    enum Kind: Sendable {
        case looking
        /// Asks the engine for something; not there with --read-only.
        case acting
        /// Acting, and a capital letter: it ends, undoes or destroys something.
        case dangerous
    }

    /// All of them, the one that is shown first.
    var keys: [Key]
    var name: String
    /// One word for the key bar; nil: not in it.
    var label: String?
    /// For the help.
    var help: String
    var kind: Kind
    var command: Command

    init(
        _ keys: [Key], _ name: String, _ label: String?, _ help: String, _ kind: Kind,
        _ command: Command
    ) {
        self.keys = keys
        self.name = name
        self.label = label
        self.help = help
        self.kind = kind
        self.command = command
    }
}

/// Every key of the dashboard: what update obeys, what the help explains and the key bar names.
enum KeyTable {
    static let bindings: [KeyBinding] = [
        KeyBinding(
            [.character("a")], "a", "advance", "start the next phase, or pass the waiting gate",
            .acting, .advance),
        KeyBinding(
            [.character("p")], "p", "pause", "pause, or go on after a pause", .acting, .pause),
        KeyBinding(
            [.space], "Space", "tick", "tick a checklist item, or untick it", .acting, .tick),
        KeyBinding(
            [.character("w")], "w", "waive",
            "waive a checklist item, withdraw its tick, or withdraw a lock request", .acting, .waive
        ),
        KeyBinding(
            [.character("c")], "c", "cancel query", "cancel the query of the selected session",
            .acting, .cancelQuery),
        KeyBinding(
            [.character("o")], "o", "settings",
            "change batch, workers, pause and limits while it runs", .acting, .settings),
        KeyBinding(
            [.character("R")], "R", "roll back", "roll back: shows every statement first",
            .dangerous, .rollBack),
        KeyBinding(
            [.character("K")], "K", "kill session", "terminate the selected session", .dangerous,
            .terminateSession),
        KeyBinding(
            [.character("T")], "T", nil, "take over from another engine, or from a dead one",
            .dangerous, .takeOver),
        KeyBinding(
            [.character("P")], "P", nil, "purge the old structure: the point of no return",
            .dangerous, .purge),
        KeyBinding(
            [.tab], "Tab", nil, "the next panel; Shift-Tab the one before", .looking, .nextPanel),
        KeyBinding([.backTab], "", nil, "", .looking, .previousPanel),
        KeyBinding([.character("1")], "1-6", nil, "that panel", .looking, .panel(.steps)),
        KeyBinding([.character("2")], "", nil, "", .looking, .panel(.progress)),
        KeyBinding([.character("3")], "", nil, "", .looking, .panel(.locks)),
        KeyBinding([.character("4")], "", nil, "", .looking, .panel(.checklist)),
        KeyBinding([.character("5")], "", nil, "", .looking, .panel(.events)),
        KeyBinding([.character("6")], "", nil, "", .looking, .panel(.server)),
        KeyBinding([.up, .character("k")], "Up Down", nil, "select a row", .looking, .up),
        KeyBinding([.down, .character("j")], "", nil, "", .looking, .down),
        KeyBinding([.pageUp], "PgUp PgDn", nil, "ten rows", .looking, .pageUp),
        KeyBinding([.pageDown], "", nil, "", .looking, .pageDown),
        KeyBinding(
            [.home, .character("g")], "Home End", nil, "first or last row", .looking, .first),
        KeyBinding([.end, .character("G")], "", nil, "", .looking, .last),
        KeyBinding([.enter], "Enter", nil, "details of the selected row", .looking, .details),
        KeyBinding([.escape], "Esc", nil, "back; clears the filter", .looking, .back),
        KeyBinding(
            [.character("/")], "/", nil, "show only locks and sessions that contain a text",
            .looking, .filter),
        KeyBinding(
            [.character(">")], "< >", nil, "sort locks: by waiters, age, pid, application",
            .looking, .sortForward),
        KeyBinding([.character("<")], "", nil, "", .looking, .sortBack),
        KeyBinding(
            [.character("+"), .character("=")], "+ -", nil, "refresh more or less often",
            .looking, .faster),
        KeyBinding([.character("-")], "", nil, "", .looking, .slower),
        KeyBinding([.character("t")], "t", nil, "choose a theme", .looking, .theme),
        KeyBinding([.character("s")], "s", nil, "save the screen as SVG", .looking, .save),
        KeyBinding([.character("?")], "?", "help", "this help", .looking, .help),
        KeyBinding([.character("q")], "q", "quit", "leave the dashboard", .looking, .quit),
    ]

    private static let byKey: [Key: KeyBinding] = Dictionary(
        bindings.flatMap { binding in binding.keys.map { ($0, binding) } },
        uniquingKeysWith: { first, _ in first })

    static func binding(for key: Key) -> KeyBinding? { byKey[key] }
}
