import SQLText
import Testing

@testable import Migration

/// Names that SQL or PL/pgSQL has a meaning of its own for, and types without an operator `=`.
@Suite struct OddNameTests {
    static let operations = #"""
        name: odd
        operations:
          - replace_column:
              table: Order Items
              column: new
              with: {name: lk_new, type: json}
              up: '"new"'
              down: lk_new
          - replace_column:
              table: Order Items
              column: found
              with: {name: if, type: numeric}
              up: '"Order Items".found'
              down: '"Order Items"."if"'
          - replace_column:
              table: Order Items
              column: a"b
              with: {name: tg_op, type: text}
              up: |
                upper("a""b")
                || '$lk$
                   '
              down: lower(split_part(tg_op, '$', 1))
        """#

    static let orderItems = TableFacts(
        name: QualifiedName("public", "Order Items"), oid: 16_500, kind: .table,
        owner: "deployer", isOwnedByUs: true, heapBytes: 8192, totalBytes: 16_384,
        estimatedRows: -1,
        columns: [
            ColumnFacts(name: "id", number: 1, type: "integer", isNotNull: true),
            ColumnFacts(name: "new", number: 2, type: "json"),
            ColumnFacts(name: "old", number: 3, type: "text"),
            ColumnFacts(name: "found", number: 4, type: "numeric", isNotNull: true),
            ColumnFacts(name: "a\"b", number: 5, type: "text", collation: "pg_catalog.\"C\""),
        ],
        triggers: [
            TriggerFacts(
                name: "zzz", isBefore: true, isRow: true, onInsert: true, onUpdate: true,
                columns: [], function: "public.touch()", source: "BEGIN RETURN NEW; END",
                isEnabled: true)
        ])

    @Test("odd names and types make the SQL that was run on PostgreSQL 15")
    func golden() throws {
        let spec = try Spec.parse(text: Self.operations, file: "odd.yaml")
        var shop = Shop()
        shop.orders = Self.orderItems
        for (operation, type) in zip(
            spec.operations.compactMap { $0.operation as? ReplaceColumn },
            ["json", "numeric", "text"])
        {
            shop.expressions[operation.up] = ExpressionFacts(
                type: type, columns: [operation.column])
            shop.expressions[operation.down ?? ""] = ExpressionFacts(
                type: type, columns: [operation.newName])
        }
        let plan = try Planner.plan(spec, shop.facts(for: spec))
        try expectGolden(PlanSQL.render(plan), "odd-names.sql")
    }

    @Test("a column whose name has a space is copied as it is; one whose name differs by it is not")
    func spaces() throws {
        let spec = try Spec.parse(
            text: #"""
                name: spaces
                operations:
                  - replace_column:
                      table: people
                      column: first name
                      with: {name: given name, type: text}
                      up: |
                        "first name"
                      down: '"given name"'
                  - replace_column:
                      table: people
                      column: lastname
                      with: {name: surname, type: text}
                      up: '"last name"'
                      down: surname
                """#, file: "spaces.yaml")
        let replacements = spec.operations.compactMap { $0.operation as? ReplaceColumn }
        #expect(replacements.map(\.isPlainCopy) == [true, false])
    }
}
