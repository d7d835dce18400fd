import SQLText

extension OperationPlan {
    /// The same over partitioned tables: work on rows goes through each partition, and a lock is taken
    /// on everything below the table as well.
    ///
    /// ALTER TABLE, triggers, VALIDATE and ANALYZE go down to every partition (measured on 15 to 18);
    /// COMMENT, GRANT, CREATE STATISTICS and RENAME TO stay with the table that they name.
    func overPartitions(_ facts: Facts) -> OperationPlan {
        let partitioned = facts.tables.values.filter(\.isPartitioned)
        // What a statement of the user's locks was told from its own text.
        guard !partitioned.isEmpty, summary.kind != RunSQL.key else { return self }
        return OperationPlan(
            summary: summary,
            steps: steps.map { step in
                Step(
                    id: step.id, operation: step.operation, phase: step.phase, title: step.title,
                    action: step.action.overPartitions(of: partitioned),
                    undo: step.undo.map {
                        UndoStep(
                            id: $0.id, title: $0.title,
                            action: $0.action.overPartitions(of: partitioned), isPurge: $0.isPurge)
                    }, isPointOfNoReturn: step.isPointOfNoReturn, hazards: step.hazards)
            }, hazards: hazards, synced: synced, claimed: claimed)
    }
}

extension StepAction {
    fileprivate func overPartitions(of tables: [TableFacts]) -> StepAction {
        switch self {
        case .transaction(let action): .transaction(action.overPartitions(of: tables))
        case .probe(let probe): .probe(probe.marked(tables))
        case .fill(let fill): .fill(fill.marked(tables))
        case .compare(let comparison): .compare(comparison.marked(tables))
        case .findViolators(let search): .findViolators(search.overPartitions(of: tables))
        default: self
        }
    }
}

extension RowWork {
    fileprivate func marked(_ tables: [TableFacts]) -> Self {
        var work = self
        work.leaves = tables.first { $0.name == table }?.partitions.filter(\.isLeaf).map(\.name)
            .sorted()
        return work
    }
}

extension ViolatorSearch {
    fileprivate func overPartitions(of tables: [TableFacts]) -> ViolatorSearch {
        let read = [table] + others
        let below = tables.filter { read.contains($0.name) }.flatMap(\.partitions).map(\.name)
        return ViolatorSearch(
            table: table, others: others + below, query: query, found: found, advice: advice)
    }
}

extension TransactionAction {
    fileprivate func overPartitions(of tables: [TableFacts]) -> TransactionAction {
        let expanded = statements.map { statement in
            Statement(
                statement.sql,
                locks: statement.goesDown
                    ? statement.locks.flatMap { $0.withPartitions(of: tables) } : statement.locks)
        }
        var action = TransactionAction(
            expanded, measures: measures, scans: scans, rewrites: rewrites, violators: violators,
            views: views)
        let locked = Set(action.statements.flatMap(\.locks).map(\.table))
        action.parents = tables.filter { locked.contains($0.name) }.sorted { $0.name < $1.name }
            .flatMap { table in
                [table.name]
                    + table.partitions.filter { !$0.isLeaf && locked.contains($0.name) }.map(\.name)
            }
        return action
    }
}

extension Statement {
    fileprivate var goesDown: Bool {
        !["COMMENT ", "GRANT ", "REVOKE ", "CREATE STATISTICS ", "DROP STATISTICS "].contains {
            sql.text.hasPrefix($0)
        }
            && !sql.text.contains(" RENAME TO ")
    }
}

extension TableLock {
    /// What only reads or writes rows takes its locks on those partitions that it meets.
    fileprivate func withPartitions(of tables: [TableFacts]) -> [TableLock] {
        guard mode > .rowExclusive else { return [self] }
        let below = tables.first { $0.name == table }?.partitions ?? []
        return [self] + below.map { TableLock($0.name, mode) }
    }
}
