import Postgres
import Synchronization

/// Tells the clients of one version to go home.
final class Retirement: Sendable {
    private let isDue = Atomic<Bool>(false)
    func call() { isDue.store(true, ordering: .releasing) }
    var isCalled: Bool { isDue.load(ordering: .acquiring) }
}

/// One session of the application: sends a statement at each tick of its schedule, never a second
/// time, and judges what comes back.
struct Client: Sendable {
    let version: Version
    let settings: ConnectionSettings
    let ledger: Ledger
    let recorder: Recorder
    let retirement: Retirement
    let customers: Int
    let interval: Duration
    var random: SplitMix64
    var connection: Connection?
    /// When the statement in hand was due, and the phase in which it was.
    var due = ContinuousClock.now
    var phase = 0

    /// Whether a statement was carried out.
    enum Answer {
        case result(QueryResult)
        /// The server refused it, so it changed nothing.
        case refused
        /// Nobody knows.
        case lost
    }

    /// The schedule goes on while a statement takes its time: what was due meanwhile follows at
    /// once, and its delay counts.
    mutating func run() async {
        due = .now + interval * Double.random(in: 0..<1, using: &random)
        while !retirement.isCalled {
            if due > .now { try? await Task.sleep(until: due) }
            if retirement.isCalled { break }
            phase = recorder.phase
            if await isConnected() { await act() }
            due += interval
        }
        await connection?.close()
    }

    /// Connects where there is no connection, and prepares all statements.
    mutating func isConnected() async -> Bool {
        if connection != nil { return true }
        do {
            let opened = try await Connection.open(settings)
            for statement in Statement.allCases {
                guard let sql = statement.sql(version) else { continue }
                try await opened.prepare(statement.rawValue, sql)
            }
            connection = opened
            return true
        } catch {
            record("connect", error)
            return false
        }
    }

    /// Sends one prepared statement and measures it.
    mutating func send(_ statement: Statement, _ parameters: [(any Bindable)?]) async -> Answer {
        guard let connection else { return .refused }
        let sent = ContinuousClock.now
        do {
            let result = try await connection.execute(prepared: statement.rawValue, parameters)
            let now = ContinuousClock.now
            recorder.add(phase: phase, service: now - sent, response: now - min(due, sent))
            return .result(result)
        } catch {
            let now = ContinuousClock.now
            recorder.add(phase: phase, service: now - sent, response: now - min(due, sent))
            record(statement.rawValue, error)
            if error is ServerError { return .refused }
            await connection.close()
            self.connection = nil
            return .lost
        }
    }

    func record(_ statement: String, _ error: any Error) {
        let sqlState = (error as? ServerError)?.sqlState
        recorder.add(phase: phase, version, statement, sqlState, "\(error)")
    }

    func complain(_ statement: Statement, _ message: String) {
        recorder.add(phase: phase, version, statement.rawValue, nil, message)
    }
}
