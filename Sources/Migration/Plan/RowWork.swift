import SQLText

/// A range of a table's blocks, `from` included, `to` not. 8 kB each in a usual build.
public struct BlockRange: Codable, Sendable, Hashable {
    public let from: Int
    public let to: Int

    public init(from: Int, to: Int) {
        self.from = from
        self.to = to
    }

    public var count: Int { to - from }

    /// The condition that PostgreSQL turns into a TID range scan.
    public var predicate: SQL {
        "ctid >= \(literal: "(\(from),0)")::pg_catalog.tid AND ctid < \(literal: "(\(to),0)")::pg_catalog.tid"
    }
}

/// The condition of a range statement: numbers when it runs, psql variables when it is shown.
func rangePredicate(_ range: BlockRange?) -> SQL {
    range?.predicate
        ?? "ctid >= ('(' || :from_block || ',0)')::tid AND ctid < ('(' || :to_block || ',0)')::tid"
}

/// How the rows of a table are met once each.
public enum Walk: Codable, Sendable, Equatable {
    /// By block ranges from 0 to the extent that was read when our trigger had its lock.
    case physical
    /// By ranges of a unique NOT NULL key, where no trigger of ours fills moved rows.
    case key([Identifier])
    /// Again and again over all blocks until a pass finds nothing: where there is no key either.
    case repeated
}

/// Work on every row of a table by ranges of its blocks.
///
/// A partitioned table has none: the work is done `on` each partition that holds rows, under the
/// name of the whole, by which the spec's expressions may call its columns.
public protocol RowWork: Codable, Sendable, Equatable {
    var table: QualifiedName { get }
    /// The partitioned table that `table` is a part of.
    var whole: QualifiedName? { get }
    /// Of a partitioned table those that hold its rows, as they were when it was planned; nil of any
    /// other. They are listed again when it runs.
    var leaves: [QualifiedName]? { get set }

    func on(_ partition: QualifiedName) -> Self
}

extension RowWork {
    public var isPartitioned: Bool { leaves != nil }

    /// The tables of which it reads or writes rows.
    var lockedTables: [QualifiedName] { leaves ?? [table] }

    /// What the row is called in an expression.
    var rowName: Identifier { (whole ?? table).name }

    /// The table in a range statement. A partition stands there as a psql variable where the statement
    /// is shown for all of them.
    var target: SQL {
        if isPartitioned { return ":partition AS \(table.name)" }
        return whole.map { "\(table) AS \($0.name)" } ?? "\(table)"
    }

    /// The table in a statement over all rows.
    var rows: SQL { isPartitioned ? "\(table)" : "ONLY \(target)" }
}

extension TableFacts {
    /// The table in a statement over all of its rows: with its partitions, without what inherits.
    var rows: SQL { isPartitioned ? "\(name)" : "ONLY \(name)" }
}

/// Fills columns of a table in batches, each committed together with its cursor.
public struct Fill: RowWork {
    public private(set) var table: QualifiedName
    public private(set) var whole: QualifiedName?
    public var leaves: [QualifiedName]?
    /// `status_v2 = (status)`
    public let assignments: [Assignment]
    /// Which rows still need it; false for a row once it is filled.
    public let predicate: SQL
    public let walk: Walk
    /// The value of `lockkeeper.fill` while a batch runs, by which this operation's trigger lets it
    /// pass. Nil where the operation has no trigger.
    public let triggerSetting: String?
    /// Stores what it writes over; nil for a fill that does not.
    public let keeping: Keeping?
    /// Asked when it is done: one column of text, `finding`, a sentence a row, which is told.
    public let closing: SQL?

    public init(
        table: QualifiedName, assignments: [Assignment], predicate: SQL, walk: Walk,
        triggerSetting: String?, keeping: Keeping? = nil, closing: SQL? = nil
    ) {
        self.table = table
        self.assignments = assignments
        self.predicate = predicate
        self.walk = walk
        self.triggerSetting = triggerSetting
        self.keeping = keeping
        self.closing = closing
    }

    public struct Assignment: Codable, Sendable, Equatable {
        public let column: Identifier
        public let expression: SQL

        public init(column: Identifier, expression: SQL) {
            self.column = column
            self.expression = expression
        }
    }

    var assignmentList: SQL {
        assignments.map { "\($0.column) = (\($0.expression))" as SQL }.joined(separator: ", ")
    }

    /// A batch over a block range. Takes ROW EXCLUSIVE on the table and the rows' locks, for which
    /// it waits at most the batch's `lock_timeout`.
    public func update(_ range: BlockRange?) -> SQL {
        if let keeping { return updateKeeping(keeping, range, waits: "") }
        return """
            UPDATE ONLY \(target) SET \(assignmentList)
             WHERE \(rangePredicate(range)) AND (\(predicate))
            """
    }

    /// The same without waiting for any row: those locked by others are left for later.
    public func updateSkippingLocked(_ range: BlockRange?) -> SQL {
        if let keeping { return updateKeeping(keeping, range, waits: " SKIP LOCKED") }
        return """
            WITH lk_free AS MATERIALIZED (
              SELECT ctid AS lk_ctid FROM ONLY \(target)
               WHERE \(rangePredicate(range)) AND (\(predicate)) FOR NO KEY UPDATE SKIP LOCKED)
            UPDATE ONLY \(target) SET \(assignmentList) FROM lk_free WHERE \(rowName).ctid = lk_free.lk_ctid
            """
    }

    /// Whether any row is left: one that moved past the walk must not be. Takes ACCESS SHARE while it reads the table.
    var isAnyLeft: SQL {
        "SELECT EXISTS (SELECT FROM \(rows) WHERE \(predicate)) AS is_any_left"
    }

    public func on(_ partition: QualifiedName) -> Fill {
        var part = self
        (part.table, part.whole, part.leaves) = (partition, table, nil)
        return part
    }

    /// How many rows of the range are still to be filled.
    public func remaining(_ range: BlockRange?) -> SQL {
        """
        SELECT count(*) AS remaining FROM ONLY \(target)
         WHERE \(rangePredicate(range)) AND (\(predicate))
        """
    }
}

/// Evaluates an expression on every row, changing nothing, so that a value on which it raises is
/// found before a trigger makes it an error of the application's. Takes ACCESS SHARE.
public struct Probe: RowWork {
    public private(set) var table: QualifiedName
    public private(set) var whole: QualifiedName?
    public var leaves: [QualifiedName]?
    public let expressions: [Labelled]
    /// Conditions that no row may meet (a NULL where the new side forbids it, a value too long).
    public let violations: [Labelled]
    /// The columns that name a row to a person: the primary key, else none.
    public let key: [Identifier]
    /// What to do about rows that meet a violation, in whole sentences; nil for the words of a probe
    /// that stands before any change.
    public let advice: String?

    public struct Labelled: Codable, Sendable, Equatable {
        /// `up gives NULL, but status_v2 is NOT NULL`
        public let label: String
        public let expression: SQL

        public init(label: String, expression: SQL) {
            self.label = label
            self.expression = expression
        }
    }

    public init(
        table: QualifiedName, expressions: [Labelled], violations: [Labelled], key: [Identifier],
        advice: String? = nil
    ) {
        self.table = table
        self.expressions = expressions
        self.violations = violations
        self.key = key
        self.advice = advice
    }

    /// One row: `rows`, and for each violation `v1`, `v2`, … its count.
    public func query(_ range: BlockRange?) -> SQL {
        let evaluated = expressions.map { "pg_catalog.count((\($0.expression))::text)" as SQL }
        let counted = violations.enumerated().map {
            "count(*) FILTER (WHERE \($0.element.expression)) AS \(Identifier("v\($0.offset + 1)"))"
                as SQL
        }
        let columns = (["count(*) AS rows"] + evaluated + counted).joined(separator: ",\n       ")
        return """
            SELECT \(columns)
              FROM ONLY \(target) WHERE \(rangePredicate(range))
            """
    }

    public func on(_ partition: QualifiedName) -> Probe {
        var part = self
        (part.table, part.whole, part.leaves) = (partition, table, nil)
        return part
    }

    /// The same over the one row at a place that `rows(in:)` gave.
    public func query(at place: String) -> SQL {
        let evaluated = (expressions + violations).map { "(\($0.expression))::text" as SQL }
            .joined(separator: ", ")
        return
            "SELECT \(evaluated) FROM ONLY \(target) WHERE ctid = \(literal: place)::pg_catalog.tid"
    }

    /// `place` and `key` of each row of a range, to find the one on which an expression raises.
    public func rows(in range: BlockRange) -> SQL {
        """
        SELECT ctid::text AS place, \(keyText(key)) AS key FROM ONLY \(target)
         WHERE \(rangePredicate(range)) ORDER BY ctid
        """
    }

    /// The keys of the first rows that meet a violation; `key` is their ctid where there is no key.
    public func examples(of violation: Labelled, limit: Int) -> SQL {
        """
        SELECT \(keyText(key)) AS key FROM \(rows)
         WHERE \(violation.expression) LIMIT \(limit)
        """
    }
}

/// Compares both sides of every row: equal means that one is the image of the other.
public struct Comparison: RowWork {
    public private(set) var table: QualifiedName
    public private(set) var whole: QualifiedName?
    public var leaves: [QualifiedName]?
    public let key: [Identifier]
    /// True for a row whose sides differ.
    public let differs: SQL
    /// The columns shown for a differing row, both sides.
    public let shown: [Identifier]
    /// True for a row that a rollback gives up, which is no difference; nil where none may be.
    public let forgone: SQL?

    public init(
        table: QualifiedName, key: [Identifier], differs: SQL, shown: [Identifier],
        forgone: SQL? = nil
    ) {
        self.table = table
        self.key = key
        self.differs = differs
        self.shown = shown
        self.forgone = forgone
    }

    /// Two columns, `rows` and `different`, and `forgone` where there may be such rows, for a range of
    /// blocks. Takes ACCESS SHARE.
    public func query(_ range: BlockRange?) -> SQL {
        let counted: SQL =
            forgone.map { ",\n       count(*) FILTER (WHERE \($0)) AS forgone" } ?? ""
        return """
            SELECT count(*) AS rows, count(*) FILTER (WHERE \(differs)) AS different\(counted)
              FROM ONLY \(target) WHERE \(rangePredicate(range))
            """
    }

    /// The first rows that are given up, likewise.
    public func forgoneExamples(limit: Int) -> SQL? { forgone.map { examples($0, limit) } }

    public func on(_ partition: QualifiedName) -> Comparison {
        var part = self
        (part.table, part.whole, part.leaves) = (partition, table, nil)
        return part
    }

    /// The first differing rows: `key`, and both sides as `row`.
    public func examples(limit: Int) -> SQL { examples(differs, limit) }

    private func examples(_ condition: SQL, _ limit: Int) -> SQL {
        let sides = shown.map {
            "\(literal: $0.name + "=") || coalesce(\($0)::text, 'NULL')" as SQL
        }
        return """
            SELECT \(keyText(key)) AS key, \(sides.joined(separator: " || ', ' || ")) AS row
              FROM \(rows) WHERE \(condition) LIMIT \(limit)
            """
    }
}

/// The columns and their values as text, `id=7, line=2`; the row's place where there are none.
func keyText(_ key: [Identifier]) -> SQL {
    key.isEmpty
        ? "ctid::text"
        : key.map { "\(literal: $0.name + "=") || coalesce(\($0)::text, 'NULL')" as SQL }
            .joined(separator: " || ', ' || ")
}
