import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

/// What `StatementFacts` says of a statement, measured: each form runs in a transaction, whose locks,
/// file numbers and scans are read before it is rolled back.
@Suite("Locks of statements that a person wrote", .serialized)
struct FactsStatementLocksTests {
    /// One statement and what it may do beside its locks.
    struct Form: Sendable, CustomTestStringConvertible {
        let sql: String
        let rewrites: Bool
        let scans: Bool

        init(_ sql: String, rewrites: Bool = false, scans: Bool = false) {
            self.sql = sql
            self.rewrites = rewrites
            self.scans = scans
        }

        var testDescription: String { sql }
    }

    private static let schema: [SQL] = [
        "CREATE TABLE p (id int PRIMARY KEY, code text UNIQUE)",
        """
        CREATE TABLE t (id int PRIMARY KEY, a int, b text, c varchar(10), n int NOT NULL DEFAULT 1,
                        parent int CONSTRAINT t_parent REFERENCES p,
                        CONSTRAINT t_a CHECK (a < 100000), CONSTRAINT t_a_key UNIQUE (a))
        """,
        "CREATE TABLE spare (id int)", "CREATE INDEX t_b ON t (b)",
        "CREATE UNIQUE INDEX t_n ON t (id, n)",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE VIEW v AS SELECT id FROM t",
        "CREATE TABLE parts (id int, k int) PARTITION BY RANGE (k)",
        "CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE part_rest PARTITION OF parts DEFAULT",
        "CREATE TABLE part2 (id int, k int)",
        "CREATE POLICY y ON t USING (true)", "CREATE MATERIALIZED VIEW m AS SELECT id FROM t",
        "INSERT INTO p SELECT g, g::text FROM generate_series(1, 100) g",
        "INSERT INTO t SELECT g, g, 'x', 'y', g, g FROM generate_series(1, 100) g",
        "ALTER TABLE t ADD CONSTRAINT later CHECK (a > 0) NOT VALID",
        "ALTER TABLE t ADD CONSTRAINT later_key FOREIGN KEY (a) REFERENCES p NOT VALID",
    ]

    /// Those of HAZARDS' tables that can run in a transaction, and the ordinary statements.
    static let forms: [Form] = [
        Form("ALTER TABLE t ADD COLUMN x int"),
        Form("ALTER TABLE t ADD COLUMN x int DEFAULT 5"),
        Form("ALTER TABLE t ADD COLUMN x timestamptz NOT NULL DEFAULT now()"),
        Form(
            "ALTER TABLE t ADD COLUMN x uuid DEFAULT gen_random_uuid()", rewrites: true),
        Form("ALTER TABLE t ADD COLUMN x serial", rewrites: true),
        Form("ALTER TABLE t ADD COLUMN x int GENERATED ALWAYS AS IDENTITY", rewrites: true),
        Form("ALTER TABLE t ADD COLUMN x int GENERATED ALWAYS AS (a + 1) STORED", rewrites: true),
        Form("ALTER TABLE t ADD COLUMN x int CHECK (x > 0)", scans: true),
        Form("ALTER TABLE t ADD COLUMN x int REFERENCES p"),
        Form("ALTER TABLE t DROP COLUMN b"),
        Form("ALTER TABLE t DROP COLUMN parent"),
        Form("ALTER TABLE t RENAME COLUMN b TO bb"), Form("ALTER TABLE t RENAME TO tt"),
        Form("ALTER TABLE t RENAME CONSTRAINT t_a TO t_aa"),
        Form("ALTER TABLE t ALTER COLUMN a SET DEFAULT 1"),
        Form("ALTER TABLE t ALTER COLUMN n DROP NOT NULL"),
        Form("ALTER TABLE t ALTER COLUMN b SET NOT NULL", scans: true),
        Form("ALTER TABLE t ALTER COLUMN a SET STATISTICS 100"),
        Form("ALTER TABLE t SET (fillfactor = 70)"),
        Form("ALTER TABLE t ALTER COLUMN b SET STORAGE EXTERNAL"),
        Form("ALTER TABLE t REPLICA IDENTITY FULL"),
        Form("ALTER TABLE t ENABLE ROW LEVEL SECURITY"),
        Form("ALTER TABLE t ADD CONSTRAINT x CHECK (a > 0) NOT VALID"),
        Form("ALTER TABLE t ADD CONSTRAINT x CHECK (a > 0)", scans: true),
        Form("ALTER TABLE t VALIDATE CONSTRAINT later", scans: true),
        Form("ALTER TABLE t VALIDATE CONSTRAINT later_key", scans: true),
        Form("ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (id) REFERENCES p NOT VALID"),
        Form("ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (id) REFERENCES p", scans: true),
        Form("ALTER TABLE t ADD CONSTRAINT x UNIQUE (n)", scans: true),
        Form("ALTER TABLE t ADD CONSTRAINT x UNIQUE USING INDEX t_n"),
        Form("ALTER TABLE t DROP CONSTRAINT t_a"),
        Form("ALTER TABLE t DROP CONSTRAINT t_parent"),
        Form("ALTER TABLE t DISABLE TRIGGER g"),
        Form("ALTER TABLE t ALTER COLUMN a TYPE bigint", rewrites: true, scans: true),
        Form("ALTER TABLE t SET UNLOGGED", rewrites: true, scans: true),
        Form("ALTER TABLE t ALTER COLUMN a SET DEFAULT 1, ALTER COLUMN a SET STATISTICS 1"),
        Form("ALTER INDEX t_b RENAME TO t_bb"),
        Form("ALTER TABLE parts ATTACH PARTITION part2 FOR VALUES FROM (10) TO (20)", scans: true),
        Form("ALTER TABLE parts DETACH PARTITION part1"),
        Form("ALTER TABLE parts ADD COLUMN x int"),
        Form("ALTER TABLE parts RENAME TO x"), Form("ALTER TABLE parts RENAME COLUMN id TO x"),
        Form("ALTER TABLE parts ALTER COLUMN id SET DEFAULT 1"),
        Form("COMMENT ON TABLE parts IS 'x'"), Form("COMMENT ON COLUMN parts.id IS 'x'"),
        Form("CREATE INDEX x ON parts (id)", scans: true), Form("TRUNCATE parts"),
        Form("DROP TABLE parts"), Form("SELECT 1 FROM parts"),
        Form("DELETE FROM parts", scans: true),
        Form("CREATE POLICY x ON parts USING (true)"),
        Form("CREATE STATISTICS x ON id, k FROM parts"),
        Form("CREATE TRIGGER x BEFORE INSERT ON parts FOR EACH ROW EXECUTE FUNCTION f()"),
        Form("ALTER TABLE parts ADD CONSTRAINT x CHECK (id > 0) NOT VALID"),
        Form("LOCK TABLE parts IN SHARE MODE"), Form("ANALYZE parts", scans: true),
        Form("ALTER TABLE p ALTER COLUMN id TYPE bigint", rewrites: true, scans: true),
        Form("CREATE TABLE part3 PARTITION OF parts FOR VALUES FROM (30) TO (40)", scans: true),
        Form("CREATE TABLE n (id int REFERENCES p)"), Form("CREATE TABLE n (LIKE t)"),
        Form("CREATE INDEX x ON t (a)", scans: true), Form("DROP INDEX t_b"),
        Form("REINDEX TABLE t", scans: true), Form("REINDEX INDEX t_b", scans: true),
        Form("CREATE TRIGGER x AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()"),
        Form("DROP TRIGGER g ON t"), Form("ALTER TRIGGER g ON t RENAME TO gg"),
        Form("CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'"),
        Form("CREATE STATISTICS x ON a, b FROM t"), Form("ANALYZE t", scans: true),
        Form("COMMENT ON TABLE t IS 'x'"), Form("COMMENT ON COLUMN t.a IS 'x'"),
        Form("COMMENT ON CONSTRAINT t_a ON t IS 'x'"), Form("COMMENT ON TRIGGER g ON t IS 'x'"),
        Form("GRANT SELECT ON t TO PUBLIC"),
        Form("CREATE VIEW w AS SELECT t.id FROM t JOIN p ON p.id = t.id"),
        Form("DROP VIEW v"), Form("CREATE OR REPLACE VIEW v AS SELECT id FROM t"),
        Form("DROP TABLE spare"), Form("TRUNCATE spare"),
        Form("CLUSTER t USING t_pkey", rewrites: true, scans: true),
        Form("CREATE POLICY x ON t USING (true)"), Form("DROP POLICY y ON t"),
        Form("REFRESH MATERIALIZED VIEW m", scans: true),
        Form("CREATE TABLE x AS SELECT id FROM t"),
        Form("SELECT 1 FROM t"), Form("SELECT 1 FROM t WHERE id = 1 FOR UPDATE"),
        Form("INSERT INTO spare SELECT id FROM p"), Form("UPDATE t SET b = 'z' WHERE id = 1"),
        Form("UPDATE t SET b = 'z'", scans: true), Form("DELETE FROM spare WHERE id = 1"),
        Form("WITH gone AS (DELETE FROM spare RETURNING id) SELECT id FROM gone"),
        Form("LOCK TABLE t IN SHARE MODE"),
    ]

    private static let database = Task { try await prepare(SandboxServer.shared()) }

    /// The tables on every server at hand, the shared one first.
    private static let databases = Task {
        var all = [try await database.value]
        let own = all[0].0.binaries
        for binaries in await ServerBinaries.all() where binaries != own {
            var options = SandboxServer.Options.quick
            options.binaries = binaries.folder
            all.append(try await prepare(SandboxServer.start(options)))
        }
        return all
    }

    private static func prepare(_ server: SandboxServer) async throws -> (SandboxServer, String) {
        let name = try await server.makeDatabase()
        let connection = try await server.connect(database: name)
        for statement in schema { try await connection.run(statement) }
        await connection.close()
        return (server, name)
    }

    @Test("are those that every server at hand takes", arguments: forms)
    func measured(form: Form) async throws {
        for (server, name) in try await Self.databases.value {
            try await measure(form, server, name)
        }
    }

    private func measure(_ form: Form, _ server: SandboxServer, _ name: String) async throws {
        let connection = try await server.connect(database: name)
        var questions = Questions()
        questions.statements = [form.sql]
        let facts = try #require(
            try await FactsReader.read(questions, on: connection).statements[form.sql])
        let version = "PostgreSQL \(connection.serverVersion / 10_000)"
        #expect(facts.error == nil, "\(version): \(facts.error ?? "")")
        #expect(facts.isUnderstood)
        #expect(!facts.refusesTransaction)
        #expect(facts.rewrites == form.rewrites, "\(version)")
        #expect(facts.scans == form.scans, "\(version)")

        let before = try await files(connection)
        try await connection.run("BEGIN", "SET LOCAL lock_timeout = '10s'")
        try await connection.run(SQL(writtenByUser: form.sql))
        let measured = try await locks(connection, before)
        let after = try await files(connection)
        let scanned = try await connection.query(
            "SELECT coalesce(sum(seq_scan), 0) > 0 AS scanned FROM pg_stat_xact_user_tables"
        ).onlyRow().bool("scanned")
        try await connection.run("ROLLBACK")
        await connection.close()

        let said = Dictionary(
            uniqueKeysWithValues: facts.locks.map { ($0.table.name.name, $0.mode) }
        ).filter { name, _ in before.values.contains { $0.name == name } }
        if form.sql.hasPrefix("REFRESH") {
            // What the view's query reads is not in the statement.
            #expect(said == measured.filter { $0.value != .accessShare }, "\(version)")
        } else {
            #expect(said == measured, "\(version)")
        }
        if form.sql.hasPrefix("ALTER") || form.sql.hasPrefix("CREATE"),
            !form.sql.contains(" AS SELECT ")
        {
            #expect(scanned == (form.scans || form.rewrites), "\(version)")
            let rewritten = before.contains { oid, table in
                after[oid].map { $0.file != table.file } ?? false
            }
            #expect(rewritten == form.rewrites, "\(version)")
        }
    }

    /// The strongest lock that this session has on each of the tables.
    private func locks(
        _ connection: Connection, _ tables: [Int: (name: String, file: Int)]
    ) async throws -> [String: LockMode] {
        let rows = try await connection.query(
            """
            SELECT relation::bigint AS oid, mode FROM pg_locks
             WHERE pid = pg_backend_pid() AND locktype = 'relation'
            """
        ).rows
        var strongest: [String: LockMode] = [:]
        for row in rows {
            guard let table = tables[try row.int("oid")] else { continue }
            let mode = try #require(LockMode(catalogName: try row.string("mode")))
            strongest[table.name] = max(strongest[table.name] ?? mode, mode)
        }
        return strongest
    }

    /// The tables' names and file numbers.
    private func files(
        _ connection: Connection
    ) async throws -> [Int: (name: String, file: Int)] {
        let rows = try await connection.query(
            """
            SELECT relname, oid::bigint AS oid, relfilenode::bigint AS file FROM pg_class
             WHERE relkind IN ('r', 'p', 'm', 'v') AND relnamespace = 'public'::regnamespace
            """
        ).rows
        var files: [Int: (name: String, file: Int)] = [:]
        for row in rows {
            files[try row.int("oid")] = (try row.string("relname"), try row.int("file"))
        }
        return files
    }

    @Test(
        "what can't run in a transaction says so",
        arguments: [
            "CREATE INDEX CONCURRENTLY x ON t (a)", "DROP INDEX CONCURRENTLY t_b",
            "REINDEX TABLE CONCURRENTLY t", "VACUUM t",
            "ALTER TABLE parts DETACH PARTITION part1 CONCURRENTLY", "CREATE DATABASE other",
        ])
    func refusesTransaction(sql: String) async throws {
        let (server, name) = try await Self.database.value
        let connection = try await server.connect(database: name)
        var questions = Questions()
        questions.statements = [sql]
        let facts = try await FactsReader.read(questions, on: connection).statements[sql]
        #expect(facts?.refusesTransaction == true)
        try await connection.run("BEGIN")
        let error = await #expect(throws: ServerError.self) {
            try await connection.run(SQL(writtenByUser: sql))
        }
        #expect(error?.sqlState.rawValue == "25001")
        await connection.close()
    }

    @Test(
        "what is not understood says so",
        arguments: [
            "DO $$ BEGIN DROP TABLE t; END $$", "SELECT migrate_everything()", "CALL p()",
            "DROP TABLE p CASCADE", "CREATE EXTENSION hstore", "VACUUM", "COMMIT",
            "ALTER DOMAIN d ADD CHECK (value > 0)", "SELECT 1 FROM", "DROP OWNED BY somebody",
        ])
    func notUnderstood(sql: String) async throws {
        let (server, name) = try await Self.database.value
        let connection = try await server.connect(database: name)
        var questions = Questions()
        questions.statements = [sql]
        let facts = try await FactsReader.read(questions, on: connection).statements[sql]
        #expect(facts?.isUnderstood == false)
        await connection.close()
    }
}
