import Postgres

/// A version of the shop's application, by the side of the replaced column that it knows.
public enum Version: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Reads and writes `status`, and has never heard of another column.
    case old
    /// Writes `status` and `status_v2`, and reads both.
    case both
    /// Reads and writes `status_v2` only.
    case new

    /// As an operator would call it.
    public var name: String {
        switch self {
        case .old: "v1"
        case .both: "v2"
        case .new: "v3"
        }
    }

    public static func < (left: Version, right: Version) -> Bool { left.name < right.name }

    var columns: [Identifier] {
        switch self {
        case .old: [Shop.oldColumn]
        case .both: [Shop.oldColumn, Shop.newColumn]
        case .new: [Shop.newColumn]
        }
    }

    /// A status, in the old side's spelling, as this version writes it into its columns.
    func written(_ status: String?) -> [String?] {
        switch self {
        case .old: [status]
        case .both: [status, status?.uppercased()]
        case .new: [status?.uppercased()]
        }
    }

    /// Why what this version read of a row is not the status that it should be; nil when it is.
    ///
    /// - Parameter isFilled: until the backfill is through, the new side may be unset.
    func fault(_ values: [String?], expected: Set<String?>, isFilled: Bool) -> String? {
        let isRight = expected.contains { status in
            let should = written(status)
            return should == values
                || (self == .both && !isFilled && values.count == 2 && values[1] == nil
                    && values[0] == should[0])
        }
        if isRight { return nil }
        let read = zip(columns, values).map { "\($0) is \(quoted($1))" }.joined(separator: ", ")
        let wanted =
            expected.count > 2
            ? "any one status"
            : expected.map(quoted).sorted()
                .joined(separator: " or ")
        return "read that \(read), but it should stand for \(wanted)"
    }

    /// The status that values read by this version stand for, in the old side's spelling.
    func status(of values: [String?]) -> String? { values.first.flatMap { $0 }?.lowercased() }
}

private func quoted(_ value: String?) -> String { value.map { "'\($0)'" } ?? "NULL" }

/// The statements of the application. Each client prepares them all when it connects.
enum Statement: String, CaseIterable {
    case read, insert, insertDefault, insertOmitted, upsert, update, updateOld, updateNew, touch,
        delete

    /// The statement's text as a version has it, with column lists spelt out; nil where that
    /// version has no such statement.
    func sql(_ version: Version) -> SQL? {
        let table = Shop.table
        let columns = version.columns
        let names = SQL(writtenByUser: columns.map(\.quoted).joined(separator: ", "))
        func numbered(from first: Int) -> SQL {
            columns.indices.map { "$\(first + $0)" as SQL }.joined(separator: ", ")
        }
        func assigned(from first: Int) -> SQL {
            columns.enumerated().map { "\($1) = $\(first + $0)" as SQL }.joined(separator: ", ")
        }
        switch self {
        case .read: return "SELECT \(names) FROM \(table) WHERE id = $1"
        case .insert:
            return """
                INSERT INTO \(table) (customer_id, amount, note, \(names))
                VALUES ($1, $2, $3, \(numbered(from: 4))) RETURNING id, \(names)
                """
        case .insertDefault:
            let defaults = columns.map { _ in "DEFAULT" as SQL }.joined(separator: ", ")
            return """
                INSERT INTO \(table) (customer_id, amount, note, \(names))
                VALUES ($1, $2, $3, \(defaults)) RETURNING id, \(names)
                """
        case .insertOmitted:
            return """
                INSERT INTO \(table) (customer_id, amount, note)
                VALUES ($1, $2, $3) RETURNING id, \(names)
                """
        case .upsert:
            let excluded = columns.map { "\($0) = EXCLUDED.\($0)" as SQL }.joined(separator: ", ")
            return """
                INSERT INTO \(table) (id, customer_id, amount, note, \(names))
                VALUES ($1, $2, $3, $4, \(numbered(from: 5)))
                ON CONFLICT (id) DO UPDATE SET amount = EXCLUDED.amount, \(excluded)
                RETURNING \(names)
                """
        case .update: return "UPDATE \(table) SET \(assigned(from: 2)) WHERE id = $1"
        case .updateOld:
            guard version == .both else { return nil }
            return "UPDATE \(table) SET \(Shop.oldColumn) = $2 WHERE id = $1"
        case .updateNew:
            guard version == .both else { return nil }
            return "UPDATE \(table) SET \(Shop.newColumn) = $2 WHERE id = $1"
        case .touch: return "UPDATE \(table) SET amount = $2, note = $3 WHERE id = $1"
        case .delete: return "DELETE FROM \(table) WHERE id = $1"
        }
    }
}
