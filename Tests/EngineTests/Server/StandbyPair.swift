import Postgres
import Sandbox
import Testing

/// A primary with the orders, and the standby that streams from it, `standby1`.
struct StandbyPair {
    let primary: SandboxServer
    let standby: SandboxServer
    let stage: Stage

    static func make(
        rows: Int, standbySettings: [String: String] = [:], isSynchronous: Bool = false
    ) async throws -> StandbyPair {
        let primary = try await SandboxServer.start(.quick)
        let stage = try await Stage.make(on: primary, rows: rows)
        let standby = try await primary.startStandby(settings: standbySettings)
        try await stage.until(
            "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'")
        if isSynchronous {
            try await stage.run(
                "ALTER SYSTEM SET synchronous_standby_names = 'standby1'",
                "SELECT pg_reload_conf()")
            try await stage.until(
                "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
        }
        return StandbyPair(primary: primary, standby: standby, stage: stage)
    }

    /// The first value of a query's only row, on the standby or what became of it; nil for NULL and for
    /// a statement without rows.
    @discardableResult
    func onStandby(_ statement: SQL) async throws -> String? {
        let connection = try await standby.connect(database: stage.database)
        let row = try await connection.query(statement).rows.first
        await connection.close()
        return row?.values.first ?? nil
    }

    func stop() async {
        await standby.stop()
        await primary.stop()
    }
}
