extension Patterns {
    /// The specs of the operations on constraints.
    static let constraints = [setNotNull, addCheck, addForeignKey, addUnique, dropConstraint]

    private static let setNotNull = Pattern(
        name: "set-not-null", summary: "a column that may not be NULL, its NULLs filled",
        text: """
            # A column that may not be NULL any more. "up" fills the NULLs that are there, and those that are
            # written until the end. Without "up" they are counted; a gate asks when none is written.
            name: orders-note
            operations:
              - set_not_null:
                  table: orders
                  column: note
                  up: "''"                      # text goes into SQL quotes inside YAML's
            \(settings)
            gates:
              1.contract: Deploy the version that always writes a note
            \(checklist)
            """)

    private static let addCheck = Pattern(
        name: "add-check", summary: "a condition that every row must meet",
        text: """
            # A check. Rows that break it are counted and named before it is there; mend them, then run
            # again. It holds for new rows first, and is then proven for all without stalling anybody.
            name: orders-amount
            operations:
              - add_check:
                  table: orders
                  name: orders_amount_positive
                  check: amount > 0             # passes where it is NULL
            \(checklist)
            """)

    private static let addForeignKey = Pattern(
        name: "add-foreign-key",
        summary: "a reference to another table, on a new column or an old one",
        text: """
            # A reference to another table, here on a new column that is filled from there.
            name: customers-last-order
            operations:
              - add_foreign_key:
                  table: customers
                  columns: [last_order]
                  references: {table: orders, columns: [id]}
                  new_column: {name: last_order, type: bigint}     # left out: the columns are there
                  up: (SELECT max(o.id) FROM orders o WHERE o.customer_id = customers.id)
                  on_delete: set null           # or: no action, restrict, cascade, set default
                  # on_update: cascade
                  # name: customers_last_order  # default: as PostgreSQL names it
                  # orphans: null               # of columns that are there: what references nothing is set to NULL; default: fail
            \(settings)
            gates:
              1.contract: Deploy the version that writes last_order
            \(checklist)
            """)

    private static let addUnique = Pattern(
        name: "add-unique",
        summary: "a unique constraint, its index built while the application writes",
        text: """
            # A unique constraint. Duplicates are counted and named before its index is built.
            name: customers-email
            operations:
              - add_unique:
                  table: customers
                  columns: [email]
                  # name: customers_email_key   # default: as PostgreSQL names it
            \(checklist)
            """)

    private static let dropConstraint = Pattern(
        name: "drop-constraint", summary: "a constraint goes, its definition kept for the way back",
        text: """
            # A check, foreign key, unique constraint or primary key goes. Going back adds it again, once the
            # rows that break it are mended. Alone, this finishes with its only step.
            name: orders-any-status
            operations:
              - drop_constraint:
                  table: orders
                  name: orders_status_known
            \(checklist)
            """)
}
