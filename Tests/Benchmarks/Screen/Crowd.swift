import CLibPQ
import Foundation

/// A thousand sessions of which three hundred wait for locks, held open by this process.
///
/// Libpq directly: a connection that waits for a lock must not hold a thread.
final class Crowd {
    private var sessions: [OpaquePointer] = []

    /// Half of the waiters queue for a table that one session holds, half for a row.
    func gather(dsn: String, sessions count: Int, waiting: Int) throws {
        let table = try open(dsn)
        try run(table, "BEGIN; LOCK TABLE crowd IN ACCESS EXCLUSIVE MODE")
        let row = try open(dsn)
        try run(row, "BEGIN; UPDATE crowd_rows SET n = n + 1 WHERE id = 1")
        for number in 0..<waiting {
            let session = try open(dsn)
            let statement =
                number % 2 == 0
                ? "SELECT count(*) FROM crowd WHERE id = \(number)"
                : "UPDATE crowd_rows SET n = n + 1 WHERE id = 1 -- session \(number)"
            guard PQsendQuery(session, statement) == 1 else {
                throw BenchmarkFailure(String(cString: PQerrorMessage(session)))
            }
        }
        // As busy as those of an application: each has run something.
        while sessions.count < count { try run(try open(dsn), "SELECT 1 AS idle_session") }
    }

    /// A statement that keeps a core of the server busy until the crowd leaves.
    func burn(dsn: String) throws {
        let session = try open(dsn)
        let statement = "SELECT sum(sqrt(a::float8)) FROM generate_series(1, 2000000000) a"
        guard PQsendQuery(session, statement) == 1 else {
            throw BenchmarkFailure(String(cString: PQerrorMessage(session)))
        }
    }

    private func open(_ dsn: String) throws -> OpaquePointer {
        guard let session = PQconnectdb(dsn) else { throw BenchmarkFailure("no memory") }
        sessions.append(session)
        guard PQstatus(session) == CONNECTION_OK else {
            throw BenchmarkFailure(String(cString: PQerrorMessage(session)))
        }
        return session
    }

    private func run(_ session: OpaquePointer, _ statement: String) throws {
        let result = PQexec(session, statement)
        defer { PQclear(result) }
        let status = PQresultStatus(result)
        guard status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK else {
            throw BenchmarkFailure(String(cString: PQerrorMessage(session)))
        }
    }

    /// Those that wait or burn are cancelled first: they would not look at a closed connection.
    func leave() {
        for session in sessions where PQtransactionStatus(session) == PQTRANS_ACTIVE {
            let cancel = PQgetCancel(session)
            var words = [CChar](repeating: 0, count: 256)
            _ = PQcancel(cancel, &words, Int32(words.count))
            PQfreeCancel(cancel)
        }
        for session in sessions { PQfinish(session) }
        sessions = []
    }
}
