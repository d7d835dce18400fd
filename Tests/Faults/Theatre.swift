import Conformance
import Foundation
import Postgres
import Sandbox

/// Where trials are given: a server with a template database for each variant. One that a trial has
/// left dead is replaced before the next.
actor Theatre {
    /// What a trial is given.
    struct Room: Sendable {
        let server: SandboxServer
        let standby: SandboxServer?
        let database: String
        /// The schema's dump.
        let schema: String
    }

    private let stage: Fault.Stage
    private let options: SandboxServer.Options
    private var server: SandboxServer
    private var standby: SandboxServer?
    private var templates: [String: Task<(name: String, schema: String), any Error>] = [:]
    private var count = 0
    /// What a variant's schema is in the end, as its first trial left it.
    private var targets: [String: String] = [:]

    init(_ stage: Fault.Stage) async throws {
        self.stage = stage
        var options = SandboxServer.Options.quick
        options.settings.merge([
            "autovacuum_naptime": "5s", "wal_level": "replica", "max_wal_senders": "4",
            "superuser_reserved_connections": stage == .shared ? "3" : "0",
        ]) { $1 }
        // Few connections, so that they can be used up.
        if stage != .shared { options.settings["max_connections"] = "40" }
        if stage == .ownClock { options.binaries = try await JumpingClock.binaries() }
        self.options = options
        server = try await SandboxServer.start(options)
    }

    func close() async {
        await standby?.stop()
        await server.stop()
        if let folder = options.binaries { try? FileManager.default.removeItem(atPath: folder) }
    }

    /// A database made from the variant's template; of a pair, on a new pair.
    func room(for variant: Variant) async throws -> Room {
        if try await !isUsable() { try await replaceServer() }
        let template = try await template(of: variant)
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
        if stage == .pair { standby = try await server.startStandby() }
        return Room(server: server, standby: standby, database: name, schema: template.schema)
    }

    /// Whether the server takes connections, if need be after it is started once more.
    private func isUsable() async throws -> Bool {
        guard stage != .shared else { return true }
        do {
            try await server.boot()
            let connection = try await server.connect()
            await connection.close()
            return true
        } catch is SandboxError {
            return false
        } catch is ConnectionError {
            return false
        }
    }

    private func replaceServer() async throws {
        await standby?.stop(mode: .immediate)
        await server.stop(mode: .immediate)
        standby = nil
        templates = [:]
        server = try await SandboxServer.start(options)
    }

    private func template(of variant: Variant) async throws -> (name: String, schema: String) {
        if let making = templates[variant.name] { return try await making.value }
        let name = "template_\(templates.count)"
        let server = server
        let task = Task { try await Self.make(name, variant, on: server) }
        templates[variant.name] = task
        return try await task.value
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

    /// Ends whoever is still connected; what a trial should not have left it has said before. A pair
    /// has parted, and the next trial gets a new one.
    func leave(_ database: String) async {
        do {
            if stage == .pair { return try await replaceServer() }
            let connection = try await server.connect()
            try await connection.query(
                "DROP DATABASE IF EXISTS \(Identifier(database)) WITH (FORCE)")
            await connection.close()
        } catch {
            FileHandle.standardError.write(Data("\(database) is left: \(error)\n".utf8))
        }
    }
}
