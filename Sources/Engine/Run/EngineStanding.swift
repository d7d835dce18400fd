import Foundation
import Migration

/// Where a run stands still: outside its window, at gates, in quarantine, and at its end.
extension Engine {
    /// Outside its window a run begins no phase, unless a reason was given. One with a screen has
    /// refused its operator already, who may have started the phase in time.
    func windowRefusal(_ step: Step) -> Outcome? {
        request.isInteractive ? nil : windowTrouble(step.phase).map { .refused($0) }
    }

    /// Why a phase may not begin now; nil where it may, or has begun.
    func windowTrouble(_ phase: Phase) -> String? {
        // To have looked, or passed a gate, is not to have begun: locks may be days away.
        let work = course.plan.steps(in: phase).filter { !$0.action.isLookOrWait }
        guard request.windowOverride == nil, let window = control.settings.window,
            work.allSatisfy({ course.state(of: $0.id) == .pending })
        else { return nil }
        let way = "`run --override WINDOW=REASON` begins it all the same."
        let now = control.serverNow
        if let opens = window.opens, now < opens {
            return "The window opens at \(opens.rfc3339): \(phase.title) does not begin. \(way)"
        }
        if let closes = window.closes, now >= closes {
            return "The window closed at \(closes.rfc3339): \(phase.title) does not begin. \(way)"
        }
        return nil
    }

    func standAt(_ gate: Gate, _ approvals: [Approval]) async throws -> Outcome? {
        let word = GateWord(gate: gate, said: approvals, person: person)
        if request.approvesEveryGate || request.approvedGates.contains(gate.id),
            word.refusal == nil
        {
            try await give(word)
            wake.yield()
            return nil
        }
        lookForEvidence(at: gate)
        let stays = request.isInteractive || request.waits
        if !stays { await gateTask?.value }
        announce(gate, approvals)
        return stays ? nil : .atGate(builder.view(gate, approvals))
    }

    /// Beside the course, so that whoever waits at the gate is heard meanwhile.
    private func lookForEvidence(at gate: Gate) {
        let isKnown = gateLook.map { $0.gate == gate.id && !$0.isOld } ?? false
        guard !isKnown, gateTask == nil else { return }
        gateTask = Task {
            let look = await GateLook(at: gate, sessions)
            gateTask = nil
            // Somebody may have passed it, or turned round.
            guard case .waitAtGate(let gate, _) = decision, gate.id == look.gate, !Task.isCancelled
            else { return }
            gateLook = look
            publish()
            wake.yield()
        }
    }

    /// Tells of the gate once its evidence is there, and anew when somebody has said so and another
    /// person is still wanted.
    private func announce(_ gate: Gate, _ approvals: [Approval]) {
        let announcement = "\(gate.id) \(approvals.count)"
        guard let look = gateLook, look.gate == gate.id, announcedGate != announcement else {
            return
        }
        announcedGate = announcement
        let place = course.place(of: gate)
        control.emit(
            .gate, phase: place?.phase, step: place?.step,
            "Gate \(gate.id): \(gate.text)"
                + (approvals.isEmpty ? "" : ". " + gate.missing(after: approvals)),
            [
                "gate": .string(gate.id), "text": .string(gate.text),
                "approvals": .int(approvals.count),
                "approvals_needed": .int(gate.approvals),
                "approved_by": .array(approvals.map { .string($0.by.description) }),
                "evidence": .array(look.views.map(\.json)),
            ])
        publish()
    }

    func leaveGate() async {
        gateTask?.cancel()
        await gateTask?.value
        gateLook = nil
        announcedGate = nil
    }

    func wait(for waiting: Waiting) async throws -> Outcome? {
        switch waiting {
        case .quarantine(let until):
            try await enterQuarantine(until: until)
            if request.purgesAtOnce, !course.isPurgeConfirmed {
                try await approve(.purgeNow, "purge", by: person)
                wake.yield()
                return nil
            }
            return request.isInteractive || request.waits ? nil : .quarantined(until: until)
        case .purge:
            if request.purgesAtOnce || request.confirmsPurge {
                try await approve(.purge, "purge", by: person)
                wake.yield()
                return nil
            }
            return request.isInteractive || request.waits ? nil : .quarantined(until: nil)
        case .checklist(let open):
            guard !request.isInteractive else { return nil }
            let first = open.map { "--check \($0)" }.joined(separator: " ")
            let found = checklist.filter { open.contains($0.id) }.compactMap { item in
                item.evidence.map { " \(item.id): \($0)." }
            }
            return .refused(
                Checklist.sentence(open: open) + found.joined()
                    + " `\(first)` ticks what is done, `--waive ITEM=REASON` goes on without one.")
        case .phaseStart, .gate, .paused:
            return nil
        }
    }

    /// The quarantine's clock begins with the journal's row of its wait.
    private func enterQuarantine(until: Date) async throws {
        guard
            let step = course.plan.steps.first(where: { course.state(of: $0.id) != .done }),
            course.state(of: step.id) == .pending
        else { return }
        try await note(.running, step.id)
        control.emit(
            .quarantined, phase: step.phase, step: step.id,
            "The old structure is in quarantine until \(until.rfc3339); rollback is possible all that time"
        )
    }

    func end(as state: String, _ kind: EngineEvent.Kind, _ text: String) async throws {
        guard !isEndTold else { return }
        var event = EngineEvent(time: Date(), migration: record.name, kind: kind, text: text)
        if record.state == "active" {
            // The last of the history.
            try await control.untilJournalled(.seconds(2))
            try await journal().finish(record.id, as: state, event, by: person)
            record.state = state
        }
        // Also where the answer to that was lost: it was written down all the same.
        isEndTold = true
        event.isWritten = true
        control.pass(on: event)
    }

    func endRollback(to phase: Phase?) async throws {
        guard record.state == "active" || phase == nil, course.direction != .forward else { return }
        if let phase {
            try await turn(to: .forward, undoneDownTo: phase)
            control.emit(
                .rolledBack, "Rolled back to the end of \(phase.title)",
                ["to": .string(phase.rawValue)])
        } else {
            try await end(
                as: "rolled_back", .rolledBack, "Rolled back: everything is as it was before")
        }
    }
}
