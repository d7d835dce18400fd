import SQLText

/// What is known of a replacement once nothing speaks against it.
struct JudgedReplacement: Sendable {
    let table: TableFacts
    let old: ColumnFacts
    /// As it will be: canonical type, no default.
    let new: ColumnFacts
    let up: ExpressionFacts
    let down: ExpressionFacts?
    /// Columns that `up` reads, and those that `down` reads (the new one where there is no `down`).
    let oldSide: [String]
    let newSide: [String]
    let isNotNull: Bool
    /// The new column's default once the old one is gone; nil for none.
    let finalDefault: SQL?
    /// Checks of the old column that hold for the new type too, and names of those that do not.
    let checks: [CopiedCheck]
    let uncopied: [String]
}

extension ReplaceColumn {
    /// Refuses what would lose data, stall the application or not work at all; every reason at once.
    func judge(_ context: PlanContext) throws(Refusals) -> JudgedReplacement {
        var refusals = RefusalList(file: context.file)
        let facts = context.facts
        let judgement = TableJudgement(
            context: context, reference: table, mark: source.mark("table"),
            partitioned: .works)
        guard let table = judgement.table(&refusals) else {
            try refusals.throwIfAny()
            throw Refusals(file: context.file, refusals: [])
        }
        let old = judgeOld(table, version: facts.server.version, &refusals)
        let type = judgeNew(table, facts, &refusals)
        guard let old, let type else {
            try refusals.throwIfAny()
            throw Refusals(file: context.file, refusals: [])
        }
        if let question = referenceQuestion(table, old), facts.expressions[question]?.error != nil {
            refusals.refuse(
                "foreign-key-type",
                "the foreign key of \(column) can't be copied: \(type.canonical) has no operator = with \(old.type)",
                instead: "Replace the referenced column first, or drop the foreign key.",
                at: withSource.mark("type"))
        }
        let sides = judgeExpressions(context, table, old, &refusals)
        let isNotNull = nullable.map { !$0 } ?? old.isNotNull
        if let down = sides.down, writes == .trigger {
            judgeRepresentation(table, old, down, isNotNull: isNotNull, &refusals)
        }
        judgeForgoing(table, old, facts, isNotNull: isNotNull, &refusals)
        let finalDefault = sides.up.flatMap { up in
            judgeDefault(context, table, old, up, type: type.canonical, &refusals)
        }
        try refusals.throwIfAny()
        guard let up = sides.up else { throw Refusals(file: context.file, refusals: []) }

        let isSameFamily = Representation.isSameFamily(old.type, type.canonical)
        let new = ColumnFacts(
            name: newName, number: (table.columns.map(\.number).max() ?? 0) + 1,
            type: type.canonical, isNotNull: isNotNull,
            collation: isSameFamily ? old.collation : nil, comment: old.comment,
            statisticsTarget: old.statisticsTarget, storage: isSameFamily ? old.storage : nil,
            compression: isSameFamily ? old.compression : nil)
        let checks = copiedChecks(table)
        let resolved = checks.filter {
            facts.expressions[conditionQuestion($0.condition)].map { $0.error == nil } ?? false
        }
        return JudgedReplacement(
            table: table, old: old, new: new, up: up, down: sides.down, oldSide: up.columns,
            newSide: sides.down?.columns ?? [newName], isNotNull: isNotNull,
            finalDefault: finalDefault, checks: resolved,
            uncopied: checks.filter { !resolved.contains($0) }.map(\.name))
    }

    // MARK: Columns

    /// - Parameter version: the server's.
    private func judgeOld(
        _ table: TableFacts, version: Int, _ refusals: inout RefusalList
    ) -> ColumnFacts? {
        let mark = source.mark("column")
        let judgement = ColumnJudgement(table: table, name: column, mark: mark)
        guard let old = judgement.column(&refusals) else { return nil }
        switch old.generation {
        case .none: break
        case .stored, .virtual:
            refusals.refuse(
                "generated-column", "\(column) is generated, so nothing can be written back to it",
                instead: "Replace what it is generated from.", at: mark)
        case .identityAlways, .identityByDefault:
            refusals.refuse(
                "identity-column",
                "\(column) is an identity column, which this version does not move",
                instead: "Name another column.", at: mark)
        }
        judgeKeys(judgement, &refusals)
        judgement.refuseBusy(&refusals)
        judgement.refusePartitionKey(&refusals)
        judgement.refusePartitionsOwn(&refusals)
        judgement.refuseUncopied(version: version, &refusals)
        judgement.refuseSubscribed(
            at: source.mark("table"), "knows nothing of the new column", &refusals)
        return old
    }

    private func judgeKeys(_ judgement: ColumnJudgement, _ refusals: inout RefusalList) {
        let (table, mark) = (judgement.table, judgement.mark)
        if table.primaryKey.contains(column) {
            refusals.refuse(
                "primary-key", "\(column) is in the primary key of \(table.name)",
                instead: "Replacing a key is not available in this version.", at: mark)
        }
        judgement.refuseReferenced(
            instead: "Replacing a referenced key is not available in this version.", &refusals)
        for constraint in table.constraints
        where constraint.kind == .exclusion && constraint.definition.columns.contains(column) {
            refusals.refuse(
                "exclusion-constraint",
                "constraint \(constraint.name) excludes by \(column), and there is no way to build another one online",
                instead: "Drop the constraint first, and add one in a maintenance window.", at: mark
            )
        }
        judgement.refuseReplicaIdentity(&refusals)
    }

    private func judgeNew(
        _ table: TableFacts, _ facts: Facts, _ refusals: inout RefusalList
    ) -> TypeFacts? {
        if table.column(newName) != nil {
            refusals.refuse(
                "column-exists", "\(table.name) has a column \"\(newName)\" already",
                instead: "Name the new column otherwise, or drop the one that is there.",
                at: withSource.mark("name"))
        }
        if let finalName, finalName != column, table.column(finalName) != nil {
            refusals.refuse(
                "column-exists", "\(table.name) has a column \"\(finalName)\" already",
                instead: "Give another \"final_name\", or leave it out.",
                at: source.mark("final_name"))
        }
        return TypeFacts.judged(newType, facts, at: withSource.mark("type"), &refusals)
    }

    // MARK: Expressions

    private func judgeExpressions(
        _ context: PlanContext, _ table: TableFacts, _ old: ColumnFacts,
        _ refusals: inout RefusalList
    ) -> (up: ExpressionFacts?, down: ExpressionFacts?) {
        var rules: Set<ExpressionJudgement.Rule> = [
            .noSubquery, .noVolatile, .executableByWriters, .assignable,
        ]
        // Said once: a generated old column is refused as such.
        if old.generation == .none { rules.insert(.noGeneratedInputs) }
        let upFacts = ExpressionJudgement(
            context: context, role: "up", text: up, mark: source.mark("up"), table: table
        ).facts(upQuestion, rules, &refusals)
        var downFacts: ExpressionFacts?
        if let down, let question = downQuestion(old) {
            downFacts = ExpressionJudgement(
                context: context, role: "down", text: down, mark: source.mark("down"),
                table: table
            ).facts(question, rules, &refusals)
        }
        if let check {
            _ = ExpressionJudgement(
                context: context, role: "check", text: check, mark: withSource.mark("check"),
                table: table
            ).facts(conditionQuestion(check), [.noSubquery, .executableByWriters], &refusals)
        }
        judgeSides(upFacts, downFacts, &refusals)
        return (upFacts, downFacts)
    }

    private func judgeSides(
        _ up: ExpressionFacts?, _ down: ExpressionFacts?, _ refusals: inout RefusalList
    ) {
        if let up, !up.columns.contains(column) {
            refusals.refuse(
                "up-without-old", "up (\(self.up)) does not read \(column)",
                instead: "Make up a function of \(Identifier(column)), or use add_column.",
                at: source.mark("up"))
        }
        if let up, up.columns.contains(newName) {
            refusals.refuse(
                "up-reads-new", "up (\(self.up)) reads \(newName), which it is to give a value",
                instead: "Name only columns that the table has.", at: source.mark("up"))
        }
        guard let up, let down else { return }
        if !down.columns.contains(newName) {
            refusals.refuse(
                "down-without-new", "down (\(self.down ?? "")) does not read \(newName)",
                instead: "Make down a function of \(Identifier(newName)), or leave it out.",
                at: source.mark("down"))
        }
        let both = Set(up.columns).intersection(down.columns).subtracting([newName]).sorted()
        if !both.isEmpty {
            refusals.refuse(
                "side-overlap",
                "up and down both read \(both.joined(separator: ", ")), so a change of it would belong to both sides",
                instead: "Read it in one of them only.", at: source.mark("down"))
        }
    }

    /// No silent default: where the old column can't hold what `down` gives, the spec has to say what
    /// happens to the application's write.
    private func judgeRepresentation(
        _ table: TableFacts, _ old: ColumnFacts, _ down: ExpressionFacts, isNotNull: Bool,
        _ refusals: inout RefusalList
    ) {
        guard unrepresentable == nil else { return }
        var reasons: [String] = []
        if !Representation.fits(down.type, in: old.type) {
            reasons.append("down gives \(down.type) and \(column) is \(old.type)")
        }
        if old.isNotNull, !isNotNull {
            reasons.append("\(newName) may be NULL and \(column) may not")
        }
        // Where both sides are plain copies of each other, so are their constraints.
        for constraint in table.constraints
        where !isPlainCopy && constraint.definition.columns.contains(column)
            && [.check, .unique, .foreignKey].contains(constraint.kind)
        {
            reasons.append("\(column) has the constraint \(constraint.name)")
        }
        for index in table.indexes
        where !isPlainCopy && index.isUnique && index.constraint == nil
            && index.definition.columns.contains(column)
        {
            reasons.append("\(column) has the unique index \(index.name.name)")
        }
        guard !reasons.isEmpty else { return }
        refusals.refuse(
            "unrepresentable",
            "\(column) may be unable to hold what is written to \(newName): \(reasons.joined(separator: "; "))",
            instead:
                "Say what happens then: \"unrepresentable: reject\" refuses the application's write; \"forgo_rollback\" gives the row's rollback up.",
            at: source.mark("down"))
    }

    /// Whether `up` and `down` are nothing but the other side's column.
    var isPlainCopy: Bool { isName(up, column) && isName(down ?? "", newName) }

    /// Whether an expression is nothing but the column.
    func isName(_ text: String, _ name: String) -> Bool {
        [Identifier(name).quoted, Identifier(name).alwaysQuoted].contains(text.trimmed)
    }
}
