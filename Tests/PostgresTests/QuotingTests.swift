import Postgres
import Sandbox
import Testing

@Suite("Quoting")
struct QuotingTests {
    @Test("of names agrees with quote_ident, for every keyword and for odd names")
    func names() async throws {
        let connection = try await SandboxServer.shared().connect()
        let keywords = try await connection.query("SELECT word FROM pg_get_keywords()").rows
            .map { try $0.string("word") }
        #expect(keywords.count > 400)
        for name in keywords + oddNames {
            let row = try await connection.query(
                "SELECT quote_ident($1) AS quoted, parse_ident($2) = ARRAY[$1] AS same",
                name, Identifier(name).quoted
            ).onlyRow()
            #expect(Identifier(name).quoted == (try row.string("quoted")))
            #expect(try row.bool("same"), "\(name)")
            #expect(Identifier(name).alwaysQuoted.hasPrefix("\""))
        }
        await connection.close()
    }

    @Test("of names lets any of them be a table and a column")
    func used() async throws {
        let connection = try await SandboxServer.shared().connect()
        for name in oddNames + ["select", "table", "user", "json_table", "merge_action"] {
            let identifier = Identifier(name)
            try await connection.run(
                "CREATE TEMP TABLE \(identifier) (\(identifier) int)",
                "INSERT INTO \(identifier) (\(identifier)) VALUES (1)")
            let result = try await connection.query(
                "SELECT t.\(identifier), \(identifier) FROM \(identifier) t")
            #expect(result.columns == [name, name])
            try await connection.query("DROP TABLE \(identifier)")
        }
        await connection.close()
    }

    @Test("of literals agrees with quote_literal, and gives the text back")
    func literals() async throws {
        let connection = try await SandboxServer.shared().connect()
        let texts =
            oddNames + [
                "", "'", "''", "\\", "\\'", "'\\", "E'x'", "$1", "%s", "\n\r\t", "a\u{301}",
                "\u{7f}",
                "$$", "'; DROP TABLE x; --",
            ]
        for text in texts {
            let literal = SQL.literal(text)
            let row = try await connection.query(
                "SELECT quote_literal($1) AS quoted, \(literal) AS read", text
            ).onlyRow()
            #expect(literal.text == (try row.string("quoted")))
            #expect(try row.string("read") == text)
        }
        for setting in ["on", "off"] {
            // Where backslashes escape in plain literals, ours must still read the same.
            try await connection.query("SET standard_conforming_strings = \(literal: setting)")
            for text in texts {
                let row = try await connection.query("SELECT \(SQL.literal(text)) AS read")
                    .onlyRow()
                #expect(try row.string("read") == text, "standard_conforming_strings \(setting)")
            }
        }
        await connection.close()
    }
}

private let oddNames = [
    "Orders", "order items", "1st", "_hidden", "a$b", "semi;colon", "quo\"te", "\"", "\"\"",
    "dot.ted",
    "été", "漢字", "🐘", "tab\tbed", "back\\slash", "apo'strophe", "a-b", "--", "/*", "naïve", "A",
    "ünder", " lead", "trail ", "status_v2", "lk_0f", String(repeating: "x", count: 63),
    String(repeating: "é", count: 31),
]
