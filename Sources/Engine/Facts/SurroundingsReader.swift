import Foundation
import Migration
import Monitor
import Postgres

/// Reads what goes on around the tables of a plan. Takes ACCESS SHARE on system catalogues, for
/// moments.
struct SurroundingsReader {
    let settings: ConnectionSettings
    let facts: Facts
    let connection: Connection
    /// Transactions open for longer are noted, seconds.
    var longTransaction = Double(Surroundings.longTransaction)

    func read() async throws -> Surroundings {
        let watch = ServerWatch(settings: settings, longTransaction: longTransaction)
        let picture: ServerPicture
        do { picture = try await watch.picture(ours: [Int(connection.backendPID)]) } catch {
            await watch.close()
            throw error
        }
        await watch.close()
        var surroundings = Surroundings()
        surroundings.transactions = transactions(picture)
        surroundings.replicas = picture.replicas.map {
            ReplicaFacts(
                name: $0.name, syncState: $0.syncState, bytesBehind: $0.bytesBehind,
                snapshotAge: $0.snapshotAge)
        }
        surroundings.missingRights = picture.missingRights
        surroundings.slots = try await slots()
        surroundings.dueForFreeze = try await dueForFreeze()
        surroundings.freeBytes = try await freeBytes()
        return surroundings
    }

    private func transactions(_ picture: ServerPicture) -> [OpenTransaction] {
        let sessions = picture.sessions.compactMap { session -> OpenTransaction? in
            guard let age = session.transactionAge, age > longTransaction, !session.isOurs,
                session.backendType == "client backend"
            else { return nil }
            let words = [session.user, session.application, session.state].compactMap { $0 }
            return OpenTransaction(
                pid: session.pid, prepared: nil,
                who: words.filter { !$0.isEmpty }.joined(separator: ", "), ageSeconds: age)
        }
        let prepared = picture.preparedTransactions.filter {
            $0.age > longTransaction && $0.database == facts.server.database
        }.map {
            OpenTransaction(
                pid: nil, prepared: $0.identifier, who: $0.owner, ageSeconds: $0.age)
        }
        return (sessions + prepared).sorted { $0.ageSeconds > $1.ageSeconds }
    }

    private func slots() async throws -> [SlotFacts] {
        guard !facts.server.isInRecovery else { return [] }
        let rows = try await connection.query(
            """
            SELECT slot_name, active,
                   pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn)::bigint
                     AS retained
              FROM pg_catalog.pg_replication_slots ORDER BY slot_name
            """
        ).rows
        return try rows.map {
            SlotFacts(
                name: try $0.string("slot_name"), isActive: try $0.bool("active"),
                retainedBytes: try $0.optionalInt("retained"))
        }
    }

    /// Autovacuum comes for them whatever its settings say (manual, "Preventing Transaction ID
    /// Wraparound Failures").
    private func dueForFreeze() async throws -> [QualifiedName] {
        let oids = "{" + facts.tables.values.map { String($0.oid) }.joined(separator: ",") + "}"
        let rows = try await connection.query(
            """
            SELECT n.nspname, c.relname FROM pg_catalog.pg_class c
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE (c.oid = ANY ($1::oid[]) OR c.oid IN (
                    SELECT t.relid::oid FROM pg_catalog.unnest($1::oid[]) r, pg_catalog.pg_partition_tree(r) t))
               AND c.relkind = 'r'
               AND pg_catalog.age(c.relfrozenxid)::numeric
                   > 0.95 * pg_catalog.current_setting('autovacuum_freeze_max_age')::numeric
             ORDER BY 1, 2
            """, oids
        ).rows
        return try rows.map {
            QualifiedName(try $0.string("nspname"), try $0.string("relname"))
        }
    }

    /// Where the server is on this machine, and we may know where its data are.
    private func freeBytes() async throws -> Int? {
        let row = try await connection.query(
            """
            SELECT (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory') AS path,
                   pg_catalog.inet_server_addr() IS NULL AS is_local
            """
        ).onlyRow()
        guard try row.bool("is_local"), let path: String = try row.optional("path") else {
            return nil
        }
        // Not to be seen is no error: another container, a folder that we may not enter.
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: path)
        return (attributes?[.systemFreeSize] as? NSNumber)?.intValue
    }
}
