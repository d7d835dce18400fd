import Conformance
import Migration
import Postgres

/// Every operation once, under odd names and with odd values. Expressions name functions and operators
/// with their schema, as whoever lives beside a hostile one has to.
extension OddNames {
    var variants: [Variant] { replacements + columns + constraints + tables }

    /// A variant of this table; both versions write, where the new one has something to write.
    private func variant(
        _ name: String, _ operations: String, more: [SQL] = [], column: String? = nil,
        new: Dialect? = nil, newAfter: Phase = .migrate, renamed: String? = nil,
        expected: @escaping @Sendable (ModelRow) -> [String?] = { [OddNames.value($0.status)] },
        result: String? = nil, back phase: Phase?
    ) -> Variant {
        Variant(
            name: "\(name), \(words)", operations: operations, setup: setup + more,
            old: dialect(status, in: table), new: new, newAfter: newAfter,
            result: result ?? sql(column ?? status), resultTable: "\(relation(renamed ?? table))",
            expected: expected, backFrom: phase.map { [$0] } ?? [])
    }

    private func dialect(_ column: String, in table: String) -> Dialect {
        Dialect(column: sql(column), table: "\(relation(table))", write: Self.value)
    }

    private var replacement: String {
        """
          - replace_column:
              table: \(spec(table))
              column: \(yaml(status))
              with: {name: \(yaml(column)), type: varchar(80)}
              up: \(yaml(sql(status)))
              down: \(yaml(sql(column)))
              unrepresentable: reject
        """
    }

    private var replacements: [Variant] {
        [
            variant(
                "replace_column that takes the old name",
                """
                \(replacement)
                      final_name: \(yaml(status))
                """, new: dialect(column, in: table), back: .contract),
            variant(
                "replace_column by expressions, whose rollback may be forgone",
                """
                  - replace_column:
                      table: \(spec(table))
                      column: \(yaml(status))
                      with: {name: \(yaml(column)), type: text, check: \(yaml(sql(column) + " IS NOT NULL"))}
                      up: \(yaml("'<' OPERATOR(pg_catalog.||) \(sql(status)) OPERATOR(pg_catalog.||) '>\\$$'"))
                      down: \(yaml("pg_catalog.substr(\(sql(column)), 2, pg_catalog.length(\(sql(column))) OPERATOR(pg_catalog.-) 5)"))
                      unrepresentable: forgo_rollback
                """,
                column: column,
                new: Dialect(
                    column: sql(column), table: "\(relation(table))",
                    write: { "<\(Self.value($0))>\\$$" }),
                expected: { ["<\(Self.value($0.status))>\\$$"] }, back: .switch),
            variant(
                "replace_column of an enum",
                """
                  - replace_column:
                      table: \(spec(table))
                      column: kind
                      with: {name: \(yaml(column)), type: text, default: \(yaml(SQL.literal(Self.value("paid")).text))}
                      up: kind::pg_catalog.text
                      down: \(yaml("\(sql(column))::\(relation(kind).quoted)"))
                      unrepresentable: reject
                """,
                more: [
                    """
                    ALTER TABLE \(relation(table)) ADD kind \(relation(kind)) NOT NULL
                      DEFAULT \(literal: Self.value("paid"))
                    """
                ], expected: { [Self.value($0.status), Self.value("paid")] },
                result: "\(sql(status)), \(sql(column))", back: .contract),
            variant(
                "replace_column whose sides the application writes",
                """
                  - replace_column:
                      table: \(spec(table))
                      column: \(yaml(note))
                      with: {name: \(yaml(column)), type: text}
                      up: \(yaml(sql(note)))
                      writes: application
                """, back: .contract),
            variant(
                "rename_column",
                "  - rename_column: {table: \(spec(table)), from: \(yaml(status)), to: \(yaml(column))}",
                column: column, new: dialect(column, in: table), back: .contract),
            variant(
                "change_type in place",
                "  - change_type: {table: \(spec(table)), column: \(yaml(status)), type: varchar(80)}",
                back: .expand),
            variant(
                "change_type by replacement",
                """
                  - change_type:
                      table: \(spec(table))
                      column: \(yaml(status))
                      type: varchar(80)
                      method: replace
                      with: \(yaml(column))
                      unrepresentable: reject
                """, new: dialect(column, in: table), back: .switch),
        ]
    }

    private var kind: String { "e" + column.dropFirst() }

    private var columns: [Variant] {
        [
            variant(
                "drop_column", "  - drop_column: {table: \(spec(table)), column: \(yaml(note))}",
                back: .contract),
            variant(
                "add_column with everything",
                """
                  - add_column:
                      table: \(spec(table))
                      column:
                        name: \(yaml(column))
                        type: text
                        nullable: false
                        default: \(yaml(SQL.literal(Self.value("new")).text))
                        check: \(yaml("\(sql(column)) OPERATOR(pg_catalog.<>) \(SQL.literal(check))"))
                        comment: \(yaml(index))
                      up: \(yaml("pg_catalog.concat(\(sql(table)).\(sql(status)), \(SQL.literal(check)))"))
                """, expected: { [Self.value($0.status), "t"] },
                result: "\(sql(status)), \(sql(column)) IS NOT NULL", back: .switch),
            variant(
                "add_column with a reference",
                """
                  - add_column:
                      table: \(spec(table))
                      column:
                        name: \(yaml(column))
                        type: varchar(50)
                        references: {table: \(spec(other)), column: \(yaml(status))}
                """, back: .expand),
            variant(
                "set_not_null that keeps which rows had NULL",
                """
                  - set_not_null: {table: \(spec(table)), column: \(yaml(note)), up: \(yaml(SQL.literal(Self.value("new")).text)), keep: true}
                """,
                more: [
                    "UPDATE \(relation(table)) SET \(Identifier(note)) = NULL WHERE id % 3 = 0"
                ], back: .contract),
            variant(
                "backfill that keeps what it writes over",
                """
                  - backfill:
                      table: \(spec(table))
                      set: {\(yaml(note)): \(yaml(SQL.literal(Self.value("new")).text))}
                      where: \(yaml(sql(note) + " IS NULL"))
                      keep: true
                """,
                more: [
                    "UPDATE \(relation(table)) SET \(Identifier(note)) = NULL WHERE id % 3 = 0"
                ], back: .contract),
        ]
    }

    private var constraints: [Variant] {
        [
            variant(
                "add_check",
                """
                  - add_check:
                      table: \(spec(table))
                      name: \(yaml(newCheck))
                      check: \(yaml("\(sql(table)).\(sql(status)) OPERATOR(pg_catalog.<>) \(SQL.literal(check))"))
                """, back: .backfill),
            variant(
                "add_foreign_key",
                """
                  - add_foreign_key:
                      table: \(spec(table))
                      columns: [\(yaml(status))]
                      references: {table: \(spec(other)), columns: [\(yaml(status))]}
                      name: \(yaml(newCheck))
                """, back: .backfill),
            variant(
                "add_foreign_key on a new column, filled from the other table",
                """
                  - add_foreign_key:
                      table: \(spec(table))
                      columns: [\(yaml(column))]
                      references: {table: \(spec(other)), columns: [\(yaml(status))]}
                      new_column: {name: \(yaml(column)), type: varchar(50)}
                      up: \(yaml("(SELECT pg_catalog.max(o.\(sql(status))) FROM \(relation(other)) o WHERE o.\(sql(status)) OPERATOR(pg_catalog.=) \(sql(table)).\(sql(status)))"))
                """, expected: { [Self.value($0.status), "t"] },
                result: "\(sql(status)), \(sql(column)) IS NOT NULL", back: .switch),
            variant(
                "add_unique",
                "  - add_unique: {table: \(spec(table)), columns: [\(yaml(status)), id], name: \(yaml(newCheck))}",
                back: .backfill),
            variant(
                "drop_constraint beside drop_column",
                """
                  - drop_constraint: {table: \(spec(table)), name: \(yaml(check))}
                  - drop_column: {table: \(spec(table)), column: \(yaml(note))}
                """, back: .contract),
            variant(
                "create_index",
                """
                  - create_index:
                      table: \(spec(table))
                      columns: [{expression: \(yaml("pg_catalog.lower(\(sql(status)))"))}, \(yaml(note))]
                      include: [\(yaml(status))]
                      where: \(yaml("\(sql(status)) OPERATOR(pg_catalog.<>) \(SQL.literal(check))"))
                      name: \(yaml(newIndex))
                  - create_index: {table: \(spec(table)), columns: [\(yaml(status))]}
                """, back: .expand),
            variant(
                "drop_index", "  - drop_index: {name: \(spec(index))}",
                more: ["COMMENT ON INDEX \(relation(index)) IS \(literal: check)"], back: .contract),
        ]
    }

    private var tables: [Variant] {
        [
            variant(
                "rename_table by a view",
                "  - rename_table: {from: \(spec(table)), to: \(spec(newTable))}",
                new: dialect(status, in: newTable), renamed: newTable, back: .switch),
            variant(
                "rename_table by a copy",
                "  - rename_table: {from: \(spec(table)), to: \(spec(newTable)), method: copy}",
                new: dialect(status, in: newTable), newAfter: .switch, renamed: newTable,
                back: .contract),
            variant(
                "create_table",
                """
                  - create_table:
                      table: \(spec(newTable))
                      columns:
                        - {name: \(yaml(column)), type: bigint, identity: always, comment: \(yaml(check))}
                        - {name: \(yaml(status)), type: varchar(50), references: {table: \(spec(other)), column: \(yaml(status))}}
                        - {name: \(yaml(note)), type: text, default: \(yaml(SQL.literal(check).text)), check: \(yaml("\(sql(note)) OPERATOR(pg_catalog.<>) \(SQL.literal(index))"))}
                      constraints:
                        - {primary_key: [\(yaml(column))]}
                        - {unique: [\(yaml(status)), \(yaml(note))], name: \(yaml(newIndex))}
                """, back: .expand),
            variant(
                "drop_table", "  - drop_table: {table: \(spec(newTable))}",
                more: [
                    "CREATE TABLE \(relation(newTable)) (id bigint PRIMARY KEY, \(Identifier(note)) text)",
                    "ALTER TABLE \(relation(newTable)) OWNER TO \(Identifier(Self.migrator))",
                ], back: .contract),
            variant(
                "sql, outside a transaction too",
                """
                  - sql:
                      phase: expand
                      up: \(yaml("COMMENT ON TABLE \(relation(table)) IS \(SQL.literal(check))"))
                      down: \(yaml("COMMENT ON TABLE \(relation(table)) IS NULL"))
                  - sql:
                      phase: backfill
                      up: \(yaml("CREATE INDEX CONCURRENTLY \(sql(newIndex)) ON \(relation(table)) (amount)"))
                      down: \(yaml("DROP INDEX CONCURRENTLY \(relation(newIndex))"))
                      transaction: false
                      done: \(yaml("SELECT pg_catalog.to_regclass(\(SQL.literal(relation(newIndex).quoted))) IS NOT NULL"))
                """, back: .backfill),
            {
                var variant = variant(
                    "replace_column and create_index on partitions",
                    """
                    \(replacement)
                      - create_index: {table: \(spec(table)), columns: [\(yaml(note))], name: \(yaml(newIndex))}
                    """, more: partitioning, column: column, new: dialect(column, in: table),
                    back: .contract)
                variant.stallBudget = "1s"
                return variant
            }(),
        ]
    }

    /// The same table with two partitions, one of them of its name with another first letter.
    private var partitioning: [SQL] {
        let (table, part, rest) = (
            relation(table), relation("q" + table.dropFirst()), relation("r" + table.dropFirst())
        )
        return [
            "ALTER TABLE \(table) RENAME TO plain",
            "ALTER INDEX \(relation(index)) RENAME TO plain_index",
            """
            CREATE TABLE \(table) (LIKE \(Identifier(schema)).plain INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
              PARTITION BY RANGE (id)
            """,
            "CREATE TABLE \(part) PARTITION OF \(table) FOR VALUES FROM (1) TO (150)",
            "CREATE TABLE \(rest) PARTITION OF \(table) DEFAULT",
            "INSERT INTO \(table) SELECT * FROM \(Identifier(schema)).plain",
            "DROP TABLE \(Identifier(schema)).plain",
            "CREATE INDEX \(Identifier(index)) ON \(table) (\(Identifier(status)))",
        ] + [table, part, rest].map { "ALTER TABLE \($0) OWNER TO \(Identifier(Self.migrator))" }
            + [
                "GRANT SELECT, INSERT, UPDATE, DELETE ON \(table) TO \(Identifier(Self.application))"
            ]
    }
}
