/// How much of a table an UPDATE or DELETE touches, as far as its WHERE says.
///
/// A comparison of a column with one value, a list, a range with two ends or a LIMIT bounds it; tests
/// for NULL, inequalities and comparisons of columns with columns don't.
enum WriteExtent {
    case bounded
    /// It depends on the data: a range with one end, a pattern, a subquery.
    case unknown
    case whole

    init(_ write: ParseNode) {
        guard write["whereClause"].isPresent else {
            self = .whole
            return
        }
        self = Self.extent(write["whereClause"])
    }

    /// Whether a LIMIT bounds it: one turn of a loop.
    static func isBatch(_ write: ParseNode) -> Bool {
        var found = false
        write["whereClause"].visit { type, fields in
            if type == "SelectStmt", fields["limitCount"].isPresent { found = true }
            return !found
        }
        return found
    }

    private static func extent(_ condition: ParseNode) -> WriteExtent {
        guard let (type, fields) = condition.typed else { return .unknown }
        switch type {
        case "BoolExpr": return combination(fields)
        case "NullTest", "BooleanTest", "ColumnRef", "A_Const": return .whole
        case "A_Expr": return comparison(fields)
        case "SubLink": return subquery(fields)
        case "CurrentOfExpr": return .bounded
        default: return .unknown
        }
    }

    private static func combination(_ fields: ParseNode) -> WriteExtent {
        let parts = fields["args"].items.map(extent)
        switch fields["boolop"].text {
        case "AND_EXPR":
            if parts.contains(.bounded) || isRange(fields["args"].items) { return .bounded }
            return parts.contains(.unknown) ? .unknown : .whole
        case "OR_EXPR":
            if parts.contains(.whole) { return .whole }
            return parts.contains(.unknown) ? .unknown : .bounded
        default: return .whole
        }
    }

    /// `id >= 1 AND id < 1000`
    private static func isRange(_ conditions: [ParseNode]) -> Bool {
        var lower: Set<[String]> = []
        var upper: Set<[String]> = []
        for condition in conditions {
            let comparison = condition.cast("A_Expr")
            let column = comparison["lexpr"].cast("ColumnRef")["fields"].names
            guard !column.isEmpty, !hasColumn(comparison["rexpr"]) else { continue }
            switch comparison["name"].names.last {
            case ">", ">=": lower.insert(column)
            case "<", "<=": upper.insert(column)
            default: continue
            }
        }
        return !lower.isDisjoint(with: upper)
    }

    private static func comparison(_ fields: ParseNode) -> WriteExtent {
        let sides = (hasColumn(fields["lexpr"]), hasColumn(fields["rexpr"]))
        guard sides.0 != sides.1 else { return .whole }
        switch (fields["kind"].text, fields["name"].names.last) {
        case ("AEXPR_IN", "="), ("AEXPR_BETWEEN", _), ("AEXPR_OP_ANY", "="), ("AEXPR_OP", "="):
            return .bounded
        case ("AEXPR_OP", "<>"), ("AEXPR_OP", "!="), ("AEXPR_DISTINCT", _), ("AEXPR_IN", _):
            return .whole
        default: return .unknown
        }
    }

    private static func subquery(_ fields: ParseNode) -> WriteExtent {
        let query = fields["subselect"].cast("SelectStmt")
        if query["limitCount"].isPresent { return .bounded }
        return .unknown
    }

    private static func hasColumn(_ node: ParseNode) -> Bool {
        var found = false
        node.visit { type, _ in
            if type == "SubLink" { return false }
            if type == "ColumnRef" { found = true }
            return !found
        }
        return found
    }
}
