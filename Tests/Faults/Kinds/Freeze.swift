import Foundation
import Postgres

extension Fault {
    /// SIGSTOP for longer than its sessions' timeouts. Another engine, begun as the refusal says,
    /// finishes the command; then the frozen one goes on, and must change nothing.
    static let freeze = Fault(
        name: "freeze", weight: 2,
        strike: { scene in
            guard let frozen = scene.engine else { return }
            frozen.signal(SIGSTOP)
            scene.keep(
                Task {
                    do { try await takeOver(from: frozen, scene) } catch is CancellationError {
                        scene.tell("the command had ended before it was frozen")
                    } catch {
                        scene.blame("the fault itself: \(error)")
                    }
                    frozen.signal(SIGCONT)
                })
        },
        heal: { scene in
            guard let before = scene.note else { return }
            let after = try await scene.fingerprint()
            if after != before {
                scene.blame("the engine that was frozen changed something: \(before) to \(after)")
            }
        })

    private static func takeOver(from frozen: EngineProcess, _ scene: Scene) async throws {
        // Longer than idle_in_transaction_session_timeout; some longer than the network's timeouts too, and
        // than the age at which an engine counts as dead.
        let seconds = scene.trial.random % 4 == 0 ? 17.0 : 1.3
        scene.tell("frozen for \(seconds) s")
        try await Task.sleep(for: .seconds(seconds))
        try await scene.run(
            """
            SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """)
        let words = scene.words
        var ended = try await scene.unstruck(words)
        scene.tell("another engine: \(ended.summary)")
        if ended.code != 0 {
            ended = try await scene.unstruck(words)
            scene.tell("another engine again: \(ended.summary)")
        }
        if ended.code == 0 { scene.note = try await scene.fingerprint() }
    }
}

extension Scene {
    /// What an engine would change: the journal's state of things, and the catalogue's.
    fileprivate func fingerprint() async throws -> String {
        guard try await state() != nil else { return "no journal" }
        return try await value(
            """
            SELECT concat_ws(' ',
              (SELECT string_agg(state || direction::text, ',' ORDER BY id) FROM lockkeeper.migrations),
              (SELECT md5(string_agg(step || state || tries::text, ',' ORDER BY step)) FROM lockkeeper.steps),
              (SELECT md5(string_agg(f::text, ',' ORDER BY step)) FROM lockkeeper.backfills f),
              (SELECT md5(string_agg(c.oid::text || relname || relfilenode::text, ',' ORDER BY c.oid))
                 FROM pg_class c WHERE relnamespace <> 'pg_catalog'::regnamespace
                  AND relnamespace <> 'pg_toast'::regnamespace),
              (SELECT md5(string_agg(attrelid::text || attname || atttypid::text || attnotnull::text, ',' ORDER BY attrelid, attnum))
                 FROM pg_attribute WHERE attrelid >= 16384),
              (SELECT md5(string_agg(oid::text, ',' ORDER BY oid)) FROM pg_constraint),
              (SELECT md5(string_agg(oid::text || tgenabled::text, ',' ORDER BY oid)) FROM pg_trigger))
            """) ?? ""
    }
}
