extension Patterns {
    /// Operations on a column that is there.
    static let columns = [renameColumn, dropColumn, changeType]

    private static let renameColumn = Pattern(
        name: "rename-column", summary: "a column gets another name, both work meanwhile",
        text: """
            # A column gets another name. Versions of the application that know only one of the two may
            # write at the same time, until the contract.
            name: orders-state
            operations:
              - rename_column: {table: orders, from: status, to: state}
            \(settings)
            \(checklist)
            """)

    private static let dropColumn = Pattern(
        name: "drop-column", summary: "a column goes: not written, not read, out of sight, dropped",
        text: """
            # A column goes: first nothing writes it, then nothing reads it, then it is out of sight for the
            # quarantine, then it is dropped.
            name: orders-without-note
            operations:
              - drop_column: {table: orders, column: note}
            \(settings)
            gates:                              # your words for the gates; "lockkeeper plan" lists them
              1.migrate: Deploy the version that does not write note
              1.switch: Deploy the version that does not read note
            \(checklist)
            """)

    private static let changeType = Pattern(
        name: "change-type", summary: "a column gets another type",
        text: """
            # A column gets another type, by way of a second column that takes the old name in the end.
            # "method: in_place" notes it in the catalogue alone, where PostgreSQL can (a longer varchar,
            # text, more digits before a numeric's point): brief, but statements that clients have prepared
            # and that return the column fail until they are prepared again.
            name: orders-longer-status
            operations:
              - change_type:
                  table: orders
                  column: status
                  type: varchar(50)
                  method: replace               # default: auto, which is in_place where it can be
                  # up: status                  # old row -> new value; default: an assignment's cast
                  # down: status_new            # new row -> old value
                  # with: status_new            # the new column's name until it takes the old one's
                  unrepresentable: reject       # what the old type can't hold is refused
            \(settings)
            \(checklist)
            """)
}
