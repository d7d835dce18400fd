/// The commented specs that `lockkeeper init PATTERN` prints to start from.
public enum Patterns {
    public struct Pattern: Sendable {
        /// `replace-column`
        public let name: String
        /// What it is for, in a line.
        public let summary: String
        /// The spec.
        public let text: String
    }

    public static let all =
        [replaceColumn, addColumn] + columns + constraints + [createIndex, backfill, sql] + tables

    public static func named(_ name: String) -> Pattern? { all.first { $0.name == name } }

    /// The nearest pattern's name, for a misspelt one.
    public static func suggestion(for name: String) -> String? {
        Suggestion.nearest(to: name, among: all.map(\.name))
    }

    private static let replaceColumn = Pattern(
        name: "replace-column",
        summary: "a new column takes an old one's place, both in step meanwhile",
        text: """
            # A new column takes an old one's place while the application keeps running. Versions that
            # know only one of the two may write at the same time.
            name: orders-status
            description: Orders get a longer status, in capitals
            operations:
              - replace_column:
                  table: orders                 # taken literally; schema.table names the schema
                  column: status
                  with:
                    name: status_v2
                    type: varchar(50)
                    # nullable: false           # default: as the old column
                    # default: "'new'"          # default: the image of the old column's default
                    # check: status_v2 <> ''
                  up: upper(status)             # old row -> new value
                  down: lower(status_v2)        # new row -> old value; without it, no rollback after the switch keeps new writes
                  unrepresentable: reject       # what the old column can't hold is refused
                  # final_name: status          # the new column takes the old name at the end, behind a gate
            \(settings)
            gates:                              # your words for the gates; "lockkeeper plan" lists them
              1.switch: Deploy the version that uses status_v2
              1.contract: {text: Retire every version that names status, approvals: 1}
            \(checklist)
            """)

    private static let addColumn = Pattern(
        name: "add-column", summary: "a new column, filled for the rows that are there",
        text: """
            # A new column. With "up" or a volatile default its rows are filled in batches; with a
            # constant default, or none, one short statement is all.
            name: orders-channel
            operations:
              - add_column:
                  table: orders
                  column:
                    name: channel
                    type: text
                    nullable: false
                    # default: "'web'"          # text goes into SQL quotes inside YAML's
                    check: channel <> ''
                    comment: Where the order came from
                    # references: {table: channels, column: code}
                  up: coalesce(details ->> 'channel', 'shop')
            \(settings)
            \(checklist)
            """)

    private static let createIndex = Pattern(
        name: "create-index", summary: "an index, built while the application writes",
        text: """
            # An index, built concurrently.
            name: orders-by-customer
            operations:
              - create_index:
                  table: orders
                  columns:
                    - customer_id
                    - {expression: lower(note), order: desc, nulls: last}
                  # name: orders_by_customer    # default: as PostgreSQL names it
                  # unique: true
                  # method: btree
                  # where: status <> 'returned'
                  # include: [amount]
                  # with: {fillfactor: 90}
            \(checklist)
            """)

    private static let backfill = Pattern(
        name: "backfill", summary: "values for rows that have none, in batches",
        text: """
            # Values for rows that have none, in batches. "where" must be false for a row once "set" is
            # applied: COLUMN IS NULL, or COLUMN IS DISTINCT FROM its expression.
            name: orders-notes
            operations:
              - backfill:
                  table: orders
                  set:
                    note: "'none'"
                  where: note IS NULL
            \(settings)
            \(checklist)
            """)

    private static let sql = Pattern(
        name: "sql", summary: "a statement of your own in a phase, with its undo",
        text: """
            # Statements of your own, each in a phase, each with the statement that undoes it. Their
            # locks are asked for as carefully as any other's.
            name: orders-autovacuum
            operations:
              - sql:
                  phase: expand
                  up: ALTER TABLE orders SET (autovacuum_vacuum_scale_factor = 0.02)
                  down: ALTER TABLE orders RESET (autovacuum_vacuum_scale_factor)
              # - sql:
              #     phase: contract
              #     transaction: false          # for what can't run in a transaction
              #     up: ALTER TYPE mood ADD VALUE IF NOT EXISTS 'calm'
              #     done: SELECT EXISTS (SELECT FROM pg_enum WHERE enumlabel = 'calm')   # whether it ran
            \(checklist)
            """)

    static let settings = """
        settings:                           # all of these can be changed while it runs
          stall_budget: 100ms               # longest one statement of the application may wait for us
          backfill: {batch: 100ms, workers: 1, pause: 0ms, vacuum_every: 10%}
          throttle: {replication_lag: 10s, lock_waiters: 0, active_sessions: null}
          quarantine: 24h
          # window: {opens: 2026-11-23T22:00:00Z, closes: 2026-11-24T02:00:00Z}
        """

    static let checklist = """
        # checklist: []                     # default: five questions; an empty list asks none
        """
}
