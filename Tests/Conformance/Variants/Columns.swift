import Migration

extension Variant {
    /// Operations on a column that is there.
    package static let columns: [Variant] = [
        Variant(
            name: "rename_column",
            operations: "  - rename_column: {table: orders, from: status, to: state}",
            new: Dialect(column: "state"), result: "state", expected: { [$0.status] },
            backFrom: Phase.allCases,
            shows: ["state character varying(50) DEFAULT 'new'", "orders_state"],
            hides: [" status character"]),
        Variant(
            name: "drop_column with a default",
            operations: "  - drop_column: {table: orders, column: status}",
            new: Dialect(column: nil), result: "'gone'", expected: { _ in ["gone"] },
            backFrom: [.migrate, .switch, .contract], hides: ["status"]),
        Variant(
            name: "drop_column that is NOT NULL, under a version that does not write it",
            operations: "  - drop_column: {table: orders, column: status}",
            setup: [
                "UPDATE orders SET note = status",
                "ALTER TABLE orders ALTER note SET DEFAULT 'new'",
                "ALTER TABLE orders ALTER status DROP DEFAULT",
            ], old: nil, new: Dialect(column: "note"), result: "note",
            // With the new version's rows it is mended first: ColumnRuleTests.
            backFrom: [], hides: [" status character", "orders_status"]),
        Variant(
            name: "change_type in place, with a check and an index",
            operations: "  - change_type: {table: orders, column: status, type: varchar(80)}",
            setup: ["ALTER TABLE orders ADD CONSTRAINT known CHECK (status <> '')"],
            backFrom: [.expand], shows: ["status character varying(80) DEFAULT 'new'", "known"]),
        Variant(
            name: "change_type by replacement, back to the old name",
            operations: """
                  - change_type:
                      table: orders
                      column: status
                      type: varchar(80)
                      method: replace
                      unrepresentable: reject
                """,
            new: Dialect(column: "status_new"), result: "status", expected: { [$0.status] },
            shows: ["status character varying(80) DEFAULT 'new'"], hides: ["status_new"]),
        Variant(
            name: "change_type by replacement, with expressions",
            operations: """
                  - change_type:
                      table: orders
                      column: status
                      type: int
                      with: code
                      up: "CASE status WHEN 'new' THEN 1 WHEN 'paid' THEN 2 WHEN 'sent' THEN 3 ELSE 4 END"
                      down: "CASE code WHEN 1 THEN 'new' WHEN 2 THEN 'paid' WHEN 3 THEN 'sent' ELSE 'lost' END"
                      unrepresentable: reject
                """,
            new: Dialect(column: "code", write: { code($0) }), expected: { [code($0.status)] },
            shows: ["status integer DEFAULT 1 NOT NULL", "INDEX orders_status ON"], hides: ["code"]),
        Variant(
            name: "replace_column whose sides the application writes",
            operations: """
                  - replace_column:
                      table: orders
                      column: status
                      with: {name: state, type: text}
                      up: status
                      writes: application
                """,
            old: nil, result: "state", expected: { [$0.status] },
            backFrom: [.migrate, .switch, .contract],
            shows: ["state text DEFAULT 'new'"], hides: [" status character"]),
    ]
}
