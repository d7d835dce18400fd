import ArgumentParser
import Dashboard
import Engine
import Foundation
import Logging
import Migration
import Postgres

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs or resumes a migration: the dashboard on a terminal, else plain lines.",
        discussion: """
            The same command after a stop at a gate, an interruption or a death goes on from there.

            Exit codes: 0 done, 1 a step stopped with an error, 3 at a gate or in quarantine, \
            4 refused, 5 no connection or rights missing, 64 command line, spec or terminal, \
            130/143/129 interrupted.
            """)

    @Argument(help: "The spec.", completion: .file(extensions: ["yaml", "yml"])) var file: String
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var screen: ScreenOptions
    @Flag(help: "No screen: plain lines, or NDJSON with --format json.") var headless = false
    @Option(help: "text or json, with --headless.") var format: TextFormat = .text
    @Option(help: "Gates to pass: `all`, or ids joined by commas. The plan has the ids.")
    var approve: [String] = []
    @Option(help: "Checklist items to tick, joined by commas.") var check: [String] = []
    @Option(help: ArgumentHelp("Goes on without a checklist item.", valueName: "item=reason"))
    var waive: [String] = []
    @Option(
        name: .customLong("override"),
        help: ArgumentHelp("Begins outside the window.", valueName: "WINDOW=reason"))
    var override: [String] = []
    @Option(
        help: ArgumentHelp(
            "A rehearsal to count for the checklist: the database that has it in its journal, or a "
                + "file from `history --format rehearsal`.", valueName: "dsn|file"),
        completion: .file())
    var evidence: String?
    @Option(help: "Stops when this phase is done: expand, migrate, backfill, switch, contract.")
    var until: Phase?
    @Flag(help: "At a gate or in quarantine, stays and waits for `advance` from elsewhere.")
    var wait = false
    @Option(help: "Appends what happens to this file.", completion: .file()) var log: String?
    @Flag(help: "With --approve all: does not wait for the quarantine to end.") var purge = false

    func run() async throws {
        try await Exit.guarding {
            let file = try SpecFile(file)
            var request = try request(file)
            let isInteractive = !headless && Screen.isThere
            request.isInteractive = isInteractive
            if !headless, !isInteractive, format == .json {
                throw UsageError("--format json needs --headless.")
            }
            // A theme that is not there is no reason to begin anything.
            if isInteractive { request.refresh = try Screen.options(screen).refreshSeconds }
            let engine = try await Engine.open(
                request, connection.settings, log: log.map { try LogFile.logger(at: $0) } ?? .silent
            )
            if isInteractive {
                try await Screen.run(engine, name: file.spec.name, screen)
            } else {
                try await HeadlessRun(engine: engine, name: file.spec.name, format: format).run()
            }
        }
    }

    private func request(_ file: SpecFile) throws -> RunRequest {
        var request = RunRequest(name: file.spec.name)
        request.spec = file.spec
        request.specText = file.text
        request.specFile = self.file
        let gates = Self.split(approve)
        request.approvesEveryGate = gates.contains("all")
        request.approvedGates = Set(gates).subtracting(["all"])
        request.checks = Self.split(check)
        request.waivers = try Self.reasons(waive, "--waive")
        let overrides = try Self.reasons(override, "--override")
        if let other = overrides.keys.first(where: { $0.uppercased() != "WINDOW" }) {
            throw UsageError(
                "--override \(other): only the window can be overridden: --override WINDOW=REASON.")
        }
        request.windowOverride = overrides.values.first
        request.evidence = evidence
        request.until = until
        request.waits = wait
        if purge, !request.approvesEveryGate {
            throw UsageError(
                "--purge needs --approve all; `lockkeeper purge NAME` confirms it apart.")
        }
        request.purgesAtOnce = purge
        return request
    }

    static func split(_ values: [String]) -> [String] {
        values.flatMap { $0.split(separator: ",").map(String.init) }
    }

    static func reasons(_ values: [String], _ option: String) throws -> [String: String] {
        var reasons: [String: String] = [:]
        for value in values {
            let parts = value.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, !parts[1].isEmpty else {
                throw UsageError(
                    "\(option) \(value): write \(parts.first ?? "ITEM")=REASON; the reason is journalled."
                )
            }
            reasons[parts[0]] = parts[1]
        }
        return reasons
    }
}
