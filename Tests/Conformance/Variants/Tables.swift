import Migration
import Postgres

/// Whole tables, and an index by its name. Rights are given to roles that every server has.
extension Variant {
    /// What a table can have, on the orders: there to be found on their copy.
    private static let everything: [SQL] = [
        "CREATE TABLE states (number int PRIMARY KEY, code text)",
        "INSERT INTO states VALUES (1, 'new'), (2, 'paid')",
        "ALTER TABLE orders ADD gone int, ADD token uuid DEFAULT gen_random_uuid()",
        """
        ALTER TABLE orders DROP gone, ADD counter serial, ADD parent bigint,
          ADD state_number int DEFAULT 1, ADD touched text,
          ADD loud text GENERATED ALWAYS AS (upper(status)) STORED
        """,
        "UPDATE orders SET touched = status, token = NULL WHERE id % 3 = 0",
        "UPDATE orders SET touched = status",
        "ALTER TABLE orders ADD CONSTRAINT paid_once UNIQUE (token) INCLUDE (amount)",
        "COMMENT ON CONSTRAINT paid_once ON orders IS 'one each'",
        "ALTER TABLE orders ADD CONSTRAINT amount_known CHECK (amount >= 0)",
        "ALTER TABLE orders ADD CONSTRAINT not_proven CHECK (note IS NULL OR note <> repeat('x', 120) OR id > 0) NOT VALID",
        "COMMENT ON CONSTRAINT amount_known ON orders IS 'no debts'",
        "ALTER TABLE orders ADD CONSTRAINT orders_parent FOREIGN KEY (parent) REFERENCES orders",
        "ALTER TABLE orders ADD CONSTRAINT orders_state FOREIGN KEY (state_number) REFERENCES states (number) ON UPDATE CASCADE DEFERRABLE",
        "COMMENT ON CONSTRAINT orders_state ON orders IS 'where it stands'",
        "CREATE TABLE notes (order_id bigint REFERENCES orders ON DELETE CASCADE, body text)",
        "INSERT INTO notes SELECT id, 'note' FROM orders WHERE id % 2 = 0",
        "CREATE INDEX notes_order ON notes (order_id)",
        """
        CREATE INDEX "Odd Index" ON orders (lower(status || id), id DESC) INCLUDE (amount)
          WITH (fillfactor = 70) WHERE note <> 'where'
        """,
        "ALTER INDEX \"Odd Index\" ALTER COLUMN 1 SET STATISTICS 321",
        "COMMENT ON INDEX \"Odd Index\" IS 'it''s odd'",
        "CREATE STATISTICS orders_related (dependencies) ON status, amount FROM orders",
        "ALTER TABLE orders ALTER note SET STATISTICS 77, ALTER note SET STORAGE EXTERNAL, ALTER amount SET (n_distinct = -0.5)",
        "ALTER TABLE orders SET (fillfactor = 90, autovacuum_enabled = true, toast.autovacuum_enabled = true)",
        "ALTER TABLE orders REPLICA IDENTITY FULL", "ALTER TABLE orders CLUSTER ON orders_status",
        "COMMENT ON TABLE orders IS 'what customers asked for'",
        "GRANT SELECT, INSERT ON orders TO pg_monitor", "GRANT SELECT ON orders TO PUBLIC",
        "GRANT UPDATE (amount), SELECT (note) ON orders TO pg_read_all_settings WITH GRANT OPTION",
        "GRANT USAGE ON SEQUENCE orders_id_seq TO pg_monitor",
        "COMMENT ON SEQUENCE orders_id_seq IS 'numbers of orders'",
        "ALTER SEQUENCE orders_id_seq INCREMENT 5 CACHE 3",
        "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY all_of_it ON orders USING (true)",
        """
        CREATE POLICY known_ones ON orders AS RESTRICTIVE FOR UPDATE TO pg_monitor
          USING (EXISTS (SELECT FROM states s WHERE s.number = orders.state_number))
        """,
        "COMMENT ON POLICY all_of_it ON orders IS 'for everybody'",
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched := NEW.status; RETURN NEW; END'",
        "CREATE TRIGGER a_touch BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch()",
        "CREATE TABLE audit (order_id bigint, amount numeric)",
        "CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit VALUES (NEW.id, NEW.amount); RETURN NULL; END'",
        "CREATE TRIGGER z_audit AFTER UPDATE ON orders FOR EACH ROW WHEN (OLD.amount <> NEW.amount) EXECUTE FUNCTION audit()",
        "CREATE TRIGGER never AFTER INSERT ON orders FOR EACH STATEMENT EXECUTE FUNCTION audit()",
        "ALTER TABLE orders DISABLE TRIGGER never",
        "ALTER TABLE orders ENABLE ALWAYS TRIGGER z_audit",
        "COMMENT ON TRIGGER z_audit ON orders IS 'for the auditors'",
    ]

    package static let ofTables: [Variant] = [
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
            name: "rename_table by a copy",
            operations: "  - rename_table: {from: orders, to: purchases, method: copy}",
            new: Dialect(table: "purchases"), newAfter: .switch, resultTable: "purchases",
            backFrom: Phase.allCases,
            shows: [
                "TABLE public.purchases", "INDEX orders_status ON public.purchases",
                "CONSTRAINT orders_pkey PRIMARY KEY (id)", "SEQUENCE NAME public.orders_id_seq",
            ], hides: ["VIEW public.orders", "TABLE public.orders "]),
        Variant(
            name: "rename_table by a copy whose key has two columns, one of them written",
            operations: "  - rename_table: {from: orders, to: purchases, method: copy}",
            setup: [
                "ALTER TABLE orders DROP CONSTRAINT orders_pkey",
                "ALTER TABLE orders ADD CONSTRAINT two UNIQUE (status, id)",
                "CREATE INDEX by_id ON orders (id)",
            ],
            new: Dialect(table: "purchases"), newAfter: .switch, resultTable: "purchases",
            backFrom: [.backfill, .switch],
            shows: ["CONSTRAINT two UNIQUE (status, id)", "INDEX by_id ON public.purchases"],
            hides: ["VIEW public.orders", "TABLE public.orders "]),
        Variant(
            name: "rename_table by a copy of everything that a table can have",
            operations: "  - rename_table: {from: orders, to: purchases, method: copy}",
            setup: everything, new: Dialect(table: "purchases"), newAfter: .switch,
            result: "status, touched = status", resultTable: "purchases",
            expected: { [$0.status, "t"] }, backFrom: Phase.allCases,
            shows: [
                "TABLE public.purchases TO pg_monitor", "TRIGGER a_touch BEFORE",
                "TRIGGER z_audit AFTER", "POLICY all_of_it ON public.purchases",
                "POLICY known_ones ON public.purchases", "purchases.state_number",
                "ADD CONSTRAINT notes_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.purchases(id) ON DELETE CASCADE",
                "ADD CONSTRAINT orders_parent FOREIGN KEY (parent) REFERENCES public.purchases(id)",
                "ADD CONSTRAINT orders_state FOREIGN KEY (state_number) REFERENCES public.states(number)",
                "CONSTRAINT paid_once UNIQUE (token)", "INDEX \"Odd Index\" ON public.purchases",
                "STATISTICS public.orders_related", "REPLICA IDENTITY FULL",
                "OWNED BY public.purchases.counter", "CLUSTER ON orders_status",
                "autovacuum_enabled", "NOT VALID",
            ], hides: ["VIEW public.orders", "TABLE public.orders ", "lk_"]),
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
