import Foundation
import Migration
import Postgres

/// Words to an engine elsewhere, by way of the journal.
extension Office {
    /// How long a command waits to be taken, and then to be carried out.
    private static let patience = (taken: Duration.seconds(10), answered: Duration.seconds(40))

    /// Asks and waits for the answer. A command that the engine has not taken when this gives up, when
    /// the engine has ended, or when the task is cancelled, is withdrawn: nothing of it happens later.
    func command(_ action: OperatorAction, _ standing: Standing) async throws -> String {
        let host = standing.engineHost ?? "its host"
        let record = standing.record
        try await connection.query("LISTEN \(JournalSchema.channel)")
        let id: Int
        do { id = try await journal.ask(action, of: record.id, by: person) } catch let error
            as ServerError where error.sqlState == .insufficientPrivilege
        {
            throw ActionRefusal(
                "\(person.databaseUser) may read this journal and not write to it. Let its owner run: "
                    + "GRANT INSERT, UPDATE ON lockkeeper.commands, lockkeeper.watchers TO "
                    + "\(Identifier(person.databaseUser));")
        }
        let began = ContinuousClock.now
        do {
            while true {
                if let answer = try await journal.answer(to: id) {
                    if case .refused(let reason) = answer { throw ActionRefusal(reason) }
                    return "The engine on \(host) has taken it."
                }
                let waited = ContinuousClock.now - began
                if try await !isEngineThere(record.id) {
                    try await giveUp(id, record, "the engine ended", host: host, hasEnded: true)
                } else if waited > Self.patience.taken {
                    try await giveUp(
                        id, record, "the engine did not answer", host: host,
                        mayWait: waited < Self.patience.answered)
                }
                await connection.arrival(upTo: .milliseconds(500))
                try Task.checkCancellation()
                _ = try await connection.takeNotifications()
            }
        } catch let error where error.isCancellation {
            // The cancelled task sends nothing any more.
            let isWithdrawn = try await Task { [journal, person] in
                try await journal.withdraw(command: id, of: record.id, because: "by \(person)")
            }.value
            throw ActionRefusal(
                isWithdrawn
                    ? "Withdrawn: the engine on \(host) had not taken it, and nothing was done."
                    : "The engine on \(host) had taken it already; `lockkeeper status` says where it stands."
            )
        }
    }

    /// Withdraws a command and says so; returns where it was answered meanwhile, or is being carried out
    /// and may be waited for.
    private func giveUp(
        _ id: Int, _ record: MigrationRecord, _ reason: String, host: String,
        hasEnded: Bool = false, mayWait: Bool = false
    ) async throws {
        if try await journal.withdraw(command: id, of: record.id, because: reason) {
            throw ActionRefusal(
                hasEnded
                    ? "The engine on \(host) ended before it took this: it is withdrawn, nothing was done. "
                        + "`lockkeeper status \(record.name)` says what to type next."
                    : "The engine on \(host) did not answer within 10 s; the command is withdrawn. "
                        + "`lockkeeper watch \(record.name)`, then T, takes over from an engine that stands still."
            )
        }
        if try await journal.answer(to: id) != nil || mayWait { return }
        throw ActionRefusal(
            "The engine on \(host) took it and \(hasEnded ? "ended" : "has not answered"); "
                + "`lockkeeper history \(record.name)` says what was done.")
    }

    private func isEngineThere(_ id: Int) async throws -> Bool {
        try await connection.query(
            """
            SELECT EXISTS (SELECT FROM pg_catalog.pg_locks
              WHERE locktype = 'advisory' AND granted AND objsubid = 2
                AND classid = \(JournalSchema.advisoryClass) AND objid = \(id)
                AND database = (SELECT oid FROM pg_catalog.pg_database
                                 WHERE datname = pg_catalog.current_database())) AS there
            """
        ).onlyRow().bool("there")
    }

    /// Takes back what was asked of a migration's engine and it has not taken: the only command there is,
    /// or the one of that number. Returns a sentence; throws `ActionRefusal`.
    public func withdraw(_ command: Int?, of name: String) async throws -> String {
        let standing = try await standing(of: name)
        try await refuseStandby()
        let open = standing.commands.filter { !$0.isTaken }
        let one = command.map { number in open.first { $0.id == number } } ?? open.first
        guard let one, command != nil || open.count == 1 else {
            if open.count > 1 {
                let list = open.map { "\($0.id) (\($0.words), by \($0.by))" }
                throw ActionRefusal("Name one of \(list.joined(separator: ", ")).")
            }
            throw ActionRefusal(
                command.map { "Command \($0) of \(name) was taken, or withdrawn, already." }
                    ?? "Nothing waits to be taken by the engine of \(name); there is nothing to withdraw."
            )
        }
        guard
            try await journal.withdraw(
                command: one.id, of: standing.record.id, because: "by \(person)")
        else { throw ActionRefusal("The engine has just taken it: \(one.words).") }
        return "Withdrawn: \(one.words), by \(one.by)."
    }
}
