import Migration
import Postgres

/// Thrown by a walk that may not go on and has rested in its snapshot for as long as that does no harm.
struct SnapshotGivenUp: Error {
    /// Why, as it has been told.
    let told: RestsTold
}

/// Reading that has to see one moment of the database from its first row to its last.
///
/// A snapshot holds back VACUUM everywhere, and the transaction keeps ACCESS SHARE on what it has read.
/// So it does not outlast a long rest: both are given up, and the reading begins anew when it may go on.
/// It can't go on where it stood, because a row that moved meanwhile would be met twice or never.
struct OneSnapshot {
    let table: QualifiedName
    let step: StepID
    let context: StepContext

    /// The transaction is open when `body` begins and when it returns; what it throws leaves it open too.
    func read<Value>(
        on connection: Connection, _ body: () async throws -> Value
    ) async throws -> Value {
        while true {
            // A stall of ours (a busy machine) must not cost a comparison of hours; all that it holds is
            // ACCESS SHARE.
            try await connection.run(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                "SET LOCAL idle_in_transaction_session_timeout = '60s'")
            do {
                return try await body()
            } catch let rest as SnapshotGivenUp {
                await connection.rollBackIfOpen()
                context.emit(
                    .throttled, step,
                    "The comparison of \(table) has given up its snapshot and its lock while it rests, and begins anew after it.",
                    ["signal": .string("snapshot"), "value": .null, "limit": .null])
                var told = rest.told
                try await context.control.checkpoint(.reading) { hold in
                    if told.isNew(hold), let hold { context.emit(hold, step) }
                    context.control.change { state in
                        state.progress[step]?.pauseReason = hold?.reason
                        state.progress[step]?.done = 0
                    }
                }
            }
        }
    }
}
