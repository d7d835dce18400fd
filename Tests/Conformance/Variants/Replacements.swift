import Migration
import Postgres

/// Replacements, added columns, indexes, fills, and SQL of the user's.
extension Variant {
    private static let loud = Dialect(column: "status_v2", write: { $0.uppercased() })

    /// `replace_column` with clients of both versions, `status` in small letters, `status_v2` in large.
    private static func replacing(
        _ name: String, with column: String = "{name: status_v2, type: varchar(50)}",
        _ rest: String = "unrepresentable: reject", shows: [String]
    ) -> Variant {
        Variant(
            name: name,
            operations: """
                  - replace_column:
                      table: orders
                      column: status
                      with: \(column)
                      up: upper(status)
                      down: lower(status_v2)
                      \(rest)
                """,
            new: loud, result: "status_v2", expected: { [$0.status.uppercased()] }, shows: shows,
            hides: [" status character"])
    }

    package static let replacements: [Variant] = [
        {
            var variant = replacing(
                "replace_column",
                shows: [
                    "status_v2 character varying(50) DEFAULT 'NEW'::character varying(50) NOT NULL"
                ])
            variant.backFrom = Phase.allCases
            return variant
        }(),
        replacing(
            "replace_column with a default of its own, and nullable",
            with: "{name: status_v2, type: text, nullable: true, default: \"'NEW'::text\"}",
            shows: ["status_v2 text DEFAULT 'NEW'::text\n"]),
        {
            var variant = replacing(
                "replace_column that takes the old name in the end",
                "unrepresentable: reject\n      final_name: status",
                shows: ["status character varying(50) DEFAULT 'NEW'", "INDEX orders_status ON"])
            variant.hides = ["status_v2"]
            variant.result = "status"
            return variant
        }(),
        {
            var variant = replacing(
                "replace_column from nullable to NOT NULL",
                with: "{name: status_v2, type: text, nullable: false}",
                shows: ["status_v2 text DEFAULT 'NEW'::text NOT NULL"])
            variant.setup = ["ALTER TABLE orders ALTER status DROP NOT NULL"]
            return variant
        }(),
        Variant(
            name: "replace_column without down",
            operations: """
                  - replace_column:
                      table: orders
                      column: status
                      with: {name: status_v2, type: text}
                      up: upper(status)
                """,
            result: "status_v2", expected: { [$0.status.uppercased()] },
            backFrom: [.migrate, .switch, .contract],
            shows: ["status_v2 text DEFAULT 'NEW'::text NOT NULL"], hides: [" status character"]),
        Variant(
            name: "replace_column from text to int",
            operations: """
                  - replace_column:
                      table: orders
                      column: status
                      with: {name: code, type: int}
                      up: "CASE status WHEN 'new' THEN 1 WHEN 'paid' THEN 2 WHEN 'sent' THEN 3 ELSE 4 END"
                      down: "CASE code WHEN 1 THEN 'new' WHEN 2 THEN 'paid' WHEN 3 THEN 'sent' ELSE 'lost' END"
                      unrepresentable: reject
                """,
            new: Dialect(column: "code", write: { code($0) }), result: "code",
            expected: { [code($0.status)] }, shows: ["code integer DEFAULT", "NOT NULL"],
            hides: [" status character"]),
        Variant(
            name: "two replacements in one file",
            operations: """
                  - replace_column:
                      table: orders
                      column: status
                      with: {name: status_v2, type: varchar(50)}
                      up: upper(status)
                      down: lower(status_v2)
                      unrepresentable: reject
                  - replace_column:
                      table: orders
                      column: note
                      with: {name: remark, type: text}
                      up: note
                      down: remark
                """,
            new: loud, result: "status_v2, remark = repeat('x', 120) OR id > 400",
            expected: { [$0.status.uppercased(), "t"] }, hides: [" status character", " note text"]),
        Variant(
            name: "add_column, nullable",
            operations: "  - add_column: {table: orders, column: {name: channel, type: text}}",
            result: "status, channel", expected: { [$0.status, nil] }, backFrom: [.expand],
            shows: ["channel text"]),
        Variant(
            name: "add_column with a constant default",
            operations: """
                  - add_column:
                      table: orders
                      column: {name: channel, type: text, nullable: false, default: "'web'"}
                """,
            result: "status, channel", expected: { [$0.status, "web"] }, backFrom: [.expand],
            shows: ["channel text DEFAULT 'web'::text NOT NULL"]),
        Variant(
            name: "add_column with a volatile default",
            operations: """
                  - add_column:
                      table: orders
                      column: {name: token, type: uuid, nullable: false, default: gen_random_uuid()}
                """,
            result: "status, token IS NULL", expected: { [$0.status, "f"] },
            backFrom: [.migrate, .backfill],
            shows: ["token uuid DEFAULT gen_random_uuid() NOT NULL"]),
        Variant(
            name: "add_column NOT NULL with up",
            operations: """
                  - add_column:
                      table: orders
                      column: {name: label, type: text, nullable: false}
                      up: "'order ' || id"
                """,
            result: "status, label = 'order ' || id", expected: { [$0.status, "t"] },
            backFrom: [.expand, .switch],
            shows: ["label text NOT NULL"]),
        Variant(
            name: "add_column beside a replacement, whose quarantine keeps the way back open",
            operations: """
                  - add_column:
                      table: orders
                      column: {name: label, type: text, nullable: false, default: "'none'"}
                      up: "'order ' || id"
                  - replace_column:
                      table: orders
                      column: note
                      with: {name: remark, type: text}
                      up: note
                      down: remark
                """,
            result: "status, label = 'order ' || id", expected: { [$0.status, "t"] },
            backFrom: [.contract], shows: ["label text DEFAULT 'none'::text NOT NULL"],
            hides: [" note text"]),
        Variant(
            name: "create_index: unique, partial, on an expression, covering",
            operations: """
                  - create_index: {table: orders, columns: [id, status], unique: true, name: by_id}
                  - create_index: {table: orders, columns: [amount], where: amount > 5, name: by_amount}
                  - create_index:
                      table: orders
                      columns: [{expression: lower(status), order: desc}]
                      include: [amount]
                      name: by_lower
                """,
            backFrom: [.expand],
            shows: [
                "UNIQUE INDEX by_id", "INDEX by_amount", "WHERE (amount > (5)::numeric)",
                "INDEX by_lower", "INCLUDE (amount)",
            ]),
        Variant(
            name: "backfill",
            operations: """
                  - backfill:
                      table: orders
                      set: {note: "'none'"}
                      where: note IS DISTINCT FROM 'none'
                """,
            old: nil, result: "status, note", expected: { [$0.status, "none"] },
            backFrom: [.backfill]),
        Variant(
            name: "backfill that keeps what it writes over",
            operations: """
                  - backfill:
                      table: orders
                      set: {note: "'none'"}
                      where: note IS DISTINCT FROM 'none'
                      keep: true
                """,
            old: nil, result: "status, note", expected: { [$0.status, "none"] },
            backFrom: [.backfill, .switch, .contract]),
        Variant(
            name: "sql, in a transaction and outside",
            operations: """
                  - sql:
                      phase: expand
                      up: CREATE TABLE order_notes (id bigint)
                      down: DROP TABLE order_notes
                  - sql:
                      phase: backfill
                      up: CREATE INDEX CONCURRENTLY by_amount ON orders (amount)
                      down: DROP INDEX CONCURRENTLY by_amount
                      transaction: false
                      done: SELECT coalesce((SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('by_amount')), false)
                """, backFrom: [.expand, .backfill],
            shows: ["TABLE public.order_notes", "INDEX by_amount"]),
    ]

    package static func code(_ status: String) -> String {
        switch status {
        case "new": "1"
        case "paid": "2"
        case "sent": "3"
        default: "4"
        }
    }
}
