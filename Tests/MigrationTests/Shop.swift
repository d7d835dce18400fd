import SQLText

@testable import Migration

/// The facts of a small shop, as the server would tell them, to plan against without a server.
struct Shop {
    var server = ServerFacts(
        version: 150_018, database: "shop", user: "deployer", isSuperuser: false,
        isInRecovery: false, blockSize: 8192)
    var session = SessionFacts(
        searchPath: [Identifier("pg_catalog"), Identifier("public")], timeZone: "UTC",
        dateStyle: "ISO, MDY")
    var orders = Shop.orders
    /// What orders can reference.
    var customers = Shop.customers
    var types: [String: TypeFacts] = [
        "varchar(50)": TypeFacts(canonical: "character varying(50)"),
        "text": TypeFacts(canonical: "text"),
        "integer": TypeFacts(canonical: "integer"),
        "bigint": TypeFacts(canonical: "bigint"),
        "uuid": TypeFacts(canonical: "uuid"),
        "timestamptz": TypeFacts(canonical: "timestamp with time zone"),
        "order_state": TypeFacts(canonical: "", error: "type \"order_state\" does not exist"),
    ]
    /// What is known of expressions, by their text; any other reads the columns that it names and is
    /// of the type that is asked for.
    var expressions: [String: ExpressionFacts] = [:]
    /// What an expression is over given values, by its text.
    var values: [String: String] = [:]
    var statements: [String: StatementFacts] = [:]
    /// Of `orders`.
    var relation = RelationFacts()
    /// Of `orders`, where a copy of it is to be made.
    var copied = CopiedTableFacts()
    var indexes: [String: NamedIndexFacts] = [:]
    var schemas = ["public": SchemaFacts(names: ["orders", "orders_pkey", "orders_status_idx"])]

    static let orders = TableFacts(
        name: QualifiedName("public", "orders"), oid: 16_400, kind: .table, owner: "deployer",
        isOwnedByUs: true, heapBytes: 76_472_320, totalBytes: 98_500_608,
        estimatedRows: 1_000_000,
        columns: [
            ColumnFacts(name: "id", number: 1, type: "bigint", isNotNull: true),
            ColumnFacts(name: "customer_id", number: 2, type: "bigint", isNotNull: true),
            ColumnFacts(
                name: "status", number: 3, type: "character varying(20)", isNotNull: true,
                defaultText: "'new'::character varying", comment: "where the order stands"),
            ColumnFacts(name: "total", number: 4, type: "numeric(10,2)"),
            ColumnFacts(
                name: "placed_at", number: 5, type: "timestamp without time zone",
                defaultText: "now()"),
        ],
        indexes: [
            IndexFacts(
                name: QualifiedName("public", "orders_pkey"),
                definition: Definition(parts: [.text("USING btree ("), .column("id"), .text(")")]),
                isUnique: true, isPrimary: true, constraint: "orders_pkey"),
            IndexFacts(
                name: QualifiedName("public", "orders_status_idx"),
                definition: Definition(parts: [
                    .text("USING btree ("), .column("status"), .text(")"),
                ])),
        ],
        constraints: [
            ConstraintFacts(
                name: "orders_pkey", kind: .primaryKey, columns: ["id"],
                definition: Definition(parts: [
                    .text("PRIMARY KEY ("), .column("id"), .text(")"),
                ])),
            ConstraintFacts(
                name: "orders_status_check", kind: .check, columns: ["status"],
                definition: Definition(parts: [
                    .text("CHECK ((("), .column("status"), .text(")::text <> ''::text))"),
                ])),
        ])

    static let customers = TableFacts(
        name: QualifiedName("public", "customers"), oid: 16_410, kind: .table, owner: "deployer",
        isOwnedByUs: true, heapBytes: 4_096_000, totalBytes: 8_192_000, estimatedRows: 50_000,
        columns: [
            ColumnFacts(name: "id", number: 1, type: "bigint", isNotNull: true),
            ColumnFacts(name: "email", number: 2, type: "text", isNotNull: true),
            ColumnFacts(name: "legacy_id", number: 3, type: "integer"),
        ],
        indexes: [
            IndexFacts(
                name: QualifiedName("public", "customers_email"),
                definition: Definition(parts: [
                    .text("USING btree ("), .column("email"), .text(")"),
                ]), isUnique: true),
            IndexFacts(
                name: QualifiedName("public", "customers_pkey"),
                definition: Definition(parts: [.text("USING btree ("), .column("id"), .text(")")]),
                isUnique: true, isPrimary: true, constraint: "customers_pkey"),
        ],
        constraints: [
            ConstraintFacts(
                name: "customers_pkey", kind: .primaryKey, columns: ["id"],
                definition: Definition(parts: [
                    .text("PRIMARY KEY ("), .column("id"), .text(")"),
                ]))
        ])

    /// The answers to everything that the spec asks, in the two rounds in which it asks.
    func facts(for spec: Spec) -> Facts {
        let first = answer(spec.questions)
        var facts = answer(spec.questions(knowing: first))
        facts.surroundings.samples = [orders, customers].map { Self.sample(of: $0) }
        return facts
    }

    /// A table of which 1,024 blocks were read, or all where there are fewer.
    static func sample(of table: TableFacts) -> TableSample {
        let all = table.heapBytes / 8192
        let blocks = min(1024, all)
        return TableSample(
            table: table.name, blocks: blocks,
            rows: all == 0 ? 0 : table.estimatedRows * blocks / all,
            readMilliseconds: Double(blocks) / 100, evaluateMilliseconds: Double(blocks) / 50)
    }

    func answer(_ questions: Questions) -> Facts {
        var tables: [String: TableFacts] = [:]
        for name in questions.tables {
            let reference = TableReference(name)
            tables[name] = [orders, customers].first {
                reference.name == $0.name.name
                    && reference.schema ?? $0.name.schema == $0.name.schema
            }
        }
        let known = questions.types.map { ($0, types[$0] ?? TypeFacts(canonical: $0)) }
        return Facts(
            server: server, session: session, tables: tables,
            types: Dictionary(uniqueKeysWithValues: known),
            expressions: Dictionary(
                uniqueKeysWithValues: questions.expressions.map { ($0, answer($0)) }),
            statements: Dictionary(
                uniqueKeysWithValues: questions.statements.map {
                    ($0, statements[$0] ?? StatementFacts(kind: "SELECT"))
                }),
            relations: tables.keys.reduce(into: [:]) { $0[$1] = relation },
            indexes: indexes.filter { questions.indexes.contains($0.key) },
            schemas: schemas.filter { questions.schemas.contains($0.key) },
            copied: questions.copied.intersection(tables.keys).reduce(into: [:]) {
                $0[$1] = copied
            })
    }

    private func answer(_ question: ExpressionQuestion) -> ExpressionFacts {
        if let facts = expressions[question.text] { return facts }
        let names = orders.columns.map(\.name) + question.newColumns.map(\.name)
        let words = Set(
            question.text.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init))
        let asked = question.assignedTo.map { types[$0]?.canonical ?? $0 }
        let alone = orders.column(question.text)?.type
        let added = question.newColumns.first { $0.name == question.text }?.text
        return ExpressionFacts(
            type: alone ?? added.map { types[$0]?.canonical ?? $0 } ?? asked ?? "boolean",
            columns: names.filter(words.contains),
            isStable: question.text.contains("now()"),
            value: question.over.isEmpty ? nil : value(question))
    }

    /// As far as a default goes: `'new'::character varying` is `new`, a column its value.
    private func value(_ question: ExpressionQuestion) -> String? {
        if let value = values[question.text] { return value }
        let text = question.over.first { $0.name == question.text }?.text ?? question.text
        guard text.hasPrefix("'") else { return text == "NULL" ? nil : text }
        return text.dropFirst().prefix { $0 != "'" }.description
    }
}

extension Spec {
    /// A spec of the shop, as a test writes it.
    static func of(_ operations: String, _ rest: String = "") throws -> Spec {
        try parse(
            text: "name: orders-status\noperations:\n\(operations)\n\(rest)", file: "orders.yaml")
    }
}
