import Foundation
import Postgres

/// The engine is told to end, or ended.
extension Fault {
    /// SIGKILL: before a message reaches the server, or between its COMMIT and the acknowledgement.
    static let kill = Fault(
        name: "kill", weight: 6, strike: { $0.engine?.signal(SIGKILL) })

    /// SIGKILL while a concurrent build, or the concurrent drop of an index, waits for a transaction that
    /// has the table in hand: the server goes on with it.
    static let killInBuild = Fault(
        name: "kill-in-build", weight: 2,
        operations: [
            "create_index", "add_unique", "drop_index", "column: status\n", "from: status",
        ],
        strike: { scene in
            let deadline = ContinuousClock.now + .seconds(3)
            while try await scene.value(
                """
                SELECT count(*) FROM pg_stat_activity
                 WHERE application_name = 'lockkeeper' AND datname = current_database()
                   AND query LIKE '%CONCURRENTLY%' AND wait_event_type = 'Lock'
                """) == "0"
            {
                guard ContinuousClock.now < deadline else {
                    scene.tell("it did not wait")
                    break
                }
                try await Task.sleep(for: .milliseconds(2))
            }
            scene.engine?.signal(SIGKILL)
        },
        within: Within(marks: ["INDEX CONCURRENTLY"]) { scene in
            let connection = try await scene.connect()
            let table = Identifier(try await scene.table())
            try await connection.run("BEGIN", "LOCK TABLE \(table) IN ROW EXCLUSIVE MODE")
            scene.keep(
                Task {
                    while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
                    await connection.close()
                })
        })

    /// SIGKILL while the server is at work on a batch, of which one row is locked.
    static let killInBatch = Fault(
        name: "kill-in-batch", weight: 2,
        operations: [
            "replace_column", "rename_column", "backfill", "up:", "orphans", "method: copy",
        ],
        strike: { scene in
            try await Task.sleep(for: .microseconds(Int(scene.trial.random % 6000)))
            scene.engine?.signal(SIGKILL)
        },
        within: Within(marks: [": blocks "]) { scene in
            let connection = try await scene.connect()
            let table = Identifier(try await scene.table())
            try await connection.run(
                "BEGIN", "SELECT FROM \(table) ORDER BY id LIMIT 1 FOR UPDATE")
            scene.keep(
                Task {
                    while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
                    await connection.close()
                })
        })

    static let terminate = Fault(
        name: "sigterm", weight: 2, strike: { $0.engine?.signal(SIGTERM) })
    static let hangUp = Fault(name: "sighup", strike: { $0.engine?.signal(SIGHUP) })
    static let interrupt = Fault(name: "sigint", strike: { $0.engine?.signal(SIGINT) })
}
