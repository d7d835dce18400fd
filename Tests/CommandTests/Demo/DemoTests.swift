import Foundation
import Postgres
import Testing

@Suite("The demo without a screen")
struct DemoTests {
    private static func start(rows: Int) async throws -> (RunningProgram, DemoServer) {
        let running = try await RunningProgram.start([
            "demo", "--autopilot", "--headless", "--rows", "\(rows)", "--clients", "2",
        ])
        let line = try await running.line(with: "The shop is at:")
        return (running, try DemoServer(line: line))
    }

    @Test("walks to the end with no error, no differing row, and nothing left behind")
    func walks() async throws {
        let (running, server) = try await Self.start(rows: 30000)
        let ended = try await running.end(upTo: 150)
        #expect(ended.code == 0, "\(ended)")
        #expect(ended.output.contains(" 0 application errors"), "\(ended)")
        #expect(ended.output.contains(" 0 differ."), "\(ended)")
        #expect(ended.output.contains("The migration: finished."), "\(ended)")
        for phase in ["Expand", "Migrate", "Backfill", "Switch", "Contract"] {
            #expect(
                ended.output.contains(try Regex("(?m)^\(phase) .*[0-9]$")),
                "no row of \(phase): \(ended)")
        }
        // The session in the way of the first ALTER was met, and nobody waited for us.
        #expect(ended.output.contains("lock_wait"), "\(ended)")
        try await server.expectGone()
    }

    @Test("has each pattern that init names, and each walks to the end with no error")
    func patterns() async throws {
        let list = try await Program.run(["init", "--list"]).output
        let names = list.split(separator: "\n").compactMap {
            $0.split(separator: " ").first.map(String.init)
        }
        #expect(names.contains("replace-column"))
        // Six at a time, which mostly rest: each has a server and an application of its own.
        try await withThrowingTaskGroup(of: (String, Ended).self) { group in
            var waiting = names.filter { $0 != "replace-column" }[...]
            func next() {
                guard let name = waiting.popFirst() else { return }
                group.addTask {
                    let words = [
                        "demo", name, "--autopilot", "--headless", "--rows", "4000", "--clients",
                        "1",
                    ]
                    let running = try await RunningProgram.start(words)
                    return (name, try await running.end(upTo: 200))
                }
            }
            for _ in 0..<6 { next() }
            while let (name, ended) = try await group.next() {
                #expect(ended.code == 0, "\(name): \(ended)")
                #expect(ended.output.contains(" 0 application errors"), "\(name): \(ended)")
                #expect(ended.output.contains("The migration: finished."), "\(name): \(ended)")
                next()
            }
        }
    }

    @Test("exits 1 when the sync trigger is dropped in the middle")
    func broken() async throws {
        let (running, server) = try await Self.start(rows: 30000)
        try await running.line(with: "Backfill started")
        let dsn = server.dsn.replacing(#/user='[^']*'/#, with: "user='postgres'")
        let connection = try await Connection.open(ConnectionSettings(dsn: dsn))
        let trigger = try await connection.query(
            """
            SELECT tgname FROM pg_trigger
             WHERE tgrelid = 'orders'::regclass AND NOT tgisinternal AND tgname <> 'orders_touch'
            """
        ).onlyRow().string("tgname")
        try await connection.query("DROP TRIGGER \(Identifier(trigger)) ON orders")
        await connection.close()
        let ended = try await running.end(upTo: 150)
        #expect(ended.code == 1, "\(ended)")
        try await server.expectGone()
    }

    @Test(
        "ended by a signal leaves nothing behind",
        arguments: [SIGINT, SIGTERM, SIGHUP])
    func signalled(signal: Int32) async throws {
        let (running, server) = try await Self.start(rows: 20000)
        try await running.line(with: "phase_started")
        running.signal(signal)
        let ended = try await running.end(upTo: 30)
        #expect(ended.code == 128 + signal, "\(ended)")
        try await server.expectGone()
    }

    @Test("killed leaves nothing behind")
    func killed() async throws {
        let (running, server) = try await Self.start(rows: 20000)
        running.signal(SIGKILL)
        #expect(try await running.end().status == .signaled(SIGKILL))
        try await server.expectGone()
    }

    @Test("interrupted while it loads its shop leaves nothing behind")
    func interruptedEarly() async throws {
        let running = try await RunningProgram.start([
            "demo", "--autopilot", "--headless", "--rows", "3000000",
        ])
        try await running.line(with: "throwaway PostgreSQL")
        running.signal(SIGINT)
        // Three million orders take longer than anybody who pressed Ctrl-C waits.
        let ended = try await running.end(upTo: 20)
        #expect(ended.code == 130, "\(ended)")
        #expect(!ended.errors.contains("The shop is at"), "\(ended)")
    }
}
