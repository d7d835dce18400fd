import Dashboard
import Engine
import Foundation
import Migration

/// Walks a migration by itself: ticks the checklist, starts the phases, passes the gates, confirms
/// the purge, each after a moment in which the screen can be read.
struct Autopilot {
    let client: DemoClient
    /// How long each stop is left as it is.
    let dwell: Duration
    let camera: Camera?

    /// Returns when the migration is finished, rolled back or stopped with an error.
    func walk() async throws {
        while true {
            let snapshot = await client.engine.current
            try await camera?.look(snapshot)
            switch snapshot.state {
            case .finished, .rolledBack, .failed:
                try await Task.sleep(for: dwell)
                try await camera?.last()
                return
            default: break
            }
            if let waiting = snapshot.waiting, !waiting.isClock {
                try await Task.sleep(for: dwell)
                // What it waits for may have changed while it was read.
                guard await client.engine.current.waiting?.isSameStop(as: waiting) == true else {
                    continue
                }
                try await camera?.beforeLeaving(snapshot)
                try await pass(waiting)
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func pass(_ waiting: Waiting) async throws {
        switch waiting {
        case .phaseStart, .gate: try await client.perform(.advance(gate: nil))
        case .checklist(let open):
            for item in open { try await client.perform(.check(item: item)) }
        case .purge: try await client.perform(.purge)
        case .paused: try await client.perform(.resume)
        case .quarantine: break
        }
    }
}

extension Waiting {
    /// Only time ends it.
    fileprivate var isClock: Bool { if case .quarantine = self { true } else { false } }

    fileprivate func isSameStop(as other: Waiting) -> Bool {
        switch (self, other) {
        case (.gate(let left), .gate(let right)): left.id == right.id
        case (.phaseStart(let left), .phaseStart(let right)): left == right
        case (.checklist, .checklist), (.purge, .purge), (.paused, .paused): true
        default: false
        }
    }
}
