import SQLText

extension ReplaceColumn {
    /// The new column's default once the old column is gone, or a refusal where the two sides' defaults
    /// would not be each other's image: an insert that names neither must store the same before and
    /// after.
    func judgeDefault(
        _ context: PlanContext, _ table: TableFacts, _ old: ColumnFacts, _ up: ExpressionFacts,
        type: String, _ refusals: inout RefusalList
    ) -> SQL? {
        if old.defaultIsVolatile, let text = old.defaultText {
            refusals.refuse(
                "volatile-default", "the default of \(column), \(text), is volatile",
                instead:
                    "Two columns can't both take it. Drop the default first, and let the application give the value.",
                at: source.mark("column"))
            return nil
        }
        let image = context.facts.expressions[defaultImageQuestion(table, reads: up.columns)]
        if let newDefault {
            return judgeGiven(context, newDefault, image, old, &refusals)
        }
        guard let text = old.defaultText else { return nil }
        if isName(self.up, column) { return SQL(writtenByUser: text) }
        guard let image, image.error == nil, isConstant(context, text, old, up) else {
            refusals.refuse(
                "default-image", "the image of the default of \(column), \(text), is no constant",
                instead: "Give the new column's default: \"with: {default: …}\".",
                at: withSource.mark)
            return nil
        }
        return image.value.map { "\(literal: $0)::\(SQL(writtenByUser: type))" }
    }

    private func isConstant(
        _ context: PlanContext, _ text: String, _ old: ColumnFacts, _ up: ExpressionFacts
    ) -> Bool {
        guard let own = context.facts.expressions[oldDefaultQuestion(text, old)],
            own.error == nil
        else { return false }
        return !own.isVolatile && !own.isStable && !up.isStable && !up.isVolatile
    }

    private func judgeGiven(
        _ context: PlanContext, _ newDefault: String, _ image: ExpressionFacts?,
        _ old: ColumnFacts, _ refusals: inout RefusalList
    ) -> SQL? {
        let mark = withSource.mark("default")
        guard let given = context.facts.expressions[defaultQuestion(newDefault)],
            given.error == nil
        else {
            let words = context.facts.expressions[defaultQuestion(newDefault)]?.error ?? "unknown"
            refusals.refuse(
                "unresolved-expression", "default (\(newDefault)) does not resolve: \(words)",
                instead: "Write text in SQL quotes inside YAML's: default: \"'\(newDefault)'\".",
                at: mark)
            return nil
        }
        if !given.columns.isEmpty || given.isVolatile {
            refusals.refuse(
                given.isVolatile ? "volatile-default" : "default-reads-row",
                given.isVolatile
                    ? "default (\(newDefault)) is volatile: each side would get another value"
                    : "default (\(newDefault)) reads the row, which no default can",
                instead: "Give a constant.", at: mark)
            return nil
        }
        guard let image, image.error == nil, image.value == given.value else {
            let imageText = image?.value.map { "'\($0)'" } ?? "NULL"
            refusals.refuse(
                "default-image",
                "default (\(newDefault)) is not what up makes of the default of \(column) (\(old.defaultText ?? "none")): that is \(imageText)",
                instead:
                    "Leave \"default\" out to take the image, or change the default in a migration of its own.",
                at: mark)
            return nil
        }
        return SQL(writtenByUser: newDefault)
    }
}
