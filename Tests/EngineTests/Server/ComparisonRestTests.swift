import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

/// A comparison rests where a fill would, and a rest costs nobody anything: neither VACUUM, which a
/// snapshot holds back, nor whoever waits for its lock.
@Suite("The rests of a comparison", .serialized, .fewAtATime)
struct ComparisonRestTests {
    /// While `pace.slow` the comparison takes about a millisecond for each row.
    private static let pace: [SQL] = [
        "CREATE TABLE pace (slow boolean, held boolean)", "INSERT INTO pace VALUES (false, false)",
        """
        CREATE FUNCTION paced(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
        BEGIN
          IF (SELECT slow FROM public.pace) THEN PERFORM pg_sleep(0.0005); END IF;
          RETURN upper($1);
        END $$
        """,
    ]

    private static func spec(_ throttle: String) -> String {
        Stage.spec.replacing("upper(status)", with: "paced(status)")
            .replacing("replication_lag: null", with: "replication_lag: null, \(throttle)")
    }

    /// Filled, and opened for the comparison.
    private func filled(_ server: SandboxServer, _ throttle: String) async throws -> (Stage, Engine)
    {
        let stage = try await Stage.make(on: server, rows: 8000)
        for statement in Self.pace { try await stage.run(statement) }
        #expect(try await stage.advance(to: .backfill, Self.spec(throttle)) == .reached(.backfill))
        let engine = try await stage.open(
            stage.request(Self.spec(throttle)) {
                $0.approvesEveryGate = true
                $0.until = .switch
            })
        return (stage, engine)
    }

    private static let snapshots: SQL = """
        SELECT count(*) FROM pg_stat_activity
         WHERE application_name = 'lockkeeper' AND datname = current_database()
           AND pid <> pg_backend_pid()
           AND backend_xmin IS NOT NULL
        """

    private static let givenUp: SQL = """
        SELECT EXISTS (SELECT FROM lockkeeper.events
                        WHERE step = '1.switch.compare' AND text LIKE '%has given up its snapshot%')
        """

    private static let begun: SQL = """
        SELECT EXISTS (SELECT FROM pg_stat_activity
                        WHERE application_name = 'lockkeeper' AND datname = current_database()
           AND pid <> pg_backend_pid()
                          AND state = 'active' AND query LIKE '%AS different%')
        """

    @Test("throttle.query holds it; its snapshot does not outlast a long rest, and it begins anew")
    func rest() async throws {
        let server = try await SandboxServer.start(.quick)
        let (stage, engine) = try await filled(server, "query: SELECT held FROM pace")
        try await stage.run("UPDATE pace SET held = true")
        let events = Stage.listen(engine)
        let running = Task { await engine.run() }
        try await stage.until {
            await engine.current.progress.contains {
                $0.pauseReason == "throttle.query says to hold" && $0.id == "1.switch.compare"
            }
        }
        try await stage.until(Self.givenUp)
        try await stage.until("(\(Self.snapshots)) = 0")
        try await stage.run("UPDATE pace SET held = false")
        #expect(await running.value == .reached(.switch))
        #expect(
            await events.value.map(\.text).filter { $0.hasSuffix("none differs") }
                == ["8000 rows of public.orders compared, none differs"])
        await server.stop()
    }

    /// Does something in the middle of a comparison that is slow until it has given up its snapshot;
    /// returns what then lets it go on.
    private func whileComparing(
        _ meet: (Stage, Engine) async throws -> () async throws -> Void
    ) async throws {
        let server = try await SandboxServer.start(.quick)
        let (stage, engine) = try await filled(server, "lock_waiters: 0")
        try await stage.run("UPDATE pace SET slow = true")
        let running = Task { await engine.run() }
        try await stage.until(Self.begun)
        let letGo = try await meet(stage, engine)
        try await stage.until(Self.givenUp)
        try await stage.run("UPDATE pace SET slow = false")
        try await letGo()
        #expect(await running.value == .reached(.switch))
        await server.stop()
    }

    @Test("an operator's pause holds it, and resuming lets it go on")
    func pause() async throws {
        try await whileComparing { stage, engine in
            try await engine.perform(.pause)
            try await stage.until {
                await engine.current.progress.contains {
                    $0.pauseReason?.hasPrefix("paused by") == true && $0.id == "1.switch.compare"
                }
            }
            return { try await engine.perform(.resume) }
        }
    }

    @Test("whoever waits for its lock gets it long before the comparison is through")
    func lockWaiter() async throws {
        try await whileComparing { stage, _ in
            let other = try await stage.connect()
            // Held until the pace is changed, so that the comparison meets it once.
            try await other.run("BEGIN", "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
            #expect(
                try await stage.value(
                    "SELECT count(*) FROM lockkeeper.steps WHERE step = '1.switch.compare' AND state = 'done'"
                ) == "0")
            return {
                try await other.run("COMMIT")
                await other.close()
            }
        }
    }
}
