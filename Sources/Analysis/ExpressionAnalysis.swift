import SQLText

/// What the parse tree of an expression over one row says, without asking a server.
///
/// Names are as written: whether one is a column, a table or an aggregate, the catalogue knows.
public struct ExpressionAnalysis: Sendable, Equatable {
    public struct Reference: Sendable, Equatable {
        /// `["status"]`, `["orders", "status"]`; of `orders.*` only `["orders"]`.
        public let names: [String]
        public let isStar: Bool
        /// Byte offset in the expression's text.
        public let location: Int
        /// It stands in a subquery, whose own tables may have a column of that name.
        public let isInSubquery: Bool
    }

    public struct Call: Sendable, Hashable {
        /// `["lower"]`, `["pg_catalog", "extract"]`
        public let name: [String]
        public let argumentCount: Int
        public let isInSubquery: Bool
    }

    public var references: [Reference] = []
    public var calls: Set<Call> = []
    /// Operators as written, unqualified: `||`.
    public var operators: Set<String> = []
    /// Types that it casts to, as their names' parts.
    public var casts: Set<[String]> = []
    /// `current_timestamp`, `current_user`, …: stable, and no function by syntax.
    public var usesSessionKeyword = false
    public var hasSubquery = false
    public var hasParameter = false
    /// Syntax that only an aggregate or a window function has: `count(*)`, `FILTER`, `OVER`, ….
    public var hasAggregateSyntax = false
    public var hasWindowSyntax = false
    /// It is a string literal or NULL without a type, which takes the type of what it is assigned to.
    public var isUntypedLiteral = false

    /// Parses the text of an expression. Throws `SyntaxError` where it is none, or where it could
    /// leave the parentheses that it will stand in.
    public static func parse(_ text: String) throws -> ExpressionAnalysis {
        try Enclosure.check(text)
        let prefix = "SELECT ("
        let tree: ParseTree
        do {
            // The line's end closes a comment; there is none at the end of the text itself.
            tree = try ParseTree(prefix + text + "\n)")
        } catch let error as SyntaxError {
            throw error.moved(by: -prefix.count, within: text.count)
        }
        guard tree.statements.count == 1, let statement = tree.statements.first,
            statement.kind == "SelectStmt", statement.node["fromClause"] == .null,
            statement.node["targetList"].items.count == 1,
            let target = statement.node["targetList"].items.first?.cast("ResTarget"),
            target["name"] == .null
        else { throw SyntaxError(message: "it is not one expression", position: nil) }
        let value = target["val"]
        if value.cast("RowExpr")["row_format"].text == "COERCE_IMPLICIT_CAST",
            value.cast("RowExpr")["location"].integer == prefix.utf8.count - 1
        {
            throw SyntaxError(
                message: "it is a list of expressions; write ROW(…) if a row is meant",
                position: nil)
        }
        var analysis = ExpressionAnalysis()
        analysis.collect(value, offset: prefix.utf8.count, isInSubquery: false)
        analysis.references.sort { $0.location < $1.location }
        analysis.isUntypedLiteral =
            value.cast("A_Const")["sval"].isPresent || value.cast("A_Const")["isnull"].isTrue
        return analysis
    }

    private mutating func collect(_ node: ParseNode, offset: Int, isInSubquery: Bool) {
        var found = self
        node.visit { type, fields in
            switch type {
            case "ColumnRef":
                found.references.append(
                    Reference(
                        names: fields["fields"].names,
                        isStar: fields["fields"].items.last?.typed?.type == "A_Star",
                        location: (fields["location"].integer ?? 0) - offset,
                        isInSubquery: isInSubquery))
            case "FuncCall":
                found.add(call: fields, isInSubquery: isInSubquery)
            case "A_Expr":
                if let name = fields["name"].names.last { found.operators.insert(name) }
            case "TypeCast":
                found.casts.insert(fields["typeName"]["names"].names)
            case "SQLValueFunction":
                found.usesSessionKeyword = true
            case "ParamRef":
                found.hasParameter = true
            case "GroupingFunc":
                found.hasAggregateSyntax = true
            case "SubLink":
                found.hasSubquery = true
                // The left side of `a IN (SELECT …)` belongs to the row itself.
                found.collect(fields["testexpr"], offset: offset, isInSubquery: isInSubquery)
                found.collect(fields["subselect"], offset: offset, isInSubquery: true)
                return false
            default:
                break
            }
            return true
        }
        self = found
    }

    private mutating func add(call fields: ParseNode, isInSubquery: Bool) {
        calls.insert(
            Call(
                name: fields["funcname"].names, argumentCount: fields["args"].items.count,
                isInSubquery: isInSubquery))
        guard !isInSubquery else { return }
        if fields["over"].isPresent {
            hasWindowSyntax = true
        } else if ["agg_star", "agg_distinct", "agg_within_group"].contains(where: {
            fields[$0].isTrue
        }) || fields["agg_filter"].isPresent || fields["agg_order"].isPresent {
            hasAggregateSyntax = true
        }
    }
}

extension SyntaxError {
    /// The same error of a text that stood in another; no position where it lies outside of it.
    func moved(by distance: Int, within count: Int) -> SyntaxError {
        SyntaxError(
            message: message,
            position: position.map { $0 + distance }
                .flatMap { (1...max(1, count)) ~= $0 ? $0 : nil })
    }
}
