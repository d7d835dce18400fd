import Foundation
import Postgres
import Sandbox
import Synchronization

/// Stands between a client and a server on a Unix socket, looks at every message that the client
/// sends, and loses an answer or holds a message back where the test says so.
final class Wiretap: Sendable {
    enum Verdict: Sendable {
        case pass
        /// The server gets the message and carries it out; the client's connection ends at once, and
        /// the server does not notice for some time.
        case loseAnswer
        /// The message does not go on before `release`, as if the client or the network were frozen.
        case hold
    }

    let folder: String
    private let listener: Int32
    private let target: String
    /// Seconds after which the server learns that its client is gone.
    private let unnoticed: Double
    private let judge: @Sendable (String) -> Verdict
    private let released = Mutex(false)
    private let held = Mutex(0)

    /// - Parameter judge: is asked of each message with a statement in it.
    init(
        _ server: SandboxServer, unnoticed: Double = 0.05,
        judge: @escaping @Sendable (String) -> Verdict
    ) throws {
        self.unnoticed = unnoticed
        folder =
            FileManager.default.temporaryDirectory.path + "/lkt"
            + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        target = server.folder + "/.s.PGSQL.5432"
        self.judge = judge
        listener = Self.makeSocket()
        try Self.withAddress(folder + "/.s.PGSQL.5432") { address, length in
            guard bind(listener, address, length) == 0, listen(listener, 16) == 0 else {
                throw POSIXError(.EADDRNOTAVAIL)
            }
        }
        Thread.detachNewThread { [self] in accept() }
    }

    /// Like `stage.settings`, by way of this tap.
    func settings(_ stage: Stage) -> ConnectionSettings {
        ConnectionSettings(
            dsn: "host='\(folder)' port=5432 user=postgres dbname='\(stage.database)'")
    }

    /// Whether a message is being held back.
    var isHolding: Bool { held.withLock { $0 > 0 } }

    func release() { released.withLock { $0 = true } }

    func close() {
        release()
        shutdown(listener, Int32(SHUT_RDWR))
        _ = Foundation.close(listener)
        try? FileManager.default.removeItem(atPath: folder)
    }

    // MARK: the wire

    private func accept() {
        while true {
            let client = Foundation.accept(listener, nil, nil)
            guard client >= 0 else { return }
            let server = Self.makeSocket()
            let connected = Self.withAddress(target) { connect(server, $0, $1) }
            guard connected == 0 else {
                _ = Foundation.close(client)
                continue
            }
            Thread.detachNewThread { [self] in carryMessages(from: client, to: server) }
            Thread.detachNewThread { Self.carryBytes(from: server, to: client) }
        }
    }

    private func carryMessages(from client: Int32, to server: Int32) {
        var isStartup = true
        while let message = Self.message(from: client, isStartup: isStartup) {
            let isStatement =
                !isStartup && [UInt8(ascii: "Q"), UInt8(ascii: "P")].contains(message[0])
            isStartup = false
            let verdict =
                isStatement ? judge(String(decoding: message.dropFirst(5), as: UTF8.self)) : .pass
            if verdict == .hold { hold() }
            guard Self.send(message, to: server) else { break }
            if verdict == .loseAnswer {
                shutdown(client, Int32(SHUT_RDWR))
                Thread.sleep(forTimeInterval: unnoticed)
                break
            }
        }
        shutdown(server, Int32(SHUT_RDWR))
        shutdown(client, Int32(SHUT_RDWR))
    }

    private func hold() {
        held.withLock { $0 += 1 }
        while !released.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.005) }
        held.withLock { $0 -= 1 }
    }

    private static func carryBytes(from server: Int32, to client: Int32) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(server, &buffer, buffer.count)
            guard count > 0 else { break }
            // What a lost client does not take is read all the same: the server must not wait.
            _ = send(Array(buffer[..<count]), to: client)
        }
        shutdown(client, Int32(SHUT_RDWR))
    }

    /// One message with its header; nil at the end.
    private static func message(from client: Int32, isStartup: Bool) -> [UInt8]? {
        guard var message = bytes(isStartup ? 4 : 5, from: client) else { return nil }
        let length = message.suffix(4).reduce(0) { $0 << 8 | Int($1) } - 4
        guard let body = bytes(length, from: client) else { return nil }
        message += body
        return message
    }

    private static func bytes(_ count: Int, from descriptor: Int32) -> [UInt8]? {
        var all: [UInt8] = []
        while all.count < count {
            var buffer = [UInt8](repeating: 0, count: count - all.count)
            let got = read(descriptor, &buffer, buffer.count)
            guard got > 0 else { return nil }
            all += buffer[..<got]
        }
        return all
    }

    private static func send(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            #if os(Linux)
                let flags = Int32(MSG_NOSIGNAL)
            #else
                let flags: Int32 = 0
            #endif
            let count = bytes[sent...].withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, flags)
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    private static func makeSocket() -> Int32 {
        #if os(Linux)
            socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        #else
            socket(AF_UNIX, SOCK_STREAM, 0)
        #endif
    }

    private static func withAddress<Value>(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Value
    ) rethrows -> Value {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        return try withUnsafePointer(to: &address) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}

/// Says yes once.
final class Once: Sendable {
    private let spent = Atomic<Bool>(false)

    var hasHappened: Bool { spent.load(ordering: .relaxed) }

    func take() -> Bool { !spent.exchange(true, ordering: .relaxed) }
}
