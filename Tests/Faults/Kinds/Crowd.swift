import Foundation

extension Fault {
    /// A second engine for the same migration, three dashboards that watch it, and one who asks for its
    /// status again and again.
    static let crowd = Fault(
        name: "crowd",
        strike: { scene in
            let words = scene.words
            scene.keep(
                Task {
                    do {
                        let ended = try await scene.unstruck(words)
                        scene.tell("the second engine: \(ended.summary)")
                        if ended.isCrash { scene.blame("the second engine: \(ended.summary)") }
                    } catch {
                        scene.blame("the second engine: \(error)")
                    }
                })
            for _ in 0..<3 {
                scene.keep(
                    Task {
                        do {
                            let watcher = try await EngineProcess.start(
                                [
                                    "watch", "orders-status", "--dsn",
                                    scene.server.dsn(database: scene.database),
                                ],
                                in: scene.folder, wrapped: TerminalGone.onTerminal,
                                environment: ["TERM": "xterm-256color"])
                            try? await Task.sleep(for: .milliseconds(1500))
                            watcher.signal(SIGKILL)
                            _ = try await watcher.end()
                        } catch {
                            scene.blame("a watcher: \(error)")
                        }
                    })
            }
            scene.keep(
                Task {
                    while !Task.isCancelled {
                        do {
                            let ended = try await scene.unstruck(["status"])
                            if ended.code != 0 { scene.tell("status: \(ended.summary)") }
                            if ended.isCrash { scene.blame("status: \(ended.summary)") }
                        } catch {
                            return
                        }
                    }
                })
        })
}
