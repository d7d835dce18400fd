import Engine
import Foundation
import Migration
import Monitor

/// Everything that the screen is drawn from. A value: time, keys and pictures come in as events.
public struct Model: Sendable, Equatable {
    /// The last one; nil before the first.
    var snapshot: Snapshot? {
        didSet {
            // Most snapshots have the server's last picture still.
            if snapshot?.server != oldValue?.server
                || snapshot?.lockRequest != oldValue?.lockRequest
            {
                plantLockTree()
            }
            if snapshot?.events != oldValue?.events { listEvents() }
        }
    }
    /// On our clock, when the last picture of the server came that was newer than the one before.
    var pictureArrived: Date?
    /// What to add to our clock for the server's, seconds.
    var clockOffset: TimeInterval = 0
    /// Our clock.
    var now: Date
    /// The screen's size, by which dialogs know how far they scroll.
    var rows = 24
    var columns = 80

    var focus: Panel = .locks
    /// The selected row of each panel by its identity, so that it stays when rows come and go.
    var selection: [Panel: String] = [:]
    var filter = "" { didSet { listLocks() } }
    var isTypingFilter = false
    var lockOrder: LockOrder = .waiters { didSet { plantLockTree() } }
    var dialog: Dialog?
    var held: HeldAction?
    var notice: Notice?
    /// The signal, or the wish to quit, on which the engine is being stopped.
    var ending: Ending?
    /// The client has ended: nothing new comes.
    var hasEnded = false
    /// What was asked for here and is not answered yet, in words, with when it went out.
    var sent: [Int: Sent] = [:]
    /// What of the configuration's environments this server is; nil where none is named.
    var environments: [EnvironmentLabel] = []
    /// The keys that the operator's configuration has moved.
    var keys = Keys()

    var refreshSeconds: Double = 1
    var theme: String = "terminal"
    var themes: [String] = Theme.shipped.map(\.name)
    var glyphs: Glyphs = .unicode
    var timeZone: TimeZone = .current
    var isReadOnly = false
    /// Whether there is a way to take the migration over from here.
    var canTakeOver = false

    public init(now: Date) { self.now = now }

    struct Notice: Sendable, Equatable {
        var text: String
        var role: Role
        var until: Date
    }

    struct Sent: Sendable, Equatable {
        var words: String
        var at: Date
    }

    /// What is on its way to the engine, or being carried out, newest last; what was sent from here is
    /// shown once it takes longer than anybody would notice.
    var underWay: [CommandView] {
        let known = snapshot?.commands ?? []
        let own = sent.sorted { $0.key < $1.key }.map(\.value).filter { sent in
            now.timeIntervalSince(sent.at) >= 0.3 && !known.contains { $0.words == sent.words }
        }
        return own.map {
            CommandView(id: -1, words: $0.words, by: "", at: $0.at, isTaken: true)
        } + known
    }

    /// The command that `w` withdraws: the last one that the engine has not taken.
    var withdrawable: CommandView? { snapshot?.commands.last { !$0.isTaken } }

    enum Ending: Sendable, Equatable {
        case quit
        case signal(Int32)
    }

    var figures: Figures { Figures(glyphs: glyphs, timeZone: timeZone) }

    /// The server's clock, as far as we know it.
    var serverNow: Date { now.addingTimeInterval(clockOffset) }

    /// Seconds since the last picture of the server came.
    var dataAge: Double? { pictureArrived.map { max(0, now.timeIntervalSince($0)) } }

    /// The picture is older than anyone should decide by.
    var isStale: Bool {
        snapshot?.serverTrouble != nil || (dataAge ?? 0) > max(5, 3 * refreshSeconds)
    }

    /// The phase that runs, waits or stands; the last one that is done otherwise.
    var currentPhase: PhaseView? {
        guard let phases = snapshot?.phases else { return nil }
        return phases.first { $0.state == .running || $0.state == .waiting || $0.state == .failed }
            ?? phases.first { $0.state == .pending } ?? phases.last
    }

    var openItems: [ChecklistView] { snapshot?.checklist.filter(\.isOpen) ?? [] }

    /// The steps as the steps panel lists them: those of the rollback while one runs.
    var listedSteps: [StepView] {
        guard let snapshot else { return [] }
        return snapshot.undo.isEmpty ? snapshot.phases.flatMap(\.steps) : snapshot.undo
    }

    /// Made once a snapshot: with hundreds of sessions in queues it costs more than a frame.
    private(set) var lockTree = LockTree(picture: nil)
    /// The rows that the filter leaves.
    private(set) var lockRows: [LockTree.Row] = []
    /// How fast each table went, from the snapshots that have come so far.
    var rates: [StepID: RateHistory] = [:]
    /// Newest first.
    private(set) var listedEvents: [EventView] = []
    private var eventIDs: [String] = []

    private mutating func plantLockTree() {
        lockTree = LockTree(
            picture: snapshot?.server, request: snapshot?.lockRequest, order: lockOrder)
        listLocks()
    }

    private mutating func listLocks() { lockRows = lockTree.rows(matching: filter) }

    private mutating func listEvents() {
        listedEvents = snapshot?.events.reversed() ?? []
        eventIDs = listedEvents.map { event in
            "\(event.at.timeIntervalSince1970) \(event.kind) \(event.text)"
        }
    }

    /// The identities of a panel's rows, in the order in which they stand.
    func rowIDs(of panel: Panel) -> [String] {
        switch panel {
        case .steps: listedSteps.map(\.id)
        case .progress: snapshot?.progress.map(\.id) ?? []
        case .locks: lockRows.map(\.id)
        case .checklist: snapshot?.checklist.map(\.id) ?? []
        case .events: eventIDs
        case .server: serverLines.map(\.id)
        }
    }

    /// By what it says, so that it stays when newer ones come.
    func eventID(at index: Int) -> String { eventIDs[index] }

    /// The selected row of a panel, or the one that its keys speak of while none was selected.
    func selected(in panel: Panel) -> String? {
        let rows = rowIDs(of: panel)
        if let chosen = selection[panel], rows.contains(chosen) { return chosen }
        switch panel {
        case .steps:
            let steps = listedSteps
            return
                (steps.first { $0.state == .running || $0.state == .failed }
                ?? steps.first { $0.state == .pending } ?? steps.last)?.id
        case .checklist: return openItems.first?.id ?? rows.first
        case .locks:
            return lockTree.culprit?.id ?? rows.first
        case .progress:
            return snapshot?.progress.first { $0.state == .running }?.id ?? rows.first
        case .events, .server: return rows.first
        }
    }
}
