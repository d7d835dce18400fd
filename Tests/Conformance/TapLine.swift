import Foundation
import Synchronization

/// One client's connection by way of a `Wiretap`. Two threads carry its bytes, one each way.
final class TapLine: Sendable {
    private let client: Int32
    private let server: Int32
    private struct State {
        /// Answers wait here instead of going on.
        var holdsAnswers = false
        var isAnswered = false
        var users = 2
    }
    private let state = Mutex(State())

    init(client: Int32, server: Int32) {
        self.client = client
        self.server = server
    }

    func cut() {
        letAnswersGo()
        shutdown(server, Int32(SHUT_RDWR))
        shutdown(client, Int32(SHUT_RDWR))
    }

    func cutClient() { shutdown(client, Int32(SHUT_RDWR)) }

    /// The descriptors are given back when neither thread uses them any more.
    func release() {
        let isLast = state.withLock { state in
            state.users -= 1
            return state.users == 0
        }
        guard isLast else { return }
        close(client)
        close(server)
    }

    func send(_ message: [UInt8]) -> Bool { UnixSocket.send(message, to: server) }

    /// One message with its header; nil at the end.
    func message(isStartup: Bool) -> [UInt8]? {
        guard var message = UnixSocket.bytes(isStartup ? 4 : 5, from: client) else { return nil }
        let length = message.suffix(4).reduce(0) { $0 << 8 | Int($1) } - 4
        guard let body = UnixSocket.bytes(length, from: client) else { return nil }
        message += body
        return message
    }

    // MARK: answers

    func holdAnswers() {
        state.withLock {
            $0.holdsAnswers = true
            $0.isAnswered = false
        }
    }

    func letAnswersGo() { state.withLock { $0.holdsAnswers = false } }

    /// Waits until the server is ready for the next message, or has gone.
    func awaitAnswer(seconds: Double) {
        let deadline = Date().addingTimeInterval(seconds)
        while !state.withLock({ $0.isAnswered }), Date() < deadline {
            Thread.sleep(forTimeInterval: 0.001)
        }
    }

    func carryAnswers(delay: () -> Double) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(server, &buffer, buffer.count)
            guard count > 0 else { break }
            // ReadyForQuery is the last message of an answer, six bytes long.
            if count >= 6, buffer[count - 6] == UInt8(ascii: "Z") {
                state.withLock { $0.isAnswered = true }
            }
            while state.withLock({ $0.holdsAnswers }) { Thread.sleep(forTimeInterval: 0.001) }
            let pause = delay()
            if pause > 0 { Thread.sleep(forTimeInterval: pause) }
            // What a lost client does not take is read all the same: the server must not wait.
            _ = UnixSocket.send(Array(buffer[..<count]), to: client)
        }
        state.withLock { $0.isAnswered = true }
        shutdown(client, Int32(SHUT_RDWR))
    }
}

/// Unix stream sockets, as far as a tap needs them.
enum UnixSocket {
    static func make() -> Int32 {
        #if os(Linux)
            socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        #else
            socket(AF_UNIX, SOCK_STREAM, 0)
        #endif
    }

    static func listen(_ descriptor: Int32, at path: String) -> Bool {
        withAddress(path) {
            bind(descriptor, $0, $1) == 0 && Foundation.listen(descriptor, 64) == 0
        }
    }

    static func connect(_ descriptor: Int32, to path: String) -> Bool {
        withAddress(path) { Foundation.connect(descriptor, $0, $1) == 0 }
    }

    static func bytes(_ count: Int, from descriptor: Int32) -> [UInt8]? {
        var all: [UInt8] = []
        while all.count < count {
            var buffer = [UInt8](repeating: 0, count: count - all.count)
            let got = read(descriptor, &buffer, buffer.count)
            guard got > 0 else { return nil }
            all += buffer[..<got]
        }
        return all
    }

    static func send(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
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
