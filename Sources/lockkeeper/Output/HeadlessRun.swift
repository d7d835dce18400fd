import ArgumentParser
import Engine
import Foundation
import Migration

/// Runs an engine without a screen: its events as plain lines or NDJSON, its outcome as exit code.
struct HeadlessRun {
    let engine: Engine
    let name: String
    let format: TextFormat
    /// Whether a rollback is what was asked for.
    var isRollback = false

    /// Ends by throwing the exit code, unless that is 0.
    func run() async throws {
        let engine = engine
        let signals = SignalWatch { _ in
            Task {
                do { try await engine.perform(.stop) } catch { Console.error("\(error)") }
            }
        }
        let printer = Task { await printEvents() }
        let outcome = await engine.run()
        await printer.value
        if let number = signals.received, outcome == .stopped {
            Console.error(
                "Interrupted; nothing is half done. The same command goes on from here.")
            throw Exit.signal(number)
        }
        try conclude(outcome)
    }

    private func printEvents() async {
        var printer = EventPrinter(format: format)
        for await event in engine.events { printer.print(event) }
    }

    private func conclude(_ outcome: Outcome) throws {
        switch outcome {
        case .finished: say("\(name): finished.")
        case .reached(let phase): say("\(name): \(phase.title) is done, as asked.")
        case .rolledBack(let phase):
            say("\(name): rolled back" + (phase.map { " to the end of \($0.title)." } ?? "."))
            // By somebody else: what this command was asked to do is not done.
            if !isRollback { throw Exit.failed }
        case .atGate(let gate):
            var lines = ["\(name) waits at gate \(gate.id): \(gate.text)"]
            for evidence in gate.evidence {
                lines.append(
                    "  \(evidence.title): "
                        + (evidence.unavailable
                            ?? (evidence.findings.isEmpty
                                ? evidence.nothing : evidence.findings.joined(separator: "; ")))
                )
            }
            if let missing = gate.missing { lines.append(missing) }
            lines.append(
                "`lockkeeper advance \(name) \(gate.id)` and the same command again, or "
                    + "`--approve \(gate.id)`, goes on.")
            say(lines)
            throw Exit.stopped
        case .quarantined(let until):
            say(
                until.map {
                    "\(name): the old structure is in quarantine until \($0.rfc3339). "
                        + "`lockkeeper rollback \(name)` still loses nothing; after that moment "
                        + "`lockkeeper purge \(name)` drops it."
                }
                    ?? "\(name): the quarantine is over. `lockkeeper purge \(name)` drops the old structure."
            )
            throw Exit.stopped
        case .failed(let message):
            Console.error(message)
            throw Exit.failed
        case .atRest(let message):
            Console.error(message)
            throw Exit.stopped
        case .refused(let message):
            Console.error(message)
            throw Exit.refused
        case .noConnection(let message):
            Console.error(message)
            throw Exit.noConnection
        case .stopped:
            Console.error("Stopped; the same command goes on from here.")
            throw Exit.failed
        }
    }

    /// NDJSON keeps standard output for itself.
    private func say(_ lines: String...) { say(lines) }

    private func say(_ lines: [String]) {
        if format == .json { Console.error(lines) } else { Console.lines(lines) }
    }
}
