import Foundation
import Migration
import Monitor
import Postgres

/// What goes on beside the steps: pictures of the server, the heartbeat, commands from elsewhere,
/// the journal's events.
extension Engine {
    struct Background {
        let workers: [Task<Void, Never>]
        let journalist: Task<Void, Never>
    }

    func startBackground() -> Background {
        Background(
            workers: [
                Task { await self.watchServer() }, Task { await self.keepHouse() },
                Task { await self.tick() },
            ],
            journalist: Task { await self.writeEvents() })
    }

    /// Waits until the server has been seen once, or can't be: the checklist's evidence and the
    /// throttle rest on it.
    func firstPicture() async {
        let deadline = ContinuousClock.now + .seconds(3)
        while ContinuousClock.now < deadline,
            control.read({ $0.picture == nil && $0.trouble == nil })
        {
            do { try await Task.sleep(for: .milliseconds(10)) } catch { return }
        }
    }

    /// A picture each refresh. A picture that can't be had is said, and the old one ages.
    private func watchServer() async {
        let watch = ServerWatch(
            settings: settings, opening: [SessionFactory.mark(record.id)])
        while !Task.isCancelled {
            do {
                let picture = try await watch.picture(
                    ours: control.read(\.ownPIDs), inspecting: control.read(\.inspected))
                control.seen(picture)
            } catch {
                if !error.isCancellation { control.change { $0.trouble = "\(error)" } }
            }
            wake.yield()
            let rest = Task { [refresh] in
                try await Task.sleep(for: .milliseconds(Int(refresh * 1000)))
            }
            restOfWatch = rest
            await withTaskCancellationHandler {
                _ = await rest.result
            } onCancel: {
                rest.cancel()
            }
        }
        await watch.close()
    }

    /// Nobody listens to `events`: none are kept for it, and of batches, which come dozens a second, only
    /// the log is told.
    public nonisolated func forgoEvents() {
        eventOut.finish()
        if log.logLevel > .info { control.change { $0.tellsBatches = false } }
    }

    public func inspect(pid: Int?) {
        guard control.read(\.inspected) != pid else { return }
        control.change { $0.inspected = pid }
        if pid != nil { restOfWatch?.cancel() }
    }

    /// The engine looks up again and again: twice a second while a step runs, or more often where pictures
    /// come more often, so that progress is shown as it comes; once a second while it waits, for what the
    /// clock alone changes.
    private func tick() async {
        while !Task.isCancelled {
            let rest = runningStep == nil ? 1 : min(0.5, max(0.1, refresh / 2))
            do { try await Task.sleep(for: .seconds(rest)) } catch { return }
            if runningStep != nil { publish() }
            noteStandstill()
            if hasBegun { noteForecast() }
            wake.yield()
        }
    }

    /// Heartbeat, commands from other terminals, the user's throttle query, the worst wait: twice a
    /// second while a step runs, else once, and at once when a command is announced.
    private func keepHouse() async {
        while !Task.isCancelled {
            let held = connection
            do {
                try await keepHouseOnce()
                try await rest(on: held)
                continue
            } catch {
                log.debug("housekeeping: \(error)")
                // The main loop connects anew; it would not meet the loss while it only waits.
                if let reason = error.connectionTrouble, let held, held === connection {
                    controlIsLost()
                    await dropConnection(reason)
                    wake.yield()
                }
            }
            do { try await Task.sleep(for: .milliseconds(500)) } catch { return }
        }
    }

    /// Until it is time again, or somebody has a command for this migration.
    private func rest(on held: Connection?) async throws {
        let deadline = ContinuousClock.now + .milliseconds(runningStep == nil ? 1000 : 500)
        while let held, held === connection, !Task.isCancelled {
            let left = deadline - .now
            if left <= .zero { return }
            await held.arrival(upTo: left)
            let news = try await held.takeNotifications()
            if news.contains(where: { $0.payload == "command \(record.id)" }) { return }
        }
        if held == nil { try await Task.sleep(for: .milliseconds(500)) }
    }

    /// Without this session there is no lock, no heartbeat and nobody to hear a pause: the step is
    /// cancelled, and the main loop connects anew and goes on from where it was.
    private func controlIsLost() {
        guard let task = stepTask, !isControlLost, connection != nil else { return }
        isControlLost = true
        task.cancel()
    }

    private func keepHouseOnce() async throws {
        guard let connection else { return }
        try await connection.query(
            """
            UPDATE lockkeeper.engines SET heartbeat_at = pg_catalog.clock_timestamp(),
              report = $3::jsonb WHERE migration = $1 AND backend_pid = $2
            """, record.id, Int(connection.backendPID), try CompactJSON.encode(report))
        watchers = try await journal().watchers(of: record.id)
        let worst = control.read(\.worstWait)
        if worst > (record.worstWaitMilliseconds ?? -1) {
            try await journal().set(worstWait: worst, of: record.id)
            record.worstWaitMilliseconds = worst
        }
        try await askThrottleQuery()
        // Before the first look at the journal nothing waits yet that a command could speak of.
        if decision != nil { try await obeyCommands() }
    }

    /// In a session of its own: the user's query may do as it likes with it.
    private func askThrottleQuery() async throws {
        guard let text = control.settings.throttle.query, runningStep != nil else { return }
        let reading: Throttle.QueryReading
        do {
            reading = try await sessions.with { connection in
                try await connection.run(
                    "SET statement_timeout = '2s'", "SET default_transaction_read_only = on")
                let value = try await connection.query(SQL(writtenByUser: text)).onlyRow().values
                    .first
                guard let value, let text = value, text == "t" || text == "f" else {
                    return .unreadable("it must give one boolean")
                }
                return text == "t" ? .hold : .goOn
            }
        } catch {
            if error.isCancellation { throw error }
            reading = .unreadable("\(error)")
        }
        control.change { state in
            // The answer to a query that has been replaced meanwhile says nothing.
            guard state.settings.throttle.query == text else { return }
            state.queryReading = (reading, .now)
        }
    }

    private func obeyCommands() async throws {
        let journal = try journal()
        for (command, refusal) in answers {
            try await journal.answer(command, refusal: refusal, of: record.id)
            answers[command] = nil
        }
        for command in try await journal.commandsToTake(of: record.id) {
            try await obey(command, journal)
        }
    }

    private func obey(_ command: CommandRecord, _ journal: Journal) async throws {
        // Taken first: a command that its sender withdraws meanwhile is not carried out.
        guard try await journal.take(command.id) else { return }
        // Where the connection is lost in the middle, the answer is given when there is one again.
        answers[command.id] =
            "the engine lost its server while it carried this out; the history says what was done"
        var refusal: String?
        if let action = command.known {
            carryingOut = CommandView(
                id: command.id, words: action.words, by: command.by.description, at: Date(),
                isTaken: true)
            defer { carryingOut = nil }
            publish()
            do { try await perform(action, by: command.by) } catch let error as ActionRefusal {
                refusal = error.message
            }
        } else {
            refusal =
                "this engine does not know the command; it is of another version of Lockkeeper"
        }
        answers[command.id] = .some(refusal)
        try await journal.answer(command.id, refusal: refusal, of: record.id)
        answers[command.id] = nil
    }

    /// Journals what happens, in order, and passes it on. What can't be journalled now is kept until
    /// the server is back.
    private func writeEvents() async {
        let (news, told) = AsyncStream<EngineEvent>.makeStream()
        let messenger = Task { [notifier] in
            for await event in news { _ = await notifier.tell(event) }
        }
        for await event in control.happenings {
            eventOut.yield(event)
            log.info("\(event.kind.rawValue) \(event.step ?? "") \(event.text)")
            if Notifier.isWorthTelling(event.kind) { told.yield(event) }
            defer { control.change { $0.dealtWith += 1 } }
            recall(event)
            guard event.isJournalled else { continue }
            await journalise(event)
        }
        told.finish()
        // The last words are waited for, but not for ever.
        let patience = isStopping ? .seconds(1) : request.notifyPatience * 1.5
        let end = Task {
            try await Task.sleep(for: patience)
            messenger.cancel()
        }
        await messenger.value
        end.cancel()
    }

    private func recall(_ event: EngineEvent) {
        guard event.isJournalled || event.isWritten else { return }
        recentEvents.append(
            EventView(
                at: event.time, kind: event.kind.rawValue, text: event.text,
                by: person.description, step: event.step, fields: event.fields))
        if recentEvents.count > 200 { recentEvents.removeFirst() }
    }

    /// Writes an event down, waiting for a lost server to be back: at most half a minute, and a second
    /// once the run has ended.
    private func journalise(_ event: EngineEvent) async {
        let began = ContinuousClock.now
        while ContinuousClock.now - began < (hasEnded ? .seconds(1) : .seconds(30)) {
            if let connection {
                do {
                    try await Journal(connection: connection).add(event, of: record.id, by: person)
                    return
                } catch {
                    log.info("an event is not journalled yet: \(error)")
                }
            }
            do { try await Task.sleep(for: .milliseconds(200)) } catch { return }
        }
    }
}
