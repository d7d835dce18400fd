import CLibPQ
import Dispatch
import Foundation
import Synchronization

/// One session on a server.
///
/// Statements run one after another, on a queue of this connection's own, so a slow one blocks
/// nobody else. A cancelled task cancels its statement on the server and throws
/// `ConnectionError.cancelled`; a task that is cancelled already sends nothing.
public actor Connection {
    private let executor: SerialQueueExecutor
    private var handle: OpaquePointer?
    private let canceller: Canceller
    private let inbox: Inbox
    /// What is put behind each statement, on a line of its own; see `ConnectionSettings.marker`.
    private let marker: String

    /// The server process of this session, as `pg_stat_activity.pid` has it.
    ///
    /// A pooler has told libpq a number of its own; `readBackendPID` asks the server itself.
    public nonisolated var backendPID: Int32 { backend.load(ordering: .relaxed) }
    private nonisolated let backend: Atomic<Int32>
    /// As `server_version_num`: 150018 is 15.18.
    public nonisolated let serverVersion: Int
    /// The host or socket directory that it reached, and the port: `db1:5432`. Only libpq knows it,
    /// where the user gave a service, several hosts, or nothing.
    public nonisolated let address: String

    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// Connects; waits at most libpq's `connect_timeout` (10 s unless the user says otherwise) for
    /// each address. Throws `ConnectionError.cannotConnect` with libpq's own words.
    public static func open(_ settings: ConnectionSettings) async throws -> Connection {
        try Task.checkCancellation()
        let executor = SerialQueueExecutor(label: "lockkeeper.connection")
        let opened = try await Opener(executor: executor).open(settings)
        return Connection(opened, executor: executor, marker: settings.marker)
    }

    private init(_ opened: Opener.Opened, executor: SerialQueueExecutor, marker: String) {
        self.executor = executor
        self.marker = marker
        handle = opened.handle.pointer
        backend = Atomic(PQbackendPID(opened.handle.pointer))
        serverVersion = Int(PQserverVersion(opened.handle.pointer))
        address = [PQhost(opened.handle.pointer), PQport(opened.handle.pointer)]
            .compactMap { $0.map { String(cString: $0) } }.filter { !$0.isEmpty }
            .joined(separator: ":")
        canceller = Canceller(handle: opened.handle)
        inbox = opened.inbox
    }

    isolated deinit {
        if let handle { PQfinish(handle) }
    }

    /// Whether the session is there as far as libpq knows.
    public var isOpen: Bool { handle.map { PQstatus($0) == CONNECTION_OK } ?? false }

    /// Asks the server which of its processes this session has. True where libpq was told another: a
    /// pooler is between.
    @discardableResult
    public func readBackendPID() async throws -> Bool {
        let found = try await query("SELECT pg_catalog.pg_backend_pid() AS pid").onlyRow().int(
            "pid")
        return backend.exchange(Int32(found), ordering: .relaxed) != Int32(found)
    }

    /// Whether the session is inside a transaction, failed or not.
    public var isInTransaction: Bool {
        handle.map { PQtransactionStatus($0) != PQTRANS_IDLE } ?? false
    }

    /// The notices since the last call, oldest first.
    public func takeNotices() -> [String] { inbox.takeNotices() }

    /// Ends the session. An open transaction is rolled back by the server.
    public func close() {
        guard let handle else { return }
        canceller.disarm()
        PQfinish(handle)
        self.handle = nil
    }

    /// Sends one statement with bound parameters (the extended protocol) and returns its result.
    @discardableResult
    public func query(_ sql: SQL, _ parameters: (any Bindable)?...) async throws -> QueryResult {
        let texts = try checked(parameters, sql)
        let text = sql.text + marker
        let results = try await send { handle in
            withCStrings(texts) { pointers in
                PQsendQueryParams(
                    handle, text, Int32(texts.count), nil, pointers, nil, nil, 0)
            }
        }
        guard let last = results.last else {
            throw DecodingFailure(message: "the server gave no result")
        }
        return last
    }

    /// Sends several statements in one message (the simple protocol): the first that fails ends
    /// the message, and the server skips the rest without another word from us. Returns a result
    /// for each statement that ran.
    @discardableResult
    public func run(_ statements: [SQL]) async throws -> [QueryResult] {
        let message = statements.map { SQL(writtenByUser: $0.text + marker) }
            .joined(separator: ";\n")
        _ = try checked([], message)
        return try await send { PQsendQuery($0, message.text) }
    }

    @discardableResult
    public func run(_ statements: SQL...) async throws -> [QueryResult] {
        try await run(statements)
    }

    /// The columns that a statement would give: the server parses it and resolves its names, and
    /// does not run it. Locks the tables that it names like the statement itself.
    public func describe(_ sql: SQL) async throws -> [ColumnType] {
        let text = sql.text + marker
        _ = try await send { PQsendPrepare($0, "", text, 0, nil) }
        return try await send { PQsendDescribePrepared($0, "") }.last?.columnTypes ?? []
    }

    /// Prepares a statement under a name, for `execute`. The server keeps its plan, as it does for
    /// an application with a statement cache.
    public func prepare(_ name: String, _ sql: SQL) async throws {
        _ = try checked([], sql)
        let text = sql.text + marker
        _ = try await send { PQsendPrepare($0, name, text, 0, nil) }
    }

    /// Runs a prepared statement with bound parameters.
    @discardableResult
    public func execute(
        prepared name: String, _ parameters: [(any Bindable)?]
    ) async throws -> QueryResult {
        let texts = try checked(parameters, "")
        let results = try await send { handle in
            withCStrings(texts) { pointers in
                PQsendQueryPrepared(
                    handle, name, Int32(texts.count), pointers, nil, nil, 0)
            }
        }
        guard let last = results.last else {
            throw DecodingFailure(message: "the server gave no result")
        }
        return last
    }

    /// The notifications (`NOTIFY`) that have arrived, after reading what the socket holds.
    /// Never waits.
    public func takeNotifications() throws -> [Notification] {
        guard let handle else { throw ConnectionError.closed }
        guard PQconsumeInput(handle) == 1 else { throw lost(handle) }
        var all: [Notification] = []
        while let pointer = PQnotifies(handle) {
            all.append(
                Notification(
                    channel: String(cString: pointer.pointee.relname),
                    payload: String(cString: pointer.pointee.extra),
                    backendPID: pointer.pointee.be_pid))
            PQfreemem(pointer)
        }
        return all
    }

    /// Waits until something has arrived from the server, or the session has ended, or `limit` is over;
    /// a cancelled task stops waiting. The session serves others meanwhile, and their answers end the
    /// wait too: look at `takeNotifications`, then wait again.
    public nonisolated func arrival(upTo limit: Duration) async {
        guard let socket = await duplicatedSocket() else { return }
        let (stream, arrived) = AsyncStream<Void>.makeStream()
        let source = DispatchSource.makeReadSource(fileDescriptor: socket, queue: .global())
        source.setEventHandler { arrived.finish() }
        source.setCancelHandler { Foundation.close(socket) }
        source.resume()
        let (seconds, attoseconds) = limit.components
        DispatchQueue.global().asyncAfter(
            deadline: .now() + Double(seconds) + Double(attoseconds) / 1e18
        ) { arrived.finish() }
        for await _ in stream {}
        source.cancel()
    }

    /// Of its own, so that closing the session under a wait leaves the wait its descriptor.
    private func duplicatedSocket() -> Int32? {
        guard let handle else { return nil }
        let copy = dup(PQsocket(handle))
        return copy < 0 ? nil : copy
    }

    // MARK: sending and receiving

    private func send(_ dispatch: (OpaquePointer) -> Int32) async throws -> [QueryResult] {
        guard let handle else { throw ConnectionError.closed }
        if Task.isCancelled { throw ConnectionError.cancelled }
        let ticket = canceller.arm()
        return try await withTaskCancellationHandler {
            defer { canceller.disarm() }
            guard dispatch(handle) == 1 else { throw lost(handle) }
            let answer = Result { try collect(handle, ticket) }
            canceller.disarm()
            guard self.handle == nil || canceller.isQuiet() else {
                close()
                throw ConnectionError.lost("a cancel request to it did not come back")
            }
            return try answer.get()
        } onCancel: {
            canceller.cancel(ticket)
        }
    }

    /// Reads every result of the message in hand, waiting on the socket. The first error is thrown
    /// after the server is ready for the next message.
    private func collect(_ handle: OpaquePointer, _ ticket: Int) throws -> [QueryResult] {
        var results: [QueryResult] = []
        var failure: ServerError?
        while true {
            try waitForResult(handle, ticket)
            guard let result = PQgetResult(handle) else { break }
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
                results.append(QueryResult(result))
            case PGRES_COPY_IN:
                failure = failure ?? .copy
                guard PQputCopyEnd(handle, ServerError.copy.message) == 1 else {
                    throw lost(handle)
                }
            case PGRES_COPY_OUT:
                failure = failure ?? .copy
                try discardCopy(handle, ticket)
            default:
                // Also the last words of a backend that was terminated.
                if failure == nil {
                    failure = ServerError(result)
                    failure?.completedStatements = results.count
                }
            }
        }
        if PQstatus(handle) == CONNECTION_BAD {
            throw ConnectionError.lost(failure?.message ?? message(handle))
        }
        if let failure {
            if failure.sqlState == .queryCanceled, canceller.wasCancelled(ticket) {
                throw ConnectionError.cancelled
            }
            throw failure
        }
        return results
    }

    /// Waits until `PQgetResult` does not block. When the task was cancelled and the server does
    /// not answer the cancel request either (a stopped server), gives the session up after
    /// `Canceller.patience`.
    private func waitForResult(_ handle: OpaquePointer, _ ticket: Int) throws {
        while PQisBusy(handle) == 1 { try waitForInput(handle, ticket) }
    }

    /// Reads what has arrived, waiting at most 200 ms for it.
    private func waitForInput(_ handle: OpaquePointer, _ ticket: Int) throws {
        var descriptor = pollfd(
            fd: PQsocket(handle),
            events: Int16(POLLIN) | (PQflush(handle) == 1 ? Int16(POLLOUT) : 0),
            revents: 0)
        let ready = poll(&descriptor, 1, 200)
        if ready < 0, errno != EINTR { throw lost(handle) }
        if ready > 0, PQconsumeInput(handle) == 0 {
            // Results that came before the end are still to be read.
            if PQisBusy(handle) == 1 { throw lost(handle) }
        }
        if canceller.hasLostPatience(ticket) {
            close()
            throw ConnectionError.lost("it did not answer, not even a cancel request")
        }
    }

    /// Reads a COPY to its end, without keeping it.
    private func discardCopy(_ handle: OpaquePointer, _ ticket: Int) throws {
        while true {
            var buffer: UnsafeMutablePointer<CChar>?
            switch PQgetCopyData(handle, &buffer, 1) {
            case 0: try waitForInput(handle, ticket)
            case -1: return
            case -2: throw lost(handle)
            default: PQfreemem(buffer)
            }
        }
    }

    private func lost(_ handle: OpaquePointer) -> ConnectionError { .lost(message(handle)) }

    private func message(_ handle: OpaquePointer) -> String {
        let text = String(cString: PQerrorMessage(handle))
            .trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? "no reason was given" : text
    }
}

/// A `NOTIFY` from any session of the database.
public struct Notification: Sendable, Hashable {
    public let channel: String
    public let payload: String
    public let backendPID: Int32
}

/// The parameters' texts. A NUL character would end a C string early, so half a statement would
/// run, or half a value be stored.
private func checked(_ parameters: [(any Bindable)?], _ sql: SQL) throws -> [String?] {
    let texts = parameters.map { $0?.postgresText }
    guard !([sql.text] + texts.compactMap { $0 }).contains(where: { $0.utf8.contains(0) }) else {
        throw ServerError(
            sqlState: .characterNotInRepertoire,
            message: "PostgreSQL text cannot hold a NUL character; take it out of the statement "
                + "or the value. Nothing was sent.")
    }
    return texts
}

private func withCStrings<Value>(
    _ texts: [String?], _ body: ([UnsafePointer<CChar>?]) -> Value
) -> Value {
    let copies = texts.map { $0.flatMap { strdup($0) } }
    defer { for copy in copies { free(copy) } }
    return body(copies.map { UnsafePointer($0) })
}
