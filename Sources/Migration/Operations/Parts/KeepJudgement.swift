import SQLText

extension TableFacts {
    /// A key by which a row is found again: the primary key, else columns that are NOT NULL and have a
    /// unique index over nothing else. Nil where there is none that leaves `written` out.
    func rowKey(without written: Set<String> = []) -> [ColumnFacts]? {
        let candidates =
            [primaryKey]
            + indexes.filter {
                $0.isUnique && $0.isValid && !$0.isPartial && $0.hasOnlyColumns
            }.map(\.leadingColumns)
        let unproven = Set(
            constraints.filter { $0.kind == .notNull && !$0.isValidated }.flatMap(\.columns))
        for names in candidates where !names.isEmpty && written.isDisjoint(with: names) {
            let found = names.compactMap(column)
            if found.count == names.count,
                found.allSatisfy({ $0.isNotNull && !unproven.contains($0.name) })
            {
                return found
            }
        }
        return nil
    }
}

extension KeptValues {
    /// The store for what an operation's fill writes over, or a refusal where no key finds a row again.
    static func judged(
        _ context: PlanContext, _ table: TableFacts, _ columns: [ColumnFacts],
        at mark: SourceMark, _ refusals: inout RefusalList
    ) -> KeptValues? {
        guard !table.isPartitioned else {
            refusals.refuse(
                "partitioned-table",
                "\(table.name) is partitioned, and kept values are brought back to rows of one table",
                instead:
                    "Leave \"keep\" out, or store the values yourself before: an operation \"sql\".",
                at: mark)
            return nil
        }
        guard let key = table.rowKey(without: Set(columns.map(\.name))) else {
            refusals.refuse(
                "no-row-key",
                "\(table.name) has no primary key, and no unique index on columns that are all NOT NULL and not filled themselves, by which a kept value finds its row again",
                instead: "Leave \"keep\" out, or give the table such a key first.", at: mark)
            return nil
        }
        func type(_ column: ColumnFacts) -> SQL {
            let collation = column.collation.map { " COLLATE \($0)" } ?? ""
            return SQL(writtenByUser: column.type + collation)
        }
        return KeptValues(
            table: table.name,
            keeping: Keeping(
                store: OurNames.store(context.migration, context.number),
                key: key.map { Identifier($0.name) }),
            columns: columns.map { Identifier($0.name) },
            types: (key.map(type), columns.map(type)))
    }

    func hazard(_ filled: String) -> Hazard {
        Hazard(
            rule: "keeps-values", severity: .note,
            message:
                "Each row that the fill changes is stored in \(keeping.store) with \(filled) before and after, until the purge: the disk must have room for it, and each batch writes so much more.",
            safeWay: nil)
    }

    var keeps: String {
        "What the fill writes over, until the purge: a row that still has what the fill wrote gets its value of before; one that was written since keeps that, and is counted."
    }
}

extension StepMaker {
    /// Backfill, before the fill: undone after the fill's own undo has used it.
    mutating func addStore(_ kept: KeptValues) {
        add(
            .backfill, "store", "make \(kept.keeping.store) for what the fill writes over",
            .transaction(TransactionAction([Statement(kept.create)])),
            undo: [
                Undo(
                    "drop", "drop \(kept.keeping.store)",
                    .ddl([kept.drop], on: kept.keeping.store, .accessExclusive))
            ])
    }

    func restore(_ kept: KeptValues, triggerSetting: String?) -> Undo {
        let columns = kept.columns.map(\.quoted).joined(separator: ", ")
        return Undo(
            "restore",
            "give \(columns) the values of before where they are still what the fill wrote",
            .fill(kept.restore(triggerSetting: triggerSetting)))
    }

    /// Contract, last: as long as a quarantine lasts there is a way back.
    mutating func addStorePurge(_ kept: KeptValues) {
        add(
            .contract, "wait", "keep what the fill wrote over for the quarantine", .quarantine)
        add(
            .contract, "purge", "drop \(kept.keeping.store), what the fill wrote over, for good",
            .ddl([kept.drop], on: kept.keeping.store, .accessExclusive),
            isPointOfNoReturn: true)
    }
}
