import Engine
import Postgres

/// Other sessions that hold what the engine needs.
extension Fault {
    /// A lock on the table, from the weakest to the strongest, for longer than any budget.
    static let heldLock = Fault(
        name: "held-lock", weight: 2,
        strike: { try await hold(0.9, $0) })

    private static func hold(_ seconds: Double, _ scene: Scene) async throws {
        var draw = SeededRandom(scene.trial.random)
        let mode =
            [
                "ACCESS SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE",
                "SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE",
            ].randomElement(using: &draw) ?? "SHARE"
        let table = try await scene.table()
        scene.tell("\(mode) on \(table)")
        let connection = try await scene.connect()
        // Behind whatever the engine holds just now.
        scene.keep(
            Task {
                do {
                    try await connection.query("BEGIN")
                    try await connection.query(
                        "LOCK TABLE \(Identifier(table)) IN \(SQL(writtenByUser: mode)) MODE")
                    try await Task.sleep(for: .seconds(seconds))
                    try await connection.query("COMMIT")
                } catch {
                    scene.tell("the lock: \(error)")
                }
                await connection.close()
            })
    }

    /// A lock on the table that is held for minutes.
    static let lockHeldForMinutes = Fault(
        name: "lock-held-for-minutes", seconds: 300,
        strike: { try await hold(130, $0) })

    /// Transactions that take row locks in any order and then ask for the table.
    static let deadlocks = Fault(
        name: "deadlocks",
        strike: { scene in
            for number in 0..<2 {
                scene.keep(
                    Task {
                        do { try await quarrel(scene, number) } catch {
                            scene.tell("quarrel: \(error)")
                        }
                    })
            }
        })

    private static func quarrel(_ scene: Scene, _ number: Int) async throws {
        var draw = SeededRandom(scene.trial.random &+ UInt64(number))
        let table = Identifier(try await scene.table())
        let connection = try await scene.connect()
        try await connection.query("SET deadlock_timeout = '5ms'")
        let end = ContinuousClock.now + .milliseconds(1200)
        while ContinuousClock.now < end, !Task.isCancelled {
            do {
                try await connection.query("BEGIN")
                for _ in 0..<6 {
                    let id = Int.random(in: 1...400, using: &draw)
                    try await connection.query(
                        "SELECT FROM \(table) WHERE id = \(id) FOR UPDATE")
                }
                if draw.next() % 3 == 0 {
                    try await connection.query("LOCK TABLE \(table) IN SHARE ROW EXCLUSIVE MODE")
                }
                try await connection.query("COMMIT")
            } catch let error as ServerError {
                scene.tell("a quarrel ended: \(error.sqlState)")
                try await connection.query("ROLLBACK")
            }
        }
        await connection.close()
    }
}

extension Scene {
    /// The table of the orders, under the name that it has now.
    func table() async throws -> String {
        try await value(
            """
            SELECT relname FROM pg_class WHERE relname IN ('orders', 'purchases')
              AND relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace LIMIT 1
            """) ?? "orders"
    }
}
