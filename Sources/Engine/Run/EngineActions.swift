import Foundation
import Migration
import Postgres

/// What operators ask for, from this process or through the journal's commands.
extension Engine {
    public func perform(_ action: OperatorAction) async throws {
        try await perform(action, by: person)
    }

    func perform(_ action: OperatorAction, by someone: Person) async throws {
        defer { wake.yield() }
        switch action {
        case .advance(let gate): try await advance(gate, by: someone)
        case .start(let phase): try await start(phase, by: someone)
        case .pause: try await pause(by: someone)
        case .resume: try await resume(by: someone)
        case .rollBack(let phase): try await rollBack(to: phase, by: someone)
        case .purge: try await purge(by: someone)
        case .check(let item): try await tick(item, .check, reason: nil, by: someone)
        case .uncheck(let item): try await untick(item, by: someone)
        case .waive(let item, let reason): try await tick(item, .waive, reason: reason, by: someone)
        case .set(let key, let value): try await set(key, value, by: someone)
        case .cancelQuery(let pid): try await signal(pid, "pg_cancel_backend", by: someone)
        case .terminateSession(let pid): try await signal(pid, "pg_terminate_backend", by: someone)
        case .withdraw(let command):
            let isWithdrawn = try await journal().withdraw(
                command: command, of: record.id, because: "by \(someone)")
            guard isWithdrawn else {
                throw refuse("Command \(command) was taken, or withdrawn, already.")
            }
        case .stop:
            isStopping = true
            stepTask?.cancel()
            telling?.cancel()
        }
        publish()
    }

    private func refuse(_ message: String) -> ActionRefusal { ActionRefusal(message) }

    // MARK: going on

    private func advance(_ gate: String?, by someone: Person) async throws {
        if failure != nil {
            guard gate == nil else {
                throw refuse("A step stopped with an error: mend it and advance without a gate.")
            }
            try await retry(by: someone)
            return
        }
        course.checklist = checklist
        switch course.next(now: Date()) {
        case .waitAtGate(let waiting, let said):
            if let gate, gate != waiting.id {
                throw refuse("Gate \(gate) does not wait; \(waiting.id) does.")
            }
            let word = GateWord(gate: waiting, said: said, person: someone)
            if let refusal = word.refusal { throw refuse(refusal) }
            if let phase = course.place(of: waiting)?.phase, course.direction == .forward,
                let trouble = windowTrouble(phase)
            {
                throw refuse(trouble)
            }
            try await give(word)
        case _ where gate != nil:
            throw refuse("No gate waits now, so \(gate ?? "") can't be passed.")
        case .wait(.phaseStart(let phase)):
            if let trouble = windowTrouble(phase) { throw refuse(trouble) }
            try await approve(.phase, phase.rawValue, by: someone)
        case .wait(.checklist(let open)):
            throw refuse(Checklist.sentence(open: open))
        case .wait(.quarantine(let until)):
            throw refuse("In quarantine until \(until.rfc3339); then the purge is offered.")
        case .wait(.purge):
            throw refuse(
                "Only the purge is left, which is confirmed by the migration's name: P, or `lockkeeper purge`."
            )
        case .finished: throw refuse("The migration is finished.")
        case .rolledBack: throw refuse("The migration is rolled back.")
        default:
            throw refuse(
                control.read(\.pausedBy) == nil
                    ? "A step is running; nothing waits." : "It is paused; resume goes on.")
        }
    }

    private func start(_ phase: Phase, by someone: Person) async throws {
        course.checklist = checklist
        guard failure == nil, case .wait(.phaseStart(phase)) = course.next(now: Date()) else {
            throw refuse(
                "\(phase.title) does not wait to be started: it has begun, or is not next.")
        }
        try await advance(nil, by: someone)
    }

    private func retry(by someone: Person) async throws {
        try await journal().set(failure: nil, of: record.id)
        failure = nil
        control.emit(.operatorAction, "\(someone) has it tried again")
    }

    private func pause(by someone: Person) async throws {
        if let by = control.read(\.pausedBy) { throw refuse("It is paused already, by \(by).") }
        if record.state != "active" { throw refuse("The migration is \(record.state).") }
        try await journal().set(pausedBy: someone.description, of: record.id)
        control.change { $0.pausedBy = someone.description }
        control.emit(.paused, "Paused by \(someone); writes stay in sync, nothing new begins")
    }

    func resume(by someone: Person) async throws {
        guard control.read(\.pausedBy) != nil else { throw refuse("It is not paused.") }
        try await journal().set(pausedBy: nil, of: record.id)
        control.change { $0.pausedBy = nil }
        control.emit(.resumed, "Resumed by \(someone)")
    }

    private func rollBack(to phase: Phase?, by someone: Person) async throws {
        guard record.state == "active" else { throw refuse("The migration is \(record.state).") }
        if course.isPastPointOfNoReturn {
            throw refuse("The old structure is purged: there is nothing left to go back to.")
        }
        if course.direction != .forward { throw refuse("It is being rolled back already.") }
        if let phase, course.undoSteps(to: phase).isEmpty,
            !course.plan.steps.contains(where: {
                $0.phase > phase && course.state(of: $0.id) != .pending
            })
        {
            throw refuse("Nothing after \(phase.title) has been done.")
        }
        control.emit(.operatorAction, "\(someone) asks for a rollback")
        wantedTurn = .back(to: phase)
        askedTurn = CommandView(
            id: 0, words: OperatorAction.rollBack(to: phase).words, by: someone.description,
            at: Date(), isTaken: true)
        if control.read(\.pausedBy) != nil { try await resume(by: someone) }
        stepTask?.cancel()
    }

    private func purge(by someone: Person) async throws {
        switch course.next(now: Date()) {
        case .wait(.purge): try await approve(.purge, "purge", by: someone)
        case .wait(.quarantine(let until)):
            throw refuse(
                "In quarantine until \(until.rfc3339); `run --purge` with every gate approved does not wait."
            )
        default: throw refuse("Nothing waits to be purged.")
        }
    }

    // MARK: words

    /// Journals a person's word about a gate, with what made them another person.
    func give(_ word: GateWord) async throws {
        try await journal().approve(
            .gate, word.gate.id, of: record.id, by: word.person, reason: word.basis)
        try await reloadApprovals()
        control.emit(.operatorAction, word.text, word.fields)
    }

    func approve(_ kind: Approval.Kind, _ subject: String, by someone: Person) async throws {
        try await journal().approve(kind, subject, of: record.id, by: someone)
        try await reloadApprovals()
        let what =
            switch kind {
            case .gate: "passes gate \(subject)"
            case .phase: "starts \(Phase(rawValue: subject)?.title ?? subject)"
            case .purge, .purgeNow: "confirms the purge"
            case .check: "ticks \(subject)"
            case .waive: "waives \(subject)"
            case .evidence: "has evidence for \(subject)"
            }
        control.emit(.operatorAction, "\(someone) \(what)", ["subject": .string(subject)])
    }

    func tick(_ item: String, _ kind: Approval.Kind, reason: String?, by someone: Person)
        async throws
    {
        guard record.checklist.contains(where: { $0.id == item }) else {
            let known = record.checklist.map(\.id).joined(separator: ", ")
            throw refuse(
                "The checklist has no item \(item); it has \(known.isEmpty ? "none" : known).")
        }
        try await journal().withdraw(.check, item, of: record.id)
        try await journal().withdraw(.waive, item, of: record.id)
        try await journal().approve(kind, item, of: record.id, by: someone, reason: reason)
        try await reloadApprovals()
        control.emit(
            .checklist,
            kind == .check
                ? "\(someone) ticks \(item)" : "\(someone) waives \(item): \(reason ?? "")",
            ["item": .string(item), "reason": JSONValue(reason)])
    }

    private func untick(_ item: String, by someone: Person) async throws {
        try await journal().withdraw(.check, item, of: record.id)
        try await journal().withdraw(.waive, item, of: record.id)
        try await reloadApprovals()
        control.emit(.checklist, "\(someone) opens \(item) again", ["item": .string(item)])
    }

    private func set(_ key: String, _ value: String, by someone: Person) async throws {
        var settings = control.settings
        do { try settings.apply(key: key, value: value) } catch { throw refuse(error.sentence) }
        try await journal().set(settings, of: record.id)
        record.settings = settings
        course.settings = settings
        control.change { state in
            if state.settings.throttle.query != settings.throttle.query { state.queryReading = nil }
            state.settings = settings
        }
        control.emit(
            .operatorAction, "\(someone) sets \(key) to \(value)",
            ["key": .string(key), "value": .string(value)])
    }

    private func signal(_ pid: Int, _ function: String, by someone: Person) async throws {
        if control.read(\.ownPIDs).contains(pid) || Int(connection?.backendPID ?? 0) == pid {
            throw refuse("pid \(pid) is a session of this migration's own engine.")
        }
        do {
            let done = try await journal().connection.query(
                "SELECT pg_catalog.\(Identifier(function))($1) AS done", pid
            ).onlyRow().bool("done")
            guard done else { throw refuse("pid \(pid) is there no longer.") }
        } catch let error as ServerError {
            throw refuse(
                "\(error.message). \(error.hint ?? "GRANT pg_signal_backend TO \(Identifier(person.databaseUser)) lets us.")"
            )
        }
        control.emit(.operatorAction, "\(someone): \(function)(\(pid))", ["pid": .int(pid)])
    }
}
