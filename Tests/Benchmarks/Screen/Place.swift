import Dashboard
import Engine
import Foundation
import Migration
import Monitor
import Postgres
import Sandbox

/// A database with a migration that stands before its backfill, and the program to show it with.
final class Place {
    let server: SandboxServer
    let program: String
    let seconds: Double
    let folder: URL
    private static let database = "bench"
    private static let name = "bench"

    init(server: SandboxServer, program: String, rows: Int, seconds: Double) async throws {
        self.server = server
        self.program = program
        self.seconds = seconds
        folder = FileManager.default.temporaryDirectory.appending(
            path: "lockkeeper-screen-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Self.spec.write(
            to: folder.appending(path: "bench.yaml"), atomically: true, encoding: .utf8)
        _ = try await server.makeDatabase(Self.database)
        let connection = try await server.connect(database: Self.database)
        try await connection.run(
            "CREATE EXTENSION pg_stat_statements",
            "CREATE ROLE watcher LOGIN IN ROLE pg_monitor",
            "CREATE TABLE crowd (id bigint PRIMARY KEY)",
            "CREATE TABLE crowd_rows (id bigint PRIMARY KEY, n bigint)",
            "INSERT INTO crowd_rows VALUES (1, 0)",
            """
            CREATE TABLE items (
              id bigint PRIMARY KEY, status varchar(20), amount numeric, note text)
            """,
            """
            INSERT INTO items SELECT n, 'status ' || n % 10, n, repeat('x', 140)
              FROM generate_series(1, \(rows)) n
            """)
        try await connection.query("VACUUM (FREEZE, ANALYZE) items")
        await connection.close()
        let outcome = try await Engine.open(request(until: .migrate), settings).run()
        guard outcome == .reached(.migrate) else {
            throw BenchmarkFailure("the migration ended with \(outcome)")
        }
    }

    var dsn: String { server.dsn(database: Self.database) }
    private var settings: ConnectionSettings { server.settings(database: Self.database) }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    private static let spec = """
        name: bench
        operations:
          - replace_column:
              table: items
              column: status
              with: {name: status_v2, type: varchar(50)}
              up: status
              down: status_v2
              unrepresentable: reject
        checklist: []
        """

    private func request(until phase: Phase) throws -> RunRequest {
        let spec = try Spec.parse(text: Self.spec, file: "bench.yaml")
        var request = RunRequest(name: spec.name)
        request.spec = spec
        request.specText = Self.spec
        request.specFile = "bench.yaml"
        request.until = phase
        return request
    }

    // MARK: programs

    private func run() throws -> Pseudoterminal {
        try Pseudoterminal(
            [
                program, "run", folder.appending(path: "bench.yaml").path(percentEncoded: false),
                "--dsn", dsn,
            ], rows: 50, columns: 200)
    }

    private func watch() throws -> Pseudoterminal {
        try Pseudoterminal(
            [program, "watch", Self.name, "--dsn", dsn], rows: 50, columns: 200)
    }

    private func pgActivity() throws -> Pseudoterminal {
        try Pseudoterminal(
            [
                "pg_activity", "--refresh", "1", "-h", server.folder, "-U", SandboxServer.superuser,
                "-d", Self.database,
            ], rows: 50, columns: 200)
    }

    static func isInstalled(_ program: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
        }
    }

    // MARK: measurements

    struct Cost {
        var firstFrame: Double
        /// Percent of a core.
        var cpu: Double?
        var anonymousMegabytes: Double?
    }

    /// Starts a program several times for its first frame; of the last one CPU and memory as well.
    private func cost(
        _ sign: String, starts: Int = 7, _ start: () throws -> Pseudoterminal
    ) throws -> Cost {
        var frames = Sample()
        var cost = Cost(firstFrame: .nan)
        for number in 1...starts {
            let terminal = try start()
            defer { terminal.end() }
            guard let drawn = terminal.wait(for: sign, seconds: 20) else {
                throw BenchmarkFailure("\(sign) never came to the screen")
            }
            frames.add((drawn - terminal.started).milliseconds)
            guard number == starts else { continue }
            let (cpu, megabytes) = spending(of: terminal)
            cost.cpu = cpu
            cost.anonymousMegabytes = megabytes
        }
        cost.firstFrame = frames.median
        return cost
    }

    /// Percent of a core, after a second of rest, and megabytes at the end.
    private func spending(of terminal: Pseudoterminal) -> (cpu: Double?, megabytes: Double?) {
        let figures = ProcessFigures(pid: terminal.pid)
        terminal.drain(seconds: 2)
        let before = figures.cpuSeconds
        let began = ContinuousClock.now
        terminal.drain(seconds: seconds)
        let took = (ContinuousClock.now - began) / .seconds(1)
        let after = figures.cpuSeconds
        let cpu = before.flatMap { before in after.map { ($0 - before) / took * 100 } }
        return (cpu, figures.anonymousBytes.map { $0 / 1_048_576 })
    }

    /// Milliseconds from a key to the last byte of the frame that it changes.
    private func keys(_ terminal: Pseudoterminal, count: Int) -> Sample {
        var sample = Sample()
        var random = SystemRandomNumberGenerator()
        for _ in 0..<count {
            terminal.drain(seconds: Double.random(in: 0.02...0.08, using: &random))
            let began = ContinuousClock.now
            terminal.type("?")
            guard let drawn = terminal.wait(for: "Dangerous", seconds: 5) else { continue }
            sample.add((drawn - began).milliseconds)
            terminal.type("?")
            _ = terminal.wait(for: "Progress", seconds: 5)
        }
        return sample
    }

    private static let sign = "primary"

    func quiet(_ report: inout Report, hasPeer: Bool) async throws {
        let activity = hasPeer ? try cost("uptime", starts: 3, pgActivity) : nil
        let watching = try cost(Self.sign, watch)
        report.add(
            "watch: start to first full frame", watching.firstFrame, "ms", bound: 100,
            peer: activity?.firstFrame)
        report.add("watch: CPU, refresh 1 s", watching.cpu, "%", bound: 0.5, peer: activity?.cpu)
        report.add(
            "watch: anonymous memory", watching.anonymousMegabytes, "MB", bound: 15,
            peer: activity?.anonymousMegabytes)
        let running = try cost(Self.sign, run)
        report.add("run: start to first full frame", running.firstFrame, "ms", bound: 100)
        report.add("run, standing: CPU, refresh 1 s", running.cpu, "%", bound: 0.5)
        report.add("run: anonymous memory", running.anonymousMegabytes, "MB", bound: 15)
        let frames = Frames(try await snapshots(5), count: 2000)
        report.add("frame of 200 x 50: median", frames.whole.median, "ms", bound: 1)
        report.add("frame of 200 x 50: 99 of 100", frames.whole.percentile(0.99), "ms")
    }

    private func snapshots(_ count: Int) async throws -> [Snapshot] {
        let watcher = Watcher(name: Self.name, settings: settings, refresh: 0.2)
        let looking = Task { await watcher.run() }
        var result: [Snapshot] = []
        for await snapshot in watcher.snapshots where snapshot.server != nil {
            result.append(snapshot)
            if result.count == count { break }
        }
        try await watcher.perform(.stop)
        await looking.value
        return result
    }

    /// Starts the backfill by keys, and looks while it runs.
    func filling(_ report: inout Report) async throws {
        let terminal = try run()
        defer { terminal.end() }
        _ = terminal.wait(for: Self.sign, seconds: 20)
        terminal.type("a")
        guard terminal.wait(for: "to the letter", seconds: 20) != nil else {
            throw BenchmarkFailure("the backfill does not wait for its start")
        }
        terminal.type("y")
        let crowd = Crowd()
        defer { crowd.leave() }
        let (cpu, megabytes) = spending(of: terminal)
        try crowd.burn(dsn: dsn)
        let pressed = keys(terminal, count: 60)
        guard let progress = try await filled(), progress.done < progress.total else {
            throw BenchmarkFailure("the fill was through too early: give --rows more")
        }
        report.add("run, filling: CPU", cpu, "%", bound: 2)
        report.add("run, filling: anonymous memory", megabytes, "MB", bound: 15)
        report.add(
            "key to paint, filling beside a slow query: worst of 60", pressed.worst, "ms",
            bound: 16, note: String(format: "median %.1f ms", pressed.median))
    }

    private func filled() async throws -> (done: Int, total: Int)? {
        let office = try await Office.open(settings)
        let status = try await office.statuses(Self.name).first
        await office.close()
        return status?.progress.map { ($0.done, $0.total) }
    }

    func crowded(_ report: inout Report, sessions: Int, waiting: Int, hasPeer: Bool) async throws {
        let crowd = "with \(sessions) sessions, \(waiting) waiting: "
        let activity = hasPeer ? try cost("uptime", starts: 3, pgActivity) : nil
        let watching = try cost(Self.sign, watch)
        report.add(
            crowd + "first full frame", watching.firstFrame, "ms", bound: 100,
            peer: activity?.firstFrame)
        report.add(crowd + "CPU", watching.cpu, "%", bound: 0.5, peer: activity?.cpu)
        report.add(
            crowd + "anonymous memory", watching.anonymousMegabytes, "MB", bound: 15,
            peer: activity?.anonymousMegabytes)
        let frames = Frames(try await snapshots(5), count: 1000)
        report.add(
            crowd + "frame, median", frames.whole.median, "ms", bound: 1,
            note: String(format: "with a new snapshot %.1f ms", frames.withSnapshot.median))
        let terminal = try watch()
        _ = terminal.wait(for: Self.sign, seconds: 20)
        let pressed = keys(terminal, count: 60)
        terminal.end()
        report.add(
            crowd + "key to paint, worst of 60", pressed.worst, "ms", bound: 16,
            note: String(format: "median %.1f ms", pressed.median))
        report.add(crowd + "monitor's query on the server", try await queryTime(), "ms", bound: 20)
    }

    /// Milliseconds that the server works for one picture, its statements' plans and executions: the
    /// median of twenty.
    private func queryTime() async throws -> Double {
        let pictures = 20
        let admin = try await server.connect(database: Self.database)
        let watch = ServerWatch(
            settings: server.settings(database: Self.database, user: "watcher"))
        var sample = Sample()
        for _ in 0..<pictures {
            try await admin.query("SELECT pg_stat_statements_reset()")
            _ = try await watch.picture(ours: [])
            sample.add(
                try await admin.query(
                    """
                    SELECT sum(total_exec_time + total_plan_time) AS milliseconds
                      FROM pg_stat_statements WHERE userid = 'watcher'::regrole
                    """
                ).onlyRow().double("milliseconds"))
        }
        await watch.close()
        await admin.close()
        return sample.median
    }
}
