import Conformance
import Foundation
import Postgres
import Sandbox

/// A server on which trials are given, with a template database for each variant.
actor Theatre {
    nonisolated let server: SandboxServer
    private var templates: [String: Task<(name: String, schema: String), any Error>] = [:]
    private var count = 0
    /// What a variant's schema is in the end, as its first trial left it.
    private var targets: [String: String] = [:]

    /// - Parameter isAlone: for what a whole server suffers: few connections, so that they can be used
    ///   up, and a clock that can jump.
    init(isAlone: Bool) async throws {
        var options = SandboxServer.Options.quick
        let settings =
            isAlone ? ["max_connections": "40", "superuser_reserved_connections": "0"] : [:]
        if isAlone { options.binaries = try await JumpingClock.binaries() }
        options.settings.merge(
            [
                "autovacuum_naptime": "5s", "wal_level": "replica", "max_wal_senders": "4",
                "superuser_reserved_connections": "3",
            ].merging(settings) { $1 }
        ) { $1 }
        server = try await SandboxServer.start(options)
    }

    func close() async {
        await server.stop()
        if server.binaries.folder.contains("/lkclock") {
            try? FileManager.default.removeItem(atPath: server.binaries.folder)
        }
    }

    /// A database made from the variant's template, and its schema's dump.
    func database(for variant: Variant) async throws -> (String, String) {
        let making =
            templates[variant.name]
            ?? {
                let name = "template_\(templates.count)"
                let server = server
                let task = Task { try await Self.make(name, variant, on: server) }
                templates[variant.name] = task
                return task
            }()
        let template = try await making.value
        count += 1
        let name = "trial_\(count)"
        let connection = try await server.connect()
        do {
            try await connection.query(
                "CREATE DATABASE \(Identifier(name)) TEMPLATE \(Identifier(template.name))")
            await connection.close()
        } catch {
            await connection.close()
            throw error
        }
        return (name, template.schema)
    }

    private static func make(_ name: String, _ variant: Variant, on server: SandboxServer)
        async throws -> (name: String, schema: String)
    {
        let name = try await server.makeDatabase(name)
        let connection = try await server.connect(database: name)
        for statement in Orders.table + [Orders.filling] + variant.setup + ["VACUUM ANALYZE"] {
            try await connection.query(statement)
        }
        await connection.close()
        let schema = try await schema(of: name, on: server)
        return (name, schema)
    }

    static func schema(of database: String, on server: SandboxServer) async throws -> String {
        try await server.pgDump(
            schemaOnly: true, database: database, excludeSchemas: ["lockkeeper"])
    }

    /// Nil where the schema is that of the variant's trials before; else both.
    func difference(_ schema: String, from variant: Variant) -> String? {
        guard let target = targets[variant.name] else {
            targets[variant.name] = schema
            return nil
        }
        return target == schema ? nil : Self.difference(schema, target)
    }

    /// The first lines in which two dumps differ.
    static func difference(_ found: String, _ wanted: String) -> String {
        let lines = (found.split(separator: "\n"), wanted.split(separator: "\n"))
        let extra = Set(lines.0).subtracting(lines.1)
        let lacking = Set(lines.1).subtracting(lines.0)
        return "extra: \(lines.0.filter(extra.contains).prefix(4)); "
            + "lacking: \(lines.1.filter(lacking.contains).prefix(4))"
    }

    /// Ends whoever is still connected; what a trial should not have left it has said before.
    func drop(_ database: String) async {
        do {
            let connection = try await server.connect()
            try await connection.query(
                "DROP DATABASE IF EXISTS \(Identifier(database)) WITH (FORCE)")
            await connection.close()
        } catch {
            FileHandle.standardError.write(Data("\(database) is left: \(error)\n".utf8))
        }
    }
}
