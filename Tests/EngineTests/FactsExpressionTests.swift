import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

// One after another: a hundred cases at once would take every connection of the shared server.
@Suite("Facts of an expression", .serialized)
struct FactsExpressionTests {
    /// One database for the suite: nothing here changes it.
    private static let database = Task {
        let server = try await SandboxServer.shared()
        let name = try await server.makeDatabase()
        let connection = try await server.connect(database: name)
        for statement in schema { try await connection.run(statement) }
        await connection.close()
        return (server, name)
    }

    private static let schema: [SQL] = [
        """
        CREATE TABLE orders (id int PRIMARY KEY, status varchar(50), amount numeric(10,2),
                             made timestamptz, tags text[], customer int, "Mixed Case" text)
        """,
        "CREATE TABLE customers (id int PRIMARY KEY, status text, region text)",
        "CREATE DOMAIN short AS varchar(10)", "CREATE SEQUENCE numbers",
        """
        CREATE FUNCTION guess(text) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT $1'
        """,
        "CREATE FUNCTION private(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1'",
        "REVOKE EXECUTE ON FUNCTION private(text) FROM PUBLIC",
        """
        DO $$ BEGIN
          PERFORM pg_advisory_xact_lock(4711);
          IF to_regrole('writer') IS NULL THEN CREATE ROLE writer; END IF;
          IF to_regrole('reader') IS NULL THEN CREATE ROLE reader; END IF;
        END $$
        """,
        "GRANT INSERT, UPDATE ON orders TO writer", "GRANT SELECT ON orders TO reader",
    ]

    private static let newColumns = [
        ExpressionQuestion.NewColumn(name: "status_v2", text: "varchar(20)")
    ]

    private func facts(
        _ text: String, assignedTo: String? = nil, table: String = "orders",
        new: [ExpressionQuestion.NewColumn] = newColumns,
        over: [ExpressionQuestion.NewColumn] = []
    ) async throws -> ExpressionFacts {
        let (server, name) = try await Self.database.value
        let connection = try await server.connect(database: name)
        let question = ExpressionQuestion(
            table: table, text: text, newColumns: new, assignedTo: assignedTo, over: over)
        var questions = Questions()
        questions.expressions = [question]
        let facts = try await FactsReader.read(questions, on: connection)
        await connection.close()
        return try #require(facts.expressions[question])
    }

    @Test("a column resolves with its type and its modifier, and is assignable")
    func resolves() async throws {
        let facts = try await facts("status", assignedTo: "varchar(20)")
        #expect(
            facts
                == ExpressionFacts(
                    type: "character varying(50)", isAssignable: true, columns: ["status"]))
    }

    @Test(
        "the columns that it reads are found, qualified, mixed-case and new ones too",
        arguments: [
            ("orders.status || status_v2", ["status", "status_v2"]),
            ("lower(\"Mixed Case\")", ["Mixed Case"]),
            ("'status' || 'amount'", []),
            ("CASE WHEN amount > 1 THEN tags[customer] END", ["amount", "tags", "customer"]),
        ])
    func columns(text: String, columns: [String]) async throws {
        let facts = try await facts(text)
        #expect(facts.error == nil)
        #expect(facts.columns == columns)
    }

    @Test("a subquery's own columns are not the row's, but what it takes from the row is")
    func subqueries() async throws {
        let own = try await facts("(SELECT status FROM customers WHERE customers.id = customer)")
        #expect(own.error == nil)
        #expect(own.hasSubquery)
        #expect(own.columns == ["customer"])
        let outer = try await facts(
            "(SELECT region FROM customers c WHERE c.status = orders.status AND c.id = id)")
        #expect(outer.columns == ["status"])
    }

    @Test("a name that is not there gives the server's words and the place in the expression")
    func unknownColumn() async throws {
        let facts = try await facts("lower(stauts)")
        #expect(facts.error == #"column "stauts" does not exist (at character 7)"#)
        #expect(facts.sqlState == "42703")
        #expect(facts.hint?.contains("status") == true)
        #expect(facts.columns.isEmpty)
    }

    @Test(
        "what is volatile and what is stable is known",
        arguments: [
            ("random()", true, false), ("guess(status)", true, false),
            ("nextval('numbers')", true, false), ("now()", false, true),
            ("CURRENT_TIMESTAMP", false, true), ("lower(status)", false, false),
            ("status::date", false, true), ("amount + 1", false, false),
            ("status::text::varchar(3)", false, false),
        ])
    func volatility(text: String, isVolatile: Bool, isStable: Bool) async throws {
        let facts = try await facts(text)
        #expect(facts.isVolatile == isVolatile)
        #expect(facts.isStable == isStable)
    }

    @Test(
        "what is no expression over one row says why",
        arguments: [
            ("count(*)", "it has an aggregate function"),
            ("max(amount)", "it has an aggregate function"),
            ("row_number() OVER ()", "it has a window function"),
            ("unnest(tags)", "it has a set-returning function"),
            ("$1", "it has a parameter ($1)"),
            ("orders", "it reads the whole row, which changes with every column"),
            ("orders.*", "it reads the whole row, which changes with every column"),
            ("to_jsonb(orders)", "it reads the whole row, which changes with every column"),
        ])
    func notScalar(text: String, reason: String) async throws {
        let facts = try await facts(text)
        #expect(facts.error == nil)
        #expect(facts.isNotScalar == reason)
    }

    @Test("an aggregate inside a subquery is one row's value")
    func aggregateInside() async throws {
        let facts = try await facts("(SELECT max(region) FROM customers)")
        #expect(facts.isNotScalar == nil)
        #expect(facts.hasSubquery)
    }

    @Test(
        "assignable is what an assignment casts",
        arguments: [
            ("status", "text", true), ("amount", "text", true), ("customer", "bigint", true),
            ("status", "integer", false), ("'12'", "integer", true), ("NULL", "date", true),
            ("amount", "integer", true), ("status", "date", false), ("status", "short", true),
            ("tags", "varchar(3)[]", true), ("made", "date", true), ("customer", "boolean", false),
        ])
    func assignable(text: String, type: String, expected: Bool) async throws {
        let facts = try await facts(text, assignedTo: type)
        #expect(facts.error == nil)
        #expect(facts.isAssignable == expected)
    }

    @Test(
        "text that is more than one expression is refused and does nothing",
        arguments: [
            "status) FROM customers; DROP TABLE orders; --", "status) FROM orders; --",
            "status); DROP TABLE orders; SELECT (1", "status; DROP TABLE orders", "status --",
            "status) + (amount", "status, amount", "status AS s", "", "/* nothing */",
            "status\u{0}", "status FROM customers", "'unterminated", "(status", "status /* open",
            "SELECT 1) UNION (SELECT 2", "*",
        ])
    func injection(text: String) async throws {
        let facts = try await facts(text)
        #expect(facts.error != nil)
        #expect(facts.columns.isEmpty)
        let (server, name) = try await Self.database.value
        let connection = try await server.connect(database: name)
        let row = try await connection.query("SELECT to_regclass('orders') AS there").onlyRow()
        #expect(try row.optional("there") == "orders")
        await connection.close()
    }

    @Test("a new column takes the place of one of the same name")
    func replaced() async throws {
        let facts = try await facts("amount", new: [.init(name: "amount", text: "text")])
        #expect(facts.type == "text")
    }

    @Test("a new column of a type that is not there is an error, whatever its text tries")
    func badType() async throws {
        for type in ["nonsense", "int) FROM orders; --", "int, 1", "record", "int + 1"] {
            let facts = try await facts("status", new: [.init(name: "n", text: type)])
            #expect(facts.error?.hasPrefix("column n: ") == true, "\(type)")
        }
    }

    @Test("a value over given columns is what the server makes of it")
    func value() async throws {
        let cut = try await facts(
            "upper(status) || status_v2", assignedTo: "varchar(5)",
            over: [
                .init(name: "status", text: "'new'::character varying"),
                .init(name: "status_v2", text: "'older'"),
            ])
        #expect(cut.value == "NEWol")
        let null = try await facts("status || 'x'", over: [.init(name: "id", text: "1")])
        #expect(null.error == nil)
        #expect(null.value == nil)
        let raising = try await facts("1 / id", over: [.init(name: "id", text: "0")])
        #expect(raising.error == "division by zero")
        #expect(raising.sqlState == "22012")
        let smuggled = try await facts(
            "status", over: [.init(name: "status", text: "1); DROP TABLE orders; --")])
        #expect(smuggled.error?.hasPrefix("the value of status") == true)
    }

    @Test("a function that a writing role may not execute is named with the role")
    func notExecutable() async throws {
        let facts = try await facts("private(status)")
        #expect(facts.notExecutable == ["private(text) by writer"])
        #expect(try await self.facts("lower(status)").notExecutable.isEmpty)
    }

    @Test("an expression over a table that is not there says so")
    func noTable() async throws {
        let facts = try await facts("1", table: "nowhere")
        #expect(facts.error == "table nowhere does not exist")
    }

    @Test("no transaction stays open")
    func leavesNothing() async throws {
        let (server, name) = try await Self.database.value
        let connection = try await server.connect(database: name)
        var questions = Questions()
        questions.expressions = [ExpressionQuestion(table: "orders", text: "status")]
        questions.tables = ["orders"]
        _ = try await FactsReader.read(questions, on: connection)
        #expect(await !connection.isInTransaction)
        await connection.close()
    }
}
