import Foundation
import Postgres
import Sandbox
import Testing

@Suite("A cancelled task")
struct CancellationTests {
    @Test("cancels its statement at once, and the connection goes on")
    func quick() async throws {
        let server = try await SandboxServer.shared()
        let connection = try await server.connect()
        let watcher = try await server.connect()
        let task = Task { try await connection.query("SELECT pg_sleep(60)") }
        try await waitUntilSleeping(connection.backendPID, watcher)
        let began = ContinuousClock.now
        task.cancel()
        await #expect(throws: ConnectionError.cancelled) { try await task.value }
        #expect(ContinuousClock.now - began < .seconds(2))
        #expect(try await connection.query("SELECT 1 AS n").onlyRow().int("n") == 1)
        await connection.close()
        await watcher.close()
    }

    @Test("cancels a statement that waits for a lock")
    func waiting() async throws {
        let server = try await SandboxServer.shared()
        let holder = try await server.connect()
        let connection = try await server.connect()
        try await holder.query("SELECT pg_advisory_lock(4711)")
        let task = Task { try await connection.query("SELECT pg_advisory_lock(4711)") }
        var isWaiting = false
        while !isWaiting {
            isWaiting =
                try await holder.query(
                    "SELECT wait_event_type = 'Lock' AS waits FROM pg_stat_activity WHERE pid = $1",
                    Int(connection.backendPID)
                ).onlyRow().optional("waits") == "t"
        }
        task.cancel()
        await #expect(throws: ConnectionError.cancelled) { try await task.value }
        await connection.close()
        await holder.close()
    }

    @Test("sends nothing when it was cancelled before")
    func before() async throws {
        let connection = try await SandboxServer.shared().connect()
        try await connection.run("CREATE TEMP SEQUENCE sent")
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            try await connection.query("SELECT nextval('sent')")
        }
        task.cancel()
        await #expect(throws: ConnectionError.cancelled) { try await task.value }
        let row = try await connection.query("SELECT is_called FROM sent").onlyRow()
        #expect(try !row.bool("is_called"))
        await connection.close()
    }

    @Test("never cancels the statement of another")
    func stray() async throws {
        let connection = try await SandboxServer.shared().connect()
        for round in 0..<150 {
            let task = Task { try await connection.query("SELECT pg_sleep(0.002)") }
            try await Task.sleep(for: .microseconds(1200 + round * 20))
            task.cancel()
            _ = await task.result
            let next = await Task { try await connection.query("SELECT pg_sleep(0.005)") }.result
            #expect(throws: Never.self, "round \(round)") { try next.get() }
        }
        await connection.close()
    }

    @Test("gives up a session that does not answer, after a bounded time", .timeLimit(.minutes(1)))
    func stopped() async throws {
        let server = try await SandboxServer.shared()
        let connection = try await server.connect()
        let watcher = try await server.connect()
        let task = Task { try await connection.query("SELECT pg_sleep(60)") }
        try await waitUntilSleeping(connection.backendPID, watcher)
        kill(connection.backendPID, SIGSTOP)
        defer {
            kill(connection.backendPID, SIGKILL)
        }
        let began = ContinuousClock.now
        task.cancel()
        let error = await #expect(throws: ConnectionError.self) { try await task.value }
        guard case .lost = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let waited = ContinuousClock.now - began
        #expect(waited > .seconds(9) && waited < .seconds(25), "\(waited)")
        #expect(await !connection.isOpen)
        await watcher.close()
    }
}

private func waitUntilSleeping(_ pid: Int32, _ watcher: Connection) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    var isSleeping = false
    while !isSleeping {
        try #require(ContinuousClock.now < deadline, "session \(pid) never slept")
        isSleeping =
            try await watcher.query(
                """
                SELECT count(*) AS sleeping FROM pg_stat_activity
                WHERE pid = $1 AND wait_event = 'PgSleep'
                """, Int(pid)
            ).onlyRow().int("sleeping") == 1
    }
}
