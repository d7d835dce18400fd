import Foundation
import Postgres
import Sandbox

/// Short reads and updates at a fixed rate, each timed from when it was sent.
actor Foreground {
    struct Result {
        var reads = Latencies()
        var writes = Latencies()
        var errors = 0

        var all: Latencies {
            var all = reads
            all.add(writes)
            return all
        }
    }

    private var workers: [Task<Result, Never>] = []

    static func start(
        clients: Int, rate: Double, rows: Int, settings: ConnectionSettings
    ) async throws -> Foreground {
        let foreground = Foreground()
        for number in 0..<clients {
            let connection = try await Connection.open(settings)
            try await connection.prepare("read", "SELECT n, status, amount FROM items WHERE n = $1")
            try await connection.prepare("write", "UPDATE items SET note = $2 WHERE n = $1")
            await foreground.add(number, connection, rate, rows)
        }
        return foreground
    }

    private func add(_ number: Int, _ connection: Connection, _ rate: Double, _ rows: Int) {
        workers.append(
            Task {
                var result = Result()
                var random = SystemRandomNumberGenerator()
                var due = ContinuousClock.now
                while !Task.isCancelled {
                    let key = Int.random(in: 1...rows, using: &random)
                    let isRead = Bool.random(using: &random)
                    let began = ContinuousClock.now
                    // Finished even when the trial ends meanwhile.
                    let statement = Task {
                        if isRead {
                            _ = try await connection.execute(prepared: "read", [key])
                        } else {
                            _ = try await connection.execute(
                                prepared: "write", [key, "note \(key) of client \(number)"])
                        }
                    }
                    if case .failure(let error) = await statement.result {
                        result.errors += 1
                        FileHandle.standardError.write(Data("client \(number): \(error)\n".utf8))
                    }
                    let took = ContinuousClock.now - began
                    if isRead { result.reads.add(took) } else { result.writes.add(took) }
                    due = max(due + .seconds(1) / rate, .now)
                    do { try await Task.sleep(until: due) } catch { break }
                }
                await connection.close()
                return result
            })
    }

    func stop() async -> Result {
        var all = Result()
        for worker in workers { worker.cancel() }
        for worker in workers {
            let result = await worker.value
            all.reads.add(result.reads)
            all.writes.add(result.writes)
            all.errors += result.errors
        }
        return all
    }
}
