import Foundation
import Migration
import Postgres
import Testing

@testable import Engine

@Suite("What a replacement copies", .fewAtATime)
struct CopiedPropertyTests {
    @Test(
        "a column that takes the old one's name in the end has all that had: a dump says the same, in another order"
    )
    func everything() async throws {
        let stage = try await Stage.make(
            of: "CREATE TABLE states (code varchar(20) PRIMARY KEY)",
            "INSERT INTO states VALUES ('new'), ('paid')",
            """
            CREATE TABLE orders (id int PRIMARY KEY, part int NOT NULL,
              status varchar(20) DEFAULT 'new' CONSTRAINT given NOT NULL
                CONSTRAINT known CHECK (status <> 'odd')
                CONSTRAINT to_state REFERENCES states ON UPDATE CASCADE,
              CONSTRAINT once UNIQUE (status, id))
            """,
            "INSERT INTO orders SELECT n, n, CASE WHEN n % 2 = 0 THEN 'new' ELSE 'paid' END FROM generate_series(1, 60) n",
            "CREATE INDEX by_lower ON orders (lower(status), part) INCLUDE (id) WITH (fillfactor = 70)",
            "ALTER INDEX by_lower ALTER COLUMN 1 SET STATISTICS 333",
            "CREATE STATISTICS both_kinds (dependencies) ON status, part FROM orders",
            "ALTER STATISTICS both_kinds SET STATISTICS 77",
            "COMMENT ON STATISTICS both_kinds IS 'they go together'",
            "COMMENT ON INDEX by_lower IS 'for the search'",
            "COMMENT ON CONSTRAINT once ON orders IS 'it''s one each'",
            "COMMENT ON INDEX once IS 'of the constraint'",
            "COMMENT ON CONSTRAINT known ON orders IS 'no odd ones'",
            "COMMENT ON CONSTRAINT to_state ON orders IS 'to the list'",
            "COMMENT ON COLUMN orders.status IS 'where it stands'",
            "ALTER TABLE orders ALTER status SET STATISTICS 222",
            "ALTER TABLE orders ALTER status SET STORAGE EXTERNAL",
            "GRANT SELECT (status) ON orders TO PUBLIC",
            """
            DO $$ BEGIN
              IF current_setting('server_version_num')::int >= 180000 THEN
                COMMENT ON CONSTRAINT given ON orders IS 'always known';
              END IF;
            END $$
            """)
        let text = """
            name: orders-status
            operations:
              - replace_column:
                  table: orders
                  column: status
                  with: {name: state, type: varchar(20)}
                  up: status
                  down: state
                  final_name: status
            settings: {throttle: {replication_lag: null}}
            checklist: []
            """
        let before = try await stage.schema()
        #expect(try await stage.advance(to: .contract, text) == .reached(.contract))
        #expect(try await stage.rollBack() == .rolledBack(to: nil))
        #expect(try await stage.schema() == before)
        #expect(try await stage.finish(text) == .finished)
        #expect(try await lines(stage.schema()) == lines(before))
    }

    /// The dump's lines without their order, which the column's place decides, nor commas, nor the
    /// columns of the table, whose default is written with its cast.
    private func lines(_ dump: String) -> [String] {
        dump.split(separator: "\n").map {
            $0.trimmingCharacters(in: CharacterSet(charactersIn: " ,"))
        }.filter { !$0.hasPrefix("--") && !$0.hasPrefix("\\") }.sorted()
    }
}
