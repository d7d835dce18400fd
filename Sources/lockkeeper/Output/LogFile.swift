import Engine
import Foundation
import Logging
import Postgres
import Synchronization

/// The log file: what happens, a line each, appended. The screen has no room for it.
struct LogFile: LogHandler {
    /// One file, written by whoever logs. Each line is one `write`, so that lines stay whole.
    private final class File: Sendable {
        private let handle: Mutex<FileHandle>

        init(_ handle: FileHandle) { self.handle = Mutex(handle) }

        func append(_ line: String) {
            handle.withLock { $0.write(Data((line + "\n").utf8)) }
        }
    }

    private let file: File
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    /// A logger that appends to a file, which is made where it is not there. Throws `UsageError`.
    static func logger(at path: String) throws -> Logger {
        guard
            FileManager.default.fileExists(atPath: path)
                || FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else { throw UsageError("The log file \(path) can't be written.") }
        handle.seekToEndOfFile()
        let file = File(handle)
        return Logger(label: "lockkeeper") { _ in LogFile(file: file) }
    }

    private init(file: File) { self.file = file }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let text = "\(event.message)".visible
        file.append("\(Date().rfc3339)  \(event.level)  \(text)")
    }
}
