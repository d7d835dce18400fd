extension Patterns {
    /// Whole tables, and indexes that go.
    static let tables = [dropIndex, renameTable, renameTableCopy, createTable, dropTable]

    private static let dropIndex = Pattern(
        name: "drop-index", summary: "an index that nothing needs goes, and can come back",
        text: """
            # An index goes, concurrently. The gate shows how often it was used; until the purge a
            # rollback builds it again.
            name: orders-without-status-index
            operations:
              - drop_index: {name: orders_status}   # schema.index names the schema
            settings:
              quarantine: 24h                       # how long its definition is kept
            # gates:
            #   1.contract: Ask reporting whether the monthly close reads by status
            \(checklist)
            """)

    private static let renameTable = Pattern(
        name: "rename-table", summary: "a table under a new name, and for a while under both",
        text: """
            # The table is renamed, and a view takes the old name in the same moment: versions of the
            # application that say orders and versions that say purchases run side by side. The plan
            # lists what a view can't do (COPY, TRUNCATE, ON CONFLICT ON CONSTRAINT, …).
            name: orders-to-purchases
            operations:
              - rename_table: {from: orders, to: purchases}
            settings:
              quarantine: 24h                       # how long the view is kept once nothing names it
            gates:
              1.switch: Deploy the version that says purchases
              1.contract: Retire every version that says orders
            \(checklist)
            """)

    private static let renameTableCopy = Pattern(
        name: "rename-table-copy", summary: "a copy of a table takes its place, without its bloat",
        text: """
            # The table is copied, with everything that belongs to it, while the application writes it; then
            # the copy takes its place and a view its name. The old table follows until the purge, so a
            # rollback keeps every write. It needs a primary key, and room for the table twice.
            name: orders-copied
            operations:
              - rename_table: {from: orders, to: purchases, method: copy}
            \(settings)
            gates:
              1.switch: Nothing that runs needs what a view can't do
              1.contract: Retire every version that says orders
            \(checklist)
            """)

    private static let createTable = Pattern(
        name: "create-table", summary: "a new table with its keys and checks",
        text: """
            # A new table. A rollback puts it aside under another name with what was written to it;
            # rollback --purge drops it.
            name: order-notes
            operations:
              - create_table:
                  table: order_notes
                  columns:
                    - {name: id, type: bigint, identity: always}     # or: by_default
                    - {name: order_id, type: bigint, nullable: false}
                    - {name: kind, type: text, nullable: false, default: "'remark'"}
                    - {name: body, type: text, check: body <> '', comment: as the customer reads it}
                    - {name: written_at, type: timestamptz, nullable: false, default: now()}
                  constraints:                      # each with a "name", if you like
                    - {primary_key: [id]}
                    - {unique: [order_id, written_at]}
                    - {check: "kind IN ('remark', 'complaint')"}
                    - {columns: [order_id], references: {table: orders, columns: [id]}, on_delete: cascade}
              - sql:                                # what the application may do with it
                  phase: expand
                  up: GRANT SELECT, INSERT ON order_notes TO shop_app
                  down: REVOKE ALL ON order_notes FROM shop_app
            \(checklist)
            """)

    private static let dropTable = Pattern(
        name: "drop-table", summary: "a table that nothing uses goes, first out of sight",
        text: """
            # A table goes. Behind the gate it gets a name that no application uses and loses all
            # rights but its owner's; the purge drops it. Refused while a view, a function or a foreign
            # key of another table needs it.
            name: no-more-coupons
            operations:
              - drop_table: {table: coupons}
            settings:
              quarantine: 24h                       # how long it can be had back
            gates:
              1.contract: {text: Retire every version that names coupons, approvals: 1}
            \(checklist)
            """)
}
