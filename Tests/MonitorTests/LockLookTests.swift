import Monitor
import Postgres
import Sandbox
import Testing

@Suite("Looking before asking for a lock")
struct LockLookTests {
    private static let orders = QualifiedName("public", "orders")

    private func look(
        _ connection: Connection, _ mode: String = "ACCESS EXCLUSIVE", ours: Set<Int> = []
    ) async throws -> LockLook {
        try await LockLook.look(
            on: connection, wanted: [WantedLock(table: Self.orders, mode: mode)], ours: ours)
    }

    @Test("a reader's fast-path lock is seen, and conflicts only with what it conflicts with")
    func fastPath() async throws {
        let clients = try await Clients.make()
        let reader = try await clients.connect()
        let eye = try await clients.connect()
        try await reader.run("BEGIN", "SELECT count(*) FROM orders")
        let fast = try await eye.query(
            "SELECT bool_or(fastpath) AS fast FROM pg_locks WHERE pid = $1", reader.pid
        ).onlyRow()
        #expect(try fast.bool("fast"))

        let look = try await look(eye)
        let holder = try #require(look.holders.first)
        #expect(look.holders.count == 1)
        #expect(holder.pid == reader.pid)
        #expect(holder.mode == "ACCESS SHARE")
        #expect(holder.table == Self.orders)
        #expect(holder.user == "postgres")
        #expect(holder.state == "idle in transaction")
        #expect(try #require(holder.transactionAge) >= 0)
        #expect(holder.query?.contains("SELECT count(*) FROM orders") == true)
        #expect(!holder.isAutovacuum && !holder.isPrepared)
        #expect(look.waiters.isEmpty)
        #expect(try await self.look(eye, "SHARE ROW EXCLUSIVE").isFree)
        #expect(try await self.look(eye, ours: [reader.pid]).isFree)
        await close(reader, eye)
    }

    @Test(
        "a writer stands in the way of what blocks writes, and of nothing weaker",
        arguments: [
            ("ACCESS EXCLUSIVE", true), ("SHARE ROW EXCLUSIVE", true), ("SHARE", true),
            ("SHARE UPDATE EXCLUSIVE", false), ("ROW EXCLUSIVE", false), ("ACCESS SHARE", false),
        ])
    func writer(mode: String, conflicts: Bool) async throws {
        let clients = try await Clients.make()
        let writer = try await clients.connect()
        let eye = try await clients.connect()
        try await writer.run("BEGIN", "UPDATE orders SET v = 'y' WHERE id = 1")
        let holders = try await look(eye, mode).holders
        #expect(holders.map(\.mode) == (conflicts ? ["ROW EXCLUSIVE"] : []))
        await close(writer, eye)
    }

    @Test("who waits already is a waiter, and who queues behind us is found by our pid")
    func waiters() async throws {
        let clients = try await Clients.make()
        let ours = try await clients.connect()
        let waiter = try await clients.connect()
        let eye = try await clients.connect()
        try await ours.run("BEGIN", "LOCK TABLE orders IN SHARE MODE")
        let write = waiter.start("UPDATE orders SET v = 'y' WHERE id = 1")
        let queued = try await eventually {
            try await LockLook.queued(behind: [ours.pid], on: eye)
        } until: {
            !$0.isEmpty && $0[0].waitAge != nil
        }
        #expect(queued.map(\.pid) == [waiter.pid])
        #expect(queued.first?.behind == [ours.pid])
        #expect(queued.first?.query?.hasPrefix("UPDATE orders SET v = 'y' WHERE id = 1") == true)
        let look = try await look(eye, ours: [ours.pid])
        #expect(look.holders.isEmpty)
        #expect(look.waiters.map(\.pid) == [waiter.pid])
        #expect(look.waiters.first?.mode == "ROW EXCLUSIVE")
        #expect(look.waiters.first?.waitAge != nil)
        #expect(!look.isFree)
        try await ours.run("COMMIT")
        try await write.value
        #expect(try await LockLook.queued(behind: [ours.pid], on: eye).isEmpty)
        await close(ours, waiter, eye)
    }

    @Test("a prepared transaction holds its locks without a session")
    func prepared() async throws {
        let server = try await SandboxServer.start(
            .init(fsync: false, settings: ["max_prepared_transactions": "5"]))
        let clients = try await Clients.make(on: server)
        let client = try await clients.connect()
        let eye = try await clients.connect()
        try await client.run("BEGIN", "UPDATE orders SET v = 'y' WHERE id = 1")
        try await client.run("PREPARE TRANSACTION 'left over'")
        let holder = try #require(try await look(eye).holders.first)
        #expect(holder.pid == 0)
        #expect(holder.prepared == "left over")
        #expect(holder.user == "postgres")
        #expect(holder.mode == "ROW EXCLUSIVE")
        #expect(try #require(holder.transactionAge) >= 0)

        let write = client.start("UPDATE orders SET v = 'z' WHERE id = 1")
        let watch = clients.watch()
        let picture = try await eventually {
            try await watch.picture(ours: [])
        } until: {
            !$0.lockWaits.isEmpty
        }
        #expect(picture.lockWaits.first?.blockedBy == [0])
        #expect(picture.preparedTransactions.map(\.identifier) == ["left over"])
        #expect(picture.preparedTransactions.first?.database == clients.database)
        try await eye.run("ROLLBACK PREPARED 'left over'")
        try await write.value
        #expect(try await look(eye).isFree)
        await watch.close()
        await close(client, eye)
        await server.stop()
    }

    /// Autovacuum against wraparound begins at `autovacuum_freeze_max_age`, at least 100,000
    /// transactions; subtransactions count and are cheap.
    @Test("an autovacuum that prevents wraparound is told from an ordinary holder")
    func wraparound() async throws {
        let server = try await SandboxServer.start(
            .init(fsync: false, settings: ["autovacuum_naptime": "1s"]))
        let clients = try await Clients.make(on: server)
        let client = try await clients.connect()
        let eye = try await clients.connect()
        try await client.run(
            """
            ALTER TABLE orders SET (autovacuum_enabled = off, autovacuum_freeze_max_age = 100000,
              autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)
            """)
        try await client.run(
            "INSERT INTO orders SELECT g, repeat('x', 1500) FROM generate_series(101, 4000) g")
        try await client.run("CREATE UNLOGGED TABLE burnt (i int)")
        try await client.run(
            """
            DO $$ BEGIN
              FOR n IN 1..11 LOOP
                FOR i IN 1..10000 LOOP
                  BEGIN INSERT INTO burnt VALUES (i); EXCEPTION WHEN division_by_zero THEN END;
                END LOOP;
                COMMIT;
              END LOOP;
            END $$
            """)
        let seen = try await eventually {
            try await look(eye, "SHARE UPDATE EXCLUSIVE")
        } until: {
            $0.holders.contains { $0.preventsWraparound }
        }
        let worker = try #require(seen.holders.first { $0.preventsWraparound })
        #expect(worker.isAutovacuum)
        #expect(worker.mode == "SHARE UPDATE EXCLUSIVE")
        #expect(worker.user == nil)
        let watch = clients.watch()
        let picture = try await eventually {
            try await watch.picture(ours: [])
        } until: {
            $0.vacuums.contains { $0.pid == worker.pid }
        }
        #expect(picture.vacuums.first { $0.pid == worker.pid }?.isAutovacuum == true)
        await watch.close()
        await close(client, eye)
        await server.stop(mode: .immediate)
    }

    @Test("a table that is not there, and no table, are free")
    func nothing() async throws {
        let clients = try await Clients.make()
        let eye = try await clients.connect()
        let nowhere = WantedLock(
            table: QualifiedName("no \"where", "it's"), mode: "ACCESS EXCLUSIVE")
        #expect(try await LockLook.look(on: eye, wanted: [nowhere], ours: []).isFree)
        #expect(try await LockLook.look(on: eye, wanted: [], ours: []).isFree)
        #expect(try await LockLook.queued(behind: [], on: eye).isEmpty)
        await close(eye)
    }

    private func close(_ connections: Connection...) async {
        for connection in connections { await connection.close() }
    }
}
