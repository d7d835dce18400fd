import ArgumentParser
import Dashboard
import Engine
import Foundation
import Migration
import Sandbox

/// One demo from nothing to nothing: server, shop, traffic, engine, screen, summary.
struct DemoRun {
    let command: DemoCommand

    /// The spec of `lockkeeper init`, with a quarantine that a spectator can sit out.
    private func spec() throws -> Spec {
        let pattern = try Patterns.chosen(command.pattern)
        var spec = try Spec.parse(text: pattern.text, file: "\(pattern.name).yaml")
        try spec.applySetting(key: "quarantine", value: "10s")
        return spec
    }

    func run() async throws {
        let stop = StopFlag()
        // The dashboard has handlers of its own; before it, and after a SIGKILL, the server's watchdog
        // clears up.
        let signals = command.headless ? SignalWatch { _ in stop.raise() } : nil
        Console.error("Starting a throwaway PostgreSQL and loading \(command.rows) orders …")
        let server = try await SandboxServer.start()
        do {
            guard let shop = try await load(on: server, unless: stop) else {
                throw Exit.signal(signals?.received ?? SIGINT)
            }
            Console.error("The shop is at: \(shop.ownerDSN)")
            try await migrate(shop, stop, signals)
            await server.stop()
        } catch {
            await server.stop()
            throw error
        }
    }

    /// Nil where somebody would not wait for it: a million orders take some seconds.
    private func load(on server: SandboxServer, unless stop: StopFlag) async throws -> Shop? {
        try await withThrowingTaskGroup(of: Shop?.self) { group in
            group.addTask {
                do {
                    return try await Shop.load(on: server, rows: command.rows)
                } catch {
                    if stop.isRaised { return nil }
                    throw error
                }
            }
            group.addTask {
                await stop.raised()
                return nil
            }
            let first = try await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }

    private func migrate(_ shop: Shop, _ stop: StopFlag, _ signals: SignalWatch?) async throws {
        let spec = try spec()
        let application = Application.forPattern(command.pattern)
        let traffic = Traffic(
            shop: shop, application: application,
            options: Traffic.Options(clients: command.clients))
        await traffic.roll(out: application.first)
        var request = RunRequest(name: spec.name)
        request.spec = spec
        request.specText = spec.text
        request.specFile = spec.file
        request.isInteractive = true
        request.refresh = 0.5
        let engine = try await Engine.open(request, shop.ownerSettings)
        let client = DemoClient(
            engine: engine, traffic: traffic, application: application, echoes: command.headless)
        let following = Task { try await client.follow(shop) }
        let running = Task { await engine.run() }
        let ending: (any Error)? = await { () -> (any Error)? in
            do {
                try await (command.headless ? drive(client, stop) : show(client))
                return nil
            } catch { return error }
        }()
        try await engine.perform(.stop)
        _ = await running.value
        try await following.value
        await traffic.stop()
        let last = await engine.current
        if let number = signals?.received { throw Exit.signal(number) }
        if let ending { throw ending }
        try await judge(traffic, last)
    }

    /// Without a screen: the autopilot, until it is through or a signal comes.
    private func drive(_ client: DemoClient, _ stop: StopFlag) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await Autopilot(client: client, dwell: .seconds(2), camera: nil).walk()
            }
            group.addTask { await stop.raised() }
            try await group.next()
            group.cancelAll()
        }
    }

    /// With the dashboard; the autopilot presses its keys where it was asked to.
    private func show(_ client: DemoClient) async throws {
        var options = try Screen.options(command.screen)
        options.setRefresh = { seconds in Task { await client.engine.setRefresh(seconds) } }
        let remote = DashboardRemote()
        options.remote = remote
        options.greeting = "a demo: real server, real traffic; ? shows the keys"
        let camera = command.screenshots.map { Camera(folder: $0, remote: remote) }
        let pilot =
            command.autopilot
            ? Task {
                do {
                    try await Autopilot(client: client, dwell: .seconds(3), camera: camera).walk()
                } catch is CancellationError {
                    return
                } catch {
                    Console.error("\(error)")
                }
                try await client.perform(.stop)
            } : nil
        let reason: ExitReason
        do {
            reason = try await DashboardProgram().run(client: client, options: options)
        } catch let error as DashboardError {
            pilot?.cancel()
            throw UsageError(error.description)
        }
        pilot?.cancel()
        if case .signal(let number) = reason { throw Exit.signal(number) }
    }

    /// The application's word on it, which is the exit code's too.
    private func judge(_ traffic: Traffic, _ last: Snapshot) async throws {
        if let alert = last.alert { Console.error(alert) }
        let isEnd = last.state == .finished || last.state == .rolledBack
        if isEnd { try await traffic.verify() }
        let summary = await traffic.summary()
        Console.page(summary.text)
        let worst = last.worstWaitMilliseconds.map { "\(Int($0.rounded(.up))) ms" } ?? "–"
        Console.line("Longest wait because of a lock of ours: \(worst).")
        Console.line("The migration: \(last.state.rawValue.replacing("_", with: " ")).")
        guard isEnd else {
            if summary.errorCount > 0 || last.state == .failed { throw Exit.failed }
            throw Exit.stopped
        }
        if !summary.isClean { throw Exit.failed }
    }
}
