import SQLText

extension ReplaceColumn {
    /// Whether a row's rollback can be given up without an error of the application's: the trigger has to
    /// know beforehand what storing the value would say.
    func judgeForgoing(
        _ table: TableFacts, _ old: ColumnFacts, _ facts: Facts, isNotNull: Bool,
        _ refusals: inout RefusalList
    ) {
        guard unrepresentable == .forgoRollback else { return }
        func refuse(_ message: String, _ instead: String) {
            refusals.refuse(
                "forgo-rollback", message, instead: instead, at: source.mark("unrepresentable"))
        }
        guard down != nil else {
            return refuse(
                "without \"down\" every row's rollback is given up after the switch",
                "Leave \"unrepresentable\" out.")
        }
        if facts.types[old.type]?.isDomain == true {
            refuse(
                "\(column) is of the domain \(old.type), of which the trigger may have no value to try with",
                "Use \"unrepresentable: reject\".")
        }
        let shared =
            table.constraints.filter {
                ($0.kind == .foreignKey || $0.kind == .unique)
                    && $0.definition.columns.contains(column)
            }.map { "the constraint \($0.name)" }
            + table.indexes.filter {
                $0.isUnique && $0.constraint == nil && $0.definition.columns.contains(column)
            }.map { "the unique index \($0.name.name)" }
        if !shared.isEmpty {
            refuse(
                "\(column) has \(shared.joined(separator: ", ")): whether other rows let a value in can't be known before it is stored, and a row that was given up would go on holding its old value",
                "Use \"unrepresentable: reject\", or drop it in a migration before.")
        }
        let mixed = table.constraints.filter {
            $0.kind == .check && $0.definition.columns.contains(column)
                && $0.definition.columns.count > 1
        }.map(\.name)
        if !mixed.isEmpty {
            refuse(
                "the check \(mixed.joined(separator: ", ")) of \(column) reads other columns too, with which an old value may not agree later",
                "Use \"unrepresentable: reject\", or drop it in a migration before.")
        }
        if old.isNotNull, old.defaultText == nil {
            refuse(
                "\(column) is NOT NULL and has no default, so a row that is inserted with a value that it can't hold has none at all",
                "Give \(column) a default first, which stands in such rows; or use \"unrepresentable: reject\"."
            )
        }
        let hasCheck = table.constraints.contains {
            $0.kind == .check && $0.definition.columns.contains(column)
        }
        if !isNotNull, old.isNotNull || hasCheck {
            refuse(
                "\(newName) may be NULL where \(column) may not, and a NULL there would be taken for a row that is not filled yet",
                "Make the new column NOT NULL (\"with: {nullable: false}\"), or use \"unrepresentable: reject\"."
            )
        }
    }
}

extension JudgedReplacement {
    func forgone(_ operation: ReplaceColumn, _ context: PlanContext) -> ForgoneRollback? {
        guard operation.unrepresentable == .forgoRollback, operation.down != nil else { return nil }
        let conditions = table.constraints.filter {
            $0.kind == .check && $0.definition.columns.contains(operation.column)
        }.compactMap { $0.condition() }
        return ForgoneRollback(
            function: OurNames.fitsFunction(context.migration, context.number),
            isNotNull: old.isNotNull, conditions: conditions)
    }
}
