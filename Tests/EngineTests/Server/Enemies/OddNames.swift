import Foundation
import Migration
import Postgres
import Testing

/// Names for all that an operation meets, made to end a quotation, a body or a comment of ours early.
struct OddNames: Sendable, CustomTestStringConvertible {
    var testDescription: String { words }

    let words: String
    /// Whether the schema of traps stands before `pg_catalog` in the migrator's path.
    var isHostile = false
    let schema: String
    /// The table, what was `status`, what was `note`, and an index and a constraint of theirs.
    let table: String
    let status: String
    let note: String
    let index: String
    let check: String
    /// What an operation makes: a column, a table, an index, a constraint.
    let column: String
    let newTable: String
    let newIndex: String
    let newCheck: String
    /// Another table, to be referenced or dropped.
    let other: String

    /// The role that migrates, and the application's.
    static let migrator = "mi\"gra'tor; DROP TABLE canary; --"
    static let application = "ap\"plica'tion"

    /// A quote with a combining mark is one Character to Swift and two to PostgreSQL; so is a tag of ours
    /// with one behind it.
    private static let sting =
        "\"\u{301};DROP TABLE canary--'\\$lk$\u{301}$lockkeeper$%I*/\n\u{202E}"

    static let injecting: OddNames = {
        var names = named("made to inject SQL") { "\($0)\(sting)" }
        names.isHostile = true
        return names
    }()

    /// Exactly as long as PostgreSQL stores them, with more bytes than letters.
    static let longest = named("of 63 bytes") { name in
        let rest = Identifier.maximumBytes - name.utf8.count
        return name + String(repeating: "é", count: rest / 2) + (rest % 2 == 1 ? "x" : "")
    }

    /// What SQL and PL/pgSQL have a meaning of their own for, and capitals.
    static let keywords = OddNames(
        words: "of keywords and capitals", schema: "Select", table: "NEW", status: "user",
        note: "found", index: "ORDER", check: "Check", column: "tg_op", newTable: "table",
        newIndex: "begin", newCheck: "if", other: "OLD")

    private static func named(_ words: String, _ make: (String) -> String) -> OddNames {
        OddNames(
            words: words, schema: make("s"), table: make("t"), status: make("a"), note: make("n"),
            index: make("i"), check: make("c"), column: make("b"), newTable: make("u"),
            newIndex: make("j"), newCheck: make("d"), other: make("o"))
    }

    /// Names of columns, in SQL.
    func sql(_ name: String) -> String { Identifier(name).quoted }

    func relation(_ name: String) -> QualifiedName { QualifiedName(schema, name) }

    /// As `table:` takes them: schema and name, each in quotes.
    func spec(_ name: String) -> String {
        yaml(Identifier(schema).alwaysQuoted + "." + Identifier(name).alwaysQuoted)
    }

    /// A scalar of YAML, in double quotes.
    func yaml(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case "\n": quoted += "\\n"
            case let scalar where scalar.isASCII: quoted.unicodeScalars.append(scalar)
            default: quoted += String(format: "\\U%08X", scalar.value)
            }
        }
        return quoted + "\""
    }

    /// A status as the application stores it; the model's own words are plain.
    @Sendable static func value(_ status: String) -> String {
        "it's \"\(status)\" \\ $$ $lk$ %s;\n-- */"
    }

    /// Makes of the orders a table of these names, whose owner is the migrator.
    var setup: [SQL] {
        let (table, schema) = (relation(table), Identifier(schema))
        let (migrator, application) = (
            Identifier(Self.migrator), Identifier(Self.application)
        )
        let values = ["new", "paid", "sent", "lost"].map { "\(literal: Self.value($0))" as SQL }
        return [
            "CREATE TABLE canary ()",
            "CREATE SCHEMA \(schema)",
            "ALTER TABLE orders RENAME status TO \(Identifier(status))",
            "ALTER TABLE orders RENAME note TO \(Identifier(note))",
            "ALTER INDEX orders_status RENAME TO \(Identifier(index))",
            "ALTER INDEX orders_pkey RENAME TO \(Identifier("p" + index.dropFirst()))",
            "ALTER TABLE orders RENAME TO \(table.name)",
            "ALTER TABLE \(table.name) SET SCHEMA \(schema)",
            "CREATE TYPE \(relation("e" + column.dropFirst())) AS ENUM (\(values.joined(separator: ", ")))",
            """
            UPDATE \(table) SET \(Identifier(status)) = CASE \(Identifier(status))
              WHEN 'new' THEN \(values[0]) WHEN 'paid' THEN \(values[1]) ELSE \(values[2]) END
            """,
            "ALTER TABLE \(table) ALTER \(Identifier(status)) SET DEFAULT \(values[0])",
            """
            ALTER TABLE \(table) ADD CONSTRAINT \(Identifier(check)) CHECK
              (\(Identifier(status)) <> \(literal: check))
            """,
            "COMMENT ON COLUMN \(table).\(Identifier(status)) IS \(literal: check)",
            "COMMENT ON CONSTRAINT \(Identifier(check)) ON \(table) IS \(literal: status)",
            "CREATE TABLE \(relation(other)) (\(Identifier(status)) varchar(50) PRIMARY KEY)",
            "INSERT INTO \(relation(other)) VALUES (\(values.joined(separator: "), (")))",
            "ALTER TABLE \(table) OWNER TO \(migrator)",
        ] + ReadmeRights.statements(schema: schema, other: relation(other)) + [
            "GRANT USAGE ON SCHEMA \(schema) TO \(application)",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON \(table) TO \(application)",
            // What the subquery of a fill-on-write trigger reads, it reads as the writer.
            "GRANT SELECT ON \(relation(other)) TO \(application)",
        ]
    }
}
