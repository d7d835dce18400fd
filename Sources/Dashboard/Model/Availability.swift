import Engine
import Foundation
import Migration
import Monitor

extension Model {
    /// Why a key can't act now, in words for the operator; nil where it can.
    func obstacle(to command: Command) -> String? {
        guard isActing(command) else { return nil }
        if isReadOnly { return "read-only: this key is taken away; start without --read-only" }
        guard let snapshot else { return "there is no picture of the migration yet" }
        if hasEnded {
            return "the engine has stopped; \(keys.name("q")) leaves, and the same command goes on"
        }
        if ending != nil { return "the engine is being stopped" }
        switch command {
        case .takeOver: return takeOverObstacle(snapshot)
        case .waive where withdrawable != nil: return nil
        case .cancelQuery, .terminateSession: return sessionObstacle(command)
        default: break
        }
        if let engine = snapshot.engine, !engine.isAlive {
            return "the engine on \(engine.host) gives no sign of life"
                + (canTakeOver
                    ? "; \(keys.name("T")) takes over" : "; `lockkeeper run` goes on from here")
        }
        if snapshot.state == .interrupted {
            return "no engine runs it"
                + (canTakeOver
                    ? "; \(keys.name("T")) takes over" : "; `lockkeeper run` goes on from here")
        }
        switch command {
        case .advance: return advanceObstacle(snapshot)
        case .pause: return pauseObstacle(snapshot)
        case .rollBack: return rollBackObstacle(snapshot)
        case .purge: return purgeObstacle(snapshot)
        case .tick, .waive: return itemObstacle(command, snapshot)
        default: return nil
        }
    }

    func isActing(_ command: Command) -> Bool {
        KeyTable.bindings.contains { $0.command == command && $0.kind != .looking }
    }

    private func advanceObstacle(_ snapshot: Snapshot) -> String? {
        switch snapshot.waiting {
        case .phaseStart: return nil
        case .gate(let gate):
            return gate.askedAt == nil
                ? "what speaks against gate \(gate.id) is still being looked for" : nil
        case .checklist(let items):
            let count = items.isEmpty ? openItems.count : items.count
            return (count == 1 ? "1 checklist item is open" : "\(count) checklist items are open")
                + ": \(keys.name("Space")) ticks, \(keys.name("w")) waives with a reason"
        case .paused(let by): return "paused by \(by); \(keys.name("p")) goes on"
        case .quarantine(let until):
            let left = figures.duration(until.timeIntervalSince(serverNow))
            return "in quarantine for another \(left); then \(keys.name("P")) purges"
        case .purge:
            return "only the purge is left: \(keys.name("P")), or \(keys.name("R")) to go back"
        case nil: break
        }
        switch snapshot.state {
        case .finished: return "the migration is finished; nothing is left to start"
        case .rolledBack: return "it is rolled back; `lockkeeper run` begins anew"
        case .rollingBack: return "a rollback runs; nothing waits for you"
        case .failed:
            return "it stands on an error; read the alert, then `lockkeeper run` tries again"
        default:
            let phase = currentPhase.map { $0.phase.title } ?? "a phase"
            return "\(phase) is running; nothing waits for you"
        }
    }

    private func pauseObstacle(_ snapshot: Snapshot) -> String? {
        switch snapshot.state {
        case .running, .paused, .rollingBack: return nil
        case .waiting, .quarantined: return "it stands and waits already; there is nothing to pause"
        default: return "nothing runs that could be paused"
        }
    }

    private func rollBackObstacle(_ snapshot: Snapshot) -> String? {
        if snapshot.state == .rollingBack { return "a rollback runs already" }
        if !snapshot.rollbacks.isEmpty { return nil }
        switch snapshot.state {
        case .finished: return "the old structure is purged; there is no way back"
        case .rolledBack: return "it is rolled back already"
        default: return "nothing has been changed yet; there is nothing to roll back"
        }
    }

    private func purgeObstacle(_ snapshot: Snapshot) -> String? {
        guard let purge = snapshot.purge else {
            return snapshot.state == .finished
                ? "it is purged already" : "nothing is in quarantine yet; there is nothing to purge"
        }
        guard let from = purge.from, from > serverNow else { return nil }
        let left = figures.duration(from.timeIntervalSince(serverNow))
        return "in quarantine for another \(left), until "
            + figures.moment(from, now: serverNow) + "; \(keys.name("o")) shortens that"
    }

    private func itemObstacle(_ command: Command, _ snapshot: Snapshot) -> String? {
        if command == .waive && focus != .checklist && snapshot.lockRequest != nil { return nil }
        if snapshot.checklist.isEmpty { return "this migration has no checklist" }
        let item = snapshot.checklist.first { $0.id == selected(in: .checklist) }
        if focus == .checklist && item?.state == .evident {
            return
                "this item has its evidence; there is nothing to \(command == .tick ? "tick" : "waive")"
        }
        return nil
    }

    private func takeOverObstacle(_ snapshot: Snapshot) -> String? {
        if snapshot.engine?.isThis == true { return "the engine runs here already" }
        if !canTakeOver { return "it can't be taken over from here; use `lockkeeper run`" }
        switch snapshot.state {
        case .finished, .rolledBack: return "there is nothing left to run"
        default: return nil
        }
    }

    private func sessionObstacle(_ command: Command) -> String? {
        guard let row = lockRows.first(where: { $0.id == selected(in: .locks) }) else {
            return "no session stands in the lock panel"
        }
        switch row.subject {
        case .prepared(let prepared):
            let name = prepared?.identifier ?? "NAME"
            return
                "a prepared transaction has no session; COMMIT PREPARED or ROLLBACK PREPARED '\(name)'"
        case .request: return "this is our own request; \(keys.name("w")) withdraws it"
        case .session(let session):
            if row.isOurs { return "pid \(row.pid ?? 0) is ours; \(keys.name("p")) pauses it" }
            if command == .cancelQuery, session?.state?.hasPrefix("idle") == true {
                return
                    "pid \(row.pid ?? 0) runs no query that could be cancelled; \(keys.name("K")) ends the session"
            }
            return nil
        }
    }
}
