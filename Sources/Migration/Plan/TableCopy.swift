import SQLText

/// Work over a table's rows in batches, each committed together with its cursor: a fill of columns, or
/// a copy into another table.
public protocol BatchedWork: RowWork {
    var walk: Walk { get }
    /// The value of `lockkeeper.fill` while a batch runs; nil where no trigger looks at it.
    var triggerSetting: String? { get }
    /// `fill status_v2`
    var title: String { get }
    /// What a row can't be, where a batch stops: `filled`.
    var participle: String { get }
    /// Whether it leaves row versions behind in the table that is walked.
    var writesTable: Bool { get }
    /// A batch over a block range, which waits for rows that others have locked.
    func update(_ range: BlockRange?) -> SQL
    /// The same without waiting for any row: those locked by others are left for later.
    func updateSkippingLocked(_ range: BlockRange?) -> SQL
    /// One column, `remaining`: how many rows of the range are still to be done.
    func remaining(_ range: BlockRange?) -> SQL
    /// A batch that waits for rows can leave some behind all the same.
    var leavesChangedRows: Bool { get }
    /// One boolean, `is_any_left`, asked in one snapshot before it counts as done; nil where nothing
    /// can be left.
    var endQuestion: SQL? { get }
    /// Asked when it is done: one column of text, `finding`, a sentence a row, which is told.
    var closing: SQL? { get }
}

extension BatchedWork {
    public var leavesChangedRows: Bool { false }
    public var endQuestion: SQL? { nil }
    public var closing: SQL? { nil }
}

extension Fill: BatchedWork {
    public var title: String {
        "fill \(assignments.map(\.column.name).joined(separator: ", "))"
    }
    public var participle: String { "filled" }
    public var writesTable: Bool { true }
    public var leavesChangedRows: Bool { keeping != nil }
    public var endQuestion: SQL? { keeping != nil || closing != nil ? isAnyLeft : nil }
}

extension StepAction {
    /// What it does in batches; nil for everything else.
    public var batchedWork: (any BatchedWork)? {
        switch self {
        case .fill(let fill): fill
        case .copyRows(let copy): copy
        default: nil
        }
    }
}

/// Copies the rows of a table into another that a trigger keeps in step with it.
///
/// A batch locks its rows before it reads them, in the mode of an UPDATE. So of one row either the
/// batch comes first, and a writer, who waits for it, finds the copy made; or the writer does, and the
/// batch waits, or leaves the row to the writer's trigger. Without the lock a row deleted between the
/// batch's reading and its writing would be in the copy for good.
public struct RowCopy: BatchedWork {
    public let table: QualifiedName
    /// Always nil: a partitioned table is not copied.
    public private(set) var whole: QualifiedName?
    public var leaves: [QualifiedName]?
    public let copy: QualifiedName
    /// Every column but generated ones.
    public let columns: [Identifier]
    public let key: [Identifier]

    public init(
        table: QualifiedName, copy: QualifiedName, columns: [Identifier], key: [Identifier]
    ) {
        self.table = table
        self.copy = copy
        self.columns = columns
        self.key = key
    }

    public func on(_ partition: QualifiedName) -> RowCopy { self }

    public var walk: Walk { .physical }
    public var triggerSetting: String? { nil }
    public var title: String { "copy the rows to \(copy.name.name)" }
    public var participle: String { "copied" }
    public var writesTable: Bool { false }

    /// Takes ROW SHARE on the table with the rows' locks, and ROW EXCLUSIVE on the copy.
    public func update(_ range: BlockRange?) -> SQL { insert(range, wait: "") }

    public func updateSkippingLocked(_ range: BlockRange?) -> SQL {
        insert(range, wait: " SKIP LOCKED")
    }

    private func insert(_ range: BlockRange?, wait: SQL) -> SQL {
        """
        WITH lk_rows AS MATERIALIZED (
          SELECT \(names: columns) FROM ONLY \(table)
           WHERE \(rangePredicate(range)) FOR NO KEY UPDATE\(wait))
        INSERT INTO \(copy) (\(names: columns)) SELECT \(names: columns) FROM lk_rows
        ON CONFLICT (\(names: key)) DO NOTHING
        """
    }

    public func remaining(_ range: BlockRange?) -> SQL {
        """
        SELECT count(*) AS remaining
          FROM (SELECT \(names: key) FROM ONLY \(table) WHERE \(rangePredicate(range))) lk_from
         WHERE NOT EXISTS (SELECT FROM ONLY \(copy) lk_to WHERE \(sameKey(key)))
        """
    }
}

/// Compares every row of a table with its copy, and looks for rows that only the copy has.
public struct TableComparison: Codable, Sendable, Equatable {
    public let table: QualifiedName
    public let copy: QualifiedName
    /// Every column, generated ones too.
    public let columns: [Identifier]
    public let key: [Identifier]

    public init(
        table: QualifiedName, copy: QualifiedName, columns: [Identifier], key: [Identifier]
    ) {
        self.table = table
        self.copy = copy
        self.columns = columns
        self.key = key
    }

    /// `rows`, `missing` from the copy, and `different` in it, for a range of the table's blocks.
    public func differing(_ range: BlockRange?) -> SQL {
        """
        SELECT count(*) AS rows, count(*) FILTER (WHERE \(isMissing)) AS missing,
               count(*) FILTER (WHERE NOT \(isMissing) AND \(differs)) AS different
          FROM (SELECT \(names: columns) FROM ONLY \(table) WHERE \(rangePredicate(range))) lk_from
          LEFT JOIN ONLY \(copy) lk_to ON \(sameKey(key))
        """
    }

    /// `rows`, and `extra`: those that the table does not have, for a range of the copy's blocks.
    public func extra(_ range: BlockRange?) -> SQL {
        """
        SELECT count(*) AS rows, count(*) FILTER (WHERE NOT EXISTS (
                 SELECT FROM ONLY \(table) lk_from WHERE \(sameKey(key)))) AS extra
          FROM (SELECT \(names: key) FROM ONLY \(copy) WHERE \(rangePredicate(range))) lk_to
        """
    }

    /// The first rows that are not the same: `key`, and what is wrong as `fault`.
    public func examples(limit: Int) -> SQL {
        let first = key.first ?? Identifier("ctid")
        return """
            SELECT \(keyText(key, of: "lk_from")) AS key,
                   CASE WHEN \(isMissing) THEN 'missing' ELSE 'different' END AS fault
              FROM ONLY \(table) lk_from LEFT JOIN ONLY \(copy) lk_to ON \(sameKey(key))
             WHERE \(isMissing) OR \(differs)
             UNION ALL
            SELECT \(keyText(key, of: "lk_to")), 'too many'
              FROM ONLY \(copy) lk_to LEFT JOIN ONLY \(table) lk_from ON \(sameKey(key))
             WHERE lk_from.\(first) IS NULL
             LIMIT \(limit)
            """
    }

    /// The key's columns are NOT NULL.
    private var isMissing: SQL { "lk_to.\(key.first ?? Identifier("ctid")) IS NULL" }

    /// By image: 1.0 is not 1.00, and json has no other.
    private var differs: SQL {
        func row(_ side: SQL) -> SQL {
            "ROW(\(columns.map { "\(side).\($0)" as SQL }.joined(separator: ", ")))::record"
        }
        return "\(row("lk_from")) *<> \(row("lk_to"))"
    }
}

private func sameKey(_ key: [Identifier]) -> SQL {
    key.map { "lk_to.\($0) = lk_from.\($0)" as SQL }.joined(separator: " AND ")
}

private func keyText(_ key: [Identifier], of side: SQL) -> SQL {
    key.map { "\(literal: $0.name + "=") || \(side).\($0)::text" as SQL }
        .joined(separator: " || ', ' || ")
}
