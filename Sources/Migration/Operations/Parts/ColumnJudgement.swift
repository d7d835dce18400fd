import SQLText

/// What operations on a column that is there ask of it.
struct ColumnJudgement {
    let table: TableFacts
    let name: String
    let mark: SourceMark

    /// The column, or a refusal that lists those that there are.
    func column(_ refusals: inout RefusalList) -> ColumnFacts? {
        guard let column = table.column(name) else {
            let near = Suggestion.didYouMean(name, among: table.columns.map(\.name))
            refusals.refuse(
                "missing-column", "\(table.name) has no column \"\(name)\"",
                instead: near.map { $0.prefix(1).uppercased() + $0.dropFirst() }
                    ?? table.columnList, at: mark)
            return nil
        }
        return column
    }

    /// The triggers of a migration that is under way name the column: renamed or gone, they would
    /// raise an error for every write.
    func refuseBusy(_ refusals: inout RefusalList) {
        for trigger in table.triggers
        where trigger.isOurs && trigger.source.contains(Identifier(name).alwaysQuoted) {
            refusals.refuse(
                "busy-column", "another migration keeps \(name) in step, by \(trigger.function)",
                instead:
                    "Finish it or roll it back first; \"lockkeeper status\" says where it stands.",
                at: mark)
        }
    }

    /// - Parameter why: what the subscription does with the column: `knows nothing of the new column`.
    func refuseSubscribed(at mark: SourceMark, _ why: String, _ refusals: inout RefusalList) {
        guard !table.subscriptions.isEmpty else { return }
        refusals.refuse(
            "subscription",
            "subscription \(table.subscriptions.joined(separator: ", ")) writes \(table.name), and \(why)",
            instead: "Migrate on the publisher.", at: mark)
    }

    func refuseReferenced(instead: String, _ refusals: inout RefusalList) {
        for reference in table.referencedBy where reference.columns.contains(name) {
            refusals.refuse(
                "referenced-key",
                "foreign key \(reference.constraint) of \(reference.table) references \(name)",
                instead: instead, at: mark)
        }
    }

    func refuseReplicaIdentity(_ refusals: inout RefusalList) {
        for index in table.indexes
        where index.isReplicaIdentity && index.definition.columns.contains(name) {
            refusals.refuse(
                "replica-identity", "\(index.name) with \(name) is the table's replica identity",
                instead: "Choose another one first (ALTER TABLE … REPLICA IDENTITY …).", at: mark)
        }
    }
}
