import Engine
import Foundation

/// Events as plain lines, or one JSON object a line.
struct EventPrinter {
    let format: TextFormat
    private var lastBatch: ContinuousClock.Instant?

    init(format: TextFormat) { self.format = format }

    /// Prints an event; of batches in plain text at most one a second.
    mutating func print(_ event: EngineEvent) {
        switch format {
        case .json:
            do { Console.json(try event.json()) } catch { Console.error("\(error)") }
        case .text:
            if event.kind == .batch {
                if let lastBatch, ContinuousClock.now - lastBatch < .seconds(1) { return }
                lastBatch = .now
            }
            Console.line(line(event))
        }
    }

    private func line(_ event: EngineEvent) -> String {
        let time = event.time.formatted(.iso8601.time(includingFractionalSeconds: false))
        let phase = (event.phase?.rawValue ?? "").padding(toLength: 9, withPad: " ", startingAt: 0)
        let kind = event.kind.rawValue.padding(toLength: 14, withPad: " ", startingAt: 0)
        // A function's body goes over many lines; `plan` shows it.
        let lines = event.text.split(separator: "\n", maxSplits: 1)
        let text = lines.count > 1 ? "\(lines[0]) …" : event.text
        return "\(time)  \(phase) \(kind) \(text)"
    }
}
