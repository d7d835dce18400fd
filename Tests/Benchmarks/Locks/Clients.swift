import Foundation
import Postgres
import Sandbox
import Synchronization

/// Statements of the application that took long enough to matter, each with when it was sent.
struct Timeline: Sendable {
    struct Statement: Sendable {
        let began: Date
        let milliseconds: Double
        var ended: Date { began + milliseconds / 1000 }
    }

    private(set) var slow: [Statement] = []
    private(set) var count = 0
    private(set) var errors: [String] = []

    mutating func add(_ began: Date, _ duration: Duration) {
        count += 1
        let milliseconds = duration / .milliseconds(1)
        if milliseconds >= 1 {
            slow.append(Statement(began: began, milliseconds: milliseconds))
        }
    }

    mutating func add(error: String) { errors.append(error) }

    mutating func add(_ other: Timeline) {
        slow += other.slow
        count += other.count
        errors += other.errors
    }

    /// Milliseconds; of those that were under way in this time.
    func worst(in window: ClosedRange<Date>) -> Double {
        slow.filter { $0.began <= window.upperBound && $0.ended >= window.lowerBound }
            .map(\.milliseconds).max() ?? 0
    }

    var worst: Double { slow.map(\.milliseconds).max() ?? 0 }
}

/// Clients that read and write hot rows at a fixed rate, and, where asked for, a reader that stays in
/// its transaction.
final class Clients: Sendable {
    static let hotRows = 10
    private static let number = 4
    /// Statements a second of each.
    private static let rate = 100.0

    private let table = Mutex<SQL>("orders")
    private let tasks = Mutex<[Task<Timeline, any Error>]>([])

    static func start(
        _ settings: ConnectionSettings, besideReader: Bool
    ) async throws -> Clients {
        let clients = Clients()
        for _ in 0..<number { clients.add { try await clients.work(settings) } }
        if besideReader { clients.add { try await clients.read(settings) } }
        return clients
    }

    private func add(_ body: @escaping @Sendable () async throws -> Timeline) {
        tasks.withLock { $0.append(Task { try await body() }) }
    }

    /// What the application calls the table from now on.
    func use(_ name: SQL) { table.withLock { $0 = name } }

    func stop() async throws -> Timeline {
        var all = Timeline()
        let running = tasks.withLock { $0 }
        for task in running { task.cancel() }
        for task in running { all.add(try await task.value) }
        return all
    }

    private func work(_ settings: ConnectionSettings) async throws -> Timeline {
        let connection = try await Connection.open(settings)
        var timeline = Timeline()
        var due = ContinuousClock.now
        while !Task.isCancelled {
            let statement = statement()
            let (sent, began) = (Date(), ContinuousClock.now)
            // Finished even when the measurement ends meanwhile.
            let result = await Task { try await connection.run(statement) }.result
            timeline.add(sent, ContinuousClock.now - began)
            if case .failure(let error) = result { timeline.add(error: "\(statement): \(error)") }
            due = max(due + .seconds(1) / Self.rate, .now)
            do { try await Task.sleep(until: due) } catch { break }
        }
        await connection.close()
        return timeline
    }

    private func statement() -> SQL {
        let key = Int.random(in: 1...Self.hotRows)
        let table = table.withLock { $0 }
        return switch Int.random(in: 0..<8) {
        case 0: "SELECT visits FROM customers WHERE id = \(key)"
        case 1: "UPDATE customers SET visits = visits + 1 WHERE id = \(key)"
        case 2...4: "SELECT id, amount FROM \(table) WHERE id = \(key)"
        default: "UPDATE \(table) SET amount = amount + 1 WHERE id = \(key)"
        }
    }

    /// In its transaction for up to a second and a half, away for a third of one. Its own waits count
    /// like any other's.
    private func read(_ settings: ConnectionSettings) async throws -> Timeline {
        let connection = try await Connection.open(settings)
        var timeline = Timeline()
        while !Task.isCancelled {
            let statement: SQL =
                "SELECT count(*) FROM \(table.withLock { $0 }) WHERE id < 1000"
            let (sent, began) = (Date(), ContinuousClock.now)
            let result = await Task { try await connection.run("BEGIN", statement) }.result
            timeline.add(sent, ContinuousClock.now - began)
            if case .failure(let error) = result { timeline.add(error: "reader: \(error)") }
            try? await Task.sleep(for: .milliseconds(Int.random(in: 50...1500)))
            _ = await Task { try await connection.run("COMMIT") }.result
            try? await Task.sleep(for: .milliseconds(330))
        }
        await connection.close()
        return timeline
    }
}
