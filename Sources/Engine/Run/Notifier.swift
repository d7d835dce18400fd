import Foundation
import Subprocess
import SystemPackage

/// Runs the spec's `notify` commands when something happens that people want to hear of.
///
/// Each command is given to `/bin/sh -c` with the event as one JSON object on its standard input and
/// its name, migration and text in `LOCKKEEPER_EVENT`, `LOCKKEEPER_MIGRATION`, `LOCKKEEPER_TEXT`. One
/// after another, beside the migration, each for at most `patience`: a command can neither stop nor
/// stall it.
struct Notifier: Sendable {
    let commands: [String]
    let patience: Duration
    let told: @Sendable (String) -> Void

    /// Phase starts and ends, gates, failures, long pauses, the ends of things.
    static func isWorthTelling(_ kind: EngineEvent.Kind) -> Bool {
        switch kind {
        case .phaseStarted, .phaseFinished, .gate, .stepFailed, .longPause, .forecast, .quarantined,
            .finished,
            .rolledBack:
            true
        default: false
        }
    }

    /// The first trouble; nil where every command ended well.
    func tell(_ event: EngineEvent) async -> String? {
        var first: String?
        for command in commands {
            guard let trouble = await run(command, event) else { continue }
            let text = "notify \(command): \(trouble)"
            first = first ?? text
            told(text)
        }
        return first
    }

    /// In a session of its own, so that what the shell has started ends with it.
    private static let ownSession: PlatformOptions = {
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [
            .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(1))
        ]
        return options
    }()

    /// A file without a name, to be read from its start: a command that does not read its input must
    /// not be able to fill a pipe, and swift-subprocess 1.0.2 ends the process where it breaks one.
    private static func file(holding text: String) throws -> FileDescriptor {
        let path = FilePath(NSTemporaryDirectory()).appending("lockkeeper-\(UUID().uuidString)")
        let file = try FileDescriptor.open(
            path, .readWrite, options: [.create, .exclusiveCreate], permissions: .ownerReadWrite)
        unlink(path.string)
        do {
            try file.writeAll(text.utf8)
            try file.seek(offset: 0, from: .start)
            return file
        } catch {
            try file.close()
            throw error
        }
    }

    /// Bytes of standard error. A command that writes more counts as failed; one that only prints its
    /// progress there (`curl -v`, `set -x`) must not.
    private static let words = 1 << 20

    /// What went wrong; nil where nothing did.
    private func run(_ command: String, _ event: EngineEvent) async -> String? {
        do {
            let json = try event.json()
            let environment = Environment.inherit.updating([
                "LOCKKEEPER_EVENT": event.kind.rawValue, "LOCKKEEPER_MIGRATION": event.migration,
                "LOCKKEEPER_TEXT": event.text,
            ])
            return try await withThrowingTaskGroup(of: String?.self) { group in
                group.addTask {
                    let result = try await Subprocess.run(
                        .path("/bin/sh"), arguments: ["-c", command], environment: environment,
                        platformOptions: Self.ownSession,
                        input: .fileDescriptor(
                            try Self.file(holding: json + "\n"), closeAfterSpawningProcess: true),
                        output: .discarded, error: .string(limit: Self.words))
                    guard result.terminationStatus.isSuccess else {
                        let words = result.standardError.split(separator: "\n").first ?? ""
                        return "\(result.terminationStatus) \(words.prefix(400))"
                    }
                    return nil
                }
                group.addTask {
                    try await Task.sleep(for: patience)
                    return "ended after \(patience)"
                }
                let first = try await group.next() ?? nil
                group.cancelAll()
                return first
            }
        } catch {
            return "\(error)"
        }
    }
}
