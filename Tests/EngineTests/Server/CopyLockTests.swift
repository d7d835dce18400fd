import Conformance
import Migration
import Postgres
import Testing

@testable import Engine

/// Each step's locks as they are in `pg_locks` before its end, against those that the plan lists.
@Suite("The locks of a copied table", .fewAtATime)
struct CopyLockTests {
    @Test(
        "are those that the plan names, there and back",
        arguments: Variant.ofTables.filter { $0.name.contains("by a copy") })
    func locks(_ variant: Variant) async throws {
        let stage = try await Stage.make(rows: 20)
        for statement in variant.setup { try await stage.run(statement) }
        try await stage.run("CREATE SCHEMA lockkeeper")
        let spec = try Spec.parse(text: variant.spec, file: "x.yaml")
        let (plan, _) = try await Engine.plan(spec, stage.settings)
        let connection = try await stage.connect()
        let kept = plan.steps.prefix { $0.action != .quarantine }
        for step in kept { try await carryOut(step.action, step.id, on: connection) }
        for step in kept.reversed() {
            for undo in step.undo { try await carryOut(undo.action, undo.id, on: connection) }
        }
        for step in plan.steps { try await carryOut(step.action, step.id, on: connection) }
        await connection.close()
        #expect(try await stage.leftovers() == nil)
    }

    private func carryOut(
        _ action: StepAction, _ id: StepID, on connection: Connection
    ) async throws {
        switch action {
        case .transaction(let transaction):
            let names = try await relations(on: connection)
            try await connection.run(["BEGIN"] + transaction.statements.map(\.sql))
            var held: [QualifiedName: LockMode] = [:]
            for row in try await connection.query(
                "SELECT relation::bigint AS oid, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'"
            ).rows {
                guard let name = names[try row.int("oid")],
                    let mode = LockMode(catalogName: try row.string("mode"))
                else { continue }
                held[name] = max(held[name] ?? mode, mode)
            }
            try await connection.run("COMMIT")
            // Reading is no lock to speak of.
            let found = held.filter { $0.value > .accessShare }
                .map { TableLock($0.key, $0.value) }.sorted()
            #expect(found == transaction.locks.filter { $0.mode > .accessShare }, "\(id)")
        case .buildIndex(let build): try await connection.query(build.create)
        case .dropIndex(let drop): try await connection.query(drop.drop)
        case .copyRows(let copy):
            try await connection.query(copy.update(BlockRange(from: 0, to: 1000)))
        case .compareTables(let comparison):
            let range = BlockRange(from: 0, to: 1000)
            let row = try await connection.query(comparison.differing(range)).onlyRow()
            #expect(try (row.int("rows"), row.int("missing"), row.int("different")) == (20, 0, 0))
            #expect(try await connection.query(comparison.extra(range)).onlyRow().int("extra") == 0)
        default: break
        }
    }

    /// Tables, views and sequences as they are called before the step.
    private func relations(on connection: Connection) async throws -> [Int: QualifiedName] {
        let rows = try await connection.query(
            """
            SELECT c.oid::bigint AS oid, n.nspname, c.relname
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'public' AND c.relkind IN ('r', 'v', 'S')
            """
        ).rows
        return try rows.reduce(into: [:]) {
            $0[try $1.int("oid")] = QualifiedName(
                try $1.string("nspname"), try $1.string("relname"))
        }
    }
}
