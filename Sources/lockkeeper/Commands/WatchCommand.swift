import ArgumentParser
import Dashboard
import Engine
import Foundation
import Postgres

struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "The dashboard on a migration that runs elsewhere or rests.",
        discussion: """
            What is asked here goes to the engine through the journal, which answers; w withdraws what \
            it has not taken yet. T takes over, after a question: the sessions of an engine that is still \
            there, alive or frozen, are ended. A standby can be watched too: it is looked at each refresh, \
            and what is asked goes to --primary.
            """)

    @Argument(help: "Which migration; the only unfinished one where it is left out.")
    var name: String?
    @OptionGroup var connection: ConnectionOptions
    @Option(
        help: ArgumentHelp(
            "Where to act while --dsn is a standby: a libpq URI or keyword string of its primary.",
            valueName: "dsn"))
    var primary: String?
    @OptionGroup var screen: ScreenOptions
    @Flag(help: "No screen: a line for each change. So it is on a pipe, and for a screen reader.")
    var plain = false

    func run() async throws {
        try await Exit.guarding {
            let name = try await chosenName()
            guard Screen.isThere, !plain else { return try await printLines(name) }
            var options = try Screen.options(screen)
            let primary = primary.map { ConnectionSettings(dsn: $0) }
            let watcher = Watcher(
                name: name, settings: connection.settings, primary: primary,
                refresh: options.refreshSeconds)
            let runs = Runs()
            await runs.add(Task { await watcher.run() })
            options.setRefresh = { seconds in Task { await watcher.setRefresh(seconds) } }
            options.takeOver = { [connection, refresh = options.refreshSeconds] in
                var request = RunRequest(name: name)
                request.isInteractive = true
                request.takesOver = true
                request.refresh = refresh
                let engine = try await Engine.open(request, primary ?? connection.settings)
                engine.forgoEvents()
                await runs.add(Task { _ = await engine.run() })
                await watcher.retire()
                return engine
            }
            let reason = try await DashboardProgram().run(client: watcher, options: options)
            try await watcher.perform(.stop)
            await runs.end()
            if case .signal(let number) = reason { throw Exit.signal(number) }
        }
    }

    /// Until it has ended, or a signal comes.
    private func printLines(_ name: String) async throws {
        let watcher = Watcher(name: name, settings: connection.settings)
        let signals = SignalWatch { _ in Task { try await watcher.perform(.stop) } }
        let looking = Task { await watcher.run() }
        var plain = PlainLines()
        for await snapshot in watcher.snapshots {
            for line in plain.lines(snapshot) { Console.line(line) }
            if snapshot.state == .finished || snapshot.state == .rolledBack { break }
        }
        try await watcher.perform(.stop)
        await looking.value
        if let number = signals.received { throw Exit.signal(number) }
    }

    private func chosenName() async throws -> String {
        let office = try await Office.open(connection.settings)
        let known = try await office.statuses(name)
        await office.close()
        if let name {
            guard !known.isEmpty else {
                throw ActionRefusal("There is no migration \(name) in this database.")
            }
            return name
        }
        let unfinished = known.filter { $0.state != .finished && $0.state != .rolledBack }
        guard let only = unfinished.first, unfinished.count == 1 else {
            throw UsageError(
                unfinished.isEmpty
                    ? "No migration is unfinished in this database."
                    : "Name one of: \(unfinished.map(\.name).joined(separator: ", ")).")
        }
        return only.name
    }
}

/// The clients that a `watch` has had: its own eye, and the engine that it took over with.
private actor Runs {
    private var tasks: [Task<Void, Never>] = []

    func add(_ task: Task<Void, Never>) { tasks.append(task) }

    func end() async { for task in tasks { await task.value } }
}
