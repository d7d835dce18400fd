import Migration
import SQLText

/// A foreign key's column has another type than the column that it references.
enum ForeignKeyType: Rule {
    static let id = "foreign-key-type"
    static let severity = Hazard.Severity.danger
    static let summary =
        "A foreign key's column has another type than the column that it references."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        statement.definedConstraints.filter { $0.type == "CONSTR_FOREIGN" }.flatMap { key in
            guard let other = RelationName(key.node["pktable"]) else { return [Finding]() }
            var referenced = key.node["pk_attrs"].names
            if referenced.isEmpty { referenced = script.schema[other].primaryKey ?? [] }
            return zip(key.columns, referenced).compactMap { column, target in
                guard let own = script.schema.type(of: column, in: key.table),
                    let theirs = script.schema.type(of: target, in: other),
                    !own.comparesDirectly(with: theirs)
                else { return nil }
                return finding(
                    statement, at: statement.offset(key.node),
                    "\(Identifier(column).quoted) is \(own.shown), \(other.quoted).\(Identifier(target).quoted) is \(theirs.shown): values that one can hold, the other can't, and each check converts.",
                    instead: "Give \(Identifier(column).quoted) the type \(theirs.shown).")
            }
        }
    }
}
