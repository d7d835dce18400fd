import Engine
import Postgres

/// Somebody lays hands on the journal.
extension Fault {
    /// One thing in it is spoiled; put right again, everything goes on.
    static let damagedJournal = Fault(
        name: "damaged-journal", weight: 2,
        strike: { scene in
            guard try await scene.state() != nil else { return }
            var draw = SeededRandom(scene.trial.random)
            let damage = damages[Int(draw.next() % UInt64(damages.count))]
            try await scene.run("CREATE TABLE lockkeeper.damage AS \(damage.saved)")
            do { try await scene.run("SET lock_timeout = '2s'", damage.statement) } catch let error
                as ServerError where error.sqlState == .lockNotAvailable
            {
                // The engine's session is in the way, and it waits for an answer that is held back here.
                try await scene.endSessions()
                try await scene.run(damage.statement)
            }
            scene.tell("\(damage.statement)")
            scene.note = damage.mend.text
        },
        heal: { scene in
            guard let mend = scene.note else { return }
            try await scene.run(
                SQL(writtenByUser: mend), "DROP TABLE IF EXISTS lockkeeper.damage")
        })

    private struct Damage {
        let saved: SQL
        let statement: SQL
        let mend: SQL
    }

    private static func spoiled(_ column: SQL, _ value: SQL) -> Damage {
        Damage(
            saved: "SELECT id, \(column) AS was FROM lockkeeper.migrations",
            statement: "UPDATE lockkeeper.migrations SET \(column) = \(value)",
            mend: """
                UPDATE lockkeeper.migrations m SET \(column) = d.was FROM lockkeeper.damage d
                 WHERE d.id = m.id
                """)
    }

    private static let damages = [
        spoiled("plan", "'{}'"), spoiled("plan", "'{\"steps\": 1}'"), spoiled("settings", "'[]'"),
        spoiled("direction", "'\"sideways\"'"), spoiled("checklist", "'{}'"),
        spoiled("spec", "'{'"),
        Damage(
            saved: "SELECT version AS was FROM lockkeeper.meta",
            statement: "UPDATE lockkeeper.meta SET version = 99",
            mend: "UPDATE lockkeeper.meta SET version = (SELECT was FROM lockkeeper.damage)"),
        Damage(
            saved: "SELECT * FROM lockkeeper.meta", statement: "DELETE FROM lockkeeper.meta",
            mend: "INSERT INTO lockkeeper.meta SELECT * FROM lockkeeper.damage"),
        Damage(
            saved: "SELECT * FROM lockkeeper.fences", statement: "DELETE FROM lockkeeper.fences",
            mend: "INSERT INTO lockkeeper.fences SELECT * FROM lockkeeper.damage"),
        Damage(
            saved: "SELECT 1 AS was", statement: "ALTER TABLE lockkeeper.steps RENAME TO gone",
            mend: "ALTER TABLE lockkeeper.gone RENAME TO steps"),
        Damage(
            saved: "SELECT 1 AS was",
            statement: "ALTER TABLE lockkeeper.events RENAME COLUMN text TO gone",
            mend: "ALTER TABLE lockkeeper.events RENAME COLUMN gone TO text"),
        Damage(
            saved: "SELECT 1 AS was", statement: "DELETE FROM lockkeeper.engines", mend: "SELECT 1"),
    ]

    /// The whole schema is dropped: nobody knows any more what was done. It is begun anew where that
    /// can be, else refused; no write is lost.
    static let droppedJournal = Fault(
        name: "dropped-journal", end: .isRefused(""), leavesToDoctor: true,
        strike: { scene in
            guard try await scene.state() != nil else { return }
            for attempt in 0..<50 {
                // Whoever wants to drop it ends the sessions that are in the way.
                if attempt == 20 { try await scene.endSessions() }
                do {
                    try await scene.run(
                        "SET lock_timeout = '100ms'", "DROP SCHEMA IF EXISTS lockkeeper CASCADE")
                    return
                } catch let error as ServerError
                    where [.lockNotAvailable, .deadlockDetected].contains(error.sqlState)
                {
                    continue
                }
            }
            scene.tell("the schema could not be dropped")
        })
}
