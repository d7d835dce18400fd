import Foundation
import Testing

@testable import Engine

extension Stage {
    /// What an engine tells, but for its batches.
    static func listen(_ engine: Engine) -> Task<[EngineEvent], Never> {
        Task {
            var all: [EngineEvent] = []
            for await event in engine.events where event.kind != .batch { all.append(event) }
            return all
        }
    }

    static func throttled(_ signal: String, in events: [EngineEvent]) -> [EngineEvent] {
        events.filter { $0.kind == .throttled && $0.fields["signal"] == .string(signal) }
    }

    /// Waits until the fill stands for this reason, and sees that it still does two pictures later.
    func expectHeld(
        _ engine: Engine, _ words: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await until(
            {
                await engine.current.progress.first?.pauseReason?.contains(words) == true
            }, sourceLocation: sourceLocation)
        let rows = try await value("SELECT rows_filled FROM lockkeeper.backfills")
        var last = await engine.current.server?.takenAt
        var seen = 0
        try await until(
            {
                let now = await engine.current.server?.takenAt
                if now != last { (seen, last) = (seen + 1, now) }
                return seen > 1
            }, sourceLocation: sourceLocation)
        #expect(
            try await value("SELECT rows_filled FROM lockkeeper.backfills") == rows,
            sourceLocation: sourceLocation)
    }
}
