import Migration

/// RENAME or SET SCHEMA of a table, view or schema breaks every running version that says the old name.
enum RenameTable: Rule {
    static let id = "rename-table"
    static let severity = Hazard.Severity.danger
    static let summary =
        "RENAME or SET SCHEMA of a table, view or schema breaks every running version that says the old name."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        let node = statement.node
        switch statement.kind {
        case "RenameStmt" where node["renameType"].text == "OBJECT_SCHEMA":
            return [report(statement, node["subname"].text ?? "the schema", isView: false)]
        case "RenameStmt":
            guard tables.contains(node["renameType"].text ?? "") else { return [] }
            return relation(statement, script)
        case "AlterObjectSchemaStmt":
            guard tables.contains(node["objectType"].text ?? "") else { return [] }
            return relation(statement, script)
        default: return []
        }
    }

    private static let tables: Set<String> = [
        "OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE",
    ]

    private static func relation(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard let relation = statement.relation, script.isLive(relation, for: statement) else {
            return []
        }
        return [report(statement, relation.quoted, isView: true)]
    }

    private static func report(_ statement: ScriptStatement, _ name: String, isView: Bool)
        -> Finding
    {
        finding(
            statement, "At the commit, statements that say \(name) are errors.",
            lock: .accessExclusive,
            instead: isView
                ? "Rename it and create a view with the old name in the same transaction, and drop the view when no version says the old name."
                : "Create the new schema, move one object after another and leave a view at each old place."
        )
    }
}
