import Foundation
import SQLText
import Testing

@testable import Migration

@Suite struct PlanTests {
    static let replaceStatus = """
          - replace_column:
              table: orders
              column: status
              with: {name: status_v2, type: varchar(50)}
              up: status
              down: status_v2
              unrepresentable: reject
              final_name: status
        """

    @Test("a replacement of a column reads as text, JSON and SQL as it did before")
    func replacement() throws {
        let spec = try Spec.of(Self.replaceStatus)
        let facts = Shop().facts(for: spec)
        let plan = try Planner.plan(spec, facts)
        try expectGolden(PlanText.render(plan, facts: facts), "replace-column.txt")
        try expectGolden(PlanJSON.render(plan, facts: facts), "replace-column.json")
        try expectGolden(PlanSQL.render(plan), "replace-column.sql")
        try expectGolden(PlanSQL.renderUndo(plan), "replace-column-undo.sql")
    }
}
