import Migration

/// CASCADE takes along whatever depends on the object: views, foreign keys, columns, rows.
enum Cascade: Rule {
    static let id = "cascade"
    static let severity = Hazard.Severity.danger
    static let summary =
        "CASCADE takes along whatever depends on the object: views, foreign keys, columns, rows."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        let node = statement.node
        switch statement.kind {
        case "DropStmt", "DropOwnedStmt":
            guard node["behavior"].text == "DROP_CASCADE", !onlyCreated(statement, script) else {
                return []
            }
            return [report(statement, at: cascade(statement, script))]
        case "TruncateStmt":
            guard node["behavior"].text == "DROP_CASCADE" else { return [] }
            return [report(statement, at: cascade(statement, script))]
        default:
            return alterations(["DropColumn", "DropConstraint"], statement, script).filter {
                $0.node["behavior"].text == "DROP_CASCADE"
            }.map { report(statement, at: $0.offset) }
        }
    }

    private static func report(_ statement: ScriptStatement, at offset: Int) -> Finding {
        finding(
            statement, at: offset,
            "What it takes along depends on the database and is listed nowhere in this file.",
            lock: .accessExclusive,
            instead: "Without CASCADE the error lists what depends on it; name each in a DROP.")
    }

    /// Where the word stands.
    private static func cascade(_ statement: ScriptStatement, _ script: Script) -> Int {
        let bytes = script.sources[statement.source].bytes
        return statement.tokens.last { $0.isWord("cascade", in: bytes) }?.start ?? statement.start
    }

    private static func onlyCreated(_ statement: ScriptStatement, _ script: Script) -> Bool {
        guard statement.node["removeType"].text == "OBJECT_TABLE" else { return false }
        return statement.node["objects"].items.allSatisfy { entry in
            RelationName(parts: entry.cast("List")["items"].names).map {
                !script.isLive($0, for: statement)
            } ?? false
        }
    }
}
