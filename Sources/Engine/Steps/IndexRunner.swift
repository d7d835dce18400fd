import Foundation
import Migration
import Postgres

/// Builds and drops indexes concurrently, which can't be part of a transaction: intent, act, look at
/// the catalogue, outcome. On a resume the catalogue decides.
struct IndexRunner {
    let step: StepID
    let context: StepContext

    private struct Found {
        /// It is an index of the step's table; another table's of the same name is none of ours.
        let isOurs: Bool
        let isValid: Bool
        /// A session builds it: a killed client's backend goes on building.
        let builder: Int?
    }

    // MARK: build

    func build(_ build: IndexBuild) async throws {
        try await context.sessions.with { connection in
            try await make(build, on: connection)
            try await context.noteDone(step, on: connection)
        }
    }

    /// Builds it where it is not there and valid.
    func make(_ build: IndexBuild, on connection: Connection) async throws {
        try await context.control.whilePaused()
        if try await find(build.index, of: build.table, on: connection)?.isOurs == false {
            throw StepFailure(
                "\(build.index) is an index of another table. Rename that one, or roll back and give "
                    + "this one another name.")
        }
        try await clearLeftover(of: build, on: connection)
        if try await find(build.index, of: build.table, on: connection)?.isValid != true {
            context.emit(.statement, step, build.create.text)
            do {
                try await context.fence.check(on: connection)
                try await connection.run(build.create)
            } catch {
                await clearFailure(of: build, after: error, on: connection)
                throw explain(error, build)
            }
        }
        guard try await find(build.index, of: build.table, on: connection)?.isValid == true
        else {
            throw StepFailure(
                "\(build.index) was built and is not valid. Run again: it is dropped and rebuilt."
            )
        }
    }

    /// An INVALID index of this name: waits while somebody still builds it, drops it otherwise.
    private func clearLeftover(of build: IndexBuild, on connection: Connection) async throws {
        while let found = try await find(build.index, of: build.table, on: connection),
            found.isOurs, !found.isValid
        {
            try Task.checkCancellation()
            if let builder = found.builder {
                hold("pid \(builder) still builds \(build.index), for a client that is gone", build)
                try await Task.sleep(for: .milliseconds(500))
                continue
            }
            context.emit(.statement, step, build.drop.text)
            try await context.fence.check(on: connection)
            try await connection.run(build.drop)
        }
    }

    private func hold(_ reason: String, _ build: IndexBuild) {
        let view = ProgressView(
            id: step, title: "build \(build.index.name)", table: build.table.quoted,
            state: .running,
            done: 0, total: 0, pauseReason: reason)
        context.control.change { $0.progress[step] = view }
    }

    /// A build that met a duplicate may have left an index that goes on refusing them. Its drop waits
    /// for older transactions as the build did, stalling nobody: it is waited for, unless we are to
    /// stop or have lost the server.
    private func clearFailure(
        of build: IndexBuild, after error: any Error, on connection: Connection
    ) async {
        if let error = error as? ServerError, !error.isConnectionTrouble, !Task.isCancelled {
            do { return try await clearLeftover(of: build, on: connection) } catch {
                // Told by what is tried next.
            }
        }
        await dropLeftover(build)
    }

    /// After a failed or cancelled build: an INVALID index costs every write and rejects what a
    /// unique one would. In a task of its own, because this one may be cancelled.
    private func dropLeftover(_ build: IndexBuild) async {
        let (sessions, control, fence) = (context.sessions, context.control, context.fence)
        await Task {
            do {
                try await sessions.with { connection in
                    let found = try await find(build.index, of: build.table, on: connection)
                    if found?.isOurs == true, found?.isValid == false {
                        try await fence.check(on: connection)
                        try await connection.run("SET statement_timeout = '3s'")
                        try await connection.run(build.drop)
                    }
                }
            } catch {
                control.emit(
                    .statement, step: step,
                    "\(build.index) is left INVALID (\(error)); the next run drops it: \(build.drop)"
                )
            }
        }.value
    }

    private func explain(_ error: any Error, _ build: IndexBuild) -> any Error {
        guard let error = error as? ServerError else { return error }
        if error.sqlState == .uniqueViolation {
            return StepFailure(
                "\(build.table) has duplicates, so \(build.index) can't be unique: "
                    + "\(error.detail ?? error.message) Mend the rows, then run again.")
        }
        return StepFailure("\(build.index) was not built: \(error.description)")
    }

    // MARK: drop

    func drop(_ drop: IndexDrop) async throws {
        try await context.sessions.with { connection in
            try await remove(drop, on: connection)
            try await context.noteDone(step, on: connection)
        }
    }

    /// Drops it where it is there.
    func remove(_ drop: IndexDrop, on connection: Connection) async throws {
        guard try await find(drop.index, of: drop.table, on: connection)?.isOurs == true else {
            return
        }
        context.emit(.statement, step, drop.drop.text)
        do {
            try await context.fence.check(on: connection)
            try await connection.run(drop.drop)
        } catch let error as ServerError where !error.endsSession {
            throw StepFailure("\(drop.index) was not dropped: \(error.description)")
        }
    }

    private func find(
        _ index: QualifiedName, of table: QualifiedName, on connection: Connection
    ) async throws -> Found? {
        try await connection.query(
            """
            SELECT i.indisvalid AS valid,
                   i.indrelid = pg_catalog.to_regclass($3)::oid IS TRUE AS ours,
                   (SELECT min(p.pid) FROM pg_catalog.pg_stat_progress_create_index p
                     WHERE p.index_relid = i.indexrelid AND p.pid <> pg_catalog.pg_backend_pid()
                    ) AS builder
              FROM pg_catalog.pg_index i
              JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = $1 AND c.relname = $2
            """, index.schema.name, index.name.name, table.quoted
        ).rows.first.map {
            Found(
                isOurs: try $0.bool("ours"), isValid: try $0.bool("valid"),
                builder: try $0.optionalInt("builder"))
        }
    }
}

extension Fence {
    /// Makes sure, in a transaction of its own, that this engine still is the one: before a statement
    /// that can't be in a transaction.
    func check(on connection: Connection) async throws {
        try await begin(on: connection)
        try await connection.run("COMMIT")
    }
}
