import Foundation
import Postgres

/// Turns the results of `PictureQueries.all` into a picture. No I/O.
struct PictureReader {
    let results: [QueryResult]
    let ours: Set<Int>
    let longTransaction: Double
    let host: String

    func picture() throws -> ServerPicture {
        guard results.count == PictureQueries.all.count else {
            throw DecodingFailure(
                message: "\(PictureQueries.all.count) results were expected, \(results.count) came")
        }
        let identity = try results[0].onlyRow()
        let waits = try results[1].rows.map(lockWait)
        let sessions = try results[2].rows.map { try session($0, waits) }
        return ServerPicture(
            takenAt: Date(timeIntervalSince1970: try identity.double("taken_at")),
            server: ServerIdentity(
                user: try identity.string("user"), database: try identity.string("database"),
                host: host, version: try identity.string("version"),
                isStandby: try identity.bool("standby"),
                tracksActivities: try identity.bool("tracks_activities"),
                countsStatements: try identity.bool("counts_statements")),
            sessions: relevant(sessions, waits),
            lockWaits: waits,
            preparedTransactions: try results[3].rows.map(preparedTransaction),
            indexBuilds: try results[4].rows.map(indexBuild),
            vacuums: try results[5].rows.map(vacuum),
            replicas: try results[6].rows.map(replica),
            slots: try results[7].rows.map(slot),
            activeSessions: sessions.count {
                $0.state == "active" && !$0.isOurs && $0.backendType == "client backend"
            },
            missingRights: try missingRights(identity))
    }

    /// Where the WAL stands, in bytes from its beginning, and when that was read.
    func walPosition() throws -> (position: Double, takenAt: Double)? {
        guard let identity = try results.first?.onlyRow(),
            let position = try identity.optionalDouble("wal_position")
        else { return nil }
        return (position, try identity.double("taken_at"))
    }

    private func lockWait(_ row: Row) throws -> LockWait {
        LockWait(
            pid: try row.int("pid"),
            blockedBy: (try row.optional("blocked_by") ?? "").split(separator: " ").compactMap {
                Int($0)
            }.reduce(into: []) { if !$0.contains($1) { $0.append($1) } },
            mode: TableLockConflicts.words(try row.string("mode")),
            target: try LockTarget(row).words,
            age: try row.optionalDouble("age").map { max(0, $0) })
    }

    private func session(_ row: Row, _ waits: [LockWait]) throws -> Session {
        let pid = try row.int("pid")
        return Session(
            pid: pid, user: try row.optional("usename"), application: try row.string("application"),
            client: try row.optional("client"), backendType: try row.string("backend_type"),
            state: try row.optional("state"), waitEventType: try row.optional("wait_event_type"),
            waitEvent: try row.optional("wait_event"),
            transactionAge: try row.optionalDouble("transaction_age").map { max(0, $0) },
            stateAge: try row.optionalDouble("state_age").map { max(0, $0) },
            waitAge: waits.first { $0.pid == pid }?.age,
            query: try row.optional("query"), isOurs: ours.contains(pid))
    }

    /// Those that wait, stand in somebody's way, are ours, or have been in a transaction for long.
    /// Parallel workers are their leader's transaction, not one of their own.
    private func relevant(_ sessions: [Session], _ waits: [LockWait]) -> [Session] {
        let involved = Set(waits.map(\.pid)).union(waits.flatMap(\.blockedBy))
        return sessions.filter { session in
            if session.isOurs || involved.contains(session.pid) { return true }
            if session.backendType == "parallel worker" { return false }
            if session.state?.hasPrefix("idle in transaction") == true { return true }
            return (session.transactionAge ?? 0) > longTransaction
        }
    }

    private func preparedTransaction(_ row: Row) throws -> PreparedTransaction {
        PreparedTransaction(
            identifier: try row.string("gid"), owner: try row.string("owner"),
            database: try row.string("database"), age: max(0, try row.double("age")))
    }

    /// The view counts blocks while it scans, tuples while it sorts and loads, and sessions while
    /// it waits for them (manual, "CREATE INDEX Progress Reporting").
    private func indexBuild(_ row: Row) throws -> IndexBuildProgress {
        let phase = try row.string("phase")
        let unit =
            if phase.hasPrefix("waiting for") {
                "lockers"
            } else if try row.int("blocks_total") > 0 {
                "blocks"
            } else {
                "tuples"
            }
        let locker = try row.int("current_locker_pid")
        return IndexBuildProgress(
            pid: try row.int("pid"), table: try row.string("table"),
            index: try row.string("index"), phase: phase, done: try row.int("\(unit)_done"),
            total: try row.int("\(unit)_total"), unit: unit,
            waitsFor: locker == 0 ? nil : locker)
    }

    private func vacuum(_ row: Row) throws -> VacuumProgress {
        VacuumProgress(
            pid: try row.int("pid"), table: try row.string("table"), phase: try row.string("phase"),
            done: try row.int("done"), total: try row.int("total"),
            isAutovacuum: try row.bool("is_autovacuum"))
    }

    private func replica(_ row: Row) throws -> Replica {
        Replica(
            name: try row.string("name"), state: try row.string("state"),
            syncState: try row.string("sync_state"), bytesBehind: try row.optionalInt("behind"),
            replayLag: try row.optionalDouble("lag"),
            snapshotAge: try row.optionalInt("snapshot_age"))
    }

    private func slot(_ row: Row) throws -> ReplicationSlot {
        ReplicationSlot(
            name: try row.string("slot_name"), isActive: try row.bool("active"),
            retainedBytes: try row.int("retained"))
    }

    private func missingRights(_ identity: Row) throws -> [String] {
        let role = Identifier(try identity.string("user")).quoted
        var missing: [String] = []
        if try !identity.bool("reads_all_stats") {
            missing.append(
                "Other roles' statements, transactions and replicas are hidden: "
                    + "GRANT pg_monitor TO \(role);")
        }
        if try !identity.bool("signals_backends") {
            missing.append(
                "Other roles' sessions can't be cancelled or ended: "
                    + "GRANT pg_signal_backend TO \(role);")
        }
        return missing
    }
}
