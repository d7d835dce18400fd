import Foundation
import Postgres

/// Turns the results of `PictureQueries.all` into a picture. No I/O.
struct PictureReader {
    let results: [QueryResult]
    let ours: Set<Int>
    let longTransaction: Double
    let host: String
    /// Whose locks are the last result; nil where nobody's were asked for.
    let inspected: Int?

    func picture() throws -> ServerPicture {
        let expected = PictureQueries.all(ours: []).count + (inspected == nil ? 0 : 1)
        guard results.count == expected else {
            throw DecodingFailure(
                message: "\(expected) results were expected, \(results.count) came")
        }
        let identity = try results[0].onlyRow()
        let waits = try results[1].rows.map(lockWait)
        let ages = Dictionary(
            waits.map { ($0.pid, $0.age) }, uniquingKeysWith: { first, _ in first })
        let sessions = try results[2].rows.map { try session($0, ages) }
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
            missingRights: try missingRights(identity),
            inspected: try inspected.map { try sessionLocks(of: $0) })
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
            blockedBy: Self.uniqued(try row.optional("blocked_by") ?? ""),
            mode: TableLockConflicts.words(try row.string("mode")),
            target: try LockTarget(row).words,
            age: try row.optionalDouble("age").map { max(0, $0) })
    }

    /// Each pid once, in the server's order: a parallel query's leader comes once a worker. Only those of
    /// a short list are looked through: of three hundred sessions in one queue each has all before it,
    /// forty-five thousand in all.
    private static func uniqued(_ text: String) -> [Int] {
        var pids: [Int] = []
        var pid = 0
        func end() {
            defer { pid = 0 }
            if pids.count < 32, pids.contains(pid) { return }
            pids.append(pid)
        }
        for byte in text.utf8 {
            if byte == UInt8(ascii: " ") { end() } else { pid = pid * 10 + Int(byte) - 48 }
        }
        if !text.isEmpty { end() }
        return pids
    }

    private func session(_ row: Row, _ waitAges: [Int: Double?]) throws -> Session {
        let pid = try row.int("pid")
        return Session(
            pid: pid, user: try row.optional("usename"), application: try row.string("application"),
            client: try row.optional("client"), backendType: try row.string("backend_type"),
            state: try row.optional("state"), waitEventType: try row.optional("wait_event_type"),
            waitEvent: try row.optional("wait_event"),
            transactionAge: try row.optionalDouble("transaction_age").map { max(0, $0) },
            stateAge: try row.optionalDouble("state_age").map { max(0, $0) },
            waitAge: waitAges[pid] ?? nil,
            query: try row.optional("query"), isOurs: ours.contains(pid))
    }

    /// Those that wait, stand in somebody's way, are ours, or have been in a transaction for long.
    /// Parallel workers are their leader's transaction, not one of their own.
    private func relevant(_ sessions: [Session], _ waits: [LockWait]) -> [Session] {
        let waiting = Set(waits.map(\.pid))
        func isClear(_ session: Session) -> Bool {
            if session.isOurs || waiting.contains(session.pid) { return true }
            if session.backendType == "parallel worker" { return false }
            if session.state?.hasPrefix("idle in transaction") == true { return true }
            return (session.transactionAge ?? 0) > longTransaction
        }
        let doubtful = sessions.filter { !isClear($0) }.map(\.pid)
        let blockers = Self.blockers(among: doubtful, waits)
        return sessions.filter { isClear($0) || blockers.contains($0.pid) }
    }

    /// Those that keep somebody waiting. The waits of hundreds in one queue name tens of thousands, and of
    /// few sessions only they can tell: a few numbers are looked for faster than so many are gathered.
    static func blockers(among pids: [Int], _ waits: [LockWait]) -> Set<Int> {
        guard pids.count > 16 else {
            return Set(pids.filter { pid in waits.contains { $0.blockedBy.contains(pid) } })
        }
        return Set(waits.lazy.flatMap(\.blockedBy))
    }

    private func sessionLocks(of pid: Int) throws -> SessionLocks {
        let rows = results.last?.rows ?? []
        return SessionLocks(
            pid: pid,
            locks: try rows.map { row in
                SessionLocks.Lock(
                    mode: TableLockConflicts.words(try row.string("mode")),
                    target: try LockTarget(row).words, isGranted: try row.bool("granted"))
            }, total: try rows.first?.int("total") ?? 0)
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
