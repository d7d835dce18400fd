import Migration
import Postgres

/// One way in which an operation is used, with what must be true of it afterwards.
///
/// The table is that of `Orders`. `operations` is the list under `operations:`.
package struct Variant: Sendable, CustomStringConvertible {
    package let name: String
    package var operations: String
    /// Statements before the run, after the table is there.
    package var setup: [SQL]
    /// What a client of the old version writes, and of the new one; nil where it has nothing to write.
    package var old: Dialect?
    package var new: Dialect?
    /// The phase at whose end the new version is deployed.
    package var newAfter: Phase
    /// What is read of each row in the end, from which table, and what the model says of it.
    package var result: String
    package var resultTable: SQL
    package var expected: @Sendable (ModelRow) -> [String?]
    /// The phases from the end of which it is rolled back.
    package var backFrom: [Phase]
    /// What `pg_dump` shows when it is finished, and what it no longer does.
    package var shows: [String]
    package var hides: [String]
    /// More than the usual where one statement has several tables to change, also on a busy machine.
    package var stallBudget = "100ms"

    package init(
        name: String, operations: String, setup: [SQL] = [], old: Dialect? = Dialect(),
        new: Dialect? = nil, newAfter: Phase = .migrate, result: String = "status",
        resultTable: SQL = "orders",
        expected: @escaping @Sendable (ModelRow) -> [String?] = { [$0.status] },
        backFrom: [Phase] = [.backfill, .contract], shows: [String] = [], hides: [String] = []
    ) {
        self.name = name
        self.operations = operations
        self.setup = setup
        self.old = old
        self.new = new
        self.newAfter = newAfter
        self.result = result
        self.resultTable = resultTable
        self.expected = expected
        self.backFrom = backFrom
        self.shows = shows
        self.hides = hides
    }

    package static let all = replacements + columns + constraints + ofTables

    package var description: String { name }

    package var spec: String {
        """
        name: orders-status
        operations:
        \(operations)
        settings:
          throttle: {replication_lag: null}
          stall_budget: \(stallBudget)
        checklist: []
        """
    }

    /// The name that the new version says is the interim one, and is nobody's in the end.
    package var takesOldName: Bool {
        ["final_name", "change_type"].contains(where: operations.contains)
    }
}

/// How a version of the application says the status of an order.
package struct Dialect: Sendable {
    /// Nil: it knows of no status.
    package var column: String?
    /// The table's name as it says it.
    package var table: SQL
    package var write: @Sendable (String) -> String
    /// What the row's status is after an insert that names none.
    package var fallback = "new"

    package init(
        column: String? = "status", table: SQL = "orders",
        write: @escaping @Sendable (String) -> String = { $0 }
    ) {
        self.column = column
        self.table = table
        self.write = write
    }
}

/// An order as the model outside the database has it, in the old version's words.
package struct ModelRow: Sendable, Equatable {
    package var status: String
    package var amount: Int
}
