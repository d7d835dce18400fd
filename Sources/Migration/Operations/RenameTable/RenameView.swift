import SQLText

/// The view that stands where a renamed table was.
///
/// It is `security_invoker`: who reads or writes through it needs the same rights as on the table, and
/// row security sees them and not the view's owner.
struct RenameView {
    let context: PlanContext
    let table: TableFacts
    let relation: RelationFacts
    let name: QualifiedName
    /// The table beneath it.
    let target: QualifiedName

    /// The columns by name: what is added to the table later is not in the view, on the way back
    /// neither. Column defaults are the table's: a view that has none of its own uses them.
    var make: [SQL] {
        let columns = table.columns.map { Identifier($0.name) }
        var statements: [SQL] = [
            """
            CREATE VIEW \(name) WITH (security_invoker = true) AS
              SELECT \(names: columns) FROM \(target)
            """
        ]
        if table.owner != context.facts.server.user {
            statements.append("ALTER VIEW \(name) OWNER TO \(Identifier(table.owner))")
        }
        statements += TableGrants(table: table, relation: relation).grant(on: name)
        return statements
    }

    /// In a transaction of their own: a wide table has many, and they need no strong lock.
    var comments: [SQL] {
        let own: [SQL] =
            relation.comment.map { ["COMMENT ON VIEW \(name) IS \(literal: $0)"] } ?? []
        return own
            + table.columns.compactMap { column in
                column.comment.map {
                    "COMMENT ON COLUMN \(name).\(Identifier(column.name)) IS \(literal: $0)"
                }
            }
    }
}
