import Foundation
import Monitor
import Postgres
import Sandbox
import Testing

@Suite("A picture of the server")
struct ServerWatchTests {
    @Test("is taken again where sessions that rest are ended")
    func restsBetweenPictures() async throws {
        let clients = try await Clients.make()
        let eye = try await clients.connect()
        try await eye.query(
            "ALTER DATABASE \(Identifier(clients.database)) SET idle_session_timeout = '300ms'")
        let watch = clients.watch()
        _ = try await watch.picture(ours: [])
        // Begins to rest later than the watch, so it is ended later.
        let other = try await clients.connect()
        _ = try await eventually {
            try await eye.query(
                "SELECT count(*) AS n FROM pg_stat_activity WHERE pid = \(other.pid)"
            ).onlyRow().int("n")
        } until: {
            $0 == 0
        }
        _ = try await watch.picture(ours: [])
        await watch.close()
        await eye.close()
    }

    @Test("shows who holds a lock, who waits for it, and who queues behind our own ALTER")
    func queue() async throws {
        let clients = try await Clients.make()
        let holder = try await clients.connect()
        let ours = try await clients.connect()
        let late = try await clients.connect()
        try await holder.run("BEGIN", "SELECT count(*) FROM orders")
        let alter = ours.start("ALTER TABLE orders ADD COLUMN x int")
        let watch = clients.watch()
        _ = try await eventually {
            try await watch.picture(ours: [ours.pid])
        } until: {
            $0.lockWaits.contains { $0.pid == ours.pid }
        }
        let read = late.start("SELECT count(*) FROM orders")
        let picture = try await eventually {
            try await watch.picture(ours: [ours.pid])
        } until: {
            $0.lockWaits.contains { $0.pid == late.pid && $0.age != nil }
        }

        let first = try #require(picture.lockWaits.first { $0.pid == ours.pid })
        #expect(first.blockedBy == [holder.pid])
        #expect(first.mode == "ACCESS EXCLUSIVE")
        #expect(first.target == "public.orders")
        #expect(try #require(first.age) >= 0)
        let second = try #require(picture.lockWaits.first { $0.pid == late.pid })
        #expect(second.blockedBy == [ours.pid])
        #expect(second.mode == "ACCESS SHARE")
        let session = try #require(picture.sessions.first { $0.id == holder.pid })
        #expect(session.state == "idle in transaction")
        #expect(session.user == "postgres")
        #expect(session.query?.contains("SELECT count(*) FROM orders") == true)
        #expect(try #require(session.transactionAge) > 0)
        #expect(!session.isOurs)
        let alterer = try #require(picture.sessions.first { $0.id == ours.pid })
        #expect(alterer.isOurs)
        #expect(alterer.waitEventType == "Lock")
        #expect(alterer.waitAge != nil)
        #expect(picture.activeSessions >= 1)
        #expect(picture.server.user == "postgres")
        #expect(picture.server.database == clients.database)
        #expect(picture.server.host.hasPrefix(clients.server.folder))
        #expect(!picture.server.isStandby)
        #expect(abs(picture.takenAt.timeIntervalSinceNow) < 60)
        #expect(picture.missingRights.isEmpty)

        try await holder.run("COMMIT")
        try await alter.value
        try await read.value
        _ = try await eventually {
            try await watch.picture(ours: [])
        } until: {
            !$0.lockWaits.contains { [ours.pid, late.pid].contains($0.pid) }
        }
        await close([holder, ours, late], watch)
    }

    @Test("names what is waited for: a row, an advisory lock, another database's table")
    func targets() async throws {
        let clients = try await Clients.make()
        let other = try await Clients.make(on: clients.server)
        let holder = try await clients.connect()
        let waiter = try await clients.connect()
        let second = try await clients.connect()
        let elsewhere = try await other.connect()
        let elsewhereWaiter = try await other.connect()
        try await holder.run(
            "BEGIN", "UPDATE orders SET v = 'y' WHERE id = 1",
            "SELECT pg_advisory_lock(8589934593)")
        try await elsewhere.run("BEGIN", "LOCK TABLE orders")
        let tasks = [
            waiter.start("UPDATE orders SET v = 'z' WHERE id = 1"),
            second.start("SELECT pg_advisory_lock(8589934593)"),
            elsewhereWaiter.start("SELECT 1 FROM orders"),
        ]
        let watch = clients.watch()
        let pids = [waiter.pid, second.pid, elsewhereWaiter.pid]
        let picture = try await eventually {
            try await watch.picture(ours: [])
        } until: { picture in
            pids.allSatisfy { pid in picture.lockWaits.contains { $0.pid == pid } }
        }
        func target(_ pid: Int) -> String? { picture.lockWaits.first { $0.pid == pid }?.target }
        #expect(target(waiter.pid) == "a row of public.orders")
        #expect(target(second.pid) == "advisory lock 8589934593")
        #expect(target(elsewhereWaiter.pid)?.hasSuffix(" in database \(other.database)") == true)
        #expect(target(elsewhereWaiter.pid)?.hasPrefix("relation ") == true)
        await holder.close()
        await elsewhere.close()
        for task in tasks { try await task.value }
        await close([waiter, second, elsewhereWaiter], watch)
    }

    @Test("a session that is only connected is not in it; one idle in a transaction is")
    func idle() async throws {
        let clients = try await Clients.make()
        let idle = try await clients.connect()
        let open = try await clients.connect()
        try await idle.run("SELECT 1")
        try await open.run("BEGIN", "SELECT 1")
        let watch = clients.watch()
        let picture = try await watch.picture(ours: [])
        #expect(picture.sessions.contains { $0.id == open.pid })
        #expect(!picture.sessions.contains { $0.id == idle.pid })
        let marked = try await watch.picture(ours: [idle.pid])
        #expect(marked.sessions.first { $0.id == idle.pid }?.isOurs == true)
        await close([idle, open], watch)
    }

    @Test("waits for nobody, whatever is locked, and sees the lock on a dropped table's number")
    func neverWaits() async throws {
        let clients = try await Clients.make()
        let holder = try await clients.connect()
        let waiter = try await clients.connect()
        try await holder.run("BEGIN", "DROP TABLE orders")
        let read = waiter.start("SELECT 1 FROM orders")
        let watch = clients.watch()
        let picture = try await eventually {
            try await watch.picture(ours: [])
        } until: {
            $0.lockWaits.contains { $0.pid == waiter.pid }
        }
        #expect(picture.lockWaits.first { $0.pid == waiter.pid }?.target == "public.orders")
        try await holder.run("COMMIT")
        await #expect(throws: ServerError.self) { try await read.value }
        await close([holder, waiter], watch)
    }

    @Test("a concurrent index build shows whom it waits for")
    func indexBuild() async throws {
        let clients = try await Clients.make()
        let holder = try await clients.connect()
        let builder = try await clients.connect()
        try await holder.run("BEGIN", "UPDATE orders SET v = 'y' WHERE id = 1")
        let build = builder.start("CREATE INDEX CONCURRENTLY by_v ON orders (v)")
        let watch = clients.watch()
        let picture = try await eventually {
            try await watch.picture(ours: [builder.pid])
        } until: {
            $0.indexBuilds.contains { $0.pid == builder.pid && $0.waitsFor != nil }
        }
        let progress = try #require(picture.indexBuilds.first { $0.pid == builder.pid })
        #expect(progress.table == "public.orders")
        #expect(progress.index == "by_v")
        #expect(progress.phase == "waiting for writers before build")
        #expect(progress.unit == "lockers")
        #expect(progress.waitsFor == holder.pid)
        try await holder.run("COMMIT")
        try await build.value
        #expect(try await watch.picture(ours: []).indexBuilds.allSatisfy { $0.pid != builder.pid })
        await close([holder, builder], watch)
    }

    @Test("a vacuum shows its table and its blocks")
    func vacuum() async throws {
        let clients = try await Clients.make()
        let worker = try await clients.connect()
        try await worker.run(
            "CREATE TABLE wide AS SELECT repeat('x', 2000) AS v FROM generate_series(1, 2000)")
        try await worker.run("SET vacuum_cost_delay = 100", "SET vacuum_cost_limit = 1")
        let task = Task { _ = try await worker.query("VACUUM (PARALLEL 0) wide") }
        let watch = clients.watch()
        let picture = try await eventually {
            try await watch.picture(ours: [])
        } until: {
            $0.vacuums.contains { $0.pid == worker.pid && $0.total > 0 }
        }
        let progress = try #require(picture.vacuums.first { $0.pid == worker.pid })
        #expect(progress.table == "public.wide")
        #expect(progress.phase == "scanning heap")
        #expect(progress.done < progress.total)
        #expect(!progress.isAutovacuum)
        task.cancel()
        await #expect(throws: ConnectionError.cancelled) { try await task.value }
        await close([worker], watch)
    }

    @Test("a role without rights is told the GRANT, and still sees who waits for whom")
    func rights() async throws {
        let clients = try await Clients.make()
        let holder = try await clients.connect()
        let waiter = try await clients.connect()
        try await holder.run(
            """
            DO $$ BEGIN
              PERFORM pg_advisory_xact_lock(4711);
              IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'Poor Watcher') THEN
                CREATE ROLE "Poor Watcher" LOGIN;
              END IF;
            END $$
            """)
        try await holder.run("BEGIN", "LOCK TABLE orders")
        let read = waiter.start("SELECT 1 FROM orders")
        let watch = clients.watch(user: "Poor Watcher")
        let picture = try await eventually {
            try await watch.picture(ours: [])
        } until: {
            $0.lockWaits.contains { $0.pid == waiter.pid }
        }
        #expect(picture.missingRights.count == 2)
        #expect(picture.missingRights[0].hasSuffix(#"GRANT pg_monitor TO "Poor Watcher";"#))
        #expect(picture.missingRights[1].hasSuffix(#"GRANT pg_signal_backend TO "Poor Watcher";"#))
        let wait = try #require(picture.lockWaits.first { $0.pid == waiter.pid })
        #expect(wait.blockedBy == [holder.pid])
        #expect(wait.target == "public.orders")
        let session = try #require(picture.sessions.first { $0.id == holder.pid })
        #expect(session.query == nil)
        #expect(session.state == nil)
        try await holder.run("COMMIT")
        try await read.value
        await close([holder, waiter], watch)
    }

    @Test("the first has no WAL rate, the next has what was written between")
    func walRate() async throws {
        let clients = try await Clients.make()
        let writer = try await clients.connect()
        let watch = clients.watch()
        #expect(try await watch.picture(ours: []).walRate == nil)
        try await writer.run("UPDATE orders SET v = 'y'")
        let rate = try #require(try await watch.picture(ours: []).walRate)
        #expect(rate > 0)
        await close([writer], watch)
    }

    @Test("after its session was ended it says so once, and goes on with a new one")
    func reconnects() async throws {
        let clients = try await Clients.make()
        let killer = try await clients.connect()
        let watch = clients.watch()
        _ = try await watch.picture(ours: [])
        try await killer.query(
            """
            SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()
            """)
        await #expect(throws: ConnectionError.self) { try await watch.picture(ours: []) }
        let picture = try await watch.picture(ours: [])
        #expect(picture.server.database == clients.database)
        await close([killer], watch)
    }

    private func close(_ connections: [Connection], _ watch: ServerWatch) async {
        for connection in connections { await connection.close() }
        await watch.close()
    }
}
