import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

@Suite("Facts of names, kinds and types", .serialized)
struct FactsNamesTests {
    private static let database = Task {
        let server = try await SandboxServer.shared()
        let name = try await server.makeDatabase()
        let connection = try await server.connect(database: name)
        for statement in schema { try await connection.run(statement) }
        await connection.close()
        return (server, name)
    }

    private static let schema: [SQL] = [
        "CREATE SCHEMA shop", #"CREATE SCHEMA "My ""Shop""""#,
        "CREATE TABLE shop.orders (id int)", "CREATE TABLE public.orders (id bigint)",
        #"CREATE TABLE public."a.b" (id int)"#, #"CREATE TABLE public."it's ""so""" (id int)"#,
        "CREATE TABLE public.\"ORDERS\" (id text)", #"CREATE TABLE "My ""Shop"""."x.y" (id int)"#,
        "CREATE VIEW shop.v AS SELECT 1 AS id",
        "CREATE MATERIALIZED VIEW shop.m AS SELECT 1 AS id",
        "CREATE TABLE shop.parts (id int, day date, k int) PARTITION BY RANGE (k, day)",
        """
        CREATE TABLE shop.low PARTITION OF shop.parts FOR VALUES FROM (0, '2020-01-01') TO
          (10, '2020-01-01') PARTITION BY LIST (id)
        """,
        "CREATE TABLE shop.low_one PARTITION OF shop.low FOR VALUES IN (1)",
        "INSERT INTO shop.parts SELECT 1, '2021-01-01', 5 FROM generate_series(1, 500)",
        "ANALYZE shop.low_one", "CREATE TABLE shop.child () INHERITS (shop.orders)",
        "CREATE DOMAIN shop.short AS varchar(10)", "CREATE TYPE shop.pair AS (a int, b int)",
        "CREATE PUBLICATION shop_parts FOR TABLE shop.parts",
    ]

    private func read(
        _ questions: Questions, path: SQL = "shop, public", user: String = "postgres"
    ) async throws -> Facts {
        let (server, name) = try await Self.database.value
        let connection = try await server.connect(database: name, user: user)
        try await connection.run("SET search_path = \(path)")
        let facts = try await FactsReader.read(questions, on: connection)
        await connection.close()
        return facts
    }

    private func tables(_ names: Set<String>, path: SQL = "shop, public") async throws -> [String:
        TableFacts]
    {
        var questions = Questions()
        questions.tables = names
        return try await read(questions, path: path).tables
    }

    @Test("a name without a schema is the first along the search path")
    func searchPath() async throws {
        #expect(
            try await tables(["orders"])["orders"]?.name == QualifiedName("shop", "orders"))
        #expect(
            try await tables(["orders"], path: "public, shop")["orders"]?.name
                == QualifiedName("public", "orders"))
    }

    @Test(
        "names are literal, split once, and quotes keep a dot",
        arguments: [
            ("public.orders", QualifiedName("public", "orders")),
            ("ORDERS", QualifiedName("public", "ORDERS")),
            ("\"a.b\"", QualifiedName("public", "a.b")),
            ("public.a.b", QualifiedName("public", "a.b")),
            ("it's \"so\"", QualifiedName("public", "it's \"so\"")),
            (#""My ""Shop""".x.y"#, QualifiedName("My \"Shop\"", "x.y")),
        ])
    func literal(text: String, name: QualifiedName) async throws {
        #expect(try await tables([text])[text]?.name == name)
    }

    @Test("a table that is not there is not in the facts")
    func missing() async throws {
        let found = try await tables([
            "nowhere", "shop.nowhere", "Orders", "", ".", "orders; DROP TABLE orders",
        ])
        #expect(found.isEmpty)
    }

    @Test("the session's facts pin the path, with pg_catalog first, and the settings")
    func session() async throws {
        let facts = try await read(Questions(), path: "shop, nowhere, public")
        #expect(facts.session.searchPath.map(\.name) == ["pg_catalog", "shop", "public"])
        #expect(!facts.session.timeZone.isEmpty)
        #expect(facts.session.dateStyle.hasPrefix("ISO"))
        #expect(facts.server.version >= 150000)
        #expect(facts.server.user == "postgres")
        #expect(facts.server.isSuperuser)
        #expect(!facts.server.isInRecovery)
        #expect(facts.server.blockSize == 8192)
    }

    @Test("kinds, partitions and inheritance are told apart")
    func kinds() async throws {
        let found = try await tables(["v", "m", "parts", "low", "low_one", "child", "orders"])
        #expect(found["v"]?.kind == .view)
        #expect(found["m"]?.kind == .materializedView)
        let parts = try #require(found["parts"])
        #expect(parts.kind == .partitionedTable)
        #expect(parts.partitions.map(\.name.quoted) == ["shop.low", "shop.low_one"])
        #expect(parts.partitionKey == ["k", "day"])
        #expect(!parts.isPartition)
        #expect(parts.estimatedRows == 500)
        #expect(parts.heapBytes > 0)
        #expect(parts.publications == ["shop_parts"])
        #expect(found["low"]?.isPartition == true)
        #expect(found["low"]?.partitionKey == ["id"])
        #expect(found["low_one"]?.kind == .table)
        #expect(found["low_one"]?.isPartition == true)
        #expect(found["low_one"]?.inherits == false)
        #expect(found["low_one"]?.publications == ["shop_parts"])
        #expect(found["child"]?.inherits == true)
        #expect(found["orders"]?.inheritedBy == [QualifiedName("shop", "child")])
    }

    @Test(
        "types are named as format_type does",
        arguments: [
            ("varchar(50)", TypeFacts(canonical: "character varying(50)")),
            ("int[]", TypeFacts(canonical: "integer[]", isArray: true)),
            ("timestamp(3)", TypeFacts(canonical: "timestamp(3) without time zone")),
            ("short", TypeFacts(canonical: "short", isDomain: true)),
            ("shop.pair", TypeFacts(canonical: "pair")),
            ("numeric(10, 2)", TypeFacts(canonical: "numeric(10,2)")),
            (
                "nonsense",
                TypeFacts(canonical: "nonsense", error: #"type "nonsense" does not exist"#)
            ),
            (
                "varchar(0)",
                TypeFacts(
                    canonical: "varchar(0)", error: "length for type varchar must be at least 1")
            ),
            (
                "int; DROP TABLE orders",
                TypeFacts(
                    canonical: "int; DROP TABLE orders", error: #"syntax error at or near ";""#)
            ),
        ])
    func types(text: String, expected: TypeFacts) async throws {
        var questions = Questions()
        questions.types = [text]
        #expect(try await read(questions).types[text] == expected)
    }

    @Test("one who does not own a table is told so, and reads its facts all the same")
    func notOwned() async throws {
        let (server, name) = try await Self.database.value
        let connection = try await server.connect(database: name)
        try await connection.run(
            """
            DO $$ BEGIN
              PERFORM pg_advisory_xact_lock(4711);
              IF to_regrole('stranger') IS NULL THEN CREATE ROLE stranger LOGIN; END IF;
            END $$
            """)
        await connection.close()
        var questions = Questions()
        questions.tables = ["shop.orders"]
        let facts = try await read(questions, user: "stranger")
        let orders = try #require(facts.tables["shop.orders"])
        #expect(!orders.isOwnedByUs)
        #expect(orders.owner == "postgres")
        #expect(orders.columns.map(\.name) == ["id"])
        #expect(!facts.server.isSuperuser)
    }

    @Test("a table that stays locked is an error that says so, with no transaction left open")
    func locked() async throws {
        let server = try await SandboxServer.shared()
        let database = try await server.makeDatabase()
        let holder = try await server.connect(database: database)
        let reader = try await server.connect(database: database)
        try await holder.run("CREATE TABLE t (id int)")
        try await holder.run("BEGIN", "LOCK TABLE t")
        var questions = Questions()
        questions.tables = ["t"]
        let asked = questions
        let error = await #expect(throws: ServerError.self) {
            try await FactsReader.read(asked, on: reader)
        }
        #expect(error?.sqlState == .lockNotAvailable)
        #expect(await !reader.isInTransaction)
        await holder.close()
        await reader.close()
    }

    @Test("who makes a partition meanwhile is in no deadlock with us: we give back what we have")
    func partitionMadeMeanwhile() async throws {
        let server = try await SandboxServer.shared()
        let database = try await server.makeDatabase()
        let holder = try await server.connect(database: database)
        let reader = try await server.connect(database: database)
        try await holder.run(
            "CREATE TABLE t (id int) PARTITION BY LIST (id)",
            "CREATE TABLE rest PARTITION OF t DEFAULT")
        // As CREATE TABLE … PARTITION OF: the table, and then its default partition.
        try await holder.run("BEGIN", "LOCK TABLE ONLY t")
        var questions = Questions()
        questions.tables = ["t"]
        questions.expressions = [ExpressionQuestion(table: "t", text: "id > 0")]
        let asked = questions
        let reading = Task { try await FactsReader.read(asked, on: reader) }
        let deadline = ContinuousClock.now + .seconds(20)
        let waits: SQL = """
            SELECT EXISTS (SELECT FROM pg_locks
              WHERE relation = 't'::regclass AND pid = \(Int(reader.backendPID)) AND NOT granted) AS waits
            """
        while try await !holder.query(waits).onlyRow().bool("waits") {
            guard ContinuousClock.now < deadline else {
                Issue.record("the reader does not wait")
                break
            }
        }
        try await holder.run("LOCK TABLE rest", "COMMIT")
        #expect(try await reading.value.tables["t"] != nil)
        await holder.close()
        await reader.close()
    }
}
