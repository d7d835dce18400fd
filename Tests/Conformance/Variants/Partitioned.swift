import Migration
import Postgres

/// Operations on a table of two levels of partitions: by range, one of them by hash, and a default.
extension Variant {
    /// The same orders, partitioned. The model's rows are in the first and the middle one; what the
    /// clients insert goes to the default.
    package static let partitioning: [SQL] = [
        "DROP TABLE orders",
        """
        CREATE TABLE orders (
          id bigint PRIMARY KEY,
          status varchar(50) NOT NULL DEFAULT 'new',
          amount numeric NOT NULL DEFAULT 0,
          note text) PARTITION BY RANGE (id)
        """,
        "CREATE UNLOGGED TABLE orders_first PARTITION OF orders FOR VALUES FROM (1) TO (150)",
        """
        CREATE TABLE orders_middle PARTITION OF orders FOR VALUES FROM (150) TO (100000)
          PARTITION BY HASH (id)
        """,
        "CREATE TABLE orders_middle_0 PARTITION OF orders_middle FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
        // Its columns lie in another order. From 18 on NOT NULL has a name, which its parent's takes
        // after a rollback: it has that from the start.
        """
        CREATE TABLE orders_middle_1 (
          note text, gone int, amount numeric CONSTRAINT orders_amount_not_null NOT NULL DEFAULT 0,
          id bigint NOT NULL,
          status varchar(50) CONSTRAINT orders_status_not_null NOT NULL DEFAULT 'new')
        """,
        "ALTER TABLE orders_middle_1 DROP COLUMN gone",
        "ALTER TABLE orders_middle ATTACH PARTITION orders_middle_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
        "CREATE TABLE \"Orders, the rest\" PARTITION OF orders DEFAULT",
        "CREATE INDEX orders_status ON orders (status)",
        "COMMENT ON COLUMN orders.status IS 'where it stands'",
        """
        INSERT INTO orders (id, status, amount, note)
        SELECT n, (ARRAY['new', 'paid', 'sent'])[1 + n % 3], n, repeat('x', 120)
          FROM generate_series(1, \(Orders.rows)) n
        """, "ANALYZE orders",
    ]

    /// Those whose locks are measured as well.
    package static let lockedPartitions = partitioned.filter {
        $0.name.hasPrefix("replace_column") || $0.name.hasPrefix("set_not_null")
            || $0.name.hasPrefix("drop_column")
    }

    package static let partitioned: [Variant] = operations.map { variant in
        var variant = variant
        variant.stallBudget = "1s"
        return variant
    }

    private static let operations: [Variant] = [
        Variant(
            name: "create_index on partitions: unique, partial, on an expression, covering",
            operations: """
                  - create_index: {table: orders, columns: [status, id], unique: true, name: by_status}
                  - create_index: {table: orders, columns: [amount], where: amount > 5}
                  - create_index:
                      table: orders
                      columns: [{expression: lower(status), order: desc}]
                      include: [amount]
                      name: By lower
                """,
            setup: partitioning, backFrom: [.expand],
            shows: [
                "UNIQUE INDEX by_status ON ONLY public.orders",
                "INDEX orders_amount_idx ON ONLY public.orders", "WHERE (amount > (5)::numeric)",
                "INDEX \"By lower\" ON ONLY public.orders", "INCLUDE (amount)",
                "ALTER INDEX public.by_status ATTACH PARTITION public.orders_middle_by_status",
                "ALTER INDEX public.orders_middle_by_status ATTACH PARTITION public.orders_middle_1_by_status",
                "ATTACH PARTITION public.\"Orders, the rest_by_status\"",
            ]),
        Variant(
            name: "drop_index of partitions",
            operations: "  - drop_index: {name: orders_status}",
            setup: partitioning + [
                "DROP INDEX orders_status",
                "CREATE INDEX odd ON orders_first (status) WITH (fillfactor = 70)",
                "CREATE INDEX orders_status ON orders (status)",
                "COMMENT ON INDEX orders_status IS 'for the list'",
                "COMMENT ON INDEX odd IS 'its own'",
            ], hides: ["INDEX orders_status", "odd"]),
        Variant(
            name: "replace_column on partitions, which takes the old name in the end",
            operations: """
                  - replace_column:
                      table: orders
                      column: status
                      with: {name: status_v2, type: varchar(50)}
                      up: upper(orders.status)
                      down: lower(status_v2)
                      unrepresentable: reject
                      final_name: status
                """,
            setup: partitioning + [
                "CREATE UNIQUE INDEX orders_status_id ON orders (status, id) WHERE status <> 'gone'",
                "ALTER TABLE orders ADD CONSTRAINT said CHECK (status <> 'no')",
                "CREATE STATISTICS orders_about ON status, amount FROM orders",
                "GRANT UPDATE (status) ON orders TO pg_monitor",
            ],
            new: Dialect(column: "status_v2", write: { $0.uppercased() }), result: "status",
            expected: { [$0.status.uppercased()] }, backFrom: Phase.allCases,
            shows: [
                "status character varying(50) DEFAULT 'NEW'",
                "INDEX orders_status ON ONLY public.orders",
                "UNIQUE INDEX orders_status_id ON ONLY public.orders",
            ], hides: ["status_v2 character"]),
        Variant(
            name: "rename_column on partitions",
            operations: "  - rename_column: {table: orders, from: status, to: state}",
            setup: partitioning, new: Dialect(column: "state"), result: "state",
            backFrom: [.switch],
            shows: ["state character varying(50) DEFAULT 'new'::character varying NOT NULL"],
            hides: [" status character"]),
        Variant(
            name: "change_type on partitions",
            operations: "  - change_type: {table: orders, column: amount, type: bigint}",
            setup: partitioning, backFrom: [.contract],
            shows: ["amount bigint DEFAULT"]),
        Variant(
            name: "add_column on partitions: plain, with up and a check",
            operations: """
                  - add_column: {table: orders, column: {name: channel, type: text, default: "'web'"}}
                  - add_column:
                      table: orders
                      column: {name: label, type: text, nullable: false, check: label <> ''}
                      up: "'order ' || orders.id"
                """,
            setup: partitioning, result: "status, channel, label = 'order ' || id",
            expected: { [$0.status, "web", "t"] }, backFrom: [.expand, .backfill, .switch],
            shows: ["label text NOT NULL", "channel text DEFAULT 'web'::text"]),
        Variant(
            name: "set_not_null on partitions",
            operations: """
                  - set_not_null: {table: orders, column: note, up: "'none'"}
                """,
            setup: partitioning + [
                "UPDATE orders SET note = NULL WHERE id % 7 = 0"
            ],
            result: "status, note IS NOT NULL", expected: { [$0.status, "t"] },
            backFrom: [],
            shows: ["note text NOT NULL"]),
        Variant(
            name: "drop_column, add_check and drop_constraint on partitions",
            operations: """
                  - drop_column: {table: orders, column: note}
                  - add_check: {table: orders, name: amount_is_there, check: amount >= 0}
                  - drop_constraint: {table: orders, name: old_check}
                """,
            setup: partitioning + [
                "ALTER TABLE orders ADD CONSTRAINT old_check CHECK (amount > -1)"
            ], shows: ["CONSTRAINT amount_is_there CHECK"], hides: [" note text", "old_check"]),
        Variant(
            name: "backfill on partitions",
            operations: """
                  - backfill:
                      table: orders
                      set: {note: "'none'"}
                      where: note IS DISTINCT FROM 'none'
                """,
            setup: partitioning, old: nil, result: "status, note",
            expected: { [$0.status, "none"] }, backFrom: [.backfill]),
        Variant(
            name: "rename_table on partitions",
            operations: "  - rename_table: {from: orders, to: purchases}",
            setup: partitioning, new: Dialect(table: "purchases"), resultTable: "purchases",
            backFrom: [.switch], shows: ["TABLE public.purchases"], hides: ["VIEW public.orders"]),
    ]
}
