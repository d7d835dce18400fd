import Foundation
import Postgres
import Testing

@testable import Sandbox

@Suite("Traffic")
struct TrafficTests {
    @Test("on a shop that nobody changes is clean, and leaves what the clients know")
    func clean() async throws {
        let shop = try await makeShop()
        let traffic = Traffic(shop: shop, options: .init(rate: 300, seed: 7))
        await traffic.roll(out: .old)
        try await until("2000 statements") { await traffic.summary().statements > 2000 }
        await traffic.stop()
        try await traffic.verify()
        let summary = await traffic.summary()
        #expect(summary.isClean, "\(summary.text)")
        #expect(summary.text.contains("0 application errors (seed 7)"))
        #expect(summary.check?.trackedRows ?? 0 > 900)
        let worst = try #require(summary.phases.first?.worst)
        #expect(worst > 0)
    }

    @Test("of all three versions is clean over a column that is kept in sync, filled or not")
    func synced() async throws {
        let shop = try await makeShop()
        let traffic = Traffic(shop: shop, options: .init(clients: 2, rate: 300, phase: "Before"))
        await traffic.roll(out: .old)
        let owner = try await Connection.open(shop.ownerSettings)
        try await owner.run(addColumn)
        try await owner.run(syncTrigger)
        traffic.enter(phase: "Synced")
        await traffic.roll(out: .both)
        try await until("500 more") { await traffic.summary().phases[1].statements > 500 }
        try await owner.query(fill)
        traffic.expectFilled(true)
        traffic.enter(phase: "Filled")
        await traffic.roll(out: .new)
        try await until("1500 more") { await traffic.summary().phases[2].statements > 1500 }
        await traffic.retire(.both)
        await traffic.retire(.old)
        #expect(await traffic.versions == [.new])
        await traffic.stop()
        try await traffic.verify()
        let summary = await traffic.summary()
        #expect(summary.isClean, "\(summary.text)")
        #expect(summary.phases.map(\.name) == ["Before", "Synced", "Filled"])
        await owner.close()
    }

    @Test("finds out when the sync is taken away")
    func unsynced() async throws {
        let shop = try await makeShop()
        let traffic = Traffic(shop: shop, options: .init(clients: 2, rate: 300))
        let owner = try await Connection.open(shop.ownerSettings)
        try await owner.run(addColumn)
        try await owner.run(syncTrigger)
        try await owner.query(fill)
        traffic.expectFilled(true)
        await traffic.roll(out: .old)
        await traffic.roll(out: .new)
        try await until("500 statements") { await traffic.summary().statements > 500 }
        let before = await traffic.summary()
        #expect(before.errorCount == 0, "\(before.text)")
        traffic.enter(phase: "Broken")
        try await owner.query("DROP TRIGGER zz_sync ON orders")
        try await until("an error") { await traffic.summary().errorCount > 0 }
        await traffic.stop()
        try await traffic.verify()
        let summary = await traffic.summary()
        #expect(!summary.isClean)
        #expect(summary.errors.allSatisfy { $0.phase == "Broken" }, "\(summary.text)")
        #expect(summary.check?.differing ?? 0 > 0)
        await owner.close()
    }

    @Test("counts each error of a column that is dropped under it, with its SQLSTATE and phase")
    func dropped() async throws {
        let shop = try await makeShop()
        let traffic = Traffic(shop: shop, options: .init(clients: 2, rate: 200))
        await traffic.roll(out: .old)
        try await until("200 statements") { await traffic.summary().statements > 200 }
        let owner = try await Connection.open(shop.ownerSettings)
        traffic.enter(phase: "Dropped")
        try await owner.query("ALTER TABLE orders DROP COLUMN status")
        try await until("20 errors") { await traffic.summary().errorCount > 20 }
        await traffic.stop()
        let summary = await traffic.summary()
        #expect(summary.errors.allSatisfy { $0.sqlState == .undefinedColumn }, "\(summary.text)")
        #expect(summary.phases.map { $0.errors > 0 } == [false, true])
        #expect(summary.text.contains("status"))
        #expect(!summary.isClean)
        await owner.close()
    }

    @Test("goes on after its connections were cut, and counts what that cost")
    func cut() async throws {
        let shop = try await makeShop()
        let traffic = Traffic(shop: shop, options: .init(clients: 3, rate: 100))
        await traffic.roll(out: .old)
        try await until("100 statements") { await traffic.summary().statements > 100 }
        let superuser = try await shop.server.connect(database: shop.database)
        try await superuser.query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = 'shop' AND datname = current_database()
            """)
        try await until("3 errors") { await traffic.summary().errorCount == 3 }
        let cut = await traffic.summary().statements
        try await until("100 more") { await traffic.summary().statements > cut + 100 }
        await traffic.stop()
        try await traffic.verify()
        let summary = await traffic.summary()
        #expect(summary.errorCount == 3, "\(summary.text)")
        #expect(summary.check?.differing == 0, "\(summary.text)")
        await superuser.close()
    }

    @Test("notices a write that was lost behind its back")
    func lostWrite() async throws {
        let shop = try await makeShop()
        let traffic = Traffic(shop: shop)
        try await traffic.verify()
        #expect(await traffic.summary().check?.differing == 0)
        let owner = try await Connection.open(shop.ownerSettings)
        // The first order is a tracked one, the second is not; the third is gone.
        try await owner.query(
            "UPDATE orders SET status = NULL WHERE id IN (1, 2) AND status IS NOT NULL")
        try await owner.query("DELETE FROM orders WHERE id = 4")
        try await traffic.verify()
        let summary = await traffic.summary()
        let differences = try #require(summary.check?.differences)
        #expect(differences.contains { $0.hasPrefix("order 1: ") }, "\(differences)")
        #expect(differences.contains { $0.hasPrefix("order 2 was never changed") })
        #expect(differences.contains { $0.contains("1999 rows, and should have 2000") })
        #expect(!summary.isClean)
        await owner.close()
    }

    @Test("keeps to its rate while the server stalls, and counts the delay")
    func stalled() async throws {
        let shop = try await makeShop()
        let traffic = Traffic(shop: shop, options: .init(clients: 1, rate: 100))
        await traffic.roll(out: .old)
        try await until("20 statements") { await traffic.summary().statements > 20 }
        let intruder = try await Intruder.enter(shop, lock: "ACCESS EXCLUSIVE")
        try await Task.sleep(for: .milliseconds(300))
        await intruder.leave()
        try await until("the backlog") { await traffic.summary().statements > 60 }
        await traffic.stop()
        let phase = try #require(await traffic.summary().phases.first)
        // One statement waited; those that were due meanwhile waited for it.
        #expect(try #require(phase.worst) >= 200)
        #expect(try #require(phase.p99) < 200 || phase.statements < 100)
        #expect(try #require(phase.worstDue) >= 200)
    }
}

@Suite("The shop")
struct ShopTests {
    @Test("has the statuses that are known outside the database")
    func statuses() async throws {
        let shop = try await makeShop()
        let connection = try await Connection.open(shop.applicationSettings)
        let rows = try await connection.query("SELECT id, status FROM orders ORDER BY id").rows
        #expect(rows.count == 2000)
        #expect(
            try rows.allSatisfy { try $0.optional("status") == Shop.loadedStatus($0.int("id")) })
        let found = Set(try rows.map { try $0.optional("status") })
        #expect(found == Set(Shop.statuses + [nil]))
        await connection.close()
    }

    @Test("has somebody who gets in the way of an ALTER until he leaves")
    func intruder() async throws {
        let shop = try await makeShop()
        let owner = try await Connection.open(shop.ownerSettings)
        try await owner.query("SET lock_timeout = '50ms'")
        let intruder = try await Intruder.enter(shop)
        let error = await #expect(throws: ServerError.self) {
            try await owner.query("ALTER TABLE orders ADD COLUMN another int")
        }
        #expect(error?.sqlState == .lockNotAvailable)
        let row = try await owner.query(
            "SELECT application_name, state FROM pg_stat_activity WHERE pid = $1",
            Int(intruder.backendPID)
        ).onlyRow()
        #expect(row.values == ["reporting", "idle in transaction"])
        await intruder.leave()
        try await owner.query("ALTER TABLE orders ADD COLUMN another int")
        await owner.close()
    }
}

@Suite("Latencies")
struct LatencyTests {
    @Test("are exact to 1/64, and the worst is what it was")
    func percentiles() throws {
        var latencies = Latencies()
        #expect(latencies.percentile(50) == nil)
        for number in 1...10_000 { latencies.add(.microseconds(number * 10)) }
        for percent in [1.0, 50, 90, 99, 100] {
            let exact = percent
            let found = try #require(latencies.percentile(percent))
            #expect(found >= exact && found <= exact * (1 + 1.0 / 64) + 0.001)
        }
        latencies.add(.seconds(7))
        #expect(latencies.worst == 7000)
        #expect(latencies.percentile(100) == 7000)
    }

    @Test("of two histograms add up")
    func addition() {
        var (one, two, all) = (Latencies(), Latencies(), Latencies())
        for number in 1...100 {
            one.add(.milliseconds(number))
            two.add(.microseconds(number))
            all.add(.milliseconds(number))
            all.add(.microseconds(number))
        }
        one.add(two)
        #expect(one == all)
    }
}

// MARK: what the tests share

private func makeShop() async throws -> Shop {
    let server = try await SandboxServer.shared()
    return try await Shop.load(
        on: server, database: "shop_\(UInt32.random(in: 0...UInt32.max))", rows: 2000)
}

/// Waits for a condition, at most half a minute.
private func until(_ what: String, _ isMet: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while try await !isMet() {
        try #require(ContinuousClock.now < deadline, "waited 30 s for \(what)")
        try await Task.sleep(for: .milliseconds(10))
    }
}

private let addColumn: SQL = "ALTER TABLE orders ADD COLUMN status_v2 varchar(50)"

/// The rules of DESIGN.md's "Keeping both sides equal", by hand.
private let syncTrigger: [SQL] = [
    """
    CREATE FUNCTION sync() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            IF NEW.status_v2 IS NULL THEN
                NEW.status_v2 := upper(NEW.status);
            ELSIF (NEW.status IS NULL OR NEW.status = 'new')
                AND NEW.status_v2 IS DISTINCT FROM upper(NEW.status) THEN
                NEW.status := lower(NEW.status_v2);
            END IF;
        ELSIF OLD.status IS DISTINCT FROM NEW.status
            AND OLD.status_v2 IS NOT DISTINCT FROM NEW.status_v2 THEN
            NEW.status_v2 := upper(NEW.status);
        ELSIF OLD.status IS NOT DISTINCT FROM NEW.status
            AND OLD.status_v2 IS DISTINCT FROM NEW.status_v2 THEN
            NEW.status := lower(NEW.status_v2);
        ELSIF NEW.status_v2 IS NULL THEN
            NEW.status_v2 := upper(NEW.status);
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER zz_sync BEFORE INSERT OR UPDATE ON orders
        FOR EACH ROW EXECUTE FUNCTION sync()
    """,
]

private let fill: SQL =
    "UPDATE orders SET status_v2 = upper(status) WHERE status_v2 IS NULL AND status IS NOT NULL"
