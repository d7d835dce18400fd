import Analysis
import Migration
import Postgres

/// Reads what a plan needs to know of the server.
///
/// Everything comes from one REPEATABLE READ READ ONLY transaction, so the facts fit each other. It
/// takes ACCESS SHARE on the tables that it is asked about and on their partitions, which stalls
/// nobody but who wants ACCESS EXCLUSIVE. `pg_partition_tree` locks the partitions and not the table:
/// somebody who has the table already (CREATE TABLE … PARTITION OF) may wait for one of them while we
/// wait for the table. So no lock is waited for as long as `deadlock_timeout`; all are given back, and
/// it begins again, for at most 2 s.
public struct FactsReader {
    /// Milliseconds: far less than the default `deadlock_timeout` of 1 s.
    private static let lockWait = 200

    /// The facts that answer `questions`. What is not in the database is not in the facts (a table)
    /// or says so itself (a type, an expression).
    ///
    /// Throws `ServerError` with `SQLState.lockNotAvailable` or `.queryCanceled` where a table is
    /// locked for longer, and `ConnectionError`; the transaction is rolled back.
    public static func read(
        _ questions: Questions, on connection: Connection
    ) async throws -> Facts {
        let deadline = ContinuousClock.now + .seconds(2)
        while true {
            do {
                return try await readOnce(questions, on: connection)
            } catch let error as ServerError
                where error.sqlState == .lockNotAvailable && ContinuousClock.now < deadline
            {
                continue
            }
        }
    }

    private static func readOnce(
        _ questions: Questions, on connection: Connection
    ) async throws -> Facts {
        try await connection.run(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            "SET LOCAL statement_timeout = '10s'", "SET LOCAL lock_timeout = \(lockWait)",
            "SET LOCAL idle_in_transaction_session_timeout = '10s'",
            "SET LOCAL standard_conforming_strings = on", "SET LOCAL jit = off")
        do {
            let facts = try await FactsReader(questions: questions, connection: connection).read()
            try await connection.run("COMMIT")
            return facts
        } catch {
            // The error that is thrown matters more than one of ROLLBACK's own.
            _ = try? await connection.run("ROLLBACK")
            throw error
        }
    }

    let questions: Questions
    let connection: Connection

    private func read() async throws -> Facts {
        let session = try await sessionFacts()
        let path = session.searchPath.map { $0.quoted }.joined(separator: ", ")
        // As the definitions that the catalogue prints will be read again, under the same path.
        try await connection.query("SELECT pg_catalog.set_config('search_path', $1, true)", path)

        var tables: [String: TableFacts] = [:]
        let tableReader = TableReader(connection: connection, session: session)
        let named = questions.tables.union(questions.relations)
            .union(questions.expressions.map(\.table))
        for name in named.sorted() {
            if let table = try await tableReader.table(named: name) { tables[name] = table }
        }
        let typeReader = TypeReader(connection: connection)
        var types: [String: TypeFacts] = [:]
        for text in questions.types.sorted() { types[text] = try await typeReader.type(text).facts }

        var expressions: [ExpressionQuestion: ExpressionFacts] = [:]
        for question in questions.expressions {
            let reader = ExpressionReader(
                connection: connection, types: typeReader, question: question,
                table: tables[question.table])
            expressions[question] = try await reader.read()
        }
        var statements: [String: StatementFacts] = [:]
        let resolver = StatementReader(connection: connection, session: session)
        for text in questions.statements.sorted() {
            statements[text] = try await resolver.facts(of: text)
        }
        var relations: [String: RelationFacts] = [:]
        let relationReader = RelationReader(connection: connection)
        for name in questions.relations.sorted() {
            if let table = tables[name] { relations[name] = try await relationReader.facts(table) }
        }
        var indexes: [String: NamedIndexFacts] = [:]
        let indexReader = IndexReader(connection: connection, session: session)
        for name in questions.indexes.sorted() {
            if let index = try await indexReader.index(named: name) { indexes[name] = index }
        }
        var schemas: [String: SchemaFacts] = [:]
        for name in questions.schemas.sorted() {
            if let schema = try await schemaFacts(name) { schemas[name] = schema }
        }
        var copied: [String: CopiedTableFacts] = [:]
        let copiedReader = CopiedTableReader(connection: connection)
        for name in questions.copied.sorted() {
            if let table = tables[name] { copied[name] = try await copiedReader.facts(table) }
        }
        return Facts(
            server: try await serverFacts(), session: session,
            tables: tables, types: types, expressions: expressions, statements: statements,
            relations: relations, indexes: indexes, schemas: schemas, copied: copied)
    }

    /// Names of types that PostgreSQL makes for arrays give way by themselves.
    private func schemaFacts(_ name: String) async throws -> SchemaFacts? {
        let row = try await connection.query(
            """
            SELECT pg_catalog.has_schema_privilege(n.oid, 'CREATE') AS may_create,
                   (SELECT pg_catalog.json_agg(used.name ORDER BY used.name) FROM (
                      SELECT c.relname AS name FROM pg_catalog.pg_class c
                       WHERE c.relnamespace = n.oid
                       UNION
                      SELECT t.typname FROM pg_catalog.pg_type t
                       WHERE t.typnamespace = n.oid AND NOT EXISTS (
                             SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)) used) AS names,
                   (SELECT pg_catalog.json_agg(p.pubname ORDER BY p.pubname) FROM pg_catalog.pg_publication p
                     WHERE p.puballtables OR EXISTS (
                           SELECT FROM pg_catalog.pg_publication_namespace s
                            WHERE s.pnpubid = p.oid AND s.pnnspid = n.oid)) AS publications
              FROM pg_catalog.pg_namespace n WHERE n.nspname = $1
            """, name
        ).rows.first
        guard let row else { return nil }
        return SchemaFacts(
            names: try JSONNames.decode(row.optional("names")),
            mayCreate: try row.bool("may_create"),
            publications: try JSONNames.decode(row.optional("publications")))
    }

    private func serverFacts() async throws -> ServerFacts {
        let row = try await connection.query(
            """
            SELECT pg_catalog.current_setting('server_version_num') AS version,
                   pg_catalog.current_database() AS database, current_user AS user,
                   (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
                     AS superuser,
                   (SELECT rolsuper OR rolbypassrls FROM pg_catalog.pg_roles
                     WHERE rolname = current_user) AS bypasses,
                   pg_catalog.pg_is_in_recovery() AS recovery,
                   pg_catalog.current_setting('block_size') AS block_size
            """
        ).onlyRow()
        var facts = ServerFacts(
            version: try row.int("version"), database: try row.string("database"),
            user: try row.string("user"), isSuperuser: try row.bool("superuser"),
            isInRecovery: try row.bool("recovery"), blockSize: try row.int("block_size"))
        facts.bypassesRowSecurity = try row.bool("bypasses")
        return facts
    }

    /// The path in its effective order. `pg_catalog` is searched first unless the path names it
    /// later, which is how builtin functions get shadowed: pinned first, they can't be.
    private func sessionFacts() async throws -> SessionFacts {
        // Not a name and not an operator that could mean something else: nothing is pinned yet.
        let path = try await connection.query(
            "SELECT pg_catalog.array_to_json(pg_catalog.current_schemas(false)) AS path"
        ).onlyRow()
        try await connection.run("SET LOCAL search_path = pg_catalog, pg_temp")
        let settings = try await connection.query(
            """
            SELECT current_setting('TimeZone') AS time_zone,
                   current_setting('DateStyle') AS date_style
            """
        ).onlyRow()
        let schemas = try JSONNames.decode(path.optional("path")).filter {
            $0 != "pg_catalog" && !$0.hasPrefix("pg_temp_") && !$0.hasPrefix("pg_toast_temp_")
        }.map { Identifier($0) }
        return SessionFacts(
            searchPath: [Identifier("pg_catalog")] + schemas,
            timeZone: try settings.string("time_zone"),
            dateStyle: try settings.string("date_style"))
    }
}
