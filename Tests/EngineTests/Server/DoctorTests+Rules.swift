import Conformance
import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

/// What the doctor tells apart, and the things of which a migration leaves few.
extension DoctorTests {
    @Test("a constraint, a table, a view and a store of ours that no plan names are left over")
    func strays() async throws {
        let stage = try await Stage.make(rows: 50)
        try await stage.run(
            "ALTER TABLE orders ADD CONSTRAINT lk_01234567_filled CHECK (id > 0) NOT VALID",
            "CREATE TABLE lk_01234567_old (a int)",
            "CREATE VIEW lk_01234567_seen AS SELECT id FROM orders", "CREATE SCHEMA lockkeeper",
            "CREATE TABLE lockkeeper.\"kept_orders-status_1\" (a int)",
            "CREATE FUNCTION lockkeeper.\"sync_orders-status_1\"(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'"
        )
        let found = try await examine(stage).filter { $0.rule != "journal-table" }
        #expect(
            found.map(\.rule) == [
                "orphan-constraint", "quarantined-table", "quarantined-table", "quarantined-view",
                "orphan-function",
            ], "\(found)")
        #expect(found.first?.text.contains("lk_01234567_filled NOT VALID") == true, "\(found)")
        for ailment in found {
            #expect(try await mend(ailment.id, on: stage) == "\(ailment.id) is mended.")
        }
        #expect(try await examine(stage).allSatisfy { $0.rule == "journal-table" })
    }

    @Test("what an unfinished migration has put aside is its own, however its names are written")
    func oddNames() async throws {
        let stage = try await Stage.make(rows: 50)
        let name = "we\"ird \\ é\n"
        try await stage.run("ALTER TABLE orders RENAME COLUMN status TO \(Identifier(name))")
        let spec = #"""
            name: orders-status
            operations:
              - replace_column:
                  table: orders
                  column: "we\"ird \\ \u00e9\n"
                  with: {name: status_v2, type: varchar(50)}
                  up: "upper(\"we\"\"ird \\ \u00e9\n\")"
                  down: lower(status_v2)
                  unrepresentable: reject
            settings: {throttle: {replication_lag: null}}
            checklist: []
            """#
        #expect(try await stage.advance(to: .contract, spec) == .reached(.contract))
        let aside = try await stage.value(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname ~ '^lk_'"
        )
        #expect(aside?.hasSuffix(name) == true, "\(aside ?? "nothing was put aside")")
        #expect(try await examine(stage) == [])
    }

    @Test("a broken build for a partition that came after the plan is its migration's")
    func laterPartition() async throws {
        let stage = try await Stage.make(rows: 0)
        for statement in Variant.partitioning { try await stage.run(statement) }
        let name = String(repeating: "long", count: 15)
        let spec = """
            name: orders-status
            operations:
              - create_index: {table: orders, name: \(name), columns: [amount]}
            settings: {throttle: {replication_lag: null}}
            checklist: []
            """
        #expect(try await stage.advance(to: .expand, spec) == .reached(.expand))
        try await stage.run(
            "CREATE TABLE later PARTITION OF orders FOR VALUES FROM (500000) TO (600000)")
        for length in [name.count, 8] {
            let index = PartitionedIndexBuild.index(
                of: QualifiedName("public", "later"),
                as: QualifiedName("public", String(name.prefix(length))))
            #expect(index.name.name.hasPrefix("lk_") == (length > 8))
            try await stage.run(
                "CREATE INDEX \(index.name) ON later (amount)",
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = \(literal: index.quoted)::regclass"
            )
        }
        let found = try await examine(stage).filter { $0.rule == "invalid-index" }
        #expect(found.map(\.isFixable) == [false, true], "\(found)")
        #expect(found.last?.mend.contains("The migration that builds it") == true, "\(found)")
    }

    @Test("an object that a step has taken away and somebody made again is not expected")
    func unexpectedObject() async throws {
        let stage = try await Stage.make(rows: 50)
        let spec = """
            name: orders-status
            operations:
              - drop_index: {name: orders_by_amount}
              - backfill: {table: orders, set: {note: "'x'"}, where: note <> 'x'}
            settings: {throttle: {replication_lag: null}}
            checklist: []
            """
        try await stage.run("CREATE INDEX orders_by_amount ON orders (amount)")
        #expect(try await stage.advance(to: .backfill, spec) == .reached(.backfill))
        try await stage.run(
            "INSERT INTO lockkeeper.steps (migration, step, state) SELECT id, s.step->>'id', 'done' FROM lockkeeper.migrations, jsonb_array_elements(plan->'steps') s(step) WHERE s.step->>'id' LIKE '1.contract%' ON CONFLICT (migration, step) DO UPDATE SET state = 'done'"
        )
        let found = try await examine(stage)
        #expect(found.map(\.rule) == ["unexpected-object"], "\(found)")
        #expect(found.first?.isFixable == false)
    }

    @Test(
        "an engine that holds its lock and has been silent for long is named, and ended when told")
    func silentEngine() async throws {
        let stage = try await Stage.make(rows: 50)
        _ = try await stage.advance(to: .migrate)
        let engine = try await stage.connect()
        try await engine.query("SELECT pg_advisory_lock(\(JournalSchema.advisoryClass), 1)")
        try await engine.query(
            """
            INSERT INTO lockkeeper.engines
              (migration, host, pid, os_user, backend_pid, interactive, heartbeat_at)
            VALUES (1, 'far', 7, 'who', pg_backend_pid(), false, now() - interval '40 s')
            """)
        let found = try await examine(stage)
        #expect(found.map(\.rule) == ["stray-lock"], "\(found)")
        #expect(found.first?.text.contains("its engine on far has been silent for 4") == true)
        // One that beats is left alone.
        try await stage.run("UPDATE lockkeeper.engines SET heartbeat_at = now()")
        #expect(try await examine(stage) == [])
        await engine.close()
    }

    @Test("a session of ours that sleeps in its transaction is named, and ended when told")
    func frozenSession() async throws {
        let stage = try await Stage.make(rows: 50)
        let frozen = try await stage.connect()
        try await frozen.run("SET idle_in_transaction_session_timeout = 0", "BEGIN")
        let other = try await Connection.open(
            stage.settings.adding([("application_name", "shop")]))
        try await other.run("SET idle_in_transaction_session_timeout = 0", "BEGIN")
        // The rule is about sessions that have slept for ten seconds.
        let asked = try await stage.connect()
        while try await asked.query(
            """
            SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND state = 'idle in transaction'
               AND state_change < clock_timestamp() - interval '10 seconds'
            """
        ).onlyRow().string("count") != "2" {
            try await Task.sleep(for: .milliseconds(200))
        }
        await asked.close()
        let found = try await examine(stage)
        #expect(found.map(\.rule) == ["frozen-session"], "\(found)")
        #expect(
            found.first?.id
                == Ailment("frozen-session", of: "\(frozen.backendPID)", "", mend: "").id)
        _ = try await mend(try #require(found.first?.id), on: stage)
        await frozen.close()
        await other.close()
    }
}
