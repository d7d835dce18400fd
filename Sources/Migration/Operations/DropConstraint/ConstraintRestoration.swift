import SQLText

/// Adds a constraint again that was dropped, without stalling anybody for longer than the catalogue
/// takes.
struct ConstraintRestoration {
    let table: TableFacts
    let constraint: ConstraintFacts
    let maker: StepMaker
    /// The table that a foreign key references has partitions.
    let isReferencePartitioned: Bool

    private var name: Identifier { Identifier(constraint.name) }
    private static let advice = "Mend them; \"lockkeeper rollback\" then goes on."

    var undo: [StepMaker.Undo] {
        switch constraint.kind {
        case .check, .foreignKey: again
        case .unique, .primaryKey: key
        case .exclusion, .notNull, .trigger: []
        }
    }

    // MARK: Checks and foreign keys

    /// One that was not proven is added as it was. Of a check the rows that break it must be mended
    /// before it is there: they could not be updated afterwards.
    private var again: [StepMaker.Undo] {
        let definition = ConstraintFacts.unproven(constraint.definition.sql())
        let addition = StepMaker.Undo(
            "add", "have \(name) for new rows again",
            maker.addition(
                of: name, definition, references: constraint.references, then: comment))
        guard constraint.isValidated, let search else { return [addition] }
        return [
            .init("violators", "look for rows that break \(name)", .findViolators(search)),
            addition,
            .init(
                "validate", "prove \(name) for every row",
                maker.validation(
                    of: name, references: constraint.references, violators: search)),
        ]
    }

    private var search: ViolatorSearch? {
        let text = constraint.definition.sql().text
        if let reference = constraint.references {
            return .orphans(
                of: ReferenceFacts(
                    columns: constraint.columns.map { Identifier($0) }, table: reference,
                    referenced: constraint.referencedColumns.map { Identifier($0) },
                    isMatchFull: text.contains(" MATCH FULL"),
                    isPartitioned: isReferencePartitioned), in: table, advice: Self.advice)
        }
        return constraint.condition().map { condition in
            .rows(
                of: table, where: "NOT (\(SQL(writtenByUser: condition)))",
                found: "rows of \(table.name) break the check \(name) (\(condition))",
                advice: Self.advice)
        }
    }

    private var comment: [Statement] {
        constraint.comment.map {
            [
                Statement(
                    "COMMENT ON CONSTRAINT \(name) ON \(table.name) IS \(literal: $0)",
                    locks: [TableLock(table.name, .shareUpdateExclusive)])
            ]
        } ?? []
    }

    // MARK: Keys

    private var key: [StepMaker.Undo] {
        let facts = table.indexes.first { $0.constraint == constraint.name }
        guard let facts else { return [] }
        let index = QualifiedName(schema: table.name.schema, name: name)
        let definition = facts.definition.sql()
        let kind: SQL = constraint.kind == .primaryKey ? "PRIMARY KEY" : "UNIQUE"
        let exclusive = [TableLock(table.name, .accessExclusive)]
        return [
            .init(
                "duplicates", "look for duplicates",
                .findViolators(
                    .duplicates(
                        of: constraint.columns.map { Identifier($0) }, in: table.name,
                        nullsAreDistinct: !definition.text.contains("NULLS NOT DISTINCT"),
                        advice: Self.advice))),
            .init(
                "index", "build the unique index \(name)",
                .buildIndex(
                    IndexBuild(
                        table: table.name, index: index, isUnique: true,
                        create:
                            "CREATE UNIQUE INDEX CONCURRENTLY \(name) ON \(table.name) \(definition)",
                        drop: "DROP INDEX CONCURRENTLY IF EXISTS \(index)"))),
            .init(
                "add", "make the index the constraint \(name)",
                .transaction(
                    TransactionAction(
                        [
                            Statement(
                                "ALTER TABLE \(table.name) ADD CONSTRAINT \(name) \(kind) USING INDEX \(name)\(constraint.deferral)",
                                locks: exclusive)
                        ] + comment + indexComment(facts)))),
        ]
    }

    private func indexComment(_ index: IndexFacts) -> [Statement] {
        index.comment.map {
            [Statement("COMMENT ON INDEX \(index.name) IS \(literal: $0)")]
        } ?? []
    }
}
