import ArgumentParser
import Dashboard
import Engine
import Foundation
import Migration
import Sandbox

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract:
            "A throwaway server, a sample shop, live traffic, and the dashboard on a real spec.",
        discussion: """
            Needs nothing but PostgreSQL's server programs, on the PATH or where the distribution \
            puts them. Everything is gone afterwards. Exit code 0 when the application met no error \
            and no row differs.
            """)

    @Argument(
        help: "Which migration; `lockkeeper init --list` names those there are.",
        completion: .list(Patterns.all.map(\.name)))
    var pattern = "replace-column"
    @Option(help: "Orders in the shop.") var rows = 1_000_000
    @Option(help: "Clients of each version of the application.") var clients = 4
    @Flag(help: "Walks the whole migration by itself.") var autopilot = false
    @Flag(help: "No screen; with --autopilot.") var headless = false
    @Option(
        help:
            "Saves pictures of the screen in this folder, at three sizes and in all themes; with --autopilot.",
        completion: .directory)
    var screenshots: String?
    @OptionGroup var screen: ScreenOptions

    func validate() throws {
        guard rows > 0, clients > 0 else {
            throw ValidationError("--rows and --clients are at least 1.")
        }
        if headless, !autopilot {
            throw ValidationError("--headless has nobody at the keys: add --autopilot.")
        }
        if screenshots != nil, headless || !autopilot {
            throw ValidationError("--screenshots goes with --autopilot and a screen.")
        }
    }

    func run() async throws {
        try await Exit.guarding {
            _ = try Patterns.chosen(pattern)
            if !headless, !Screen.isThere {
                throw UsageError(
                    "The demo's dashboard needs a terminal; --autopilot --headless does without.")
            }
            if let screenshots { try Camera.prepare(screenshots) }
            try await DemoRun(command: self).run()
        }
    }
}
