import ArgumentParser
import Dashboard
import Engine
import Foundation

/// The dashboard on this terminal, over an engine in this process.
enum Screen {
    /// Whether standard input and output are a terminal.
    static var isThere: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }

    /// What the command line says, else the operator's configuration.
    static func options(_ screen: ScreenOptions) throws -> DashboardOptions {
        let environment = ProcessInfo.processInfo.environment
        let configuration = try Configuration.load(environment: environment)
        var options = DashboardOptions(themes: Theme.all(environment: environment))
        if let name = screen.theme ?? configuration.theme {
            do { options.theme = try Theme.named(name, environment: environment) } catch {
                throw UsageError(error.description)
            }
        }
        options.isMonochrome = screen.noColor
        options.isASCII = screen.ascii ?? configuration.isASCII ?? false
        options.usesMouse = screen.mouse ?? configuration.usesMouse ?? false
        options.keys = configuration.keys
        options.environments = configuration.environments
        options.refreshSeconds =
            try screen.refresh.map(Configuration.refresh) ?? configuration.refresh
            ?? options.refreshSeconds
        options.isReadOnly = screen.readOnly
        options.ringsBell = screen.bell
        options.setsTitle = screen.title
        return options
    }

    /// Runs engine and dashboard side by side until the operator leaves; ends by throwing the exit
    /// code, unless that is 0.
    static func run(_ engine: Engine, name: String, _ screen: ScreenOptions) async throws {
        var options = try options(screen)
        options.setRefresh = { seconds in Task { await engine.setRefresh(seconds) } }
        engine.forgoEvents()
        let running = Task { await engine.run() }
        let reason: ExitReason
        do {
            reason = try await DashboardProgram().run(client: engine, options: options)
        } catch let error as DashboardError {
            try await engine.perform(.stop)
            _ = await running.value
            throw UsageError(error.description)
        }
        try await engine.perform(.stop)
        let outcome = await running.value
        if case .signal(let number) = reason { throw Exit.signal(number) }
        try await conclude(outcome, engine.current, name)
    }

    /// What the operator left behind, in a line, as the exit code says it too.
    private static func conclude(_ outcome: Outcome, _ last: Snapshot, _ name: String) async throws
    {
        switch outcome {
        case .failed(let message):
            Console.error(message)
            throw Exit.failed
        case .refused(let message):
            Console.error(message)
            throw Exit.refused
        default: break
        }
        switch last.state {
        case .finished: Console.line("\(name): finished.")
        case .rolledBack: Console.line("\(name): rolled back.")
        case .failed:
            Console.error(last.alert ?? "A step stopped with an error.")
            throw Exit.failed
        case .quarantined:
            Console.line("\(name) is in quarantine; `lockkeeper status` says what is next.")
            throw Exit.stopped
        default:
            Console.line(
                "\(name) rests; the same command goes on. `lockkeeper status` says where it stands."
            )
            throw Exit.stopped
        }
    }
}
