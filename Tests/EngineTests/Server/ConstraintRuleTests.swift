import Conformance
import Foundation
import Migration
import Postgres
import Testing

@testable import Engine

/// Rows that break a constraint: found before it is there, named, and never in the way of others.
@Suite("The rules of constraints", .fewAtATime)
struct ConstraintRuleTests {
    private static func spec(_ operations: String) -> String {
        """
        name: orders-status
        operations:
        \(operations)
        settings: {throttle: {replication_lag: null}}
        checklist: []
        """
    }

    private static let check = spec(
        "  - add_check: {table: orders, name: has_amount, check: amount > 0}")

    private static let reference = spec(
        "  - add_foreign_key: {table: orders, columns: [status], references: {table: states, columns: [code]}}"
    )

    private static let unique = spec("  - add_unique: {table: orders, columns: [note]}")

    private static let constraints: SQL = """
        SELECT coalesce(string_agg(conname || CASE WHEN convalidated THEN '' ELSE ' unproven' END, ', '
                                   ORDER BY conname), '')
          FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype <> 'n'
        """

    /// The message with which a run stopped.
    private func failure(
        of outcome: Outcome, sourceLocation: SourceLocation = #_sourceLocation
    ) -> String {
        guard case .failed(let message) = outcome else {
            Issue.record("it ended with \(outcome)", sourceLocation: sourceLocation)
            return ""
        }
        return message
    }

    // MARK: before anything is there

    @Test(
        "rows that a check refuses are counted and named, and nothing is added before they are mended"
    )
    func checkViolators() async throws {
        let stage = try await Stage.make(rows: 100)
        try await stage.run(
            "UPDATE orders SET amount = -1 WHERE id IN (7, 30)",
            // A check passes where it is NULL.
            "ALTER TABLE orders ALTER amount DROP NOT NULL",
            "UPDATE orders SET amount = NULL WHERE id = 50")
        let message = failure(of: try await stage.finish(Self.check))
        #expect(message.contains("2 rows of public.orders: the check (amount > 0) refuses them."))
        #expect(message.contains("The first: id=7; id=30. Mend them"))
        #expect(try await stage.value(Self.constraints) == "orders_pkey")
        try await stage.run("UPDATE orders SET amount = 1 WHERE amount < 0")
        #expect(try await stage.finish(Self.check) == .finished)
        #expect(try await stage.value(Self.constraints) == "has_amount, orders_pkey")
    }

    @Test("a row that broke the check before that was there is named when it is proven")
    func lateViolator() async throws {
        let stage = try await Stage.make(rows: 100)
        #expect(try await stage.advance(to: .migrate, Self.check) == .reached(.migrate))
        try await stage.run("INSERT INTO orders (id, amount) VALUES (900, -5)")
        let message = failure(of: try await stage.finish(Self.check))
        #expect(
            message.contains(
                "1 rows of public.orders break the check has_amount (amount > 0). The first: id=900."
            ))
        #expect(try await stage.value(Self.constraints) == "has_amount unproven, orders_pkey")
        try await stage.run("UPDATE orders SET amount = 5 WHERE id = 900")
        #expect(try await stage.finish(Self.check) == .finished)
        #expect(try await stage.value(Self.constraints) == "has_amount, orders_pkey")
    }

    @Test(
        "NULLs are named before the gate, and those that were written until it was passed after it")
    func nulls() async throws {
        let stage = try await Stage.make(rows: 100)
        let text = Self.spec("  - set_not_null: {table: orders, column: note}")
        try await stage.run("UPDATE orders SET note = NULL WHERE id IN (3, 4)")
        let first = failure(of: try await stage.outcome(stage.request(text)))
        #expect(first.contains("2 rows of public.orders: note is NULL. The first: id=3; id=4."))
        try await stage.run("UPDATE orders SET note = '' WHERE note IS NULL")
        guard case .atGate(let gate) = try await stage.outcome(stage.request(text)) else {
            Issue.record("no gate")
            return
        }
        #expect(gate.id == "1.migrate")
        try await stage.run("INSERT INTO orders (id) VALUES (900)")
        let second = failure(of: try await stage.finish(text))
        #expect(second.contains("1 rows of public.orders: note is NULL. The first: id=900."))
        // Nothing refuses its update meanwhile.
        try await stage.run("UPDATE orders SET amount = 9 WHERE id = 900")
        try await stage.run("UPDATE orders SET note = '' WHERE id = 900")
        #expect(try await stage.finish(text) == .finished)
        await #expect(throws: ServerError.self) {
            try await stage.run("INSERT INTO orders (id) VALUES (901)")
        }
    }

    @Test("where up gives NULL for a NULL, the row is named before anything is changed")
    func upGivesNull() async throws {
        let stage = try await Stage.make(rows: 100)
        let before = try await stage.schema()
        try await stage.run("UPDATE orders SET note = NULL WHERE id = 12")
        let text = Self.spec(
            "  - set_not_null: {table: orders, column: note, up: \"nullif(status, 'new')\"}")
        try await stage.run("UPDATE orders SET status = 'new' WHERE id = 12")
        let message = failure(of: try await stage.finish(text))
        #expect(message.contains("1 rows of public.orders: note is NULL and so is what up gives."))
        #expect(message.contains("id=12"))
        #expect(try await stage.schema() == before)
    }

    @Test("orphans are counted and named with what they reference; NULL references nothing")
    func orphans() async throws {
        let stage = try await Stage.make(rows: 100)
        try await stage.run(
            "CREATE TABLE states (code varchar(50) PRIMARY KEY)",
            "INSERT INTO states VALUES ('new'), ('paid'), ('sent')",
            "ALTER TABLE orders ALTER status DROP NOT NULL",
            "UPDATE orders SET status = NULL WHERE id = 1",
            "UPDATE orders SET status = 'gone' WHERE id IN (5, 6)")
        let message = failure(of: try await stage.finish(Self.reference))
        #expect(
            message.contains(
                "2 rows of public.orders have a value of status that no row of public.states has. The first: id=5 (status=gone); id=6 (status=gone)."
            ))
        #expect(try await stage.value(Self.constraints) == "orders_pkey")
        try await stage.run("INSERT INTO states VALUES ('gone')")
        #expect(try await stage.finish(Self.reference) == .finished)
        #expect(try await stage.value(Self.constraints) == "orders_pkey, orders_status_fkey")
    }

    @Test("an orphan that up would make is named before the trigger is there")
    func orphansOfUp() async throws {
        let stage = try await Stage.make(rows: 100)
        try await stage.run(
            "CREATE TABLE states (number int PRIMARY KEY)",
            "INSERT INTO states SELECT generate_series(1, 99)")
        let text = Self.spec(
            """
              - add_foreign_key:
                  table: orders
                  columns: [state]
                  references: {table: states, columns: [number]}
                  new_column: {name: state, type: int}
                  up: amount::int
            """)
        let message = failure(of: try await stage.finish(text))
        #expect(message.contains("1 rows of public.orders have a value of state"))
        #expect(message.contains("id=100 (state=100)"))
        #expect(
            try await stage.value("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal") == "0")
        try await stage.run("INSERT INTO states VALUES (100)")
        #expect(try await stage.finish(text) == .finished)
    }

    // MARK: unique

    @Test("duplicates are counted and named; rows with a NULL are none")
    func duplicates() async throws {
        let stage = try await Stage.make(rows: 100)
        try await stage.run(
            "UPDATE orders SET note = CASE WHEN id < 50 THEN id::text END",
            "UPDATE orders SET note = 'twin' WHERE id IN (8, 9, 10)")
        let message = failure(of: try await stage.finish(Self.unique))
        #expect(
            message.contains(
                "1 values of note are in several rows of public.orders. The first: note=twin (3 rows). Mend them"
            ))
        try await stage.run("UPDATE orders SET note = note || id WHERE note = 'twin'")
        #expect(try await stage.finish(Self.unique) == .finished)
        #expect(try await stage.value(Self.constraints) == "orders_note_key, orders_pkey")
    }

    @Test("a duplicate that was written since they were counted leaves no INVALID index behind")
    func lateDuplicate() async throws {
        let stage = try await Stage.make(rows: 100)
        try await stage.run("UPDATE orders SET note = id::text")
        #expect(try await stage.advance(to: .migrate, Self.unique) == .reached(.migrate))
        try await stage.run("INSERT INTO orders (id, note) VALUES (900, '7')")
        let message = failure(of: try await stage.finish(Self.unique))
        #expect(message.contains("(note)=(7)"))
        #expect(try await stage.value("SELECT to_regclass('orders_note_key')") == nil)
        try await stage.run("INSERT INTO orders (id, note) VALUES (901, '7')")
        try await stage.run("DELETE FROM orders WHERE id >= 900")
        #expect(try await stage.finish(Self.unique) == .finished)
    }

    // MARK: the way back

    private static let beside = """
          - replace_column:
              table: orders
              column: amount
              with: {name: total, type: numeric}
              up: amount
              down: total
        """

    @Test(
        "what broke a dropped constraint is named on the way back, which goes on once it is mended",
        arguments: [
            (
                "CHECK (status <> 'odd')", "UPDATE orders SET status = 'odd' WHERE id IN (4, 5)",
                "2 rows of public.orders break the check it (((status)::text <> 'odd'::text)). The first: id=4; id=5.",
                "UPDATE orders SET status = 'even' WHERE status = 'odd'"
            ),
            (
                "FOREIGN KEY (status) REFERENCES states MATCH FULL ON DELETE CASCADE",
                "UPDATE orders SET status = 'odd' WHERE id = 4",
                "1 rows of public.orders have a value of status that no row of public.states has. The first: id=4 (status=odd).",
                "UPDATE orders SET status = 'new' WHERE id = 4"
            ),
            (
                "UNIQUE NULLS NOT DISTINCT (note)",
                "UPDATE orders SET note = NULL WHERE id IN (4, 5)",
                "1 values of note are in several rows of public.orders. The first: note=NULL (2 rows).",
                "UPDATE orders SET note = id::text WHERE id IN (4, 5)"
            ),
        ])
    func back(_ definition: String, odd: String, words: String, mend: String) async throws {
        let stage = try await Stage.make(rows: 50)
        try await stage.run(
            "UPDATE orders SET note = id::text",
            "CREATE TABLE states (code varchar(50) PRIMARY KEY)",
            "INSERT INTO states VALUES ('new'), ('paid'), ('sent')",
            "ALTER TABLE orders ADD CONSTRAINT it \(SQL(writtenByUser: definition))")
        let before = try await stage.schema()
        let text = Self.spec("  - drop_constraint: {table: orders, name: it}\n" + Self.beside)
        #expect(try await stage.advance(to: .contract, text) == .reached(.contract))
        try await stage.run(SQL(writtenByUser: odd))
        let message = failure(of: try await stage.rollBack())
        #expect(message.contains(words), "\(message)")
        try await stage.run(SQL(writtenByUser: mend))
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(try await stage.schema() == before)
    }

    @Test("back to the end of Backfill and forward again, NOT NULL needs no scan the second time")
    func forwardAgain() async throws {
        let stage = try await Stage.make(rows: 50)
        let text = Self.spec(
            """
              - set_not_null: {table: orders, column: note, up: "''"}
            \(Self.beside)
            """)
        #expect(try await stage.advance(to: .contract, text) == .reached(.contract))
        #expect(try await stage.rollBack(to: .backfill) == .rolledBack(to: .backfill))
        await #expect(throws: ServerError.self) {
            // The trigger is there again; it lets its own fill pass.
            try await stage.run(
                "SELECT set_config('lockkeeper.fill', 'orders-status/1', false)",
                "INSERT INTO orders (id) VALUES (900)")
        }
        #expect(
            // A check of ours; from 18 on the constraint itself.
            try await stage.value(
                "SELECT convalidated FROM pg_constraint WHERE conname LIKE 'lk\\_%\\_not\\_null' OR conname = 'orders_note_not_null'"
            )
                == "t")
        #expect(try await stage.finish(text) == .finished)
        #expect(try await stage.leftovers() == nil)
        #expect(try await stage.schema().contains("note text NOT NULL"))
    }

    // MARK: locks

    @Test(
        "the locks that the plan names are those that its statements take, there and back",
        arguments: Variant.constraints + Variant.lockedPartitions)
    func locks(_ variant: Variant) async throws {
        let stage = try await Stage.make(rows: 20)
        for statement in variant.setup { try await stage.run(statement) }
        try await stage.run("CREATE SCHEMA lockkeeper")
        let spec = try Spec.parse(text: variant.spec, file: "x.yaml")
        let (plan, _) = try await Engine.plan(spec, stage.settings)
        let connection = try await stage.connect()
        var tables: [QualifiedName] = []
        for table in plan.operations.flatMap(\.tables) {
            tables += try await connection.query(PartitionTree.query(of: table)).rows
                .map(PartitionTree.name)
        }
        let steps = plan.steps.prefix { $0.action != .quarantine }
        for step in steps {
            try await expectLocks(
                step.action, step.id, tables, on: connection, isOurs: step.operation == 1)
        }
        for step in steps.reversed() {
            for undo in step.undo where !undo.isPurge {
                try await expectLocks(
                    undo.action, undo.id, tables, on: connection, isOurs: step.operation == 1)
            }
        }
        await connection.close()
    }

    /// Carries an action out on one connection, and compares what it holds before its end.
    private func expectLocks(
        _ action: StepAction, _ id: StepID, _ tables: [QualifiedName], on connection: Connection,
        isOurs: Bool
    ) async throws {
        switch action {
        case .transaction(let transaction):
            try await connection.run(["BEGIN"] + transaction.statements.map(\.sql))
            var held: [QualifiedName: LockMode] = [:]
            for table in tables {
                let modes = try await connection.query(
                    "SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = $1::regclass",
                    table.quoted
                ).rows.compactMap { LockMode(catalogName: try $0.string("mode")) }
                // Reading is no lock to speak of.
                if let strongest = modes.max(), strongest > .accessShare { held[table] = strongest }
            }
            try await connection.run("COMMIT")
            guard isOurs else { return }
            #expect(
                held.map { TableLock($0.key, $0.value) }.sorted()
                    // The store of kept values is nobody's but ours.
                    == transaction.locks.sorted().filter {
                        $0.table.schema != Identifier("lockkeeper")
                    },
                "\(id)")
        case .fill(let fill):
            for part in try await fill.parts(on: connection) {
                try await connection.query(part.update(BlockRange(from: 0, to: 1000)))
            }
        case .findViolators(let search): try await connection.query(search.query)
        case .buildIndex(let build): try await connection.query(build.create)
        case .dropIndex(let drop): try await connection.query(drop.drop)
        case .buildPartitionedIndex(let build):
            for statement in StepAction.buildPartitionedIndex(build).statements {
                try await connection.query(statement)
            }
        case .dropPartitionedIndex(let drop): try await connection.query(drop.drop)
        case .copyRows(let copy):
            try await connection.query(copy.update(BlockRange(from: 0, to: 1000)))
        case .probe, .compare, .compareTables, .gate, .quarantine, .outsideTransaction,
            .checkTrigger:
            break
        }
    }
}
