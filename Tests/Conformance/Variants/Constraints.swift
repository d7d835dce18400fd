import Migration
import Postgres

/// Constraints that come to a table, and go, while clients write what they allow.
extension Variant {
    /// States to reference, of which every client's status is one.
    private static let states: [SQL] = [
        "CREATE TABLE states (code varchar(50) PRIMARY KEY, number int NOT NULL UNIQUE)",
        "INSERT INTO states VALUES ('new', 1), ('paid', 2), ('sent', 3), ('lost', 4)",
    ]

    /// A replacement of another column, whose quarantine keeps the way back from Contract open.
    private static let beside = """
          - replace_column:
              table: orders
              column: note
              with: {name: remark, type: text}
              up: note
              down: remark
        """

    package static let constraints: [Variant] = checks + notNulls + foreignKeys + uniques + drops

    private static let checks = [
        Variant(
            name: "add_check",
            operations: """
                  - add_check: {table: orders, name: status_known, check: "status IN ('new', 'paid', 'sent', 'lost')"}
                """,
            backFrom: [.migrate, .backfill, .switch], shows: ["CONSTRAINT status_known CHECK"],
            hides: ["NOT VALID"]),
        Variant(
            name: "add_check that passes where it is NULL",
            operations: """
                  - add_check: {table: orders, name: note_filled, check: note <> ''}
                """,
            setup: ["UPDATE orders SET note = NULL WHERE id % 3 = 0"], backFrom: [.backfill],
            shows: ["CONSTRAINT note_filled CHECK"], hides: ["NOT VALID"]),
    ]

    private static let notNulls = [
        Variant(
            name: "set_not_null",
            operations: "  - set_not_null: {table: orders, column: note}",
            setup: ["ALTER TABLE orders ALTER note SET DEFAULT ''"],
            backFrom: [.migrate, .backfill, .switch],
            shows: ["note text DEFAULT ''::text NOT NULL"],
            hides: ["CHECK"]),
        Variant(
            name: "set_not_null with up",
            operations: """
                  - set_not_null: {table: orders, column: note, up: "coalesce(note, 'order ') || id"}
                """,
            setup: ["UPDATE orders SET note = NULL WHERE id % 3 = 0"],
            result:
                "status, note = CASE WHEN id % 3 <> 0 AND id <= 400 THEN repeat('x', 120) ELSE 'order ' || id END",
            expected: { [$0.status, "t"] }, backFrom: [.expand, .migrate, .backfill, .switch],
            shows: ["note text NOT NULL"], hides: ["CHECK"]),
        Variant(
            name: "set_not_null that keeps which rows had NULL",
            operations: """
                  - set_not_null: {table: orders, column: note, up: "coalesce(note, 'order ') || id", keep: true}
                """,
            setup: ["UPDATE orders SET note = NULL WHERE id % 3 = 0"],
            result:
                "status, note = CASE WHEN id % 3 <> 0 AND id <= 400 THEN repeat('x', 120) ELSE 'order ' || id END",
            expected: { [$0.status, "t"] },
            backFrom: [.expand, .migrate, .backfill, .switch, .contract],
            shows: ["note text NOT NULL"], hides: ["CHECK"]),
        Variant(
            name: "set_not_null with up, back from a Contract that is kept open",
            operations: """
                  - set_not_null: {table: orders, column: amount, up: "0"}
                \(beside)
                """,
            setup: ["ALTER TABLE orders ALTER amount DROP NOT NULL"], backFrom: [.contract],
            shows: ["amount numeric DEFAULT 0 NOT NULL"], hides: ["CHECK", " note text"]),
    ]

    private static let foreignKeys = [
        Variant(
            name: "add_foreign_key",
            operations: """
                  - add_foreign_key:
                      table: orders
                      columns: [status]
                      references: {table: states, columns: [code]}
                      on_update: cascade
                """,
            setup: states, backFrom: [.migrate, .backfill, .switch],
            shows: [
                "CONSTRAINT orders_status_fkey FOREIGN KEY (status) REFERENCES public.states(code) ON UPDATE CASCADE"
            ], hides: ["NOT VALID"]),
        Variant(
            name: "add_foreign_key to the table itself, orphans set to NULL",
            operations: """
                  - add_foreign_key:
                      table: orders
                      columns: [parent]
                      references: {table: orders, columns: [id]}
                      on_delete: set null
                      orphans: null
                      name: orders_parent
                """,
            setup: [
                "ALTER TABLE orders ADD parent bigint", "CREATE INDEX by_parent ON orders (parent)",
                "UPDATE orders SET parent = CASE WHEN id % 5 = 0 THEN -id ELSE 401 - id END",
            ],
            result: "status, parent IS NULL OR parent IN (SELECT id FROM orders)",
            expected: { [$0.status, "t"] }, backFrom: [.backfill],
            shows: ["CONSTRAINT orders_parent FOREIGN KEY (parent)"], hides: ["NOT VALID"]),
        Variant(
            name: "add_foreign_key of two columns, one of which may be NULL",
            operations: """
                  - add_foreign_key:
                      table: orders
                      columns: [status, number]
                      references: {table: states, columns: [code, number]}
                      orphans: null
                """,
            setup: states + [
                "ALTER TABLE states ADD UNIQUE (number, code)", "ALTER TABLE orders ADD number int",
                "UPDATE orders SET number = 1 + id % 2",
            ],
            // The clients know nothing of the pair: an UPDATE of status alone would break it.
            old: nil,
            result:
                "status, (number IS NULL) = (NOT EXISTS (SELECT FROM states s WHERE s.code = status AND s.number = 1 + id % 2))",
            expected: { [$0.status, "t"] }, backFrom: [.backfill],
            shows: ["FOREIGN KEY (status, number) REFERENCES public.states(code, number)"],
            hides: ["NOT VALID"]),
        Variant(
            name: "add_foreign_key on a new column that is filled from the other table",
            operations: """
                  - add_foreign_key:
                      table: orders
                      columns: [state]
                      references: {table: states, columns: [number]}
                      new_column: {name: state, type: int}
                      up: (SELECT s.number FROM states s WHERE s.code = orders.status)
                """,
            setup: states, result: "status, state IS NOT NULL", expected: { [$0.status, "t"] },
            backFrom: [.expand, .migrate, .backfill, .switch],
            shows: ["state integer", "FOREIGN KEY (state) REFERENCES public.states(number)"],
            hides: ["NOT VALID"]),
        Variant(
            name: "add_foreign_key on a new column without a value",
            operations: """
                  - add_foreign_key:
                      table: orders
                      columns: [state]
                      references: {table: states, columns: [number]}
                      new_column: {name: state, type: int}
                """,
            setup: states, result: "status, state", expected: { [$0.status, nil] },
            backFrom: [.backfill],
            shows: ["FOREIGN KEY (state) REFERENCES public.states(number)"], hides: ["NOT VALID"]),
    ]

    private static let uniques = [
        Variant(
            name: "add_unique",
            operations: "  - add_unique: {table: orders, columns: [token]}",
            setup: [
                "ALTER TABLE orders ADD token uuid DEFAULT gen_random_uuid()",
                "UPDATE orders SET token = NULL WHERE id % 5 = 0",
            ],
            backFrom: [.migrate, .backfill, .switch],
            shows: ["CONSTRAINT orders_token_key UNIQUE (token)"]),
        Variant(
            name: "add_unique of two columns, by a name of its own",
            operations: """
                  - add_unique: {table: orders, columns: [status, id], name: "Status, Id"}
                """,
            backFrom: [.backfill], shows: ["CONSTRAINT \"Status, Id\" UNIQUE (status, id)"]),
    ]

    /// Each with a replacement beside it: alone it finishes with its only step.
    private static func dropping(
        _ name: String, of what: String, setup: [SQL], hides: [String]
    ) -> Variant {
        Variant(
            name: "drop_constraint of \(what)",
            operations: """
                  - drop_constraint: {table: orders, name: \(name)}
                \(beside)
                """,
            setup: setup, backFrom: [.contract], shows: ["remark text"],
            hides: hides + [" note text"])
    }

    private static let drops = [
        Variant(
            name: "drop_constraint alone",
            operations: "  - drop_constraint: {table: orders, name: status_filled}",
            setup: ["ALTER TABLE orders ADD CONSTRAINT status_filled CHECK (status <> '')"],
            backFrom: [], hides: ["CHECK"]),
        dropping(
            "status_filled", of: "a check",
            setup: [
                "ALTER TABLE orders ADD CONSTRAINT status_filled CHECK (status <> '' OR id < 0)",
                "COMMENT ON CONSTRAINT status_filled ON orders IS 'says something'",
            ], hides: ["CHECK"]),
        dropping(
            "status_unproven", of: "a check that was never proven",
            setup: [
                "ALTER TABLE orders ADD CONSTRAINT status_unproven CHECK (status <> 'old') NOT VALID"
            ], hides: ["CHECK"]),
        dropping(
            "orders_state", of: "a foreign key",
            setup: states + [
                "ALTER TABLE orders ADD CONSTRAINT orders_state FOREIGN KEY (status) REFERENCES states ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED"
            ], hides: ["FOREIGN KEY"]),
        dropping(
            "orders_token", of: "a deferrable unique constraint",
            setup: [
                "ALTER TABLE orders ADD token uuid DEFAULT gen_random_uuid()",
                "UPDATE orders SET token = NULL WHERE id % 5 = 0",
                "ALTER TABLE orders ADD CONSTRAINT orders_token UNIQUE (token) INCLUDE (amount) DEFERRABLE",
                "COMMENT ON CONSTRAINT orders_token ON orders IS 'one each'",
                "COMMENT ON INDEX orders_token IS 'of the constraint'",
            ], hides: ["UNIQUE"]),
        dropping("orders_pkey", of: "the primary key", setup: [], hides: ["PRIMARY KEY"]),
    ]
}
