import Foundation
import Subprocess
import Synchronization

/// `lockkeeper` as a process of its own, with a command and its database's `--dsn`.
final class EngineProcess: Sendable {
    /// What it left behind.
    struct Ended: Sendable {
        /// Its exit code; nil where a signal ended it.
        let code: Int32?
        let signal: Int32?
        let output: String
        let errors: String

        /// A signal that says that the program itself is broken.
        var isCrash: Bool { [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE].contains(signal) }

        var summary: String {
            let way = code.map { "code \($0)" } ?? "signal \(signal ?? 0)"
            let said = (errors.isEmpty ? output : errors).split(separator: "\n").suffix(2)
                .joined(separator: " / ")
            return "\(way): \(said.prefix(400))"
        }
    }

    /// Beside this program, where the build puts both.
    static let program: String = {
        let beside = Bundle.main.bundleURL.appending(path: "lockkeeper")
        return ProcessInfo.processInfo.environment["LOCKKEEPER_PROGRAM"]
            ?? beside.path(percentEncoded: false)
    }()

    let pid: Int32
    private let ending: Task<Ended, any Error>

    /// - Parameter wrapped: the words with which it is started, such as a terminal around it.
    static func start(
        _ arguments: [String], in folder: String,
        wrapped: @Sendable ([String]) -> [String] = { $0 },
        environment: [String: String] = [:]
    ) async throws -> EngineProcess {
        let name = folder + "/" + UUID().uuidString.prefix(8)
        let output = open(name + ".out", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        let errors = open(name + ".err", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard output >= 0, errors >= 0 else { throw POSIXError(.EMFILE) }
        let words = wrapped([program] + arguments)
        let (pids, announce) = AsyncThrowingStream<Int32, any Error>.makeStream()
        let ending = Task {
            do {
                let result = try await Subprocess.run(
                    words[0].hasPrefix("/") ? .path(.init(words[0])) : .name(words[0]),
                    arguments: .init(Array(words.dropFirst())),
                    environment: .inherit.updating(
                        Dictionary(
                            uniqueKeysWithValues: environment.map {
                                (Subprocess.Environment.Key(rawValue: $0) ?? "LC_ALL", $1)
                            })),
                    input: .none,
                    output: .fileDescriptor(
                        .init(rawValue: output), closeAfterSpawningProcess: true),
                    error: .fileDescriptor(
                        .init(rawValue: errors), closeAfterSpawningProcess: true)
                ) { announce.yield($0.processIdentifier.value) }
                func text(_ file: String) -> String {
                    defer { unlink(file) }
                    return (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
                }
                let said = (text(name + ".out"), text(name + ".err"))
                return switch result.terminationStatus {
                case .exited(let code):
                    Ended(code: code, signal: nil, output: said.0, errors: said.1)
                case .signaled(let number):
                    Ended(code: nil, signal: number, output: said.0, errors: said.1)
                }
            } catch {
                announce.finish(throwing: error)
                throw error
            }
        }
        // In a task of its own: one that is cancelled meanwhile has a process to end all the same.
        let pid = try await Task {
            for try await pid in pids { return pid }
            throw POSIXError(.ESRCH)
        }.value
        return EngineProcess(pid: pid, ending: ending)
    }

    private init(pid: Int32, ending: Task<Ended, any Error>) {
        self.pid = pid
        self.ending = ending
    }

    func signal(_ number: Int32) { kill(pid, number) }

    /// Waits for its end; after `seconds` it is killed, and what it said has a note of that.
    func end(within seconds: Double = 90) async throws -> Ended {
        let late = Mutex(false)
        let impatience = Task {
            try await Task.sleep(for: .seconds(seconds))
            late.withLock { $0 = true }
            signal(SIGKILL)
        }
        defer { impatience.cancel() }
        let ended = try await ending.value
        guard late.withLock({ $0 }) else { return ended }
        return Ended(
            code: nil, signal: SIGKILL, output: ended.output,
            errors: ended.errors + "\nit did not end in \(Int(seconds)) s and was killed")
    }
}
