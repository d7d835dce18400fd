import Engine
import Foundation
import Postgres

/// A client that writes at random from a seed, on ids of its own, and keeps what must come of it.
package actor ModelClient {
    /// What it does when the server is not to be had, or a statement ends for want of something.
    package enum Patience: Sendable {
        /// Any error is one.
        case none
        /// It connects anew; of a statement whose answer was lost it looks what became of it; and
        /// what the server could not do now (no room, no connection, cancelled) it lets be.
        case outages
    }

    private var random: SeededRandom
    private let dialect: Dialect
    private let settings: ConnectionSettings
    private let patience: Patience
    private var next: Int
    package private(set) var rows: [Int: ModelRow] = [:]
    package private(set) var errors: [String] = []
    /// Statements sent so far.
    package private(set) var count = 0
    /// Statements that an outage ended.
    package private(set) var outages = 0
    private var task: Task<Void, Never>?

    package init(
        _ settings: ConnectionSettings, _ dialect: Dialect, seed: UInt64, ids: Int,
        rows: [Int: ModelRow] = [:], patience: Patience = .none
    ) {
        self.settings = settings
        self.dialect = dialect
        self.patience = patience
        random = SeededRandom(seed)
        next = ids
        self.rows = rows
    }

    package func start() { task = Task { await self.work() } }

    package var isAtWork: Bool { task != nil }

    /// Ends after the statement in hand.
    package func stop() async {
        task?.cancel()
        await task?.value
        task = nil
    }

    private func work() async {
        do {
            var connection = try await open()
            while !Task.isCancelled {
                // In a task of its own: a statement that was begun is ended, and counted.
                let held = connection
                connection = await Task { await self.act(on: held) }.value
                try? await Task.sleep(for: .milliseconds(2))
            }
            await connection.close()
        } catch is CancellationError {
            // Stopped before it had a connection.
        } catch ConnectionError.cancelled {
            // Likewise.
        } catch {
            errors.append("\(error)")
        }
    }

    /// With `outages`, tries for a minute.
    private func open() async throws -> Connection {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            do {
                return try await Connection.open(settings)
            } catch let error where error.isOutage && patience == .outages {
                if ContinuousClock.now > deadline { throw error }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private struct Write {
        let statement: SQL
        let id: Int
        let change: @Sendable (inout ModelRow?) -> Void
    }

    private func act(on connection: Connection) async -> Connection {
        let write = draw()
        count += 1
        do {
            try await connection.query(write.statement)
            write.change(&rows[write.id])
            return connection
        } catch let error where patience == .outages && error.isOutage {
            outages += 1
            await connection.close()
            do {
                let fresh = try await Task { try await self.open() }.value
                try await settle(write, on: fresh)
                return fresh
            } catch {
                errors.append("after an outage: \(error)")
                return connection
            }
        } catch let error as ServerError where patience == .outages && error.isRefusalForNow {
            outages += 1
            return connection
        } catch {
            errors.append("\(write.statement): \(error)")
            return connection
        }
    }

    private func draw() -> Write {
        let status = ["new", "paid", "sent", "lost"].randomElement(using: &random) ?? "new"
        let table = dialect.table
        let column = SQL(writtenByUser: dialect.column ?? "")
        let isStatusKnown = dialect.column != nil
        let said = SQL.literal(dialect.write(status))
        let id = rows.keys.sorted().randomElement(using: &random)
        switch (Int.random(in: 0..<10, using: &random), id) {
        case (0..<3, _), (_, nil):
            let fresh = next
            next += 1
            let fallback = dialect.fallback
            if Bool.random(using: &random), isStatusKnown {
                return Write(
                    statement: "INSERT INTO \(table) (id, \(column)) VALUES (\(fresh), \(said))",
                    id: fresh, change: { $0 = ModelRow(status: status, amount: 0) })
            }
            return Write(
                statement: "INSERT INTO \(table) (id) VALUES (\(fresh))", id: fresh,
                change: { $0 = ModelRow(status: fallback, amount: 0) })
        case (3..<6, let id?) where isStatusKnown:
            return Write(
                statement: "UPDATE \(table) SET \(column) = \(said) WHERE id = \(id)", id: id,
                change: { $0?.status = status })
        case (3..<9, let id?):
            return Write(
                statement: "UPDATE \(table) SET amount = amount + 1 WHERE id = \(id)", id: id,
                change: { $0?.amount += 1 })
        case (_, let id?):
            return Write(
                statement: "DELETE FROM \(table) WHERE id = \(id)", id: id, change: { $0 = nil })
        }
    }

    /// Looks whether a write came to pass whose answer was lost.
    private func settle(_ write: Write, on connection: Connection) async throws {
        let column: SQL = dialect.column.map { SQL(writtenByUser: $0) } ?? "NULL"
        let found = try await connection.query(
            """
            SELECT \(column)::text AS status, trunc(amount)::int AS amount FROM \(dialect.table)
             WHERE id = \(write.id)
            """
        ).rows.first
        let before = rows[write.id]
        var after = before
        write.change(&after)
        func isSeen(_ row: ModelRow?) throws -> Bool {
            guard let row, let found else { return row == nil && found == nil }
            guard try found.int("amount") == row.amount else { return false }
            guard dialect.column != nil else { return true }
            guard let status: String = try found.optional("status") else {
                // An unfilled row of the new side, whose status nobody has written yet.
                return row.status == before?.status
            }
            return status == dialect.write(row.status)
        }
        if try isSeen(after) {
            rows[write.id] = after
        } else if try !isSeen(before) {
            errors.append(
                "\(write.statement), whose answer was lost, left neither what was there nor what it wrote"
            )
        }
    }
}

extension Error {
    /// The server, or the way to it, was not there.
    fileprivate var isOutage: Bool {
        switch self {
        case let error as ConnectionError: error != .cancelled
        case let error as ServerError:
            error.sqlState.conditionClass == "08"
                || error.sqlState.conditionClass == "57"
                    && error.sqlState != .queryCanceled
                || error.sqlState == .tooManyConnections
                // A standby that is being promoted.
                || error.sqlState == .readOnlyTransaction
        default: false
        }
    }
}

extension ServerError {
    /// Nothing was written, and later it may be.
    fileprivate var isRefusalForNow: Bool {
        ["53", "58"].contains(sqlState.conditionClass) || sqlState == .queryCanceled
            || sqlState == .deadlockDetected || sqlState == .lockNotAvailable
            || sqlState == .serializationFailure
    }
}
