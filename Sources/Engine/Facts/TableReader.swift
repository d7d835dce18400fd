import Analysis
import Foundation
import Migration
import Postgres

/// One table of the spec, as the catalogue has it.
///
/// Reads system catalogues, and takes ACCESS SHARE on the table for the moment in which its size is
/// read.
struct TableReader {
    let connection: Connection
    let session: SessionFacts

    /// The table of that name; nil where there is none. A name without a schema is looked for along
    /// the search path.
    func table(named text: String) async throws -> TableFacts? {
        let named = TableReference(text)
        let found = try await connection.query(
            """
            SELECT c.oid::bigint AS oid FROM pg_catalog.pg_class c
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relname = $1 AND c.relkind NOT IN ('i', 'I', 't')
               AND CASE WHEN $2::text IS NULL THEN n.nspname = ANY ($3::name[])
                        ELSE n.nspname = $2 END
             ORDER BY pg_catalog.array_position($3::name[], n.nspname) LIMIT 1
            """, named.name.name, named.schema?.name, nameArray(session.searchPath.map(\.name))
        ).rows.first
        guard let oid = try found?.int("oid") else { return nil }
        return try await table(oid)
    }

    private func table(_ oid: Int) async throws -> TableFacts? {
        let queries = TableQueries(oid: oid, version: connection.serverVersion)
        let results = try await connection.run(queries.all)
        guard results.count == queries.all.count, let own = results[0].rows.first else {
            return nil
        }
        var facts = try tableItself(own, oid)
        facts.columns = try results[1].rows.map(column)
        let names = Set(facts.columns.map(\.name))
        facts.indexes = try results[2].rows.map { try index($0, names) }
        facts.constraints = try results[3].rows.map { try constraint($0, names) }
        facts.triggers = try results[4].rows.map(trigger)
        facts.referencedBy = try results[5].rows.map {
            ForeignReference(
                table: try qualified($0), constraint: try $0.string("conname"),
                columns: try JSONNames.decode($0.optional("columns")))
        }
        facts.partitions = try results[6].rows.map(partition)
        facts.inheritedBy = try results[7].rows.map(qualified)
        facts.publications = try results[8].rows.map { try $0.string("pubname") }
        for row in results[9].rows {
            facts.columnGrants[try row.string("attname"), default: []].append(
                try columnGrant(row))
        }
        facts.statistics = try results[10].rows.map { row in
            StatisticsFacts(
                name: try qualified(row),
                definition: .statistics(try row.string("definition"), columns: names),
                comment: try row.optional("comment"), target: try row.optionalInt("target"))
        }
        facts.relationNames = try results[11].rows.map { try $0.string("relname") }
        facts.mayCreateInSchema = try own.bool("may_create")
        facts.subscriptions = try await subscriptions(oid)
        facts.dependents = try await dependents(oid)
        return try await judgingDefaults(facts)
    }

    private func tableItself(_ row: Row, _ oid: Int) throws -> TableFacts {
        var facts = TableFacts(
            name: try qualified(row), oid: oid,
            kind: Self.kinds[try row.string("relkind")] ?? .other,
            owner: try row.string("owner"), isOwnedByUs: try row.bool("is_ours"),
            heapBytes: try row.int("heap_bytes"), totalBytes: try row.int("total_bytes"),
            estimatedRows: try row.int("estimated_rows"), columns: [],
            partitionKey: try JSONNames.decode(row.optional("partition_key")),
            isPartition: try row.bool("relispartition"), inherits: try row.bool("inherits"),
            hasRowSecurity: try row.bool("relrowsecurity"),
            forcesRowSecurity: try row.bool("relforcerowsecurity"))
        facts.hasKeyExpression = try row.bool("has_key_expression")
        return facts
    }

    private static let kinds: [String: TableFacts.Kind] = [
        "r": .table, "p": .partitionedTable, "v": .view, "m": .materializedView,
        "f": .foreignTable,
    ]

    private func partition(_ row: Row) throws -> PartitionFacts {
        struct Own: Decodable {
            let description: String
            let columns: [String]?
        }
        let own = try row.optional("own").map {
            try JSONDecoder().decode([Own].self, from: Data($0.utf8))
        }
        return PartitionFacts(
            name: try qualified(row),
            parent: QualifiedName(
                try row.string("parent_schema"), try row.string("parent_name")),
            kind: Self.kinds[try row.string("relkind")] ?? .other, level: try row.int("level"),
            owner: try row.string("owner"), isOwnedByUs: try row.bool("is_ours"),
            mayCreateInSchema: try row.bool("may_create"),
            heapBytes: try row.int("heap_bytes"),
            estimatedRows: try row.int("estimated_rows"),
            partitionKey: try JSONNames.decode(row.optional("partition_key")),
            own: (own ?? []).map { .init(description: $0.description, columns: $0.columns ?? []) })
    }

    private func column(_ row: Row) throws -> ColumnFacts {
        let generation: ColumnFacts.Generation =
            switch (try row.string("attgenerated"), try row.string("attidentity")) {
            case ("s", _): .stored
            case ("v", _): .virtual
            case (_, "a"): .identityAlways
            case (_, "d"): .identityByDefault
            default: .none
            }
        return ColumnFacts(
            name: try row.string("attname"), number: try row.int("attnum"),
            type: try row.string("type"), isNotNull: try row.bool("attnotnull"),
            defaultText: try row.optional("default_text"), generation: generation,
            collation: try row.optional("collation"), comment: try row.optional("comment"),
            statisticsTarget: try row.optionalInt("statistics_target"),
            storage: try row.optional("storage"), compression: try row.optional("compression"))
    }

    private func index(_ row: Row, _ columns: Set<String>) throws -> IndexFacts {
        var facts = IndexFacts(
            name: try qualified(row),
            definition: .index(try row.string("definition"), columns: columns),
            isUnique: try row.bool("indisunique"), isPrimary: try row.bool("indisprimary"),
            isValid: try row.bool("indisvalid"), constraint: try row.optional("conname"),
            isReplicaIdentity: try row.bool("indisreplident"),
            comment: try row.optional("comment"), bytes: try row.int("bytes"))
        let targets = try JSONNames.decode(row.optional("targets")).compactMap { text in
            let parts = text.split(separator: "=").compactMap { Int($0) }
            return parts.count == 2
                ? NamedIndexFacts.StatisticsTarget(column: parts[0], target: parts[1]) : nil
        }
        if !targets.isEmpty { facts.statisticsTargets = targets }
        return facts
    }

    private func constraint(_ row: Row, _ columns: Set<String>) throws -> ConstraintFacts {
        let kinds: [String: ConstraintFacts.Kind] = [
            "c": .check, "f": .foreignKey, "p": .primaryKey, "u": .unique, "x": .exclusion,
            "n": .notNull, "t": .trigger,
        ]
        let type = try row.string("contype")
        guard let kind = kinds[type] else {
            throw DecodingFailure(
                message: "constraint \(try row.string("conname")) is of the unknown type \(type)")
        }
        var references: QualifiedName?
        if let schema = try row.optional("referenced_schema"),
            let name = try row.optional("referenced_name")
        {
            references = QualifiedName(schema, name)
        }
        return ConstraintFacts(
            name: try row.string("conname"), kind: kind,
            columns: try JSONNames.decode(row.optional("columns")),
            definition: .constraint(try row.string("definition"), columns: columns),
            isValidated: try row.bool("convalidated"),
            isDeferrable: try row.bool("condeferrable"), references: references,
            referencedColumns: try JSONNames.decode(row.optional("referenced_columns")),
            comment: try row.optional("comment"))
    }

    private func trigger(_ row: Row) throws -> TriggerFacts {
        TriggerFacts(
            name: try row.string("tgname"), isBefore: try row.bool("is_before"),
            isRow: try row.bool("is_row"), onInsert: try row.bool("on_insert"),
            onUpdate: try row.bool("on_update"),
            columns: try JSONNames.decode(row.optional("columns")),
            function: try row.string("function"), source: try row.string("source"),
            isEnabled: try row.bool("is_enabled"))
    }

    private func columnGrant(_ row: Row) throws -> ColumnGrant {
        ColumnGrant(
            grantee: try row.optional("grantee"), privilege: try row.string("privilege"),
            isGrantable: try row.bool("is_grantable"))
    }

    /// `pg_subscription` may be read by everybody but for its connection string; where a provider
    /// took that right away too, no subscription is known.
    private func subscriptions(_ oid: Int) async throws -> [String] {
        do {
            return try await connection.inSavepoint {
                try await connection.query(
                    """
                    SELECT s.subname FROM pg_catalog.pg_subscription_rel r
                      JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid
                     WHERE r.srrelid IN (
                           SELECT $1::oid UNION SELECT relid::oid FROM pg_catalog.pg_partition_tree($1))
                     ORDER BY 1
                    """, oid
                ).rows.map { try $0.string("subname") }
            }
        } catch let error as ServerError where error.sqlState == .insufficientPrivilege {
            return []
        }
    }

    /// Described under a path that makes the server qualify every name.
    private func dependents(_ oid: Int) async throws -> [DependentFacts] {
        let rows = try await connection.inSavepoint {
            try await connection.run(
                "SET LOCAL search_path = pg_catalog", TableQueries.dependents(oid)
            ).last?.rows ?? []
        }
        return try rows.map {
            DependentFacts(
                description: try $0.string("description"),
                columns: try JSONNames.decode($0.optional("columns")))
        }
    }

    /// Builtin functions are not in `pg_depend`: whether a default is volatile, its text says.
    private func judgingDefaults(_ facts: TableFacts) async throws -> TableFacts {
        var facts = facts
        let functions = FunctionReader(connection: connection)
        for index in facts.columns.indices {
            guard facts.columns[index].generation == .none,
                let text = facts.columns[index].defaultText
            else { continue }
            do {
                let analysis = try ExpressionAnalysis.parse(text)
                facts.columns[index].defaultIsVolatile =
                    try await functions.volatility(of: analysis) == .volatile
            } catch is SyntaxError {
                // Newer than the parser: the worse is assumed.
                facts.columns[index].defaultIsVolatile = true
            }
        }
        return facts
    }

    private func qualified(_ row: Row) throws -> QualifiedName {
        QualifiedName(try row.string("nspname"), try row.string("relname"))
    }
}

/// The text of a `name[]` parameter.
func nameArray(_ names: [String]) -> String {
    var text = "{"
    for (place, name) in names.enumerated() {
        text += place > 0 ? ",\"" : "\""
        for scalar in name.unicodeScalars {
            if scalar == "\\" || scalar == "\"" { text += "\\" }
            text.unicodeScalars.append(scalar)
        }
        text += "\""
    }
    return text + "}"
}
