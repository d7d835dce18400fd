import Foundation
import Subprocess
import Testing

/// The program as it was built, beside this test bundle.
enum Program {
    static let path: String = {
        #if os(macOS)
            let products = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }
                .map { URL(filePath: $0.bundlePath).deletingLastPathComponent() }
        #else
            let products: URL? = nil
        #endif
        return (products ?? Bundle.main.bundleURL).appending(path: "lockkeeper")
            .path(percentEncoded: false)
    }()

    /// A locale in which everything can be drawn, and nothing of this machine's settings.
    static func environment(_ changes: [String: String?] = [:]) -> Subprocess.Environment {
        var all: [Subprocess.Environment.Key: String?] = [
            "LC_ALL": Self.locale, "NO_COLOR": nil, "TMUX": nil, "PGHOST": nil, "PGPORT": nil,
            "PGDATABASE": nil, "PGUSER": nil, "PGPASSWORD": nil, "PGSERVICE": nil,
            "LOCKKEEPER_THEME": nil,
        ]
        for (name, value) in changes { all[.init(rawValue: name) ?? "LC_ALL"] = value }
        return .inherit.updating(all)
    }

    #if os(macOS)
        static let locale = "en_US.UTF-8"
    #else
        static let locale = "C.UTF-8"
    #endif

    /// Runs it to its end.
    static func run(
        _ arguments: [String], environment: [String: String?] = [:], input: String = "",
        as program: String = path
    ) async throws -> Ended {
        let result = try await Subprocess.run(
            .path(.init(program)), arguments: .init(arguments),
            environment: Self.environment(environment), input: .string(input),
            output: .string(limit: 64 << 20), error: .string(limit: 1 << 20))
        return Ended(
            status: result.terminationStatus, output: result.standardOutput,
            errors: result.standardError)
    }
}

/// What a program left behind.
struct Ended: Sendable, CustomStringConvertible {
    let status: TerminationStatus
    let output: String
    let errors: String

    /// Its exit code; nil where a signal ended it.
    var code: Int32? { if case .exited(let code) = status { code } else { nil } }

    var description: String { "\(status)\n--- output\n\(output)\n--- errors\n\(errors)" }

    /// The lines of `--format json` of a run; a line that is no object is an issue.
    func events(sourceLocation: SourceLocation = #_sourceLocation) -> [JSON] {
        output.split(separator: "\n").compactMap { line in
            guard let event = JSON(String(line)), event.object != nil else {
                Issue.record("no JSON object: \(line)", sourceLocation: sourceLocation)
                return nil
            }
            return event
        }
    }
}

/// A folder of a test's own; gone at the latest with this process.
struct Folder: Sendable {
    let path: String

    private static let parent: String = {
        atexit { try? FileManager.default.removeItem(atPath: Folder.parentPath) }
        return parentPath
    }()

    private static var parentPath: String {
        FileManager.default.temporaryDirectory.appending(path: "lk-cmd-\(getpid())")
            .path(percentEncoded: false)
    }

    init() throws {
        path = Self.parent + "/" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
    }

    func file(_ name: String, _ text: String) throws -> String {
        let file = path + "/" + name
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    func read(_ name: String) -> String {
        (try? String(contentsOfFile: path + "/" + name, encoding: .utf8)) ?? ""
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}

/// Looks again and again, at most `seconds`, until there is a value; nil when there was none.
func waited<Value>(
    upTo seconds: Double = 60, _ look: () async throws -> Value?
) async throws -> Value? {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
        if let value = try await look() { return value }
        guard ContinuousClock.now < deadline else { return nil }
        try await Task.sleep(for: .milliseconds(30))
    }
}

/// Whether a process is there and no zombie.
func isAlive(_ pid: Int32) -> Bool { kill(pid, 0) == 0 }
