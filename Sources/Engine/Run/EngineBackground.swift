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
        let watch = ServerWatch(settings: settings)
        while !Task.isCancelled {
            do {
                let picture = try await watch.picture(ours: control.read(\.ownPIDs))
                control.seen(picture)
            } catch {
                if !error.isCancellation { control.change { $0.trouble = "\(error)" } }
            }
            wake.yield()
            do { try await Task.sleep(for: .milliseconds(Int(refresh * 1000))) } catch { break }
        }
        await watch.close()
    }

    /// Four times a second the engine looks up, so that progress is shown as it comes.
    private func tick() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: .milliseconds(250)) } catch { return }
            if runningStep != nil { publish() }
            noteStandstill()
            if hasBegun { noteForecast() }
            wake.yield()
        }
    }

    /// Heartbeat, commands from other terminals, the user's throttle query, the worst wait.
    private func keepHouse() async {
        while !Task.isCancelled {
            let held = connection
            do { try await keepHouseOnce() } catch {
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
            UPDATE lockkeeper.engines SET heartbeat_at = pg_catalog.clock_timestamp()
             WHERE migration = $1 AND backend_pid = $2
            """, record.id, Int(connection.backendPID))
        let worst = control.read(\.worstWait)
        if worst > (record.worstWaitMilliseconds ?? -1) {
            try await journal().set(worstWait: worst, of: record.id)
            record.worstWaitMilliseconds = worst
        }
        try await askThrottleQuery()
        try await obeyCommands()
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
        let rows = try await journal().connection.query(
            """
            SELECT id, action, db_user, os_user, host FROM lockkeeper.commands
             WHERE migration = $1 AND answered_at IS NULL ORDER BY id
            """, record.id
        ).rows
        for row in rows { try await obey(row) }
    }

    private func obey(_ row: Row) async throws {
        let id = try row.int("id")
        // Claimed first: a command that its sender withdraws meanwhile is not carried out.
        let claimed = try await journal().connection.query(
            """
            UPDATE lockkeeper.commands SET answered_at = pg_catalog.clock_timestamp(), refusal = $2
             WHERE id = $1 AND answered_at IS NULL RETURNING id
            """, id, Office.underWay
        ).rows
        guard !claimed.isEmpty else { return }
        let person = Person(
            databaseUser: try row.string("db_user"), systemUser: try row.string("os_user"),
            host: try row.string("host"))
        var refusal: String?
        do {
            let action: OperatorAction = try row.json("action")
            try await perform(action, by: person)
        } catch let error as ActionRefusal {
            refusal = error.message
        } catch let error as DecodingError {
            refusal = "this engine does not know the command: \(error)"
        }
        try await journal().connection.query(
            "UPDATE lockkeeper.commands SET refusal = $2 WHERE id = $1", id, refusal)
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
                at: event.time, kind: event.kind.rawValue, text: event.text, by: person.description)
        )
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
