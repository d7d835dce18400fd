import Foundation
import Subprocess
import Testing

/// The program while it runs: what it has said so far, signals to it, its end.
final class RunningProgram: Sendable {
    let pid: Int32
    private let folder: Folder
    private let ending: Task<TerminationStatus, any Error>

    /// Starts it; its output goes to files, so that nobody has to read along.
    static func start(
        _ arguments: [String], environment: [String: String?] = [:]
    ) async throws -> RunningProgram {
        let folder = try Folder()
        let output = open(folder.path + "/output", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        let errors = open(folder.path + "/errors", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(output >= 0 && errors >= 0)
        let (pids, announce) = AsyncThrowingStream<Int32, any Error>.makeStream()
        let ending = Task {
            do {
                let result = try await Subprocess.run(
                    .path(.init(Program.path)), arguments: .init(arguments),
                    environment: Program.environment(environment),
                    input: .none,
                    output: .fileDescriptor(
                        .init(rawValue: output), closeAfterSpawningProcess: true),
                    error: .fileDescriptor(
                        .init(rawValue: errors), closeAfterSpawningProcess: true)
                ) { announce.yield($0.processIdentifier.value) }
                return result.terminationStatus
            } catch {
                announce.finish(throwing: error)
                throw error
            }
        }
        var found: Int32?
        for try await pid in pids {
            found = pid
            break
        }
        return RunningProgram(pid: try #require(found), folder: folder, ending: ending)
    }

    private init(pid: Int32, folder: Folder, ending: Task<TerminationStatus, any Error>) {
        self.pid = pid
        self.folder = folder
        self.ending = ending
    }

    var output: String { folder.read("output") }
    var errors: String { folder.read("errors") }

    func signal(_ number: Int32) { kill(pid, number) }

    /// The first whole line of its output or errors that holds the text.
    @discardableResult
    func line(
        with text: String, upTo seconds: Double = 60,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let found = try await waited(upTo: seconds) {
            (output + "\n" + errors).split(separator: "\n").first { $0.contains(text) }
        }
        if found == nil {
            Issue.record(
                "it never said \"\(text)\":\n\(output)\n--- errors\n\(errors)",
                sourceLocation: sourceLocation)
            signal(SIGKILL)
        }
        return String(try #require(found, sourceLocation: sourceLocation))
    }

    /// Waits until it has ended; ends it by force, and says so, when it takes too long.
    func end(upTo seconds: Double = 60, sourceLocation: SourceLocation = #_sourceLocation)
        async throws -> Ended
    {
        let impatience = Task {
            try await Task.sleep(for: .seconds(seconds))
            Issue.record(
                "it did not end in \(seconds) s:\n\(output)\n--- errors\n\(errors)",
                sourceLocation: sourceLocation)
            signal(SIGKILL)
        }
        defer { impatience.cancel() }
        let status = try await ending.value
        defer { folder.remove() }
        return Ended(status: status, output: output, errors: errors)
    }
}
