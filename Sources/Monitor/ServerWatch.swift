import Foundation
import Postgres

/// The monitor's eye: one session of its own that takes pictures of the server.
///
/// It connects at the first picture and again after a loss. Each picture is one message; its
/// statements are read-only, wait at most 100 ms for a lock (on a system catalogue) and run at most
/// 2 s. With 40 sessions waiting for locks a picture took 3 to 5 ms (PostgreSQL 15, Unix socket).
public actor ServerWatch {
    private let settings: ConnectionSettings
    /// Transactions older than this are shown, in seconds.
    private let longTransaction: Double
    /// What each session begins with.
    private let opening: [SQL]
    private var connection: Connection?
    private var wal = WALHistory()

    public init(
        settings: ConnectionSettings, longTransaction: Double = 5, opening: [SQL] = []
    ) {
        self.settings = settings
        self.longTransaction = longTransaction
        self.opening = opening
    }

    /// What the server is doing now. `ours` are the backend pids of this migration's sessions; of the
    /// session `inspecting` all locks are read too.
    ///
    /// Throws `ConnectionError` or `ServerError`; the next call begins with a new session where
    /// this one was lost.
    public func picture(ours: Set<Int>, inspecting pid: Int? = nil) async throws -> ServerPicture {
        let connection = try await opened()
        let results: [QueryResult]
        do {
            results = try await connection.run(
                PictureQueries.all(ours: ours) + (pid.map { [PictureQueries.locks(of: $0)] } ?? []))
        } catch let error as ConnectionError {
            await connection.close()
            if self.connection === connection { self.connection = nil }
            throw error
        }
        let reader = PictureReader(
            results: results, ours: ours, longTransaction: longTransaction,
            host: connection.address, inspected: pid)
        var picture = try reader.picture()
        if let now = try reader.walPosition() {
            picture.walRate = wal.note(now.position, at: now.takenAt)
            picture.replicas = picture.replicas.map { replica in
                var replica = replica
                replica.secondsBehind = replica.bytesBehind.flatMap {
                    wal.age(of: now.position - Double($0), at: now.takenAt)
                }
                return replica
            }
        }
        return picture
    }

    public func close() async {
        let held = connection
        connection = nil
        await held?.close()
    }

    private func opened() async throws -> Connection {
        if let connection { return connection }
        let fresh = try await Connection.open(settings)
        do {
            try await fresh.run(
                [
                    "SET default_transaction_read_only = on", "SET statement_timeout = '2s'",
                    "SET lock_timeout = '100ms'", "SET jit = off",
                    "SET search_path = pg_catalog, pg_temp", "SET DateStyle = ISO",
                    "SET idle_in_transaction_session_timeout = '5s'",
                    // It rests between two pictures.
                    "SET idle_session_timeout = 0",
                ] + opening)
        } catch {
            await fresh.close()
            throw error
        }
        // Another call may have connected while this one waited.
        if let connection {
            await fresh.close()
            return connection
        }
        connection = fresh
        return fresh
    }
}
