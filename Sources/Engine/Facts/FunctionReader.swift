import Analysis
import Postgres

/// What the functions behind an expression are like.
///
/// A parse tree has a function's name and the number of its arguments; which of several overloads it
/// becomes depends on their types. All that fit count, so the answer errs towards caution.
struct FunctionReader {
    enum Volatility: Comparable {
        case immutable, stable, volatile
    }

    let connection: Connection

    func volatility(of expression: ExpressionAnalysis) async throws -> Volatility {
        var worst: Volatility = expression.usesSessionKeyword ? .stable : .immutable
        for call in expression.calls.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
            worst = max(worst, try await volatility(of: call))
        }
        if !expression.operators.isEmpty, try await hasVolatile(expression.operators) {
            worst = .volatile
        }
        for cast in expression.casts { worst = max(worst, try await volatility(ofCastTo: cast)) }
        return worst
    }

    private func volatility(of call: ExpressionAnalysis.Call) async throws -> Volatility {
        let row = try await connection.query(
            """
            SELECT coalesce(pg_catalog.bool_or(p.provolatile = 'v'), false) AS is_volatile,
                   coalesce(pg_catalog.bool_or(p.provolatile = 's'), false) AS is_stable
              FROM pg_catalog.pg_proc p WHERE \(candidates(call))
            """
        ).onlyRow()
        if try row.bool("is_volatile") { return .volatile }
        return try row.bool("is_stable") ? .stable : .immutable
    }

    /// The builtin operators are immutable or, on times with zones, stable; a user's may be
    /// anything, and of those only the volatile ones matter here.
    private func hasVolatile(_ operators: Set<String>) async throws -> Bool {
        try await connection.query(
            """
            SELECT EXISTS (SELECT FROM pg_catalog.pg_operator o
                     JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode
                    WHERE o.oprname = ANY ($1::name[]) AND p.provolatile = 'v'
                      AND pg_catalog.pg_operator_is_visible(o.oid)) AS found
            """, nameArray(operators.sorted())
        ).onlyRow().bool("found")
    }

    /// A cast to a type reads its text form (`typinput`: stable where it depends on settings, as of
    /// dates) or calls the function of a CREATE CAST.
    private func volatility(ofCastTo name: [String]) async throws -> Volatility {
        let quoted = name.map { Identifier($0).alwaysQuoted }.joined(separator: ".")
        let row = try await connection.query(
            """
            SELECT coalesce(pg_catalog.bool_or(p.provolatile = 'v'), false) AS is_volatile,
                   coalesce(pg_catalog.bool_or(p.provolatile = 's' AND p.oid = t.typinput::oid), false) AS is_stable
              FROM pg_catalog.pg_type t
              JOIN pg_catalog.pg_proc p ON p.oid = t.typinput::oid
                OR p.oid IN (SELECT castfunc FROM pg_catalog.pg_cast WHERE casttarget = t.oid)
             WHERE t.oid = pg_catalog.to_regtype($1)::oid
            """, quoted
        ).onlyRow()
        if try row.bool("is_volatile") { return .volatile }
        return try row.bool("is_stable") ? .stable : .immutable
    }

    /// The functions that some role with INSERT or UPDATE on the table (its owner included) may not
    /// execute: `name(args) by role`. One that is in a schema without USAGE counts too.
    func notExecutable(
        _ expression: ExpressionAnalysis, byWritersOf table: Int
    ) async throws -> [String] {
        var missing: Set<String> = []
        for call in expression.calls {
            let rows = try await connection.query(
                """
                WITH writers AS (
                  SELECT DISTINCT g.grantee FROM pg_catalog.pg_class c
                   CROSS JOIN LATERAL (
                     SELECT (pg_catalog.aclexplode(coalesce(
                              c.relacl, pg_catalog.acldefault('r', c.relowner)))).*
                      UNION ALL
                     SELECT (pg_catalog.aclexplode(a.attacl)).* FROM pg_catalog.pg_attribute a
                      WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL) g
                   WHERE c.oid = \(table)::oid AND g.privilege_type IN ('INSERT', 'UPDATE')
                   UNION SELECT relowner FROM pg_catalog.pg_class WHERE oid = \(table)::oid)
                SELECT p.oid::regprocedure::text || ' by ' ||
                       CASE WHEN w.grantee = 0::oid THEN 'PUBLIC'
                            ELSE pg_catalog.pg_get_userbyid(w.grantee)::text END AS finding
                  FROM pg_catalog.pg_proc p, writers w
                 WHERE \(candidates(call))
                   AND NOT CASE WHEN w.grantee = 0::oid
                     THEN pg_catalog.has_function_privilege('public', p.oid, 'EXECUTE')
                          AND pg_catalog.has_schema_privilege('public', p.pronamespace, 'USAGE')
                     ELSE pg_catalog.has_function_privilege(w.grantee, p.oid, 'EXECUTE')
                          AND pg_catalog.has_schema_privilege(w.grantee, p.pronamespace, 'USAGE')
                     END
                """
            ).rows
            for row in rows { missing.insert(try row.string("finding")) }
        }
        return missing.sorted()
    }

    /// The condition on `pg_proc p` for what a call may mean: by name, schema (or the search path)
    /// and the number of arguments, defaults and VARIADIC counted in.
    private func candidates(_ call: ExpressionAnalysis.Call) -> SQL {
        let name = call.name.last ?? ""
        let schema: SQL =
            call.name.count > 1
            ? """
            p.pronamespace = (SELECT oid FROM pg_catalog.pg_namespace
                               WHERE nspname = \(literal: call.name[call.name.count - 2]))
            """
            : "p.pronamespace = ANY (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY (pg_catalog.current_schemas(true)))"
        return """
            p.proname = \(literal: name) AND \(schema)
            AND (\(call.argumentCount) BETWEEN p.pronargs - p.pronargdefaults AND p.pronargs
                 OR p.provariadic <> 0::oid AND \(call.argumentCount) >= p.pronargs - 1)
            """
    }
}
