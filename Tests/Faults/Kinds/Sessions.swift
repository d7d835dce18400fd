/// A database administrator at work.
extension Fault {
    /// Every session of the engine is ended.
    static let endedSessions = Fault(
        name: "ended-sessions", weight: 2,
        strike: { try await $0.endSessions() })

    /// Every statement of the engine is cancelled, again and again for a while.
    static let cancelledStatements = Fault(
        name: "cancelled-statements",
        strike: { scene in
            scene.keep(
                Task {
                    do {
                        for _ in 0..<5 {
                            try await scene.run(
                                """
                                SELECT pg_cancel_backend(pid) FROM pg_stat_activity
                                 WHERE application_name = 'lockkeeper'
                                   AND datname = current_database() AND state = 'active'
                                """)
                            try await Task.sleep(for: .milliseconds(20))
                        }
                    } catch is CancellationError {
                        // The command has ended before.
                    } catch {
                        scene.tell("cancelling: \(error)")
                    }
                })
        })
}

extension Scene {
    /// Those of the engine.
    func endSessions() async throws {
        try await run(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = 'lockkeeper' AND datname = current_database()
            """)
    }
}
