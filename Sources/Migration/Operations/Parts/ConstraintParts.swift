import SQLText

/// What operations on a table's constraints ask of its columns and names.
extension TableFacts {
    /// The columns of these names, or a refusal for each that is not there.
    func existing(
        _ names: [String], at mark: SourceMark, _ refusals: inout RefusalList
    ) -> [ColumnFacts]? {
        var found: [ColumnFacts] = []
        for (index, name) in names.enumerated() {
            if names[..<index].contains(name) {
                refusals.refuse(
                    "repeated-column", "\"\(name)\" is named twice", instead: "Name it once.",
                    at: mark)
            }
            let judgement = ColumnJudgement(table: self, name: name, mark: mark)
            guard let column = judgement.column(&refusals) else { continue }
            judgement.refuseBusy(&refusals)
            found.append(column)
        }
        return found.count == names.count ? found : nil
    }

    /// A constraint's name is its table's own.
    func refuseTakenName(
        _ constraint: String, at mark: SourceMark, _ refusals: inout RefusalList
    ) {
        guard constraints.contains(where: { $0.name == constraint }) else { return }
        refusals.refuse(
            "constraint-exists", "\(name) has a constraint \"\(constraint)\" already",
            instead: "Give another \"name\", or take the operation out.", at: mark)
    }

    /// The tables that foreign keys of a column reference, as a spec would name them: of a partitioned
    /// one every partition is locked with it.
    func referencedTables(of column: String) -> Set<String> {
        Set(
            constraints.filter { $0.columns.contains(column) }.compactMap(\.references)
                .map(\.specText))
    }

    /// A row that comes from a publisher and that the new constraint refuses ends the replication.
    var subscriptionHazards: [Hazard] {
        guard !subscriptions.isEmpty else { return [] }
        return [
            Hazard(
                rule: "subscription", severity: .danger,
                message:
                    "Subscription \(subscriptions.joined(separator: ", ")) writes \(name): a row from there that the constraint refuses stops the replication.",
                safeWay: "Add it on the publisher first.")
        ]
    }

    /// Whether an index begins with these columns, in whatever order, over all rows: what a foreign key
    /// needs to look its referencing rows up.
    func hasIndex(covering columns: [String]) -> Bool {
        indexes.contains { index in
            let leading = index.leadingColumns.prefix(columns.count)
            return index.isValid && !index.isPartial && leading.count == columns.count
                && Set(leading) == Set(columns)
        }
    }

    /// Whether these columns, in whatever order, are a key that a foreign key can reference: a primary
    /// key or unique constraint that is not deferrable, or a plain unique index.
    func hasKey(of columns: [String]) -> Bool {
        let isConstraint = constraints.contains {
            ($0.kind == .primaryKey || $0.kind == .unique) && !$0.isDeferrable
                && $0.columns.count == columns.count && Set($0.columns) == Set(columns)
        }
        return isConstraint
            || indexes.contains {
                $0.isUnique && $0.isValid && $0.constraint == nil && !$0.isPartial
                    && $0.hasOnlyColumns && $0.leadingColumns.count == columns.count
                    && Set($0.leadingColumns) == Set(columns)
            }
    }
}

extension ConstraintFacts {
    /// A definition without the `NOT VALID` that the catalogue prints behind one that is not proven.
    static func unproven(_ definition: SQL) -> SQL {
        let end = " NOT VALID"
        let text = definition.text
        return text.hasSuffix(end)
            ? SQL(writtenByUser: String(text.dropLast(end.count))) : definition
    }

    /// ` DEFERRABLE …`, to stand behind USING INDEX; empty for a constraint that is not.
    var deferral: SQL {
        guard isDeferrable else { return "" }
        return definition.sql().text.contains("INITIALLY DEFERRED")
            ? " DEFERRABLE INITIALLY DEFERRED" : " DEFERRABLE"
    }
}

extension IndexFacts {
    private var texts: [String] {
        definition.parts.compactMap { if case .text(let text) = $0 { text } else { nil } }
    }

    var isPartial: Bool { texts.contains { $0.contains(" WHERE ") } }

    /// `USING btree (a, b)`, with nothing said of the columns.
    var hasOnlyColumns: Bool {
        texts.joined().filter { !$0.isWhitespace && $0 != "," } == "USINGbtree()"
    }

    /// The indexed columns, up to the first expression; those of INCLUDE are none.
    var leadingColumns: [String] {
        var columns: [String] = []
        var hasOpened = false
        for part in definition.parts {
            switch part {
            case .column(let name):
                if hasOpened { columns.append(name) }
            case .text(let text):
                let parentheses = text.filter { $0 == "(" || $0 == ")" }
                if hasOpened, !parentheses.isEmpty { return columns }
                if !hasOpened, parentheses != "(" || !text.hasSuffix("(") { return columns }
                hasOpened = true
            }
        }
        return columns
    }
}

extension StepMaker {
    /// A constraint for new rows only; the ones that are there are proven apart, by `validation`.
    ///
    /// - Parameters:
    ///   - definition: `CHECK (…)`, `FOREIGN KEY (…) REFERENCES …`.
    ///   - references: the table that a foreign key references, whose writers wait as well.
    func addition(
        of constraint: Identifier, _ definition: SQL, references: QualifiedName? = nil,
        then more: [Statement] = []
    ) -> StepAction {
        let mode: LockMode = references == nil ? .accessExclusive : .shareRowExclusive
        return .transaction(
            TransactionAction(
                [
                    Statement(
                        "ALTER TABLE \(table) ADD CONSTRAINT \(constraint) \(definition) NOT VALID",
                        locks: locks(mode, with: references))
                ] + more))
    }

    func removal(of constraint: Identifier, references: QualifiedName? = nil) -> StepAction {
        .transaction(
            TransactionAction([
                Statement(
                    "ALTER TABLE \(table) DROP CONSTRAINT \(constraint)",
                    locks: locks(.accessExclusive, with: references))
            ]))
    }

    /// On the table, and on the one that its foreign key references.
    private func locks(_ mode: LockMode, with references: QualifiedName?) -> [TableLock] {
        Set([table] + [references].compactMap { $0 }).sorted().map { TableLock($0, mode) }
    }
}
