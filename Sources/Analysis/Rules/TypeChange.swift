import Migration

/// A change of a column's type rewrites the table, unless it only widens a text or a number's precision.
///
/// Without a server the old type is what the files checked so far say. Where they don't, a text type
/// without USING is a warning, since it may be a widening; anything else is a danger.
enum TypeChange: Rule {
    static let id = "type-change"
    static let severity = Hazard.Severity.danger
    static let summary =
        "A change of a column's type rewrites the table, unless it only widens a text or a number's precision."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        alterations(["AlterColumnType"], statement, script).compactMap { alteration in
            let definition = alteration.node["def"].cast("ColumnDef")
            let column = alteration.node["name"].text ?? ""
            guard let new = ColumnType(definition["typeName"]) else { return nil }
            let old = script.schema.type(
                of: column, in: alteration.table, before: statement.index)
            let converts = definition["raw_default"].isPresent
            if let old, old.becomesWithoutRewrite(new), !converts { return nil }
            let isUnknown = old == nil && !converts && ["varchar", "text"].contains(new.name)
            return finding(
                statement, at: alteration.offset, severity: isUnknown ? .warning : .danger,
                isUnknown ? unknown(new) : known(old, new, alteration.table),
                lock: .accessExclusive,
                instead:
                    "Use the operation replace_column: a new column of type \(new.shown), kept in step by a trigger, filled in batches, switched to when it is complete."
            )
        }
    }

    private static func known(_ old: ColumnType?, _ new: ColumnType, _ table: RelationName)
        -> String
    {
        let change = old.map { "From \($0.shown) to \(new.shown)" } ?? "To \(new.shown)"
        return
            "\(change) every row of \(table.quoted) and every index on the column is written anew, while nobody can read or write the table; a value that does not fit ends it."
    }

    private static func unknown(_ new: ColumnType) -> String {
        let brief =
            new.modifiers.isEmpty
            ? "varchar" : "varchar of at most \(new.modifiers.map(String.init).joined())"
        return
            "This is brief only if the column was \(brief) before, which this file does not say; from anything else the table is written anew while nobody can read or write it. Check the file that created the table along with this one, in order, to have it judged."
    }
}
