import Foundation
import Testing

@Suite("A run that is interrupted in its backfill", .serialized)
struct InterruptionTests {
    private static func batches(_ output: String) -> [Double] {
        output.split(separator: "\n").compactMap { line in
            guard let event = JSON(String(line)), event["event"] == .string("batch") else {
                return nil
            }
            return event["done"]?.number
        }
    }

    /// Starts a slow fill and returns once it has done some batches.
    private func begun(_ place: Workplace) async throws -> RunningProgram {
        let running = try await place.start("run", place.spec, "--headless", "--format", "json")
        let met = try await waited { Self.batches(running.output).count >= 3 ? true : nil }
        try #require(met == true, "no batch: \(running.output)\(running.errors)")
        return running
    }

    @Test("by kill -9 goes on from its cursor, and ends like one that was not killed")
    func killed() async throws {
        let quiet = try await Workplace.make(rows: 20000, settings: Workplace.slowFill)
        let whole = try await quiet.run(
            "run", quiet.spec, "--headless", "--approve", "all", "--purge")
        #expect(whole.code == 0, "\(whole)")

        let place = try await Workplace.make(rows: 20000, settings: Workplace.slowFill)
        let running = try await begun(place)
        running.signal(SIGKILL)
        let dead = try await running.end()
        #expect(dead.status == .signaled(SIGKILL))
        let last = try #require(Self.batches(dead.output).last)
        let state = try await waited {
            let state = try await place.status()["state"]
            return state == .string("running") ? nil : state
        }
        #expect(state == .string("interrupted"))

        let again = try await place.run(
            "run", place.spec, "--headless", "--format", "json", "--approve", "all", "--purge")
        #expect(again.code == 0, "\(again)")
        let later = Self.batches(again.output)
        let first = try #require(later.first)
        let total = try #require(later.last)
        #expect(last < total, "it was killed too late to show anything")
        #expect(first >= last)
        #expect(later.count < Int(total))
        #expect(try await place.contents() == quiet.contents())
        #expect(try await place.schema() == quiet.schema())
        #expect(try await place.leftovers() == nil)
    }

    @Test(
        "by a signal says so in its exit code and can go on",
        arguments: [SIGINT, SIGTERM, SIGHUP])
    func signalled(signal: Int32) async throws {
        let place = try await Workplace.make(rows: 20000, settings: Workplace.slowFill)
        let running = try await begun(place)
        running.signal(signal)
        let ended = try await running.end(upTo: 15)
        #expect(ended.code == 128 + signal, "\(ended)")
        #expect(ended.errors.contains("goes on"), "\(ended)")
        let last = try #require(Self.batches(ended.output).last)
        let status = try await place.status()
        #expect(status["state"] == .string("interrupted"), "\(status)")
        #expect(status["next"] == .string("lockkeeper run \(place.spec)"))
        // Nothing of ours is left in the server.
        let gone = try await waited(upTo: 10) {
            try await place.value(
                """
                SELECT count(*) FROM pg_stat_activity
                 WHERE application_name = 'lockkeeper' AND datname = current_database()
                   AND pid <> pg_backend_pid()
                """) == "0" ? true : nil
        }
        #expect(gone == true, "a session of ours is still there")
        let again = try await place.run(
            "run", place.spec, "--headless", "--format", "json", "--until", "backfill")
        #expect(again.code == 0, "\(again)")
        #expect(try #require(Self.batches(again.output).first) >= last)
    }

    @Test("while it waits at a gate for another terminal ends at once")
    func atGate() async throws {
        let place = try await Workplace.make()
        let running = try await place.start("run", place.spec, "--headless", "--wait")
        try await running.line(with: "Gate 1.switch")
        running.signal(SIGTERM)
        let ended = try await running.end(upTo: 15)
        #expect(ended.code == 143, "\(ended)")
        #expect(try await place.status()["state"] == .string("waiting"))
    }
}
