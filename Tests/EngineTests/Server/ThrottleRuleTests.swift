import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

/// Each signal above its limit holds a fill, with reason, limit and value, until it is under it again.
/// On servers of their own: others' tests would be seen.
@Suite("The rules of the throttle", .serialized, .fewAtATime)
struct ThrottleRuleTests {
    private func spec(_ throttle: String) -> String {
        Stage.spec.replacing("replication_lag: null", with: "replication_lag: null, \(throttle)")
    }

    private func fill(_ stage: Stage, _ text: String) async throws -> Engine {
        #expect(try await stage.advance(to: .migrate, text) == .reached(.migrate))
        return try await stage.open(
            stage.request(text) {
                $0.approvesEveryGate = true
                $0.until = .backfill
            })
    }

    private func expectTold(_ signal: String, _ limit: Double, in events: [EngineEvent]) {
        // A rate can't be read before the second picture, and that is told first.
        let hold = Stage.throttled(signal, in: events).first { $0.fields["value"] != .null }
        #expect(hold?.fields["limit"] == .double(limit))
        guard case .double(let value)? = hold?.fields["value"] else {
            Issue.record("no value of \(signal): \(String(describing: hold))")
            return
        }
        #expect(value > limit)
    }

    @Test("more active sessions than its limit hold the fill until they have ended")
    func activeSessions() async throws {
        let server = try await SandboxServer.start(.quick)
        let stage = try await Stage.make(on: server, rows: 2000)
        let engine = try await fill(stage, spec("active_sessions: 2"))
        var busy: [(Connection, Task<Void, any Error>)] = []
        for _ in 0..<3 {
            let connection = try await stage.connect()
            busy.append((connection, Task { try await connection.run("SELECT pg_sleep(600)") }))
        }
        try await stage.until(
            "SELECT count(*) = 3 FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()"
        )
        let events = Stage.listen(engine)
        let running = Task { await engine.run() }
        try await stage.expectHeld(engine, "active sessions, limit 2")
        #expect(try await stage.value("SELECT rows_filled FROM lockkeeper.backfills") == "0")
        try await stage.run(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"
        )
        for (connection, task) in busy {
            _ = await task.result
            await connection.close()
        }
        #expect(await running.value == .reached(.backfill))
        expectTold("active_sessions", 2, in: await events.value)
        await server.stop()
    }

    @Test("a session that waits for a lock of ours holds the fill until it does no more")
    func lockWaiters() async throws {
        let server = try await SandboxServer.start(.quick)
        let stage = try await Stage.make(on: server, rows: 2000)
        let engine = try await fill(stage, spec("lock_waiters: 0"))
        // A session that counts as ours holds a row for as long as the test needs it.
        let ours = try await stage.connect()
        let pid = Int(ours.backendPID)
        await engine.control.change { $0.ownPIDs.insert(pid) }
        try await stage.run("CREATE TABLE beside (n int)", "INSERT INTO beside VALUES (1)")
        try await ours.run("BEGIN", "UPDATE beside SET n = 2")
        let waiter = try await stage.connect()
        let waiting = Task { try await waiter.run("UPDATE beside SET n = 3") }
        try await stage.until("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        let events = Stage.listen(engine)
        let running = Task { await engine.run() }
        try await stage.expectHeld(engine, "sessions wait for our locks, limit 0")
        #expect(try await stage.value("SELECT rows_filled FROM lockkeeper.backfills") == "0")
        try await ours.run("COMMIT")
        _ = try await waiting.value
        #expect(await running.value == .reached(.backfill))
        expectTold("lock_waiters", 0, in: await events.value)
        await ours.close()
        await waiter.close()
        await server.stop()
    }

    @Test("more WAL a second than its limit holds the fill until less is written")
    func walRate() async throws {
        let server = try await SandboxServer.start(.quick)
        let stage = try await Stage.make(on: server, rows: 2000)
        let engine = try await fill(stage, spec("wal_rate: 1MB"))
        let writer = try await stage.connect()
        try await writer.run("CREATE TABLE much (n text)")
        let writing = Task {
            while !Task.isCancelled {
                _ = await Task {
                    try await writer.run(
                        "INSERT INTO much SELECT repeat('x', 500) FROM generate_series(1, 5000)")
                }.result
            }
        }
        let events = Stage.listen(engine)
        let running = Task { await engine.run() }
        try await stage.expectHeld(engine, "WAL is written at")
        writing.cancel()
        await writing.value
        await writer.close()
        #expect(await running.value == .reached(.backfill))
        expectTold("wal_rate", 1_048_576, in: await events.value)
        await server.stop()
    }

    @Test("a slot that keeps more WAL than its limit holds the fill until it is gone")
    func retainedWAL() async throws {
        let server = try await SandboxServer.start(.quick)
        let stage = try await Stage.make(on: server, rows: 2000)
        try await stage.run("SELECT pg_create_physical_replication_slot('left', true)")
        try await stage.run(
            "CREATE TABLE much AS SELECT n, repeat('x', 500) FROM generate_series(1, 20000) n")
        let text = spec("retained_wal: 5MB")
        #expect(try await stage.advance(to: .migrate, text) == .reached(.migrate))
        let engine = try await stage.open(
            stage.request(text) {
                $0.approvesEveryGate = true
                $0.until = .backfill
            })
        let running = Task { await engine.run() }
        try await stage.expectHeld(engine, "replication slot left keeps")
        #expect(try await stage.value("SELECT rows_filled FROM lockkeeper.backfills") == "0")
        try await stage.run("SELECT pg_drop_replication_slot('left')")
        #expect(await running.value == .reached(.backfill))
        await server.stop()
    }
}
