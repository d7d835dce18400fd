import Postgres

/// A version of the shop's application, by what it knows of the columns that a migration changes.
public struct Version: Sendable, Hashable, Comparable {
    /// The sides of a replaced status that it reads and writes.
    enum Side: Sendable { case old, both, new }

    /// A place for an order's status.
    struct StatusColumn: Sendable, Hashable {
        let name: Identifier
        /// Whether `new` is stored as `NEW`: a value then shows which side it was written on.
        var isInCapitals = false

        func spelt(_ status: String?) -> String? { isInCapitals ? status?.uppercased() : status }
    }

    /// What it does with an order's note.
    enum NoteUse: Sendable {
        case writes
        /// Never without one.
        case alwaysWrites
        case onlyReads
        case hasNeverHeardOf
    }

    /// As an operator would call it: `v1`.
    public let name: String
    var side = Side.old
    /// Its sides of the status, the old one first.
    var status = [StatusColumn(name: Shop.oldColumn)]
    var table = Shop.table
    var amount = Identifier("amount")
    var note = NoteUse.writes
    /// Further columns that it gives a value in each insert, and reads.
    var further: [Further] = []

    struct Further: Sendable, Hashable {
        let name: Identifier
        let value: String
    }

    public static func < (left: Version, right: Version) -> Bool { left.name < right.name }

    var columns: [Identifier] { status.map(\.name) }

    /// What every insert says, beside the status: the columns of `Client.order`.
    var orderColumns: [Identifier] {
        [Identifier("customer_id"), amount] + (writesNote ? [Self.noteColumn] : [])
            + further.map(\.name)
    }

    var writesNote: Bool { note == .writes || note == .alwaysWrites }

    /// What a read asks for: the status first.
    var readColumns: [Identifier] {
        columns + (note == .hasNeverHeardOf ? [] : [Self.noteColumn]) + further.map(\.name)
    }

    static let noteColumn = Identifier("note")

    /// A status, in the old side's spelling, as this version writes it into its columns.
    func written(_ status: String?) -> [String?] { self.status.map { $0.spelt(status) } }

    /// Why what this version read of a row is not the status that it should be; nil when it is.
    ///
    /// - Parameters:
    ///   - values: the status columns' values, which others may follow.
    ///   - isFilled: until the backfill is through, the new side may be unset.
    func fault(_ values: [String?], expected: Set<String?>, isFilled: Bool) -> String? {
        let values = Array(values.prefix(status.count))
        let isRight = expected.contains { status in
            let should = written(status)
            return should == values
                || (side == .both && !isFilled && values.count == 2 && values[1] == nil
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
        let table = version.table
        let columns = version.columns
        let order = version.orderColumns
        switch self {
        case .read: return "SELECT \(names: version.readColumns) FROM \(table) WHERE id = $1"
        case .insert:
            let all = order + columns
            return """
                INSERT INTO \(table) (\(names: all)) VALUES (\(numbered(all, from: 1)))
                RETURNING id, \(names: columns)
                """
        case .insertDefault:
            let defaults = columns.map { _ in "DEFAULT" as SQL }.joined(separator: ", ")
            return """
                INSERT INTO \(table) (\(names: order + columns))
                VALUES (\(numbered(order, from: 1)), \(defaults)) RETURNING id, \(names: columns)
                """
        case .insertOmitted:
            return """
                INSERT INTO \(table) (\(names: order)) VALUES (\(numbered(order, from: 1)))
                RETURNING id, \(names: columns)
                """
        case .upsert:
            let all = [Identifier("id")] + order + columns
            let excluded = ([version.amount] + columns).map { "\($0) = EXCLUDED.\($0)" as SQL }
            return """
                INSERT INTO \(table) (\(names: all)) VALUES (\(numbered(all, from: 1)))
                ON CONFLICT (id) DO UPDATE SET \(excluded.joined(separator: ", "))
                RETURNING \(names: columns)
                """
        case .update: return Self.update(table, columns)
        case .updateOld: return version.side == .both ? Self.update(table, [columns[0]]) : nil
        case .updateNew: return version.side == .both ? Self.update(table, [columns[1]]) : nil
        case .touch: return Self.update(table, version.touchedColumns)
        case .delete: return "DELETE FROM \(table) WHERE id = $1"
        }
    }

    private static func update(_ table: QualifiedName, _ columns: [Identifier]) -> SQL {
        let assigned = columns.enumerated().map { "\($1) = $\($0 + 2)" as SQL }
        return "UPDATE \(table) SET \(assigned.joined(separator: ", ")) WHERE id = $1"
    }

    private func numbered(_ columns: [Identifier], from first: Int) -> SQL {
        columns.indices.map { "$\(first + $0)" as SQL }.joined(separator: ", ")
    }
}

extension Version {
    /// What `touch` changes: columns that have nothing to do with the status.
    var touchedColumns: [Identifier] { [amount] + (writesNote ? [Self.noteColumn] : []) }

    /// The values of one side, for a statement that writes that one alone.
    func written(_ status: String?, onto side: Side) -> [String?] {
        let all = written(status)
        return side == .old ? [all[0]] : [all[all.count - 1]]
    }
}
