import Foundation
import Testing

@Suite("A run that is steered from a second terminal", .serialized)
struct SteeringTests {
    @Test("hears set, pause, resume and advance, and status tells of it")
    func steered() async throws {
        let place = try await Workplace.make(rows: 20000, settings: Workplace.slowFill)
        let running = try await place.start(
            "run", place.spec, "--headless", "--wait", "--format", "json")
        try await running.line(with: "\"event\":\"batch\"")
        var status = try await place.status()
        #expect(status["state"] == .string("running"), "\(status)")
        #expect(status["phase"] == .string("backfill"))
        #expect(status["step"] == .string("1.backfill.fill"))
        #expect(status["engine"]?["alive"] == .bool(true))
        #expect(status["engine"]?["pid"] == .number(Double(running.pid)))
        #expect(try #require(status["progress"]?["done"]?.number) > 0)

        let paused = try await place.run("pause", "orders-status")
        #expect(paused.code == 0, "\(paused)")
        try await running.line(with: "\"event\":\"paused\"")
        status = try await place.status()
        #expect(status["state"] == .string("paused"), "\(status)")
        #expect(status["next"] == .string("lockkeeper resume orders-status"))
        let twice = try await place.run("pause", "orders-status")
        #expect(twice.code == 4 && twice.errors.contains("paused already"), "\(twice)")
        let gate = try await place.run("advance", "orders-status", "1.switch")
        #expect(gate.code == 4, "\(gate)")

        let unknown = try await place.run("set", "orders-status", "backfill.batsh=1s")
        #expect(unknown.code == 4 && unknown.errors.contains("backfill.batch"), "\(unknown)")
        let malformed = try await place.run("set", "orders-status", "backfill.batch")
        #expect(malformed.code == 64, "\(malformed)")
        let set = try await place.run("set", "orders-status", "backfill.pause=0ms")
        #expect(set.code == 0, "\(set)")
        let resumed = try await place.run("resume", "orders-status")
        #expect(resumed.code == 0, "\(resumed)")
        try await running.line(with: "\"event\":\"resumed\"")

        try await running.line(with: "\"event\":\"gate\"")
        status = try await place.status()
        #expect(status["state"] == .string("waiting"), "\(status)")
        #expect(status["engine"]?["alive"] == .bool(true))
        #expect(status["next"] == .string("lockkeeper advance orders-status 1.switch"))
        let second = try await place.run("run", place.spec, "--headless")
        #expect(second.code == 4 && second.errors.contains("An engine runs"), "\(second)")
        #expect(try await place.run("advance", "orders-status", "1.switch").code == 0)
        try await running.line(with: "\"gate\":\"1.contract\"")
        #expect(try await place.run("advance", "orders-status").code == 0)
        try await running.line(with: "\"event\":\"quarantined\"")
        #expect(try await place.run("set", "orders-status", "quarantine=0s").code == 0)
        let purged = try await place.run("purge", "orders-status", "--yes", "orders-status")
        #expect(purged.code == 0, "\(purged)")
        let ended = try await running.end()
        #expect(ended.code == 0, "\(ended)")
        #expect(try await place.leftovers() == nil)
    }

    @Test("hears of settings while no engine runs, too")
    func atRest() async throws {
        let place = try await Workplace.make()
        #expect(
            try await place.run("run", place.spec, "--headless", "--until", "migrate").code == 0)
        #expect(try await place.run("pause", "orders-status").code == 0)
        var status = try await place.status()
        #expect(status["state"] == .string("paused"), "\(status)")
        #expect(try await place.run("resume", "orders-status").code == 0)
        #expect(try await place.run("resume", "orders-status").code == 4)
        status = try await place.status()
        #expect(status["state"] == .string("interrupted"), "\(status)")
        let unknown = try await place.run("pause", "order-status")
        #expect(unknown.code == 4 && unknown.errors.contains("lockkeeper status"), "\(unknown)")
    }

    @Test("locks prints a picture a second, and no more, until it is stopped")
    func locks() async throws {
        let place = try await Workplace.make(rows: 10)
        let running = try await place.start("locks")
        let some = try await waited { () -> [Date]? in
            let times = running.output.split(separator: "\n").compactMap {
                try? Date(
                    String($0.prefix(24)),
                    strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
            }
            return times.count >= 4 ? times : nil
        }
        running.signal(SIGINT)
        #expect(try await running.end().code == 130)
        let times = try #require(some)
        for (earlier, later) in zip(times, times.dropFirst()) {
            #expect(later.timeIntervalSince(earlier) > 0.8, "\(times)")
        }
    }

    @Test("a rollback asks for the name, goes back to a phase, and then all the way")
    func rollback() async throws {
        let place = try await Workplace.make()
        let before = try await place.schema()
        let rows = try await place.contents()
        let begun = try await place.run(
            "run", place.spec, "--headless", "--approve", "all", "--until", "switch")
        #expect(begun.code == 0, "\(begun)")

        let wrong = try await place.run("rollback", "orders-status", "--yes", "orders")
        #expect(wrong.code == 64, "\(wrong)")
        #expect(wrong.errors.contains("nothing was done"), "\(wrong)")
        let unasked = try await place.run("rollback", "orders-status")
        #expect(unasked.code == 64 && unasked.errors.contains("--yes orders-status"), "\(unasked)")
        #expect(try await place.status()["phase"] == .string("contract"))

        let some = try await place.run(
            "rollback", "orders-status", "--to", "migrate", "--yes", "orders-status")
        #expect(some.code == 0 && some.output.contains("end of Migrate"), "\(some)")
        let status = try await place.status()
        #expect(status["phase"] == .string("backfill"), "\(status)")
        #expect(
            try await place.value(
                """
                SELECT count(*) FROM pg_trigger
                 WHERE tgrelid = 'orders'::regclass AND NOT tgisinternal AND tgname <> 'orders_touch'
                """) == "1")

        let stopped = try await place.run("rollback", "orders-status", "--yes", "orders-status")
        #expect(stopped.code == 3 && stopped.output.contains("1.undo"), "\(stopped)")
        let waiting = try await place.status()
        #expect(waiting["state"] == .string("waiting"), "\(waiting)")
        #expect(waiting["phase"] == .string("expand"), "\(waiting)")
        #expect(waiting["next"] == .string("lockkeeper advance orders-status 1.undo"))
        let all = try await place.run(
            "rollback", "orders-status", "--yes", "orders-status", "--approve", "all")
        #expect(all.code == 0, "\(all)")
        #expect(try await place.status()["state"] == .string("rolled_back"))
        #expect(try await place.schema() == before)
        #expect(try await place.contents() == rows)
        #expect(try await place.leftovers() == nil)

        let nothing = try await place.run("rollback", "orders-status", "--yes", "orders-status")
        #expect(nothing.code == 4 && nothing.errors.contains("rolled back"), "\(nothing)")
        let anew = try await place.run("run", place.spec, "--headless", "--until", "expand")
        #expect(anew.code == 0, "\(anew)")
    }
}
