import Migration
import Postgres

/// Whole tables, and an index by its name. Rights are given to roles that every server has.
extension Variant {
    static let ofTables: [Variant] = [
        Variant(
            name: "drop_index",
            operations: """
                  - drop_index: {name: orders_status}
                  - drop_index: {name: Odd Index}
                """,
            setup: [
                "COMMENT ON INDEX orders_status IS 'for the list'",
                """
                CREATE UNIQUE INDEX "Odd Index" ON orders (lower(note || id), id DESC) INCLUDE (amount)
                  NULLS NOT DISTINCT WITH (fillfactor = 70) WHERE note <> 'where'
                """,
                "ALTER INDEX \"Odd Index\" ALTER COLUMN 1 SET STATISTICS 321",
                "COMMENT ON INDEX \"Odd Index\" IS 'it''s odd'",
            ], hides: ["orders_status", "Odd Index"]),
        Variant(
            name: "rename_table by a view",
            operations: "  - rename_table: {from: orders, to: purchases}",
            setup: [
                "COMMENT ON TABLE orders IS 'what customers asked for'",
                "GRANT SELECT, INSERT ON orders TO pg_monitor",
                "GRANT UPDATE (amount), SELECT (note) ON orders TO pg_read_all_settings WITH GRANT OPTION",
                "CREATE POLICY all_of_it ON orders USING (true)",
                "CREATE VIEW open_orders AS SELECT id FROM orders WHERE status = 'new'",
                "CREATE TABLE notes (order_id bigint REFERENCES orders ON DELETE CASCADE)",
            ],
            new: Dialect(table: "purchases"), resultTable: "purchases",
            backFrom: [.expand, .migrate, .switch, .contract],
            shows: [
                "TABLE public.purchases", "TABLE public.purchases TO pg_monitor",
                "INDEX orders_status ON public.purchases",
            ], hides: ["VIEW public.orders", "TABLE public.orders "]),
        Variant(
            name: "create_table with foreign keys to a table that is written",
            operations: """
                  - create_table:
                      table: order_notes
                      columns:
                        - {name: id, type: bigint, identity: always}
                        - {name: order_id, type: bigint, nullable: false, comment: whose}
                        - {name: answers, type: bigint, references: {table: order_notes, column: id}}
                        - {name: body, type: text, default: "'none'", check: body <> ''}
                      constraints:
                        - {primary_key: [id]}
                        - {unique: [order_id, body], name: said_once}
                        - {columns: [order_id], references: {table: orders, columns: [id]}, on_delete: cascade}
                  - sql:
                      phase: expand
                      up: CREATE INDEX by_answer ON order_notes (answers)
                      down: DROP INDEX by_answer
                """,
            backFrom: [.expand, .switch],
            shows: [
                "TABLE public.order_notes", "order_notes_pkey PRIMARY KEY (id)",
                "said_once UNIQUE (order_id, body)", "order_notes_order_id_fkey",
                "ON DELETE CASCADE",
                "order_notes_answers_fkey", "order_notes_body_check CHECK ((body <> ''::text))",
                "DEFAULT 'none'::text", "GENERATED ALWAYS AS IDENTITY",
            ]),
        Variant(
            name: "drop_table whose foreign key goes to a table that is written",
            operations: "  - drop_table: {table: old_notes}",
            setup: [
                """
                CREATE TABLE old_notes (
                  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                  order_id bigint REFERENCES orders ON DELETE CASCADE, body text UNIQUE)
                """,
                "INSERT INTO old_notes (order_id, body) SELECT id, 'note ' || id FROM orders",
                "GRANT SELECT, INSERT ON old_notes TO pg_monitor",
                "GRANT SELECT ON old_notes TO PUBLIC",
                "GRANT UPDATE (body), SELECT (body) ON old_notes TO pg_read_all_settings WITH GRANT OPTION",
                "ALTER TABLE old_notes ENABLE ROW LEVEL SECURITY",
                "CREATE POLICY own ON old_notes USING (id > 0)",
            ], hides: ["old_notes"]),
    ]
}
