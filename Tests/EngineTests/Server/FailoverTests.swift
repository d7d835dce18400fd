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
    /// A synchronous pair, and an address that leads to the one or the other.
    private struct Turnable {
        let pair: StandbyPair
        let address: Wiretap

        var stage: Stage { pair.stage }

        static func make(rows: Int) async throws -> Turnable {
            let pair = try await StandbyPair.make(rows: rows, isSynchronous: true)
            return Turnable(pair: pair, address: try Wiretap(pair.primary) { _ in .pass })
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

        func untilFilling() async throws {
            try await stage.until(
                "SELECT coalesce(max(rows_filled), 0) > 0 FROM lockkeeper.backfills")
        }

        func turn(to server: SandboxServer) { address.turn(to: server.folder) }

        func stop() async {
            address.close()
            await pair.stop()
        }
    }

    private func expectLost(_ engine: Engine, by stage: Stage) async throws {
        try await stage.until {
            await engine.current.events.contains {
                $0.kind == EngineEvent.Kind.connectionLost.rawValue
            }
        }
    }

    @Test(
        "a run goes on at the standby that is promoted when the primary crashes, from a connection string of both",
        .timeLimit(.minutes(5)))
    func promoted() async throws {
        let way = try await Turnable.make(rows: 8000)
        let both =
            "host='\(way.pair.primary.folder),\(way.pair.standby.folder)' port='5432,5432' "
            + "user=postgres dbname='\(way.stage.database)' target_session_attrs=read-write"
        let engine = try await way.engine(ConnectionSettings(dsn: both))
        let running = Task { await engine.run() }
        try await way.untilFilling()
        try await way.pair.primary.crash()
        try await way.pair.standby.promote()
        #expect(await running.value == .finished)
        #expect(
            try await way.pair.onStandby(
                "SELECT count(*) FROM orders WHERE status_v2 <> upper(status_v2)")
                == "0")
        #expect(try await way.pair.onStandby("SELECT count(*) FROM orders") == "8000")
        #expect(try await way.pair.onStandby(Orders.leftovers) == nil)
        await way.stop()
    }

    @Test(
        "an address that leads to a standby for a while is a lost connection, and no failed step",
        .timeLimit(.minutes(5)))
    func standbyForAWhile() async throws {
        let way = try await Turnable.make(rows: 8000)
        let engine = try await way.engine()
        let events = Stage.listen(engine)
        let running = Task { await engine.run() }
        try await way.untilFilling()
        way.turn(to: way.pair.standby)
        way.address.cutAll()
        try await expectLost(engine, by: way.stage)
        try await way.stage.until {
            await engine.current.serverTrouble?.contains("a standby that is not promoted") == true
        }
        way.turn(to: way.pair.primary)
        #expect(await running.value == .finished)
        #expect(await events.value.contains { $0.kind == .stepFailed } == false)
        await way.stop()
    }

    @Test(
        "a session that reaches a promoted standby while the engine's own is at the old primary is not worked with",
        .timeLimit(.minutes(5)))
    func twoPrimaries() async throws {
        let way = try await Turnable.make(rows: 8000)
        let engine = try await way.engine()
        let events = Stage.listen(engine)
        let running = Task { await engine.run() }
        try await way.untilFilling()
        // Nobody waits for a standby that goes its own ways.
        try await way.stage.run(
            "ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")
        try await way.pair.standby.promote()
        let version = """
            SELECT (SELECT count(*) FROM pg_index WHERE indrelid = 'orders'::regclass) || ' '
              || (SELECT string_agg(step || state, ',' ORDER BY step) FROM lockkeeper.steps)
            """ as SQL
        let before = try await way.pair.onStandby(version)
        way.turn(to: way.pair.standby)
        // The fill's session is at the old primary; the next step wants one of its own.
        try await expectLost(engine, by: way.stage)
        way.turn(to: way.pair.primary)
        #expect(await running.value == .finished)
        #expect(try await way.pair.onStandby(version) == before)
        #expect(await events.value.contains { $0.kind == .stepFailed } == false)
        await way.stop()
    }
}
