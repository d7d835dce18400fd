import Foundation
import Postgres
import Sandbox
import Synchronization

/// Stands between clients and a server on a Unix socket, looks at every message that a client sends,
/// and loses an answer, cuts, delays or holds back where the test says so.
package final class Wiretap: Sendable {
    package enum Verdict: Sendable {
        case pass
        /// The server gets the message and carries it out; the client's connection ends at once, and
        /// the server does not notice for some time.
        case loseAnswer
        /// The message does not go on before `release`, as if the client or the network were frozen.
        case hold
        /// The server gets that many bytes of the message; then both ends are cut.
        case cut(afterBytes: Int)
        /// The server carries it out; before its answer goes on, this is done.
        case beforeAnswer(@Sendable () -> Void)
        /// The server gets the message; while it carries it out, this is done.
        case meanwhile(@Sendable () -> Void)
        /// Neither end hears of the other for so many seconds, nor that it is gone; then both are cut.
        case silence(seconds: Double)
    }

    package let folder: String
    /// Seconds that each message takes longer, in each direction.
    package let delay = Mutex(0.0)
    private let listener: Int32
    private let target: Mutex<String>
    /// Seconds after which the server learns that its client is gone.
    private let unnoticed: Double
    private let judge: @Sendable (String) -> Verdict
    private let released = Mutex(false)
    private let held = Mutex(0)
    private let lines = Mutex<[ObjectIdentifier: TapLine]>([:])

    /// - Parameters:
    ///   - socketFolder: of the server, whose port is 5432.
    ///   - judge: is asked of each message with a statement in it, on a thread that may be kept waiting.
    package init(
        _ socketFolder: String, unnoticed: Double = 0.05,
        judge: @escaping @Sendable (String) -> Verdict
    ) throws {
        self.unnoticed = unnoticed
        folder =
            FileManager.default.temporaryDirectory.path + "/lkt"
            + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        target = Mutex(socketFolder)
        self.judge = judge
        listener = UnixSocket.make()
        guard UnixSocket.listen(listener, at: folder + "/.s.PGSQL.5432") else {
            throw POSIXError(.EADDRNOTAVAIL)
        }
        Thread.detachNewThread { [self] in accept() }
    }

    package convenience init(
        _ server: SandboxServer, unnoticed: Double = 0.05,
        judge: @escaping @Sendable (String) -> Verdict
    ) throws {
        try self.init(server.folder, unnoticed: unnoticed, judge: judge)
    }

    /// A libpq keyword string for a database of the server, by way of this tap.
    package func dsn(database: String, user: String = SandboxServer.superuser) -> String {
        "host='\(folder)' port=5432 user='\(user)' dbname='\(database)'"
    }

    package func settings(database: String) -> ConnectionSettings {
        ConnectionSettings(dsn: dsn(database: database))
    }

    /// New connections go to another server.
    package func turn(to socketFolder: String) { target.withLock { $0 = socketFolder } }

    /// Whether a message is being held back.
    package var isHolding: Bool { held.withLock { $0 > 0 } }

    package func release() { released.withLock { $0 = true } }

    /// Ends every connection that goes by way of this tap.
    package func cutAll() {
        for line in lines.withLock({ Array($0.values) }) { line.cut() }
    }

    package func close() {
        release()
        shutdown(listener, Int32(SHUT_RDWR))
        _ = Foundation.close(listener)
        cutAll()
        try? FileManager.default.removeItem(atPath: folder)
    }

    // MARK: the wire

    private func accept() {
        while true {
            let client = Foundation.accept(listener, nil, nil)
            guard client >= 0 else { return }
            let server = UnixSocket.make()
            guard UnixSocket.connect(server, to: target.withLock { $0 } + "/.s.PGSQL.5432") else {
                _ = Foundation.close(client)
                _ = Foundation.close(server)
                continue
            }
            let line = TapLine(client: client, server: server)
            lines.withLock { $0[ObjectIdentifier(line)] = line }
            Thread.detachNewThread { [self] in
                carryMessages(on: line)
                lines.withLock { $0[ObjectIdentifier(line)] = nil }
                line.release()
            }
            Thread.detachNewThread { [self] in
                line.carryAnswers { self.delay.withLock { $0 } }
                line.release()
            }
        }
    }

    private func carryMessages(on line: TapLine) {
        var isStartup = true
        while let message = line.message(isStartup: isStartup) {
            let isStatement =
                !isStartup && [UInt8(ascii: "Q"), UInt8(ascii: "P")].contains(message[0])
            isStartup = false
            let verdict =
                isStatement ? judge(String(decoding: message.dropFirst(5), as: UTF8.self)) : .pass
            let delay = delay.withLock { $0 }
            if delay > 0 { Thread.sleep(forTimeInterval: delay) }
            guard carry(message, on: line, verdict) else { break }
        }
        line.cut()
    }

    /// False where the line has ended with it.
    private func carry(_ message: [UInt8], on line: TapLine, _ verdict: Verdict) -> Bool {
        switch verdict {
        case .pass: return line.send(message)
        case .hold:
            hold()
            return line.send(message)
        case .loseAnswer:
            guard line.send(message) else { return false }
            line.cutClient()
            Thread.sleep(forTimeInterval: unnoticed)
            return false
        case .cut(let count):
            _ = line.send(Array(message.prefix(count)))
            return false
        case .beforeAnswer(let act):
            line.holdAnswers()
            guard line.send(message) else { return false }
            line.awaitAnswer(seconds: 2)
            act()
            line.letAnswersGo()
            return true
        case .meanwhile(let act):
            guard line.send(message) else { return false }
            act()
            return true
        case .silence(let seconds):
            line.holdAnswers()
            Thread.sleep(forTimeInterval: seconds)
            return false
        }
    }

    private func hold() {
        held.withLock { $0 += 1 }
        while !released.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.005) }
        held.withLock { $0 -= 1 }
    }
}

/// Says yes once.
package final class Once: Sendable {
    private let spent = Atomic<Bool>(false)

    package init() {}

    package var hasHappened: Bool { spent.load(ordering: .relaxed) }

    package func take() -> Bool { !spent.exchange(true, ordering: .relaxed) }
}
