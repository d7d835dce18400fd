import Migration
import SQLText

/// CREATE INDEX CONCURRENTLY IF NOT EXISTS takes an INVALID leftover of a failed build for the index.
enum ConcurrentIfNotExists: Rule {
    static let id = "concurrent-if-not-exists"
    static let severity = Hazard.Severity.warning
    static let summary =
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS takes an INVALID leftover of a failed build for the index."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard statement.kind == "IndexStmt", statement.node["concurrent"].isTrue,
            statement.node["if_not_exists"].isTrue
        else { return [] }
        let name = statement.node["idxname"].text ?? "NAME"
        return [
            finding(
                statement,
                "A build that failed leaves an INVALID index of that name, which no query uses; this then says that all is well.",
                instead:
                    "DROP INDEX CONCURRENTLY IF EXISTS \(Identifier(name).quoted); before it, without IF NOT EXISTS here; or the operation create_index, which looks at indisvalid."
            )
        ]
    }
}
