import Foundation
import Migration
import Postgres
import Sandbox
import Testing

@testable import Engine

@Suite("Facts of a table")
struct FactsTests {
    /// A table with one of everything.
    private static let everything: [SQL] = [
        "CREATE SCHEMA shop",
        """
        CREATE TABLE shop.customers (id int PRIMARY KEY, region text, UNIQUE (id, region))
        """,
        """
        CREATE TABLE shop."Order Items" (
          id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          status varchar(50) COLLATE "C" DEFAULT 'new' NOT NULL,
          "Unit ""Price" numeric(10,2) CHECK ("Unit ""Price" > 0),
          customer int, region text, "user" text DEFAULT CURRENT_USER,
          token uuid DEFAULT gen_random_uuid(), lower text, period int4range,
          doubled numeric GENERATED ALWAYS AS ("Unit ""Price" * 2) STORED,
          gone int,
          CONSTRAINT known_status CHECK (status IN ('new', 'status', 'paid')) NO INHERIT,
          CONSTRAINT one_each UNIQUE (customer, "user") INCLUDE (status) DEFERRABLE,
          FOREIGN KEY (customer, region) REFERENCES shop.customers (id, region)
            ON DELETE SET NULL (region),
          EXCLUDE USING gist (period WITH &&) WHERE (status <> 'paid'))
        """,
        #"ALTER TABLE shop."Order Items" DROP COLUMN gone"#,
        """
        ALTER TABLE shop."Order Items" ADD CONSTRAINT later CHECK (lower(lower) <> '') NOT VALID
        """,
        """
        CREATE INDEX by_status ON shop."Order Items"
          (status text_pattern_ops DESC NULLS LAST, lower(lower), (lower || ' lower '))
          INCLUDE ("user") WHERE status <> 'status' AND customer > 1
        """,
        #"COMMENT ON COLUMN shop."Order Items".status IS 'where it''s at'"#,
        "COMMENT ON INDEX shop.by_status IS 'for the list'",
        #"ALTER TABLE shop."Order Items" ALTER status SET STATISTICS 500"#,
        #"GRANT UPDATE (status), SELECT (status) ON shop."Order Items" TO clerk WITH GRANT OPTION"#,
        #"GRANT SELECT (customer) ON shop."Order Items" TO PUBLIC"#,
        #"CREATE STATISTICS shop.together (ndistinct) ON status, (lower(region)), customer FROM shop."Order Items""#,
        #"CREATE VIEW shop.open AS SELECT id, status FROM shop."Order Items""#,
        """
        CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN NEW.status := lower(NEW.status); RETURN NEW; END'
        """,
        """
        CREATE TRIGGER touch BEFORE INSERT OR UPDATE OF status, region ON shop."Order Items"
          FOR EACH ROW EXECUTE FUNCTION shop.touch()
        """,
        """
        CREATE FUNCTION shop.states() RETURNS SETOF text BEGIN ATOMIC
          SELECT status FROM shop."Order Items"; END
        """,
        #"CREATE POLICY mine ON shop."Order Items" USING ("user" = CURRENT_USER)"#,
        #"ALTER TABLE shop."Order Items" ENABLE ROW LEVEL SECURITY"#,
        #"CREATE TABLE shop.notes (item bigint REFERENCES shop."Order Items")"#,
        "CREATE PUBLICATION all_tables FOR ALL TABLES",
        #"CREATE PUBLICATION two_columns FOR TABLE shop."Order Items" (id, status)"#,
        #"INSERT INTO shop."Order Items" (customer) SELECT NULL FROM generate_series(1, 1000)"#,
        #"ANALYZE shop."Order Items""#,
    ]

    @Test("every part of a table is read, whatever its names")
    func everything() async throws {
        let server = try await SandboxServer.shared()
        let connection = try await server.connect(database: server.makeDatabase())
        try await createRoles(connection)
        for statement in Self.everything { try await connection.run(statement) }
        var questions = Questions()
        questions.tables = ["shop.Order Items"]
        let facts = try await FactsReader.read(questions, on: connection)
        let table = try #require(facts.tables["shop.Order Items"])

        #expect(table.name == QualifiedName("shop", "Order Items"))
        #expect(table.kind == .table)
        #expect(table.owner == "postgres")
        #expect(table.isOwnedByUs)
        #expect(table.estimatedRows == 1000)
        #expect(table.heapBytes > 0)
        #expect(table.totalBytes > table.heapBytes)
        #expect(table.hasRowSecurity)
        #expect(!table.forcesRowSecurity)
        #expect(table.publications == ["all_tables", "two_columns"])
        #expect(table.subscriptions.isEmpty)
        #expect(table.primaryKey == ["id"])
        #expect(
            table.columns.map(\.name) == [
                "id", "status", "Unit \"Price", "customer", "region", "user", "token", "lower",
                "period", "doubled",
            ])
        #expect(
            table.column("status")
                == ColumnFacts(
                    name: "status", number: 2, type: "character varying(50)", isNotNull: true,
                    defaultText: "'new'::character varying", collation: #"pg_catalog."C""#,
                    comment: "where it's at", statisticsTarget: 500))
        #expect(table.column("id")?.generation == .identityAlways)
        #expect(table.column("doubled")?.generation == .stored)
        #expect(table.column("token")?.defaultIsVolatile == true)
        #expect(table.column("user")?.defaultIsVolatile == false)
        #expect(
            table.columnGrants == [
                "status": [
                    ColumnGrant(grantee: "clerk", privilege: "SELECT", isGrantable: true),
                    ColumnGrant(grantee: "clerk", privilege: "UPDATE", isGrantable: true),
                ],
                "customer": [ColumnGrant(grantee: nil, privilege: "SELECT", isGrantable: false)],
            ])
        #expect(
            table.referencedBy == [
                ForeignReference(
                    table: QualifiedName("shop", "notes"), constraint: "notes_item_fkey",
                    columns: ["id"])
            ])
        #expect(
            table.statistics.map { $0.definition.sql(renaming: "status", to: "s 2").text } == [
                #"(ndistinct) ON "s 2", customer, lower(region)"#
            ])
        #expect(
            table.dependents.map {
                "\($0.description): \($0.columns.sorted().joined(separator: " "))"
            }
            .sorted() == [
                #"function shop.states(): status"#,
                #"generated column doubled of table shop."Order Items": Unit "Price"#,
                #"policy mine on table shop."Order Items": user"#,
                #"publication of table shop."Order Items" in publication two_columns: id status"#,
                #"trigger touch on table shop."Order Items": region status"#,
                #"view shop.open: id status"#,
            ])
        #expect(
            table.triggers.map { "\($0.name) \($0.columns) \($0.function)" } == [
                #"touch ["status", "region"] shop.touch"#
            ])
        #expect(table.triggers.first?.source.contains("NEW.status :=") == true)
        #expect(table.triggers.first?.isBefore == true)
        try checkDefinitions(table)
        let copy = try JSONDecoder().decode(Facts.self, from: JSONEncoder().encode(facts))
        #expect(copy == facts)
        await connection.close()
    }

    private func checkDefinitions(_ table: TableFacts) throws {
        let index = try #require(table.indexes.first { $0.name.name.name == "by_status" })
        #expect(index.comment == "for the list")
        #expect(
            index.definition.sql(renaming: "status", to: "status_v2").text
                == #"USING btree (status_v2 text_pattern_ops DESC NULLS LAST, lower(lower), ((lower || ' lower '::text))) INCLUDE ("user") WHERE (((status_v2)::text <> 'status'::text) AND (customer > 1))"#
        )
        #expect(index.definition.columns == ["status", "lower", "user", "customer"])
        #expect(
            index.definition.sql(renaming: "lower", to: "Upper").text.hasPrefix(
                #"USING btree (status text_pattern_ops DESC NULLS LAST, lower("Upper"), (("Upper" || ' lower '::text)))"#
            ))
        let constraints = Dictionary(
            uniqueKeysWithValues: table.constraints.map { ($0.name, $0) })
        let known = try #require(constraints["known_status"])
        #expect(known.columns == ["status"])
        #expect(
            known.definition.sql(renaming: "status", to: "x").text.contains("'status'::character"))
        #expect(!known.definition.sql(renaming: "status", to: "x").text.contains("(status)"))
        #expect(constraints["later"]?.isValidated == false)
        #expect(
            constraints["later"]?.definition.sql(renaming: "lower", to: "b").text
                == "CHECK ((lower(b) <> ''::text)) NOT VALID")
        #expect(constraints["one_each"]?.isDeferrable == true)
        #expect(
            constraints["one_each"]?.definition.sql(renaming: "user", to: "u").text
                == "UNIQUE (customer, u) INCLUDE (status) DEFERRABLE")
        let foreign = try #require(table.constraints.first { $0.kind == .foreignKey })
        #expect(foreign.references == QualifiedName("shop", "customers"))
        #expect(foreign.columns == ["customer", "region"])
        #expect(
            foreign.definition.sql(renaming: "region", to: "zone").text
                == "FOREIGN KEY (customer, zone) REFERENCES shop.customers(id, region) ON DELETE SET NULL (zone)"
        )
        let exclusion = try #require(table.constraints.first { $0.kind == .exclusion })
        #expect(exclusion.definition.columns == ["period", "status"])
    }

    /// Roles belong to the whole server, which other tests use too.
    private func createRoles(_ connection: Connection) async throws {
        try await connection.run(
            """
            DO $$ BEGIN
              PERFORM pg_advisory_xact_lock(4711);
              IF to_regrole('clerk') IS NULL THEN CREATE ROLE clerk; END IF;
            END $$
            """)
    }
}
