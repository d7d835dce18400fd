import Postgres

/// What a session waits for, in words: `public.orders`, `a row of public.orders`,
/// `transaction 4711`.
///
/// From one row of `pg_locks` with the names looked up beside it. A relation without a name is one
/// of another database, or one whose row in `pg_class` is not committed: it is shown by its number.
struct LockTarget {
    let type: String
    let relation: Int?
    let relationName: String?
    /// The database of the lock, where it is not the one that we are connected to.
    let otherDatabase: String?
    let transaction: String?
    let virtualTransaction: String?
    let classID: Int?
    let className: String?
    let objectID: Int?
    let objectSubID: Int?
    /// The relation of a row lock that the session has taken before it began to wait for the
    /// transaction that wrote the row.
    let rowOf: String?

    init(_ row: Row) throws {
        type = try row.string("locktype")
        relation = try row.optionalInt("relation")
        relationName = try row.optional("relation_name")
        otherDatabase = try row.optional("other_database")
        transaction = try row.optional("transactionid")
        virtualTransaction = try row.optional("virtualxid")
        classID = try row.optionalInt("classid")
        className = try row.optional("class_name")
        objectID = try row.optionalInt("objid")
        objectSubID = try row.optionalInt("objsubid")
        rowOf = try row.optional("row_of")
    }

    var words: String { plainWords + (otherDatabase.map { " in database \($0)" } ?? "") }

    private var plainWords: String {
        switch type {
        case "relation": named
        case "tuple": "a row of \(named)"
        case "extend": "the extension of \(named)"
        case "page": "a page of \(named)"
        case "frozenid": "the frozen transaction ids of the database"
        case "transactionid":
            rowOf.map { "a row of \($0)" } ?? "transaction \(transaction ?? "–")"
        case "spectoken": "an insertion of transaction \(transaction ?? "–")"
        case "virtualxid": "virtual transaction \(virtualTransaction ?? "–")"
        case "object": "object \(objectID ?? 0) of \(className ?? "catalogue \(classID ?? 0)")"
        case "advisory": "advisory lock \(advisoryKey)"
        default: type
        }
    }

    private var named: String { relationName ?? "relation \(relation ?? 0)" }

    /// One bigint has its halves in `classid` and `objid` and 1 in `objsubid`; two integers have 2
    /// there (manual, "pg_locks").
    private var advisoryKey: String {
        let high = classID ?? 0
        let low = objectID ?? 0
        guard objectSubID == 1 else {
            let pair = [high, low].map { String(Int32(truncatingIfNeeded: $0)) }
            return "(\(pair.joined(separator: ", ")))"
        }
        return String(Int64(truncatingIfNeeded: high << 32 | low))
    }
}
