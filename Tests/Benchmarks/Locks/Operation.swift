import Postgres

/// An operation as a spec asks for it, on the tables of `Ground`.
struct Operation: Sendable {
    let name: String
    /// The list under `operations:`.
    let text: String
    /// What must be there before.
    var setup: [SQL] = []
    /// What the table is called from the switch on.
    var newName: SQL?

    /// `orders (id, customer_id, status, amount, note, token)`, of which clients read and write
    /// `amount`, and `customers (id, visits)`.
    static let all: [Operation] = columns + constraints + tables

    private static let columns = [
        Operation(
            name: "replace_column",
            text: """
                  - replace_column:
                      table: orders
                      column: status
                      with: {name: status_v2, type: varchar(50)}
                      up: upper(status)
                      down: lower(status_v2)
                      unrepresentable: reject
                """),
        Operation(
            name: "add_column",
            text: """
                  - add_column:
                      table: orders
                      column: {name: label, type: text, nullable: false, check: label <> ''}
                      up: "'order ' || id"
                """),
        Operation(
            name: "drop_column", text: "  - drop_column: {table: orders, column: note}"),
        Operation(
            name: "rename_column",
            text: "  - rename_column: {table: orders, from: status, to: state}"),
        Operation(
            name: "change_type in place",
            text: "  - change_type: {table: orders, column: status, type: varchar(80)}"),
        Operation(
            name: "change_type by replacement",
            text: """
                  - change_type:
                      table: orders
                      column: status
                      type: varchar(80)
                      method: replace
                      unrepresentable: reject
                """),
        Operation(
            name: "set_not_null",
            text: """
                  - set_not_null: {table: orders, column: note, up: "'none'"}
                """),
        Operation(
            name: "backfill",
            text: """
                  - backfill: {table: orders, set: {note: "'none'"}, where: note IS NULL}
                """),
        Operation(
            name: "sql",
            text: """
                  - sql:
                      phase: expand
                      up: ALTER TABLE orders ALTER note SET STORAGE EXTERNAL
                      down: ALTER TABLE orders ALTER note SET STORAGE EXTENDED
                """),
    ]

    private static let constraints = [
        Operation(
            name: "add_foreign_key",
            text: """
                  - add_foreign_key:
                      table: orders
                      columns: [customer_id]
                      references: {table: customers, columns: [id]}
                """),
        Operation(
            name: "add_check",
            text: """
                  - add_check: {table: orders, name: status_there, check: status <> ''}
                """),
        Operation(
            name: "add_unique", text: "  - add_unique: {table: orders, columns: [token]}"),
        Operation(
            name: "drop_constraint",
            text: "  - drop_constraint: {table: orders, name: old_check}",
            setup: ["ALTER TABLE orders ADD CONSTRAINT old_check CHECK (status <> '')"]),
        Operation(
            name: "create_index", text: "  - create_index: {table: orders, columns: [customer_id]}"),
        Operation(name: "drop_index", text: "  - drop_index: {name: orders_status}"),
    ]

    private static let tables = [
        Operation(
            name: "rename_table by a view",
            text: "  - rename_table: {from: orders, to: purchases}", newName: "purchases"),
        Operation(
            name: "rename_table by a copy",
            text: "  - rename_table: {from: orders, to: purchases, method: copy}",
            newName: "purchases"),
        Operation(
            name: "create_table",
            text: """
                  - create_table:
                      table: order_notes
                      columns:
                        - {name: id, type: bigint, identity: always}
                        - {name: order_id, type: bigint, nullable: false}
                      constraints:
                        - {primary_key: [id]}
                        - {columns: [order_id], references: {table: orders, columns: [id]}}
                """),
        Operation(
            name: "drop_table", text: "  - drop_table: {table: old_notes}",
            setup: [
                "CREATE TABLE old_notes (id bigint PRIMARY KEY, order_id bigint REFERENCES orders)"
            ]
        ),
    ]

    func spec(budget: Int) -> String {
        """
        name: bench
        operations:
        \(text)
        settings: {stall_budget: \(budget)ms, throttle: {replication_lag: null}}
        checklist: []
        """
    }
}
