import ArgumentParser
import Dashboard
import Engine
import Foundation
import Migration
import Monitor
import Postgres
import Sandbox

/// What the screen costs: the built program on a terminal of 200 × 50, against a real server.
///
/// Twice: on a quiet server, and with a thousand sessions of which three hundred wait for locks.
/// Where pg_activity is installed it is measured beside.
@main
struct ScreenBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "screen-benchmark",
        abstract: "What the dashboard costs: time, CPU, memory, beside pg_activity where it is.")

    @Option(help: "The program; built with `swift build -c release --product lockkeeper`.")
    var program: String?
    @Option(help: "Rows of the table that is filled.") var rows = 3_000_000
    @Option(help: "Seconds for which CPU is measured.") var seconds = 20.0
    @Option(help: "Sessions of the crowd.") var sessions = 1000
    @Option(help: "How many of them wait for locks.") var waiting = 300
    @Flag(inversion: .prefixedNo, help: "Measure pg_activity beside, where it is installed.")
    var peer = true

    func run() async throws {
        var files = rlimit()
        getrlimit(Limits.files, &files)
        files.rlim_cur = files.rlim_max
        setrlimit(Limits.files, &files)
        let server = try await SandboxServer.start(
            .init(
                fsync: false,
                settings: [
                    "max_connections": "1100", "shared_buffers": "512MB", "max_wal_size": "8GB",
                    "checkpoint_timeout": "30min",
                    "shared_preload_libraries": "pg_stat_statements",
                    "pg_stat_statements.track_planning": "on",
                ]))
        do {
            let kept = try await measure(server)
            await server.stop()
            if !kept { throw ExitCode(1) }
        } catch {
            await server.stop()
            throw error
        }
    }

    private func measure(_ server: SandboxServer) async throws -> Bool {
        let place = try await Place(
            server: server, program: try chosenProgram(), rows: rows, seconds: seconds)
        defer { place.remove() }
        var report = Report()
        let hasPeer = peer && Place.isInstalled("pg_activity")
        if hasPeer { report.peerName = "pg_activity" }
        note("a quiet server")
        try await place.quiet(&report, hasPeer: hasPeer)
        note("a fill and a slow query")
        try await place.filling(&report)
        note("\(sessions) sessions, \(waiting) of them waiting")
        let crowd = Crowd()
        defer { crowd.leave() }
        try crowd.gather(dsn: place.dsn, sessions: sessions, waiting: waiting)
        try await place.crowded(&report, sessions: sessions, waiting: waiting, hasPeer: hasPeer)
        print(report.text)
        return report.isKept
    }

    private func chosenProgram() throws -> String {
        let path =
            program
            ?? Bundle.main.bundleURL.appending(path: "lockkeeper").path(percentEncoded: false)
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw BenchmarkFailure(
                "There is no \(path): build it with `swift build -c release --product lockkeeper`.")
        }
        return path
    }

    private func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}

private enum Limits {
    #if canImport(Darwin)
        static let files = RLIMIT_NOFILE
    #else
        static let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #endif
}
