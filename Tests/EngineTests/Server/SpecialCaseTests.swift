import Foundation
import Migration
import Postgres
import Testing

@testable import Engine

/// Every operation on columns, on every table that is special in some way: it works, there and back,
/// or is refused before anything is changed.
@Suite("Special tables and columns", .fewAtATime)
struct SpecialCaseTests {
    static let kinds = [
        "replace_column", "rename_column", "change_type", "add_column", "set_not_null", "backfill",
        "add_check", "add_foreign_key", "add_unique", "drop_column",
    ]

    private func stage() async throws -> Stage {
        let stage = try await Stage.make(
            of: "CREATE TABLE numbers (n int PRIMARY KEY)",
            "INSERT INTO numbers SELECT generate_series(1, 40)")
        let connection = try await stage.connect()
        for table in SpecialTable.all {
            for statement in table.setup { try await connection.query(statement) }
        }
        await connection.close()
        return stage
    }

    private func spec(_ operations: [String]) -> String {
        """
        name: orders-status
        operations:
        \(operations.map { "  - " + $0 }.joined(separator: "\n"))
        settings: {throttle: {replication_lag: null}}
        checklist: []
        """
    }

    private func rows(_ stage: Stage) async throws -> [String: String] {
        var rows: [String: String] = [:]
        let connection = try await stage.connect()
        for table in SpecialTable.all {
            rows[table.name] = try await connection.query(table.rows).onlyRow().values.first ?? nil
        }
        await connection.close()
        return rows
    }

    @Test("works on each of them, there and back, or is refused on it", arguments: kinds)
    func works(_ kind: String) async throws {
        let stage = try await stage()
        let before = try await rows(stage)
        let schema = try await stage.schema()
        for table in SpecialTable.all {
            guard let rule = table.refused[kind] else { continue }
            let one = try Spec.parse(text: spec([table.operation(kind)]), file: "x.yaml")
            let refusals = await #expect(throws: Refusals.self, "\(table.name)") {
                _ = try await Engine.plan(one, stage.settings)
            }
            #expect(
                refusals?.refusals.map(\.rule) == [rule],
                "\(table.name): \(String(describing: refusals))")
        }
        let tables = SpecialTable.all.filter { $0.refused[kind] == nil }
        let text = spec(tables.map { $0.operation(kind) })
        // Constraints and a plain column finish with Contract: there the way back is from Switch.
        let last: Phase = Self.hasQuarantine.contains(kind) ? .contract : .switch
        #expect(try await stage.advance(to: last, text) == .reached(last))
        var request = RunRequest(name: "orders-status")
        request.rollback = .init(to: nil, purges: true)
        request.approvesEveryGate = true
        request.refresh = 0.2
        #expect(try await stage.outcome(request) == .rolledBack(to: nil))
        #expect(try await rows(stage) == before)
        #expect(try await stage.schema() == schema)

        if Self.takesColumnAway.contains(kind) {
            try await stage.run("ALTER TABLE read DROP twice")
        }
        #expect(try await stage.finish(text) == .finished)
        try await expectResult(kind, tables, stage, before)
    }

    private static let hasQuarantine = [
        "replace_column", "rename_column", "change_type", "set_not_null", "backfill", "drop_column",
    ]
    private static let takesColumnAway = [
        "replace_column", "rename_column", "change_type", "drop_column",
    ]

    /// The values are where the operation puts them, none of them changed.
    private func expectResult(
        _ kind: String, _ tables: [SpecialTable], _ stage: Stage, _ before: [String: String]
    ) async throws {
        let connection = try await stage.connect()
        for table in tables {
            func found(_ column: String) async throws -> String? {
                var renamed = table
                renamed.column = column
                return try await connection.query(renamed.rows).onlyRow().values.first ?? nil
            }
            switch kind {
            case "replace_column", "rename_column", "add_column":
                #expect(try await found("fresh") == before[table.name], "\(table.name)")
            case "change_type":
                // Another type may spell a value otherwise.
                let same = try await found(table.column)
                if table.name != "composite" {
                    #expect(same == before[table.name], "\(table.name)")
                }
            case "set_not_null", "backfill":
                let left = try await connection.query(
                    "SELECT count(*) AS n FROM \(table.quotedTable) WHERE \(table.quotedColumn) IS NULL"
                ).onlyRow().int("n")
                #expect(left == 0, "\(table.name)")
            case "drop_column":
                await #expect(throws: ServerError.self, "\(table.name)") {
                    try await connection.query(table.rows)
                }
            default: #expect(try await found(table.column) == before[table.name], "\(table.name)")
            }
        }
        await connection.close()
    }

    // MARK: row security

    @Test("policies that hide rows from the role that migrates are refused, and nothing else")
    func rowSecurity() async throws {
        let stage = try await Stage.make(
            of: "CREATE TABLE items (id int PRIMARY KEY, c text, o int NOT NULL)",
            "INSERT INTO items SELECT n, 'k' || n, n FROM generate_series(1, 40) n",
            """
            DO $$ BEGIN CREATE ROLE keeper LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$
            """, "GRANT CREATE ON SCHEMA public TO keeper",
            "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO keeper', current_database()); END $$",
            "ALTER TABLE items OWNER TO keeper",
            "ALTER TABLE items ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY half ON items USING (o % 2 = 0)",
            "ALTER TABLE items FORCE ROW LEVEL SECURITY")
        let settings = stage.server.settings(database: stage.database, user: "keeper")
        let reading = [
            "replace_column: {table: items, column: c, with: {name: d, type: text}, up: c, down: d}",
            "backfill: {table: items, set: {c: \"''\"}, where: c IS NULL}",
            "add_check: {table: items, name: it, check: o > 0}",
            "add_unique: {table: items, columns: [o]}",
            "set_not_null: {table: items, column: c}",
        ]
        for operation in reading {
            let one = try Spec.parse(text: spec([operation]), file: "x.yaml")
            let refusals = await #expect(throws: Refusals.self, "\(operation)") {
                _ = try await Engine.plan(one, settings)
            }
            #expect(refusals?.refusals.map(\.rule) == ["row-security"], "\(operation)")
            // The superuser sees them all.
            _ = try await Engine.plan(one, stage.settings)
        }
        for operation in [
            "create_index: {table: items, columns: [o]}",
            "add_column: {table: items, column: {name: d, type: text}}",
        ] {
            let one = try Spec.parse(text: spec([operation]), file: "x.yaml")
            _ = try await Engine.plan(one, settings)
        }
        // The owner of a table that does not force it sees them all as well.
        try await stage.run("ALTER TABLE items NO FORCE ROW LEVEL SECURITY")
        let one = try Spec.parse(text: spec([reading[0]]), file: "orders-status.yaml")
        _ = try await Engine.plan(one, settings)
        let engine = try await Engine.open(
            stage.request(spec([reading[0]])) {
                $0.approvesEveryGate = true
                $0.purgesAtOnce = true
            }, settings)
        #expect(await engine.run() == .finished)
        #expect(try await stage.value("SELECT count(d) FROM items") == "40")
    }

    @Test("up that gives NULL leaves the row without a value, and ends")
    func upGivesNull() async throws {
        let stage = try await Stage.make(
            of: "CREATE TABLE items (id int PRIMARY KEY, c text, o int NOT NULL)",
            "INSERT INTO items SELECT n, 'k' || n, n FROM generate_series(1, 40) n")
        let text = spec([
            "add_column: {table: items, column: {name: d, type: text}, up: \"nullif(c, 'k7')\"}"
        ])
        #expect(try await stage.finish(text) == .finished)
        #expect(try await stage.value("SELECT count(d) FROM items") == "39")
    }
}
