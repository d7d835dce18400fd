import Analysis
import Migration
import Postgres

/// What statements that a person wrote lock, with the catalogue's word on which tables these are.
struct StatementReader {
    let connection: Connection
    let session: SessionFacts

    func facts(of text: String) async throws -> StatementFacts {
        let analysis = StatementAnalysis(text, serverVersion: connection.serverVersion)
        var tables: [LockRequest.Object: [QualifiedName]] = [:]
        for object in Set(analysis.requests.map(\.object)) {
            tables[object] = try await resolve(object)
        }
        return analysis.facts { tables[$0] ?? [] }
    }

    private func resolve(_ object: LockRequest.Object) async throws -> [QualifiedName] {
        switch object {
        case .table(let name):
            guard let oid = try await oid(name) else { return [assumed(name)] }
            return try await names(
                """
                SELECT n.nspname, c.relname FROM pg_catalog.pg_class c
                  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.oid = \(oid)::oid OR c.oid IN (
                       SELECT relid::oid FROM pg_catalog.pg_partition_tree(\(oid)::oid))
                """)
        case .only(let name):
            guard let oid = try await oid(name) else { return [assumed(name)] }
            return try await names(
                """
                SELECT n.nspname, c.relname FROM pg_catalog.pg_class c
                  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = \(oid)::oid
                """)
        case .tableOfIndex(let name):
            guard let oid = try await oid(name) else { return [] }
            return try await names(
                """
                SELECT n.nspname, c.relname FROM pg_catalog.pg_index i
                  JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
                  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE i.indexrelid = \(oid)::oid
                """)
        case .referenced(let name, let keys):
            guard let oid = try await oid(name) else { return [] }
            return try await names(
                """
                SELECT DISTINCT n.nspname, c.relname FROM pg_catalog.pg_constraint k
                  JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
                  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE k.conrelid = \(oid)::oid AND k.contype = 'f' AND \(condition(keys))
                """)
        case .referencing(let name, let column):
            guard let oid = try await oid(name) else { return [] }
            return try await names(
                """
                SELECT DISTINCT n.nspname, c.relname FROM pg_catalog.pg_constraint k
                  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
                  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE k.confrelid = \(oid)::oid AND k.contype = 'f' AND \(condition(onReferenced: column))
                """)
        case .defaultPartition(let name):
            guard let oid = try await oid(name) else { return [] }
            return try await names(
                """
                SELECT n.nspname, c.relname FROM pg_catalog.pg_partitioned_table p
                  JOIN pg_catalog.pg_class c ON c.oid = p.partdefid
                  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE p.partrelid = \(oid)::oid
                """)
        }
    }

    private func condition(_ keys: LockRequest.ForeignKeys) -> SQL {
        switch keys {
        case .all: "true"
        case .constraint(let name): "k.conname = \(literal: name)"
        case .column(let name):
            """
            EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = k.conrelid
                       AND a.attname = \(literal: name) AND a.attnum = ANY (k.conkey))
            """
        }
    }

    private func condition(onReferenced column: String?) -> SQL {
        guard let column else { return "true" }
        return """
            EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = k.confrelid
                       AND a.attname = \(literal: column) AND a.attnum = ANY (k.confkey))
            """
    }

    private func names(_ sql: SQL) async throws -> [QualifiedName] {
        try await connection.query(sql).rows.map {
            QualifiedName(try $0.string("nspname"), try $0.string("relname"))
        }
    }

    private func oid(_ name: RelationName) async throws -> Int? {
        try await connection.query(
            "SELECT pg_catalog.to_regclass($1)::oid::bigint AS oid", quoted(name)
        ).onlyRow().optionalInt("oid")
    }

    /// A table that is not there yet, or is made earlier in the same text, as it will be named.
    private func assumed(_ name: RelationName) -> QualifiedName {
        let schema =
            name.schema.map { Identifier($0) }
            ?? session.searchPath.first { $0.name != "pg_catalog" } ?? Identifier("public")
        return QualifiedName(schema: schema, name: Identifier(name.name))
    }

    private func quoted(_ name: RelationName) -> String {
        [name.schema, name.name].compactMap { $0 }.map { Identifier($0).alwaysQuoted }
            .joined(separator: ".")
    }
}
