import Migration
import SQLText

/// A foreign key whose columns no index begins with makes each DELETE of the other table scan this one.
enum ForeignKeyWithoutIndex: Rule {
    static let id = "foreign-key-without-index"
    static let severity = Hazard.Severity.warning
    static let summary =
        "A foreign key whose columns no index begins with makes each DELETE of the other table scan this one."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        statement.definedConstraints.filter { $0.type == "CONSTR_FOREIGN" }.compactMap { key in
            let columns = key.columns
            let isCovered = script.schema[key.table].indexes.contains { index in
                index.count >= columns.count && Set(index.prefix(columns.count)) == Set(columns)
            }
            guard !isCovered, !columns.isEmpty else { return nil }
            let list = columns.map { Identifier($0).quoted }.joined(separator: ", ")
            let isLive = script.isLive(key.table, for: statement)
            return finding(
                statement, at: statement.offset(key.node),
                "No index on \(key.table.quoted) (\(list)) is in the files checked; without one, a DELETE or a change of a key in the other table reads all of this one.",
                instead:
                    "CREATE INDEX \(isLive ? "CONCURRENTLY " : "")ON \(key.table.quoted) (\(list));"
            )
        }
    }
}
