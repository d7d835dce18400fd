import Foundation
import Migration
import Postgres

/// A table that is special in one way, on which every operation on columns is tried: `c` is what they
/// work on, `o` another column, always filled. Its rows are given in `fill`.
struct SpecialTable: Sendable {
    let name: String
    /// As the spec says the table and the column.
    var table: String { reference ?? name }
    var reference: String?
    var column = "c"
    /// As SQL says them.
    var quotedTable: SQL { quoted ?? SQL(writtenByUser: "public." + name) }
    var quoted: SQL?
    var quotedColumn: SQL { SQL(writtenByUser: Identifier(column).alwaysQuoted) }
    var type: String
    /// Makes the table with its rows; some `c` are NULL.
    let setup: [SQL]
    /// An expression for a value of `c`, constant.
    var value: String
    var key = "id"
    /// Another type, and how to go there and back.
    var other = (type: "text", up: "C::text", down: "N::T")
    /// Operations that are refused on it, with the rule.
    var refused: [String: String] = [:]

    private static func simple(
        _ name: String, _ type: String, _ expression: String, value: String, before: [SQL] = [],
        other: (type: String, up: String, down: String)? = nil, refused: [String: String] = [:]
    ) -> SpecialTable {
        var table = SpecialTable(
            name: name, type: type,
            setup: before + [
                "CREATE TABLE \(SQL(writtenByUser: name)) (id int PRIMARY KEY, c \(SQL(writtenByUser: type)), o int NOT NULL)",
                "INSERT INTO \(SQL(writtenByUser: name)) SELECT n, CASE WHEN n % 4 > 0 THEN \(SQL(writtenByUser: expression)) END, n FROM generate_series(1, 40) n",
            ], value: value)
        if let other { table.other = other }
        table.refused = refused
        return table
    }

    /// A column that a column of the domain can't be added for.
    private static let noDomain = [
        "replace_column": "domain-type", "rename_column": "domain-type",
        "add_column": "domain-type",
    ]

    static let all: [SpecialTable] = [
        simple(
            "enumerated", "mood", "(ARRAY['sad', 'ok'])[1 + n % 2]::mood", value: "'ok'::mood",
            before: ["CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')"]),
        simple("arrays", "integer[]", "ARRAY[n, NULL, n]", value: "'{}'::integer[]"),
        simple("documents", "jsonb", "jsonb_build_object('n', n)", value: "'{}'::jsonb"),
        // No operator = for it.
        simple(
            "texts", "json", "json_build_object('n', n)", value: "'{}'::json"),
        simple(
            "plain_domain", "label", "'l' || n", value: "'x'::label",
            before: ["CREATE DOMAIN label AS text"], refused: noDomain),
        simple(
            "strict_domain", "percent", "n", value: "0::percent",
            before: ["CREATE DOMAIN percent AS integer CHECK (VALUE BETWEEN 0 AND 100)"],
            refused: noDomain),
        simple(
            "toasted", "text",
            "(SELECT string_agg(md5(n::text || k), '') FROM generate_series(1, 640) k)",
            value: "repeat('z', 20000)",
            other: ("varchar(30000)", "C", "N")),
        simple(
            "audited", "text", "'a' || n", value: "'v'::text", before: [],
            other: ("varchar(30)", "C", "N")
        ).with(
            "CREATE TABLE audit (at timestamptz DEFAULT now(), row text)",
            "CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit (row) VALUES (NEW::text); RETURN NEW; END $$",
            "CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
            "CREATE TRIGGER before_it BEFORE INSERT OR UPDATE ON audited FOR EACH ROW EXECUTE FUNCTION pass()",
            "CREATE TRIGGER after_it AFTER INSERT OR UPDATE ON audited FOR EACH ROW EXECUTE FUNCTION audit()"
        ),
        SpecialTable(
            name: "composite", type: "numeric(8,2)",
            setup: [
                "CREATE TABLE composite (a int, \"B b\" text, c numeric(8,2), o int NOT NULL, PRIMARY KEY (\"B b\", a))",
                "INSERT INTO composite SELECT n / 3, 'k' || n, CASE WHEN n % 4 > 0 THEN n / 7.0 END, n FROM generate_series(1, 40) n",
            ], value: "0.5", key: "\"B b\", a",
            other: ("numeric(8,3)", "C", "N::numeric(8,2)")),
        SpecialTable(
            name: "keyless", type: "text",
            setup: [
                "CREATE TABLE keyless (c text, o int NOT NULL)",
                "INSERT INTO keyless SELECT CASE WHEN n % 4 > 0 THEN 'k' || n END, n FROM generate_series(1, 40) n",
            ], value: "'v'::text", key: "o", other: ("varchar(30)", "C", "N"),
            refused: ["backfill": "no-row-key", "set_not_null": "no-row-key"]),
        SpecialTable(
            name: "always", type: "text",
            setup: [
                "CREATE TABLE always (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, c text, o int NOT NULL)",
                "INSERT INTO always (c, o) SELECT CASE WHEN n % 4 > 0 THEN 'k' || n END, n FROM generate_series(1, 40) n",
            ], value: "'v'::text", other: ("varchar(30)", "C", "N")),
        SpecialTable(
            name: "target", type: "integer",
            setup: [
                "CREATE TABLE target (c int GENERATED ALWAYS AS IDENTITY, o int NOT NULL PRIMARY KEY)",
                "INSERT INTO target (o) SELECT n FROM generate_series(1, 40) n",
            ], value: "7", key: "o", other: ("bigint", "C", "N::integer"),
            refused: [
                "replace_column": "identity-column", "rename_column": "identity-column",
                "change_type": "identity-column", "set_not_null": "already-not-null",
                "backfill": "generated-column", "add_unique": "already-unique",
            ]),
        simple(
            "read", "integer", "n", value: "7", other: ("bigint", "C", "N::integer"),
            refused: ["drop_column": "generated-dependent"]
        ).with("ALTER TABLE read ADD twice int GENERATED ALWAYS AS (c * 2) STORED"),
        SpecialTable(
            name: "odd", reference: "Odd \"Schema\".Select",
            column: String(repeating: "ä", count: 29) + " \"x'",
            quoted: "\"Odd \"\"Schema\"\"\".\"Select\"", type: "text",
            setup: [
                "CREATE SCHEMA \"Odd \"\"Schema\"\"\"",
                "CREATE TABLE \"Odd \"\"Schema\"\"\".\"Select\" (id int PRIMARY KEY, \"\(SQL(writtenByUser: String(repeating: "ä", count: 29))) \"\"x'\" text, o int NOT NULL)",
                "INSERT INTO \"Odd \"\"Schema\"\"\".\"Select\" SELECT n, CASE WHEN n % 4 > 0 THEN 'k' || n END, n FROM generate_series(1, 40) n",
            ], value: "'v'::text", other: ("varchar(30)", "C", "N")),
        SpecialTable(
            name: "reserved", reference: "user", column: "group", quoted: "public.\"user\"",
            type: "text",
            setup: [
                "CREATE TABLE \"user\" (id int PRIMARY KEY, \"group\" text, o int NOT NULL)",
                "INSERT INTO \"user\" SELECT n, CASE WHEN n % 4 > 0 THEN 'k' || n END, n FROM generate_series(1, 40) n",
            ], value: "'v'::text", other: ("varchar(30)", "C", "N")),
        SpecialTable(
            name: "elsewhere", reference: "elsewhere.items", quoted: "elsewhere.items",
            type: "text",
            setup: [
                "CREATE SCHEMA elsewhere",
                "CREATE TABLE elsewhere.items (id int PRIMARY KEY, c text, o int NOT NULL)",
                "INSERT INTO elsewhere.items SELECT n, CASE WHEN n % 4 > 0 THEN 'k' || n END, n FROM generate_series(1, 40) n",
            ], value: "'v'::text", other: ("varchar(30)", "C", "N")),
        SpecialTable(
            name: "empty", type: "text",
            setup: ["CREATE TABLE empty (id int PRIMARY KEY, c text, o int NOT NULL)"],
            value: "'v'::text", other: ("varchar(30)", "C", "N")),
    ]

    private func with(_ more: SQL...) -> SpecialTable {
        var table = SpecialTable(name: name, type: type, setup: setup + more, value: value)
        table.other = other
        table.refused = refused
        return table
    }

    // MARK: operations

    /// One operation as the spec has it, with the column's names in place.
    func operation(_ kind: String) -> String {
        let up = Identifier(column).quoted
        let new = "fresh"
        func filled(_ text: String) -> String {
            text.replacing("C", with: up).replacing("N", with: new).replacing("T", with: type)
        }
        let start = "table: \(yaml(table)), column: \(yaml(column))"
        return switch kind {
        case "replace_column":
            "replace_column: {\(start), with: {name: \(new), type: \(yaml(type))}, up: \(yaml(up)), down: \(new), unrepresentable: reject}"
        case "rename_column":
            "rename_column: {table: \(yaml(table)), from: \(yaml(column)), to: \(new)}"
        case "change_type":
            "change_type: {\(start), type: \(yaml(other.type)), up: \(yaml(filled(other.up))), down: \(yaml(filled(other.down))), with: \(new), unrepresentable: reject}"
        case "add_column":
            "add_column: {table: \(yaml(table)), column: {name: \(new), type: \(yaml(type))}, up: \(yaml(up))}"
        case "set_not_null":
            "set_not_null: {\(start), up: \(yaml(value)), keep: true}"
        case "backfill":
            "backfill: {table: \(yaml(table)), set: {\(yaml(column)): \(yaml(value))}, where: \(yaml("\(up) IS NULL")), keep: true}"
        case "add_check":
            "add_check: {table: \(yaml(table)), name: it, check: \(yaml("\(up) IS NULL OR o > 0"))}"
        case "add_foreign_key":
            "add_foreign_key: {table: \(yaml(table)), columns: [o], references: {table: numbers, columns: [n]}}"
        case "add_unique":
            "add_unique: {table: \(yaml(table)), columns: [o], name: \(yaml("\(name) once"))}"
        case "drop_column": "drop_column: {\(start)}"
        default: fatalError("no operation \(kind)")
        }
    }

    private func yaml(_ text: String) -> String {
        "'" + text.replacing("'", with: "''") + "'"
    }

    /// What the table's rows are, as one value.
    var rows: SQL {
        "SELECT coalesce(md5(string_agg(\(quotedColumn)::text || ' ' || o, ';' ORDER BY o)), 'none') || count(\(quotedColumn)) FROM \(quotedTable)"
    }
}
