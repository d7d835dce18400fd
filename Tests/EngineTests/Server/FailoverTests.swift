import Conformance
import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

/// A standby that is promoted under a run, and addresses that lead elsewhere for a while.
@Suite("Failing over", .serialized, .fewAtATime)
struct FailoverTests {
    /// A primary with the orders, its synchronous standby, and an address that leads to the one or the
    /// other.
    private struct Pair {
        let primary: SandboxServer
        let standby: SandboxServer
        let stage: Stage
        let address: Wiretap

        static func make(rows: Int) async throws -> Pair {
            let primary = try await SandboxServer.start(.quick)
            let stage = try await Stage.make(on: primary, rows: rows)
            let standby = try await primary.startStandby()
            try await stage.run(
                "ALTER SYSTEM SET synchronous_standby_names = 'standby1'",
                "SELECT pg_reload_conf()")
            try await stage.until(
                "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
            return Pair(
                primary: primary, standby: standby, stage: stage,
                address: try Wiretap(primary) { _ in .pass })
        }

        /// The fill takes some seconds.
        func engine(_ settings: ConnectionSettings? = nil) async throws -> Engine {
            try await Engine.open(
                stage.request(
                    Stage.spec.replacing(
                        "settings:",
                        with:
                            "settings:\n  backfill: {batch: 5ms, pause: 100ms, vacuum_every: null}")
                ) {
                    $0.approvesEveryGate = true
                    $0.purgesAtOnce = true
                }, settings ?? address.settings(database: stage.database))
        }

        /// On the standby, or what became of it.
        func there(_ query: SQL) async throws -> String? {
            let connection = try await standby.connect(database: stage.database)
            let value = try await connection.query(query).onlyRow().values.first ?? nil
            await connection.close()
            return value
        }

        func untilFilling() async throws {
            try await stage.until(
                "SELECT coalesce(max(rows_filled), 0) > 0 FROM lockkeeper.backfills")
        }

        func stop() async {
            address.close()
            await standby.stop()
            await primary.stop()
        }
    }

    @Test(
        "a run goes on at the standby that is promoted when the primary crashes, from a connection string of both",
        .timeLimit(.minutes(5)))
    func promoted() async throws {
        let pair = try await Pair.make(rows: 8000)
        let both =
            "host='\(pair.primary.folder),\(pair.standby.folder)' port='5432,5432' "
            + "user=postgres dbname='\(pair.stage.database)' target_session_attrs=read-write"
        let engine = try await pair.engine(ConnectionSettings(dsn: both))
        let running = Task { await engine.run() }
        try await pair.untilFilling()
        try await pair.primary.crash()
        try await pair.standby.promote()
        #expect(await running.value == .finished)
        #expect(
            try await pair.there("SELECT count(*) FROM orders WHERE status_v2 <> upper(status_v2)")
                == "0")
        #expect(try await pair.there("SELECT count(*) FROM orders") == "8000")
        #expect(try await pair.there(Orders.leftovers) == nil)
        await pair.stop()
    }

    @Test(
        "an address that leads to a standby for a while is a lost connection, and no failed step",
        .timeLimit(.minutes(5)))
    func standbyForAWhile() async throws {
        let pair = try await Pair.make(rows: 8000)
        let engine = try await pair.engine()
        let events = Stage.listen(engine)
        let running = Task { await engine.run() }
        try await pair.untilFilling()
        pair.address.turn(to: pair.standby.folder)
        pair.address.cutAll()
        try await pair.stage.until {
            await engine.current.events.contains {
                $0.kind == EngineEvent.Kind.connectionLost.rawValue
            }
        }
        try await Task.sleep(for: .seconds(1))
        pair.address.turn(to: pair.primary.folder)
        #expect(await running.value == .finished)
        #expect(await events.value.contains { $0.kind == .stepFailed } == false)
        await pair.stop()
    }

    @Test(
        "a session that reaches a promoted standby while the engine's own is at the old primary is not worked with",
        .timeLimit(.minutes(5)))
    func twoPrimaries() async throws {
        let pair = try await Pair.make(rows: 8000)
        let engine = try await pair.engine()
        let events = Stage.listen(engine)
        let running = Task { await engine.run() }
        try await pair.untilFilling()
        // Nobody waits for a standby that goes its own ways.
        try await pair.stage.run(
            "ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")
        try await pair.standby.promote()
        let version = """
            SELECT (SELECT count(*) FROM pg_index WHERE indrelid = 'orders'::regclass) || ' '
              || (SELECT string_agg(step || state, ',' ORDER BY step) FROM lockkeeper.steps)
            """ as SQL
        let before = try await pair.there(version)
        pair.address.turn(to: pair.standby.folder)
        // The fill's session is at the old primary; the next step wants one of its own.
        try await pair.stage.until {
            await engine.current.events.contains {
                $0.kind == EngineEvent.Kind.connectionLost.rawValue
            }
        }
        pair.address.turn(to: pair.primary.folder)
        #expect(await running.value == .finished)
        #expect(try await pair.there(version) == before)
        #expect(await events.value.contains { $0.kind == .stepFailed } == false)
        await pair.stop()
    }
}
