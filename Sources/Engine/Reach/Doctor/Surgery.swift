import Foundation
import Migration
import Monitor
import Postgres

/// Runs an ailment's statements, its strong locks asked for as a step's are (`LockAcquisition`).
struct Surgery {
    let ailment: Ailment
    let connection: Connection
    /// For all tries together.
    private static let patience = Duration.seconds(60)
    private static let budget = Duration.milliseconds(100)

    func perform() async throws {
        let statements = ailment.statements.map { SQL(writtenByUser: $0) }
        if ailment.isOutsideTransaction {
            // A concurrent drop waits for older transactions; a lock_timeout would leave it half done.
            try await connection.run("SET lock_timeout = 0", "SET statement_timeout = 0")
            for statement in statements { try await connection.query(statement) }
        } else if ailment.locks.isEmpty {
            for statement in statements { try await connection.query(statement) }
        } else {
            try await acquire(statements)
        }
    }

    private func acquire(_ statements: [SQL]) async throws {
        var acquisition = LockAcquisition(seed: UInt64.random(in: .min ... .max))
        var next = acquisition.begin()
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            switch next {
            case .look:
                let look = try await LockLook.look(
                    on: connection,
                    wanted: ailment.locks.map {
                        WantedLock(table: $0, mode: LockMode.accessExclusive.rawValue)
                    }, ours: [Int(connection.backendPID)])
                next = acquisition.looked(look.holders, budget: Self.budget)
            case .rest(let duration):
                try await Task.sleep(for: duration)
                next = .look
            case .ask:
                let began = ContinuousClock.now
                if try await ask(statements) { return }
                next = acquisition.refused(after: ContinuousClock.now - began)
            }
        }
        let who = acquisition.blockers.map { "pid \($0.pid)" }.joined(separator: ", ")
        throw ActionRefusal(
            "The lock was not to be had in a minute; nothing was changed."
                + (who.isEmpty ? "" : " In the way: \(who).")
                + " `lockkeeper locks` shows it; run this again when it is gone.")
    }

    /// One message, so that the lock is never held while we think or die. False where the lock was
    /// not to be had.
    private func ask(_ statements: [SQL]) async throws -> Bool {
        let milliseconds = Int(Self.budget / .milliseconds(1))
        let settings: [SQL] = [
            "BEGIN", "SET LOCAL lock_timeout = \(milliseconds)",
            "SET LOCAL statement_timeout = \(milliseconds)",
            "SET LOCAL synchronous_commit = local",
        ]
        do {
            try await connection.inTransactionMessage(settings + statements + ["COMMIT"])
            return true
        } catch let error as ServerError where error.isLockRefusal {
            return false
        }
    }
}
