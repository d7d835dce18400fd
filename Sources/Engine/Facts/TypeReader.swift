import Analysis
import Migration
import Postgres

/// Types as a spec names them.
struct TypeReader {
    /// A type that was looked up.
    struct Resolved {
        var facts: TypeFacts
        var type: ColumnType?
    }

    let connection: Connection

    /// Resolves the text of a type; its facts say where it is none.
    func type(_ text: String) async throws -> Resolved {
        do {
            try TypeText.check(text)
        } catch let error as SyntaxError {
            return missing(text, error.message)
        }
        do {
            let described = try await connection.describingInSavepoint(
                "SELECT NULL::\(SQL(writtenByUser: text))")
            guard let type = described.first else { return missing(text, "it has no value") }
            return try await facts(type, text)
        } catch let error as ServerError where error.isAboutTheStatement {
            return missing(text, error.message)
        }
    }

    /// The name of a described type, as `format_type` prints it.
    func name(_ type: ColumnType) async throws -> String {
        try await connection.query(
            "SELECT pg_catalog.format_type($1::oid, $2::int) AS name", type.oid, type.modifier
        ).onlyRow().string("name")
    }

    /// A description has the base type of a domain; `to_regtype` has the domain, and no modifier,
    /// which a domain can't take.
    private func facts(_ type: ColumnType, _ text: String) async throws -> Resolved {
        let row = try await connection.query(
            """
            SELECT pg_catalog.format_type(oid, CASE WHEN typtype = 'd' THEN -1 ELSE $2::int END)
                     AS name, typtype = 'd' AS is_domain,
                   typtype = 'p' AS is_pseudo,
                   typelem <> 0::oid AND typsubscript::oid = 'pg_catalog.array_subscript_handler'::regproc::oid AS is_array
              FROM pg_catalog.pg_type WHERE oid = coalesce(pg_catalog.to_regtype($3)::oid, $1::oid)
            """, type.oid, type.modifier, text
        ).onlyRow()
        let name = try row.string("name")
        if try row.bool("is_pseudo") {
            return missing(text, "\(name) is a pseudo-type, which no column can have")
        }
        return Resolved(
            facts: TypeFacts(
                canonical: name, isDomain: try row.bool("is_domain"),
                isArray: try row.bool("is_array")),
            type: type)
    }

    private func missing(_ text: String, _ error: String) -> Resolved {
        Resolved(facts: TypeFacts(canonical: text, error: error), type: nil)
    }
}

extension Connection {
    /// Describes a statement inside the open transaction; afterwards that is as it was, and the
    /// locks of the description are gone.
    func describingInSavepoint(_ sql: SQL) async throws -> [ColumnType] {
        try await inSavepoint { try await self.describe(sql) }
    }

    func inSavepoint<Value: Sendable>(
        _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        try await run("SAVEPOINT lk_look")
        do {
            let value = try await body()
            try await run("ROLLBACK TO lk_look", "RELEASE lk_look")
            return value
        } catch let error as ServerError {
            try await run("ROLLBACK TO lk_look", "RELEASE lk_look")
            throw error
        }
    }
}

extension ServerError {
    /// Whether the statement itself is wrong: what a person can mend in the spec, unlike a lock or a
    /// server that goes down.
    var isAboutTheStatement: Bool {
        let unrelated: Set<SQLState> = [.lockNotAvailable, .queryCanceled, .deadlockDetected]
        return !unrelated.contains(sqlState)
            && !["08", "53", "57", "58", "XX"].contains(sqlState.conditionClass)
    }
}
