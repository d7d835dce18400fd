import Foundation
import SQLText
import Sandbox
import Testing

@testable import Analysis

@Suite("check reads what people and programs write")
struct CheckReadingTests {
    private func hazards(_ sql: String) -> [CheckHazard] {
        var check = Check()
        return check.judge(sql, file: "a.sql").hazards
    }

    private func found(_ sql: String) -> [String] {
        hazards(sql).map { "\($0.line):\($0.column) \($0.rule)" }
    }

    @Test("psql's lines, COPY's data and what follows them")
    func psql() {
        let sql = """
            \\set ON_ERROR_STOP on
            \\connect "it's"
            COPY t (a, b) FROM stdin;
            1\tDROP TABLE x;
            2\t'not closed
            \\.
            \\copy u FROM pstdin
            3\t$$
            \\.
            SELECT 'x' \\gexec
            DROP TABLE t;
            """
        #expect(found(sql) == ["10:12 not-understood", "11:1 drop-table", "11:1 no-lock-timeout"])
    }

    @Test(
        "what runs something that is not in the file says so",
        arguments: [
            "\\i other.sql\n", "SELECT 'DROP TABLE t' \\gexec\n", "EXECUTE prepared;",
            "DROP OWNED BY somebody;", "REASSIGN OWNED BY a TO b;", "ALTER EXTENSION e UPDATE;",
            "DO LANGUAGE plpython3u $$ plpy.execute('DROP TABLE t') $$;",
            "DO $$ BEGIN PERFORM migrate_everything(1); END $$;",
        ])
    func elsewhere(sql: String) {
        #expect(hazards(sql).map(\.rule) == ["not-understood"], "\(hazards(sql))")
    }

    @Test("a block that calls the server's own functions is no alarm")
    func ownFunctions() {
        #expect(
            found(
                "DO $$ BEGIN PERFORM pg_notify('a', 'b'); PERFORM set_config('a', 'b', true); END $$"
            )
                == [])
    }

    @Test("quotes, nested comments, dollar quotes and SQL bodies keep their semicolons")
    func quoting() {
        let sql = """
            SELECT E'\\'; DROP TABLE a;', 'b''; DROP TABLE b;', "c; DROP TABLE c;" FROM x;
            /* ; /* DROP TABLE d; */ DROP TABLE e; */
            CREATE FUNCTION f() RETURNS int LANGUAGE python AS $x$ ; $y$ DROP TABLE g; $y$ '$x$;
            CREATE FUNCTION g(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC
              SELECT CASE WHEN a > 1 THEN 1 END; DELETE FROM t; END;
            CREATE RULE r AS ON INSERT TO v DO INSTEAD (DELETE FROM t; DELETE FROM u;);
            SELECT a$b$c, $1 FROM d;
            DROP TABLE z;
            """
        #expect(found(sql).filter { $0.hasSuffix("drop-table") } == ["8:1 drop-table"])
        #expect(!found(sql).contains { $0.contains("not-understood") })
        #expect(!found(sql).contains { $0.contains("unbatched-write") })
    }

    @Test("a file goes on behind what the parser does not know")
    func newerSyntax() {
        let sql = """
            CREATE TABLE t (a int GENERATED ALWAYS AS (1) VIRTUAL);
            ALTER TABLE orders ADD INDEX i (a), ALGORITHM=INPLACE, LOCK=NONE;
            CREATE TABLE u (a int;
            DROP TABLE z;
            """
        #expect(
            found(sql) == [
                "1:47 not-understood", "2:37 not-understood", "3:21 not-understood",
                "4:1 drop-table", "4:1 no-lock-timeout",
            ])
    }

    @Test("columns count characters, not bytes, and a byte order mark is none")
    func places() {
        #expect(found("\u{feff}/* é😀 */ DROP TABLE t;").first == "1:11 drop-table")
        #expect(found("SELECT 1;\r\n  DROP TABLE t;\r\n").first == "2:3 drop-table")
    }

    @Test("nothing at all is nothing")
    func empty() {
        #expect(found("") == [])
        #expect(found("-- a comment\n;;\n\\q") == [])
        #expect(found("\\") == [])
        #expect(found("COPY t FROM stdin;\n1\n") == [])
    }

    @Test("any bytes are read to their end")
    func anyBytes() {
        let pieces = [
            "'", "\"", "$$", "$a$", "/*", "*/", "--", "\\", "\n", ";", "(", ")", "E'", "BEGIN",
            "ATOMIC", "CREATE FUNCTION", "DO $$", "COPY t FROM stdin;", "\u{e9}", "\0", "$1",
            "U&\"",
            "ALTER TABLE t", ",", "ADD a int", "EXECUTE '", "LOOP", "\\.", ":", "x",
        ]
        var seed: UInt64 = 42
        for _ in 0..<2000 {
            var text = ""
            for _ in 0..<12 {
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += pieces[Int(seed >> 33) % pieces.count] + " "
            }
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).count
            #expect(hazards(text).allSatisfy { (1...lines).contains($0.line) }, "\(text)")
        }
    }

    @Test("a silencing needs a reason, an existing rule, and something to silence")
    func silencing() {
        #expect(found("DROP SCHEMA s; -- lockkeeper: allow drop-schema, nobody uses it") == [])
        #expect(found("-- lockkeeper: allow drop-schema, gone\n\nDROP SCHEMA\n  s;") == [])
        #expect(
            found("DROP SCHEMA s; -- lockkeeper: allow drop-schema") == [
                "1:1 drop-schema", "1:16 silencing",
            ])
        #expect(found("SELECT 1; -- lockkeeper: allow drop-shema, x") == ["1:11 silencing"])
        #expect(found("SELECT 1; -- lockkeeper: allow drop-schema, x") == ["1:11 silencing"])
        #expect(
            found(
                """
                SET lock_timeout = 50;
                ALTER TABLE t
                    DROP COLUMN a, -- lockkeeper: allow drop-column, retired in May
                    DROP COLUMN b;
                """) == ["4:5 drop-column"])
    }

    @Test("statements of a DO block are judged, in its transaction")
    func blocks() {
        let sql = """
            DO $$
            BEGIN
              IF NOT EXISTS (SELECT FROM pg_class WHERE relname = 't') THEN
                ALTER TABLE t ADD COLUMN a int;
              END IF;
              UPDATE t SET a = 1;
            END $$;
            """
        #expect(
            found(sql) == ["4:5 no-lock-timeout", "6:3 unbatched-write", "6:3 write-with-ddl"])
    }

    @Test("several files: types from the first sharpen the second, its tables are live there")
    func severalFiles() {
        var check = Check()
        let schema = "CREATE TABLE users (id bigint, name varchar(50));"
        #expect(!check.judge(schema, file: "1.sql").isDangerous)
        let wider = check.judge(
            "SET lock_timeout = 9; ALTER TABLE users ALTER name TYPE varchar(100);", file: "2.sql")
        #expect(wider.hazards == [])
        let narrower = check.judge("ALTER TABLE users ALTER name TYPE varchar(50)", file: "3.sql")
        #expect(narrower.isDangerous)
        #expect(check.judge("CREATE INDEX ON users (name)", file: "4.sql").isDangerous)
    }

    @Test("five thousand statements are each judged once")
    func many() {
        let sql =
            (0..<5000).map {
                "INSERT INTO t VALUES (\($0), 'a;b'); -- \($0)\n"
            }.joined() + "DROP TABLE t;\n"
        #expect(found(sql) == ["5001:1 drop-table", "5001:1 no-lock-timeout"])
    }

    @Test("a dump of a rich schema has no danger, and all of it is understood")
    func dump() async throws {
        let server = try await SandboxServer.start(.quick)
        let connection = try await server.connect()
        try await connection.run(SQL(writtenByUser: RichSchema.sql))
        await connection.close()
        let dump = try await server.pgDump(schemaOnly: false, database: "postgres")
        await server.stop()
        let bad = hazards(dump).filter { $0.severity == .danger || $0.rule == "not-understood" }
        #expect(bad == [])
        #expect(dump.contains("COPY public.orders"))
        #expect(hazards(dump).contains { $0.rule == "timestamp-type" })
    }
}
