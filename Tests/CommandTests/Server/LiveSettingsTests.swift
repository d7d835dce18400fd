import Foundation
import Sandbox
import Testing

/// The size of batches, how many work at a time and the rest between them follow `set` and `o` while a
/// fill runs.
@Suite("A fill whose settings change while it runs", .serialized)
struct LiveSettingsTests {
    /// Batches are a moment's work each, and rest: the fill lasts for as long as a test needs it.
    private static let slow = """
        settings:
          backfill: {batch: 20ms, pause: 40ms, vacuum_every: null}
          throttle: {replication_lag: null}
        """

    /// A screen is driven slowly: a block or two a tenth of a second.
    private static let slower = slow.replacing(
        "batch: 20ms, pause: 40ms", with: "batch: 1ms, pause: 100ms")

    /// Blocks of each batch that was told of.
    private static func sizes(_ running: RunningProgram) -> [Double] {
        var last = 0.0
        return running.output.split(separator: "\n").compactMap { line -> Double? in
            guard let event = JSON(String(line)), event["event"] == .string("batch"),
                let done = event["done"]?.number
            else { return nil }
            defer { last = done }
            return done - last
        }
    }

    /// Sessions that have just done a batch of the fill, or are doing one.
    private static func workers(_ place: Workplace) async throws -> Int {
        Int(
            try await place.value(
                """
                SELECT count(*) FROM pg_stat_activity
                 WHERE application_name = 'lockkeeper' AND datname = current_database()
                   AND pid <> pg_backend_pid() AND (query LIKE '%int8multirange%COMMIT%' OR query LIKE '/* % blocks %')
                """) ?? "") ?? 0
    }

    @Test("`set` in a second terminal changes the next batches", .timeLimit(.minutes(10)))
    func fromSecondTerminal() async throws {
        let place = try await Workplace.make(rows: 60_000, settings: Self.slow)
        let running = try await place.start(
            "run", place.spec, "--headless", "--until", "backfill", "--format", "json")
        // Grown to a size that 1 ms can't be enough for.
        let grown = try await waited { Self.sizes(running).contains { $0 >= 8 } ? true : nil }
        #expect(grown == true, "\(Self.sizes(running))")
        func set(_ change: String) async throws {
            let done = try await place.run("set", "orders-status", change)
            #expect(done.code == 0, "\(done)")
        }

        try await set("backfill.batch=1ms")
        let before = Self.sizes(running).count
        let small = try await waited { () -> [Double]? in
            let sizes = Self.sizes(running)
            return sizes.count >= before + 8 ? Array(sizes[(before + 4)...]) : nil
        }
        // A block may take longer than a millisecond on a busy machine, but then the next is smaller.
        #expect(try #require(small).allSatisfy { $0 <= 6 }, "\(String(describing: small))")

        #expect(try await Self.workers(place) == 1)
        try await set("backfill.workers=3")
        #expect(
            try await waited { try await Self.workers(place) == 3 ? true : nil } == true)
        try await set("backfill.workers=1")
        #expect(
            try await waited { try await Self.workers(place) == 1 ? true : nil } == true)

        try await set("backfill.pause=1s")
        // One rest may have begun before.
        let rested = Self.sizes(running).count
        try await set("backfill.vacuum_every=null")
        let began = ContinuousClock.now
        _ = try await waited { Self.sizes(running).count >= rested + 4 ? true : nil }
        #expect(ContinuousClock.now - began > .seconds(2), "four batches had three rests of 1 s")

        try await set("backfill.pause=0ms")
        try await set("backfill.batch=100ms")
        let ended = try await running.end()
        #expect(ended.code == 0, "\(ended)")
    }

    @Test("`o` on the dashboard changes the next batches", .timeLimit(.minutes(10)))
    func fromDashboard() async throws {
        let place = try await Workplace.make(rows: 60_000, settings: Self.slower)
        #expect(
            try await place.run("run", place.spec, "--headless", "--until", "migrate").code == 0)
        try await Tmux.run(columns: 80, rows: 24) { terminal in
            try await place.startFill(on: terminal)
            #expect(try await Self.workers(place) == 1)
            func change(_ number: Int, _ key: String, to value: String) async throws {
                try await terminal.press("o")
                try await terminal.wait(for: "backfill.workers")
                for _ in 0..<number { try await terminal.press("Down") }
                try await terminal.press("Enter")
                try await terminal.wait("a field") {
                    $0.contains(key) && !$0.contains("quarantine  ")
                }
                try await terminal.press("C-u")
                try await terminal.type(value)
                try await terminal.press("Enter")
                // Back in the list, with the new value in it.
                let line = try Regex("\(key) +\(value)")
                try await terminal.wait("\(key) \(value)") { $0.contains(line) }
                try await terminal.press("Escape")
                try await terminal.wait(untilGone: "throttle.lock_waiters")
            }
            try await change(1, "backfill.workers", to: "2")
            #expect(
                try await waited { try await Self.workers(place) == 2 ? true : nil } == true)
            try await change(1, "backfill.workers", to: "1")
            #expect(
                try await waited { try await Self.workers(place) == 1 ? true : nil } == true)
            try await change(2, "backfill.pause", to: "0ms")
            try await change(0, "backfill.batch", to: "100ms")
            try await terminal.wait(for: "a starts Switch")
            try await terminal.press("C-c")
            _ = try await terminal.exit()
        }
        #expect(
            try await place.value(
                """
                SELECT string_agg(DISTINCT text, '; ') FROM lockkeeper.events
                 WHERE kind = 'operator' AND text LIKE '%sets backfill.workers to 2'
                """) != nil)
    }
}
