import CLibPQ
import Foundation
import Synchronization

/// libpq's connection. Sendable because only one queue uses it, the connection's own, but for
/// `PQgetCancel`, which is called while it is made and before anything is sent.
struct Handle: @unchecked Sendable {
    let pointer: OpaquePointer
}

/// Makes a connection on the queue that will own it, because `PQconnectdbParams` blocks.
actor Opener {
    struct Opened: Sendable {
        let handle: Handle
        let inbox: Inbox
    }

    private let executor: SerialQueueExecutor

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(executor: SerialQueueExecutor) { self.executor = executor }

    func open(_ settings: ConnectionSettings) throws -> Opened {
        let pairs = settings.keywords
        let keys = pairs.map { strdup($0.key) }
        let values = pairs.map { strdup($0.value) }
        defer { for copy in keys + values { free(copy) } }
        let pointer = PQconnectdbParams(
            keys.map { UnsafePointer($0) } + [nil], values.map { UnsafePointer($0) } + [nil], 1)
        guard let pointer else { throw ConnectionError.cannotConnect("out of memory") }
        guard PQstatus(pointer) == CONNECTION_OK else {
            let reason = String(cString: PQerrorMessage(pointer))
                .trimmingCharacters(in: .whitespacesAndNewlines)
            PQfinish(pointer)
            throw ConnectionError.cannotConnect(settings.withoutSecrets(reason))
        }
        let inbox = Inbox()
        PQsetNoticeProcessor(
            pointer,
            { context, message in
                guard let context, let message else { return }
                Unmanaged<Inbox>.fromOpaque(context).takeUnretainedValue()
                    .add(String(cString: message))
            }, Unmanaged.passUnretained(inbox).toOpaque())
        return Opened(handle: Handle(pointer: pointer), inbox: inbox)
    }
}

/// The notices of one connection; at most the last hundred, because nobody may be reading them.
final class Inbox: Sendable {
    private let notices = Mutex<[String]>([])

    func add(_ notice: String) {
        notices.withLock {
            $0.append(notice.trimmingCharacters(in: .whitespacesAndNewlines))
            if $0.count > 100 { $0.removeFirst() }
        }
    }

    func takeNotices() -> [String] {
        notices.withLock { held in
            defer { held = [] }
            return held
        }
    }
}
