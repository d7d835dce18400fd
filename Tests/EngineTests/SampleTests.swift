import Analysis
import Migration
import Postgres
import Testing

@testable import Engine

@Suite("Reading a sample of a table", .fewAtATime)
struct SampleTests {
    @Test("ranges lie at equal distances, the first at the start and the last at the end")
    func ranges() {
        #expect(SampleReader.spread(over: 0) == [])
        #expect(SampleReader.spread(over: 1000) == [BlockRange(from: 0, to: 1000)])
        let many = SampleReader.spread(over: 1_000_000)
        #expect(many.count == SampleReader.ranges)
        #expect(many.first == BlockRange(from: 0, to: 64))
        #expect(many.last == BlockRange(from: 999_936, to: 1_000_000))
        #expect(zip(many, many.dropFirst()).allSatisfy { $0.to <= $1.from })
    }

    @Test("a plan has the rows of the sample, and reckons each step that reads or writes rows")
    func plan() async throws {
        let stage = try await Stage.make(rows: 20_000)
        try await stage.run("VACUUM ANALYZE orders")
        let spec = try Spec.parse(text: Stage.spec, file: "orders-status.yaml")
        let (plan, facts) = try await Engine.plan(spec, stage.settings)
        let sample = try #require(facts.surroundings.samples.first)
        #expect(sample.table == QualifiedName("public", "orders"))
        #expect(sample.rows == 20_000)
        #expect(sample.blocks == facts.tables["orders"].map { $0.heapBytes / 8192 })
        #expect(sample.readMilliseconds > 0)
        #expect(sample.evaluateMilliseconds >= sample.readMilliseconds)
        for step in plan.steps where step.action.scans != nil {
            #expect((step.estimate?.seconds ?? 0) > 0, "\(step.id)")
            #expect(step.estimate?.basis.contains("blocks read in") == true, "\(step.id)")
        }
    }

    @Test("of an empty table it is known that nothing takes long")
    func empty() async throws {
        let stage = try await Stage.make(rows: 0)
        let (plan, _) = try await Engine.plan(
            Spec.parse(text: Stage.spec, file: "orders-status.yaml"), stage.settings)
        for step in plan.steps where step.action.scans != nil {
            #expect(try #require(step.estimate?.seconds) < 0.01, "\(step.id)")
        }
    }

    @Test("rows are reckoned by today's size; partitions that nobody counted are like the others")
    func grown() async throws {
        let stage = try await Stage.make(
            of: "CREATE TABLE orders (id bigint PRIMARY KEY) PARTITION BY RANGE (id)",
            "CREATE TABLE a PARTITION OF orders FOR VALUES FROM (0) TO (100000)",
            "CREATE TABLE b PARTITION OF orders FOR VALUES FROM (100000) TO (200000)",
            "ALTER TABLE a SET (autovacuum_enabled = off)",
            "ALTER TABLE b SET (autovacuum_enabled = off)",
            "INSERT INTO orders SELECT generate_series(1, 2260)", "ANALYZE a",
            "INSERT INTO orders SELECT generate_series(2261, 22600)",
            "INSERT INTO orders SELECT generate_series(100001, 122600)")
        let connection = try await stage.connect()
        var questions = Questions()
        questions.tables = ["orders", "a"]
        let facts = try await FactsReader.read(questions, on: connection)
        await connection.close()
        // Ten blocks of 226 rows were counted.
        #expect(facts.tables["a"]?.estimatedRows == 22_600)
        #expect(facts.tables["orders"]?.estimatedRows == 45_200)
        #expect(facts.tables["orders"]?.partitions.map(\.estimatedRows) == [22_600, 0])
        let (_, sizes) = try await CatalogueReader.read(stage.settings)
        #expect(sizes[RelationName(schema: "public", name: "orders")]?.rows == 45_200)
        #expect(sizes[RelationName(schema: "public", name: "b")]?.rows == nil)
    }

    @Test("a table that is locked is not waited for when the catalogue is read")
    func locked() async throws {
        let stage = try await Stage.make(rows: 10)
        let other = try await stage.connect()
        try await other.run("BEGIN", "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        let error = await #expect(throws: ServerError.self) {
            _ = try await CatalogueReader.read(stage.settings)
        }
        #expect(error?.sqlState == .lockNotAvailable)
        await other.close()
    }

    @Test("what a copy writes is reckoned with what lies in TOAST")
    func toast() async throws {
        let stage = try await Stage.make(
            of: "CREATE TABLE papers (id bigint PRIMARY KEY, text text)",
            "ALTER TABLE papers ALTER text SET STORAGE EXTERNAL",
            "INSERT INTO papers SELECT n, repeat('x', 1000000) FROM generate_series(1, 20) n",
            "ANALYZE papers")
        let (plan, _) = try await Engine.plan(
            Spec.parse(
                text: """
                    name: papers
                    operations:
                      - rename_table: {from: papers, to: documents, method: copy}
                    """, file: "papers.yaml"), stage.settings)
        let copy = try #require(
            plan.steps.first { if case .copyRows = $0.action { true } else { false } })
        #expect(try #require(copy.estimate?.seconds) > 0.1)
    }

    @Test("an expression that takes too long leaves the time unknown, not that of reading alone")
    func slow() async throws {
        let stage = try await Stage.make(rows: 200)
        try await stage.run(
            """
            CREATE FUNCTION slowly(varchar) RETURNS varchar IMMUTABLE LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_sleep(0.05); RETURN $1; END'
            """)
        let spec = try Spec.parse(
            text: Stage.spec.replacingOccurrences(
                of: "up: upper(status)", with: "up: slowly(status)"), file: "orders-status.yaml")
        let (plan, _) = try await Engine.plan(spec, stage.settings)
        let fill = try #require(plan.step("1.backfill.fill")?.estimate)
        #expect(fill.seconds == nil)
        #expect(fill.basis == "public.orders could not be sampled")
    }

    @Test("what raises on a row, and a table that is locked, leave the rest of the plan as it is")
    func refused() async throws {
        let stage = try await Stage.make(rows: 200)
        let spec = try Spec.parse(
            text: Stage.spec.replacingOccurrences(
                of: "up: status", with: "up: (1 / (amount - amount))::text"),
            file: "orders-status.yaml")
        let connection = try await stage.connect()
        let facts = try await FactsReader.read(spec.questions, on: connection)
        let raising = try await SampleReader(facts: facts, connection: connection).read()
        #expect(raising.map(\.rows) == [200])
        let other = try await stage.connect()
        try await other.run("BEGIN", "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        #expect(try await SampleReader(facts: facts, connection: connection).read() == [])
        try await other.run("ROLLBACK")
        #expect(try await connection.query("SELECT 1 AS one").onlyRow().int("one") == 1)
        await other.close()
        await connection.close()
    }
}
