import Analysis
import Migration
import Postgres

/// One expression of a spec, resolved by the server over a row that already has the new columns.
///
/// Nothing is evaluated, but where the question asks for a value. The text gets into a statement only
/// after the parser has found it to be one expression.
struct ExpressionReader {
    let connection: Connection
    let types: TypeReader
    let question: ExpressionQuestion
    /// Nil where the table is not there, as one that the spec makes.
    let table: TableFacts?

    func read() async throws -> ExpressionFacts {
        guard table != nil || question.isOfNewTable else {
            return ExpressionFacts(
                error: "table \(question.table) does not exist",
                sqlState: SQLState.undefinedTable.rawValue)
        }
        let analysis: ExpressionAnalysis
        do {
            analysis = try ExpressionAnalysis.parse(question.text)
        } catch let error as SyntaxError {
            return ExpressionFacts(
                error: error.position.map { "\(error.message) (at character \($0))" }
                    ?? error.message,
                sqlState: "42601")
        }
        do {
            return try await resolve(analysis, try await makeRow())
        } catch let error as Unresolved {
            return ExpressionFacts(error: error.message, sqlState: error.sqlState.rawValue)
        } catch let error as ServerError where error.isAboutTheStatement {
            return failure(error)
        }
    }

    /// What we found wrong before the server saw it.
    private struct Unresolved: Error {
        let message: String
        let sqlState: SQLState
    }

    /// The table's columns and the new ones; of a table that is to be made, those alone.
    private func makeRow() async throws -> ExpressionRow {
        let named = TableReference(question.table)
        var row = ExpressionRow(
            table: table?.name
                ?? QualifiedName(schema: named.schema ?? Identifier(""), name: named.name),
            columns: (question.isOfNewTable ? [] : table?.columns ?? []).map {
                ExpressionRow.Column(name: $0.name, type: $0.type, isNew: false)
            }, isOfNewTable: question.isOfNewTable)
        for new in question.newColumns {
            let type = try await types.type(new.text).facts
            if let error = type.error {
                throw Unresolved(
                    message: "column \(new.name): \(error)", sqlState: .undefinedObject)
            }
            row = row.with(.init(name: new.name, type: type.canonical, isNew: true))
        }
        return row
    }

    private func resolve(
        _ analysis: ExpressionAnalysis, _ row: ExpressionRow
    ) async throws -> ExpressionFacts {
        let text = SQL(writtenByUser: question.text)
        guard let type = try await connection.describingInSavepoint(row.select(text)).first else {
            throw DecodingFailure(message: "the server described no column")
        }
        let functions = FunctionReader(connection: connection)
        let volatility = try await functions.volatility(of: analysis)
        var facts = ExpressionFacts(
            type: try await types.name(type), columns: try await columns(analysis, row),
            isVolatile: volatility == .volatile, isStable: volatility == .stable,
            hasSubquery: analysis.hasSubquery,
            isNotScalar: try await reasonAgainstOneRow(analysis, row))
        if let table, !question.isOfNewTable {
            facts.notExecutable = try await functions.notExecutable(
                analysis, byWritersOf: table.oid)
        }
        facts.isAssignable = try await isAssignable(analysis, type)
        let isConstant = facts.columns.isEmpty && !facts.isVolatile && !facts.hasSubquery
        if facts.isNotScalar == nil, !question.over.isEmpty || isConstant {
            facts.value = try await value(row)
        }
        return facts
    }

    /// The row's columns that the expression reads, in the row's order.
    private func columns(
        _ analysis: ExpressionAnalysis, _ row: ExpressionRow
    ) async throws -> [String] {
        var read: Set<String> = []
        var doubtful: Set<String> = []
        for reference in analysis.references where !reference.isStar {
            guard let name = row.column(named: reference.names) else { continue }
            if reference.isInSubquery {
                doubtful.insert(name)
            } else {
                read.insert(name)
            }
        }
        // A subquery's own tables may have such a column. Without it in the row, only what meant
        // the row's own does not resolve any more.
        for name in doubtful.subtracting(read) {
            do {
                _ = try await connection.describingInSavepoint(
                    row.without(name).select(SQL(writtenByUser: question.text)))
            } catch let error as ServerError where error.isAboutTheStatement {
                read.insert(name)
            }
        }
        return row.columns.map(\.name).filter(read.contains)
    }

    /// Why it is no expression over one row. The server itself says which calls are aggregates,
    /// window functions or set-returning: none of them may stand in WHERE.
    private func reasonAgainstOneRow(
        _ analysis: ExpressionAnalysis, _ row: ExpressionRow
    ) async throws -> String? {
        if analysis.hasParameter { return "it has a parameter ($1)" }
        if analysis.references.contains(where: {
            $0.isStar && !$0.isInSubquery || !$0.isInSubquery && row.isWhole($0.names)
        }) {
            return "it reads the whole row, which changes with every column"
        }
        do {
            _ = try await connection.describingInSavepoint(
                row.select("true", where: "(\(SQL(writtenByUser: question.text))\n) IS NULL"))
        } catch let error as ServerError where error.isAboutTheStatement {
            switch error.sqlState.rawValue {
            case "42803": return "it has an aggregate function"
            case "42P20": return "it has a window function"
            case "0A000": return "it has a set-returning function"
            default: return error.message
            }
        }
        return nil
    }

    private func isAssignable(
        _ analysis: ExpressionAnalysis, _ type: ColumnType
    ) async throws -> Bool {
        guard let target = question.assignedTo else { return true }
        if analysis.isUntypedLiteral { return true }
        guard let resolved = try await types.type(target).type else { return false }
        return try await connection.query(Self.assignability, type.oid, resolved.oid)
            .onlyRow().bool("assignable")
    }

    /// By the rules of the manual's "Value Storage": the same type (a domain is its base type), an
    /// assignment or implicit cast, an array whose elements have one, and anything to a string type.
    private static let assignability: SQL = """
        WITH RECURSIVE base(side, oid) AS (
          SELECT * FROM (VALUES ('source', $1::oid), ('target', $2::oid)) v(side, oid)
          UNION ALL
          SELECT b.side, t.typbasetype FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.oid
           WHERE t.typtype = 'd'),
        plain AS (
          SELECT b.side, t.* FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.oid
           WHERE t.typtype <> 'd'),
        casts(source, target) AS (
          SELECT castsource, casttarget FROM pg_catalog.pg_cast WHERE castcontext IN ('a', 'i'))
        SELECT s.oid = t.oid OR t.typcategory = 'S'
               OR EXISTS (SELECT FROM casts WHERE source = s.oid AND target = t.oid)
               OR (s.typcategory = 'A' AND t.typcategory = 'A' AND (
                   s.typelem = t.typelem OR EXISTS (
                   SELECT FROM casts WHERE source = s.typelem AND target = t.typelem)))
               OR (s.oid = 'record'::regtype::oid AND t.typtype = 'c') AS assignable
          FROM plain s, plain t WHERE s.side = 'source' AND t.side = 'target'
        """

    /// The value over a row whose columns are NULL but for those of the question.
    private func value(_ row: ExpressionRow) async throws -> String? {
        for given in question.over {
            do {
                _ = try ExpressionAnalysis.parse(given.text)
            } catch let error as SyntaxError {
                throw Unresolved(
                    message: "the value of \(given.name) (\(given.text)): \(error.message)",
                    sqlState: SQLState(rawValue: "42601"))
            }
        }
        let text = SQL(writtenByUser: question.text)
        var expression: SQL = "(\(text)\n)"
        if let target = question.assignedTo, try await types.type(target).type != nil {
            expression = "\(expression)::\(SQL(writtenByUser: target))"
        }
        let query = row.select("(\(expression))::text", over: question.over)
        return try await connection.inSavepoint {
            try await connection.query(query).onlyRow().values.first ?? nil
        }
    }

    /// The server's words, its position counted in the expression's own text.
    private func failure(_ error: ServerError) -> ExpressionFacts {
        var message = error.message
        let position = error.position.map { $0 - ExpressionRow.prefix.count } ?? 0
        if (1...max(1, question.text.count)) ~= position {
            message += " (at character \(position))"
        }
        return ExpressionFacts(
            error: message, hint: error.hint, sqlState: error.sqlState.rawValue)
    }
}
