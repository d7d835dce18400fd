import ArgumentParser
import Foundation
import Postgres
import Sandbox

/// One fill in a process of its own, which prints what it took and the most memory that it had.
struct OneFill: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "one-fill", abstract: "One fill on a prepared database.", shouldDisplay: false)

    struct Result: Codable, CustomStringConvertible {
        var rows: Int
        var seconds: Double
        /// kB.
        var peakMemory: Int

        var rowsPerSecond: Double { seconds > 0 ? Double(rows) / seconds : 0 }
        var description: String {
            String(
                format: "%.1f s, %.0f rows/s, at most %.1f MB of memory", seconds, rowsPerSecond,
                Double(peakMemory) / 1024)
        }
    }

    @Option var dsn: String

    func run() async throws {
        let migration = BenchMigration(settings: ConnectionSettings(dsn: dsn))
        let work = try await migration.run(until: .backfill, watching: "1.backfill.fill")
        let result = Result(
            rows: work.rows, seconds: work.seconds, peakMemory: try Self.peakMemory())
        print(String(decoding: try JSONEncoder().encode(result), as: UTF8.self))
    }

    /// On a fresh copy of the table, up to the fill in this process.
    static func measure(_ table: BenchTable, on server: SandboxServer) async throws -> Result {
        let settings = try await table.copy(on: server)
        try await BenchMigration(settings: settings).run(until: .migrate)
        let admin = try await server.connect()
        try await admin.query("CHECKPOINT")
        await admin.close()
        let process = Process()
        process.executableURL = Bundle.main.executableURL
        process.arguments = ["one-fill", "--dsn", server.dsn(database: "trial")]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw BenchmarkFailure("one-fill ended with \(process.terminationStatus)")
        }
        return try JSONDecoder().decode(Result.self, from: data)
    }

    /// Of this process alone: on Linux `ru_maxrss` has that of the process that started it in it.
    private static func peakMemory() throws -> Int {
        #if os(Linux)
            let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            guard let words = line?.split(whereSeparator: \.isWhitespace), words.count > 1,
                let kilobytes = Int(words[1])
            else { throw BenchmarkFailure("/proc/self/status does not tell VmHWM") }
            return kilobytes
        #else
            var usage = rusage()
            getrusage(RUSAGE_SELF, &usage)
            return usage.ru_maxrss / 1024
        #endif
    }
}
