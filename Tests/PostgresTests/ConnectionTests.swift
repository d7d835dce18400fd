import Foundation
import Postgres
import Sandbox
import Testing

@Suite("A connection")
struct ConnectionTests {
    @Test("gives columns, rows, NULLs, the command tag and the number of rows")
    func results() async throws {
        let connection = try await SandboxServer.shared().connect()
        let result = try await connection.query(
            "SELECT i AS number, nullif(i, 2) AS some, i = 1 AS first FROM generate_series(1, 2) i")
        #expect(result.columns == ["number", "some", "first"])
        #expect(result.rows.map(\.values) == [["1", "1", "t"], ["2", nil, "f"]])
        #expect(result.commandTag == "SELECT 2")
        #expect(result.affectedRows == 2)
        #expect(try result.rows[0].bool("first"))
        #expect(try result.rows[1].optionalInt("some") == nil)
        #expect(throws: DecodingFailure.self) { try result.rows[1].int("some") }
        #expect(throws: DecodingFailure.self) { try result.rows[1].int("none such") }
        #expect(throws: DecodingFailure.self) { try result.onlyRow() }
        try await connection.run("CREATE TEMP TABLE counted (id int)")
        let inserted = try await connection.query(
            "INSERT INTO counted SELECT generate_series(1, 7)")
        #expect(inserted.commandTag == "INSERT 0 7")
        #expect(inserted.affectedRows == 7)
        #expect(inserted.rows.isEmpty)
        await connection.close()
    }

    @Test("binds parameters as they are")
    func parameters() async throws {
        let connection = try await SandboxServer.shared().connect()
        let odd = "it's \"odd\" \\ $1 ; -- é 漢字 🐘 \n\t%s"
        let row = try await connection.query(
            """
            SELECT $1::text AS text, $2::bigint AS number, $3::bool AS flag,
                $4::float8 AS real, $5::text AS nothing, $6::text AS empty
            """, odd, Int.max, true, 0.1, nil, ""
        ).onlyRow()
        #expect(row.values == [odd, "9223372036854775807", "t", "0.1", nil, ""])
        await connection.close()
    }

    @Test("refuses a parameter with a NUL character instead of cutting it off")
    func nul() async throws {
        let connection = try await SandboxServer.shared().connect()
        let error = await #expect(throws: ServerError.self) {
            try await connection.query("SELECT $1::text", "before\0after")
        }
        #expect(error?.sqlState == .characterNotInRepertoire)
        await #expect(throws: ServerError.self) {
            try await connection.run(SQL(writtenByUser: "SELECT 1\0 / 0"))
        }
        try await connection.query("SELECT 1")
        await connection.close()
    }

    @Test("reports an error with SQLSTATE and position, and goes on")
    func errors() async throws {
        let connection = try await SandboxServer.shared().connect()
        let error = await #expect(throws: ServerError.self) {
            try await connection.query("SELECT 1, nowhere FROM pg_class")
        }
        #expect(error?.sqlState == .undefinedColumn)
        #expect(error?.position == 11)
        #expect(error?.message.contains("nowhere") == true)
        let check = await #expect(throws: ServerError.self) {
            try await connection.run(
                "CREATE TEMP TABLE checked (id int CHECK (id > 0))",
                "INSERT INTO checked VALUES (-1)")
        }
        #expect(check?.sqlState == .checkViolation)
        #expect(check?.detail?.contains("-1") == true)
        #expect(try await connection.query("SELECT 2 AS n").onlyRow().int("n") == 2)
        #expect(await connection.isOpen)
        await connection.close()
        await #expect(throws: ConnectionError.closed) { try await connection.query("SELECT 1") }
    }

    @Test("stops a message of several statements at the first error")
    func severalStatements() async throws {
        let connection = try await SandboxServer.shared().connect()
        try await connection.run("CREATE TEMP SEQUENCE ran")
        let results = try await connection.run("SELECT 1 AS one", "SELECT 2 AS two")
        #expect(results.map(\.columns) == [["one"], ["two"]])
        let error = await #expect(throws: ServerError.self) {
            try await connection.run(
                "SELECT nextval('ran')", "SELECT 1 / 0", "SELECT nextval('ran')")
        }
        #expect(error?.sqlState == SQLState(rawValue: "22012"))
        // A sequence is not rolled back: it tells what ran.
        let last = try await connection.query("SELECT last_value, is_called FROM ran").onlyRow()
        #expect(last.values == ["1", "t"])
        #expect(await !connection.isInTransaction)
        await connection.close()
    }

    @Test("knows whether it is in a transaction")
    func transaction() async throws {
        let connection = try await SandboxServer.shared().connect()
        try await connection.run("BEGIN")
        #expect(await connection.isInTransaction)
        await #expect(throws: ServerError.self) { try await connection.query("SELECT 1 / 0") }
        #expect(await connection.isInTransaction)
        try await connection.run("ROLLBACK")
        #expect(await !connection.isInTransaction)
        await connection.close()
    }

    @Test("prepares a statement once and runs it with parameters")
    func prepared() async throws {
        let connection = try await SandboxServer.shared().connect()
        try await connection.prepare("sum", "SELECT $1::int + $2::int AS sum")
        for number in 1...7 {
            let row = try await connection.execute(prepared: "sum", [number, 1]).onlyRow()
            #expect(try row.int("sum") == number + 1)
        }
        let error = await #expect(throws: ServerError.self) {
            try await connection.execute(prepared: "none", [])
        }
        #expect(error?.sqlState == SQLState(rawValue: "26000"))
        await connection.close()
    }

    @Test("gets notices and notifications")
    func messages() async throws {
        let server = try await SandboxServer.shared()
        let listener = try await server.connect()
        let speaker = try await server.connect()
        try await listener.run("LISTEN orders")
        try await speaker.query("SELECT pg_notify('orders', 'one')")
        var heard: [Postgres.Notification] = []
        let deadline = ContinuousClock.now + .seconds(10)
        while heard.isEmpty, .now < deadline { heard = try await listener.takeNotifications() }
        #expect(heard.map(\.payload) == ["one"])
        #expect(heard.map(\.channel) == ["orders"])
        #expect(heard.map(\.backendPID) == [speaker.backendPID])
        try await speaker.run("DO $$ BEGIN RAISE NOTICE 'look here'; END $$")
        #expect(await speaker.takeNotices().count == 1)
        #expect(await speaker.takeNotices().isEmpty)
        await listener.close()
        await speaker.close()
    }

    @Test(
        "refuses COPY from or to the client instead of waiting for ever",
        .timeLimit(.minutes(1)),
        arguments: ["COPY pg_class TO STDOUT", "CREATE TEMP TABLE c (); COPY c FROM STDIN"])
    func copy(statement: String) async throws {
        let connection = try await SandboxServer.shared().connect()
        await #expect(throws: ServerError.self) {
            try await connection.run(SQL(writtenByUser: statement))
        }
        #expect(try await connection.query("SELECT 1 AS n").onlyRow().int("n") == 1)
        await connection.close()
    }

    @Test("says that it was lost when the server ends the session")
    func terminated() async throws {
        let server = try await SandboxServer.shared()
        let connection = try await server.connect()
        let other = try await server.connect()
        try await other.query(
            "SELECT pg_terminate_backend($1, 10000)", Int(connection.backendPID))
        let error = await #expect(throws: ConnectionError.self) {
            try await connection.query("SELECT 1")
        }
        guard case .lost(let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("administrator"), "\(reason)")
        #expect(await !connection.isOpen)
        await #expect(throws: ConnectionError.self) { try await connection.query("SELECT 1") }
        await other.close()
    }

    @Test("holds a large result and a large parameter")
    func large() async throws {
        let connection = try await SandboxServer.shared().connect()
        let text = String(repeating: "0123456789", count: 1_000_000)
        let row = try await connection.query("SELECT $1::text AS text", text).onlyRow()
        #expect(try row.string("text") == text)
        let rows = try await connection.query("SELECT generate_series(1, 200000) AS n").rows
        #expect(rows.count == 200_000)
        await connection.close()
    }

    @Test("runs statements of many tasks one after another")
    func concurrent() async throws {
        let connection = try await SandboxServer.shared().connect()
        let numbers = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<50 {
                group.addTask {
                    try await connection.query("SELECT $1::int AS n", number).onlyRow().int("n")
                }
            }
            return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(numbers == Set(0..<50))
        await connection.close()
    }
}
