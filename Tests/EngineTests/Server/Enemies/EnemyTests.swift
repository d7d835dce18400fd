import Conformance
import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

/// Every operation where nothing is friendly: names and values made to inject SQL, a role with the rights
/// that the README asks for and no more, and before `pg_catalog` in its path a schema that has a trap for
/// everything that a statement could mean by accident.
@Suite("Every operation among enemies", .fewAtATime)
struct EnemyTests {
    @Test(
        "goes forward: the rows are the model's, nothing of ours is left, no trap was entered",
        arguments: [OddNames.injecting, .longest])
    func forward(_ names: OddNames) async throws {
        let place = try await EnemyGround.shared.value
        await together(names.variants) { variant in
            try await Rehearsal.of(
                variant, on: { try await place.makeStage(isHostile: names.isHostile) }
            ) { rehearsal in
                if try await rehearsal.advance(to: .contract) { try await rehearsal.finish() }
                try await rehearsal.expectModel(variant.result, from: variant.resultTable)
                try await expectUnharmed(rehearsal)
            }
        }
    }

    @Test(
        "goes back: no write is lost, the schema is as it was, no trap was entered",
        arguments: [OddNames.injecting, .keywords])
    func back(_ names: OddNames) async throws {
        let place = try await EnemyGround.shared.value
        await together(names.variants.filter { !$0.backFrom.isEmpty }) { variant in
            let phase = try #require(variant.backFrom.first)
            try await Rehearsal.of(
                variant, on: { try await place.makeStage(isHostile: names.isHostile) }
            ) { rehearsal in
                #expect(try await rehearsal.advance(to: phase), "\(rehearsal.label)")
                try await rehearsal.rollBack()
                let old = try #require(variant.old)
                try await rehearsal.expectModel(
                    old.column ?? "", from: old.table,
                    expected: { [OddNames.value($0.status)] })
                let schema = try await rehearsal.stage.schema()
                #expect(
                    difference(schema, rehearsal.before) == "", "\(rehearsal.label)")
                try await expectUnharmed(rehearsal)
            }
        }
    }

    /// The lines that only one of two dumps has.
    private func difference(_ found: String, _ wanted: String) -> String {
        found.split(separator: "\n").difference(from: wanted.split(separator: "\n"))
            .map { change in
                switch change {
                case .insert(_, let line, _): "+ \(line)"
                case .remove(_, let line, _): "- \(line)"
                }
            }.joined(separator: "\n")
    }

    @Test("every trap is one: what is called by its bare name falls into it")
    func traps() async throws {
        let stage = try await EnemyGround.shared.value.makeStage(isHostile: true)
        let connection = try await stage.server.connect(
            database: stage.database, user: OddNames.migrator)
        for statement in [
            "SELECT lower('A')", "SELECT 1 = 1", "SELECT * FROM pg_class", "SELECT 'a'::text",
            "SELECT pg_catalog.count(*) FROM pg_catalog.unnest(ARRAY[1]) n WHERE n = 1",
            "SET search_path = pg_catalog, hostile; SELECT json_agg('a'::name)",
            "SELECT 1 + 1::numeric = 2::numeric",
        ] as [SQL] {
            let error = await #expect(throws: ServerError.self, "\(statement)") {
                try await connection.run(statement)
            }
            #expect(
                error?.message.contains(HostileSchema.mark) == true, "\(String(describing: error))")
        }
        await connection.close()
    }

    private func expectUnharmed(_ rehearsal: Rehearsal) async throws {
        // Where a partition's name and an index's are too long together, its index has one of ours for good.
        let keepsNames = rehearsal.variant.name.contains("create_index on partitions")
        let left = try await rehearsal.stage.leftovers()
        #expect(
            left == nil || keepsNames && left?.contains("trigger") == false, "\(rehearsal.label)")
        #expect(
            try await rehearsal.stage.value("SELECT to_regclass('public.canary')::text") != nil,
            "\(rehearsal.label)")
        let entered = rehearsal.stage.server.log(lines: 100_000).split(separator: "\n")
            .filter {
                $0.contains(HostileSchema.mark) && $0.contains("[\(rehearsal.stage.database)]")
            }
        #expect(
            Set(entered.map { $0.split(separator: "]").last ?? "" }) == [], "\(rehearsal.label)")
    }
}

/// A server with the hostile schema in a template, and the two roles.
struct EnemyGround: Sendable {
    let server: SandboxServer

    static let shared = Task {
        let log = ["log_line_prefix": "[%d] ", "max_connections": "300"]
        let server = try await SandboxServer.start(.init(fsync: false, settings: log))
        _ = try await server.makeDatabase("plain_ground")
        _ = try await server.makeDatabase("hostile_ground")
        let plain = try await server.connect(database: "plain_ground")
        for statement in Orders.table { try await plain.query(statement) }
        await plain.close()
        let connection = try await server.connect(database: "hostile_ground")
        try await HostileSchema.make(on: connection)
        for statement in Orders.table { try await connection.query(statement) }
        let migrator = Identifier(OddNames.migrator)
        try await connection.run(
            "CREATE ROLE \(migrator) LOGIN",
            "CREATE ROLE \(Identifier(OddNames.application)) LOGIN",
            "ALTER ROLE \(migrator) SET search_path = hostile, public, pg_catalog")
        try await connection.run(ReadmeRights.ofRole)
        await connection.close()
        return EnemyGround(server: server)
    }

    /// A database with the table and without rows, in which the migrator has what the README grants.
    ///
    /// - Parameter isHostile: with the schema of traps.
    func makeStage(isHostile: Bool) async throws -> Stage {
        let template = isHostile ? "hostile_ground" : "plain_ground"
        let connection = try await server.connect()
        let number = try await connection.query("SELECT pg_catalog.txid_current() AS number")
            .onlyRow().string("number")
        let database = "enemy_\(number)"
        try await connection.query(
            "CREATE DATABASE \(Identifier(database)) TEMPLATE \(Identifier(template))")
        try await connection.run(ReadmeRights.onDatabase(Identifier(database)))
        await connection.close()
        return Stage(
            server: server, database: database, engineUser: OddNames.migrator,
            clientUser: OddNames.application, foreignSchemas: ["lockkeeper", "hostile"])
    }
}
