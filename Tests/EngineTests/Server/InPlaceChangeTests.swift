import Migration
import Postgres
import Testing

@testable import Engine
@testable import Migration

/// Each entry of the list of type changes that are made in the catalogue alone, and near misses.
@Suite("Type changes in place", .fewAtATime)
struct InPlaceChangeTests {
    private static let files: SQL = """
        SELECT string_agg(pg_relation_filenode(c.oid)::text, ',' ORDER BY c.relname)
          FROM pg_class c WHERE c.relname IN ('t', 't_b', 't_pair')
        """

    @Test(
        "the table and its indexes keep their files exactly where the list says so",
        arguments: [
            ("varchar(5)", "varchar(9)"), ("varchar(5)", "varchar"), ("varchar(5)", "text"),
            ("text", "varchar"), ("numeric(5,2)", "numeric(9,2)"), ("numeric(5,2)", "numeric"),
            ("varbit(5)", "varbit(9)"), ("varbit(5)", "varbit"), ("timestamp(2)", "timestamp(4)"),
            ("timestamptz(2)", "timestamptz"), ("time(1)", "time(3)"), ("timetz(1)", "timetz"),
            ("varchar(9)", "varchar(5)"), ("text", "varchar(9)"), ("numeric(5,2)", "numeric(9,3)"),
            ("char(5)", "char(9)"), ("integer", "bigint"), ("timestamp(4)", "timestamp(2)"),
            ("bit(5)", "bit(9)"),
        ])
    func files(_ old: String, _ new: String) async throws {
        let (from, to) = (SQL(writtenByUser: old), SQL(writtenByUser: new))
        let stage = try await Stage.make(
            of: "CREATE TABLE t (id int, b \(from))", "CREATE INDEX t_b ON t (b)",
            "CREATE UNIQUE INDEX t_pair ON t (b DESC, id)")
        let type: SQL = """
            SELECT format_type(atttypid, atttypmod) FROM pg_attribute
             WHERE attrelid = 't'::regclass AND attname = 'b'
            """
        let oldName = try await stage.value(type) ?? ""
        let before = try await stage.value(Self.files)
        try await stage.run("ALTER TABLE t ALTER b TYPE \(to)")
        let newName = try await stage.value(type) ?? ""
        let isInPlace = try await stage.value(Self.files) == before
        let change = InPlaceChange(of: Identifier("b"), from: oldName, to: newName)
        #expect((change != nil) == isInPlace, "\(oldName) to \(newName)")
    }
}
