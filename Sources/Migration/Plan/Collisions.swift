import SQLText

/// Operations of one file that depend on each other's results, or want the same thing. Each is planned
/// over the database as it is before the first of them, so none may rest on what another one changes.
struct Collisions {
    let spec: Spec
    let facts: Facts

    private struct Party {
        let number: Int
        let mark: SourceMark
        let key: String
        let footprint: Footprint

        var words: String { "operation \(number) (\(key))" }
    }

    private var parties: [Party] {
        spec.operations.map {
            Party(
                number: $0.number, mark: $0.mark, key: type(of: $0.operation).key,
                footprint: $0.operation.footprint(facts))
        }
    }

    /// In file order; one a pair, the first that there is.
    var all: [Refusal] {
        let parties = parties
        return parties.indices.flatMap { later in
            parties[..<later].compactMap { judge($0, parties[later]) }
        }
    }

    private func judge(_ first: Party, _ second: Party) -> Refusal? {
        sameName(first, second) ?? moved(by: first, neededBy: second, second)
            ?? moved(by: second, neededBy: first, second) ?? sharedObject(first, second)
            ?? filled(first, second) ?? key(droppedBy: first, neededBy: second, second)
            ?? key(droppedBy: second, neededBy: first, second)
            ?? table(takenBy: first, from: second, second)
            ?? table(takenBy: second, from: first, second)
    }

    private func refusal(_ message: String, _ instead: String, _ at: Party) -> Refusal {
        Refusal(
            rule: "operations-overlap", message: message, instead: instead, mark: at.mark)
    }

    private func common(_ left: Footprint.Columns, _ right: Footprint.Columns) -> String? {
        for (table, columns) in left.sorted(by: { $0.key < $1.key }) {
            if let column = columns.intersection(right[table] ?? []).min() {
                return "\(table).\(Identifier(column))"
            }
        }
        return nil
    }

    private func moved(by mover: Party, neededBy other: Party, _ last: Party) -> Refusal? {
        guard let column = common(mover.footprint.moves, other.footprint.all) else { return nil }
        let verb =
            switch mover.key {
            case DropColumn.key: "drops"
            case RenameColumn.key: "renames"
            default: "replaces"
            }
        let after =
            mover.key == DropColumn.key ? "" : ", or after it and of the column that then is there"
        let instead =
            common(mover.footprint.moves, other.footprint.moves) != nil
            ? "Do one after the other, each in a file of its own."
            : "Put operation \(other.number) in a file of its own: before operation \(mover.number), which finds what it made\(after)."
        return refusal(
            "\(other.words) works with \(column), which \(mover.words) \(verb)", instead, last)
    }

    /// An index over a column of each: each would make a copy with the other's old column.
    private func sharedObject(_ first: Party, _ second: Party) -> Refusal? {
        for (table, columns) in first.footprint.moves.sorted(by: { $0.key < $1.key }) {
            let others = second.footprint.moves[table] ?? []
            guard !others.isEmpty,
                let facts = facts.tables.values.first(where: { $0.name == table })
            else { continue }
            let objects =
                facts.indexes.map { ("the index \($0.name.name)", $0.definition.columns) }
                + facts.constraints.map {
                    ("the constraint \(Identifier($0.name))", $0.definition.columns)
                }
                + facts.statistics.map { ("the statistics \($0.name.name)", $0.definition.columns) }
            for (object, used) in objects
            where !used.isDisjoint(with: columns) && !used.isDisjoint(with: others) {
                return refusal(
                    "\(object) of \(table) is over columns of both \(first.words) and \(second.words): the copy that each makes would name the other's old column and go with it",
                    "Do one after the other, each in a file of its own.", second)
            }
        }
        return nil
    }

    private func filled(_ first: Party, _ second: Party) -> Refusal? {
        for (writer, other) in [(first, second), (second, first)] {
            let wanted = other.footprint.reads.merging(other.footprint.writes) { $0.union($1) }
            if let column = common(writer.footprint.writes, wanted) {
                return refusal(
                    "\(other.words) depends on the values of \(column), which \(writer.words) gives",
                    "Put operation \(writer.number) in a file of its own, and run that first.",
                    second)
            }
        }
        return nil
    }

    private func key(droppedBy dropper: Party, neededBy other: Party, _ last: Party) -> Refusal? {
        guard let column = common(dropper.footprint.keysDropped, other.footprint.keysNeeded) else {
            return nil
        }
        return refusal(
            "\(other.words) needs the key of \(column), which \(dropper.words) drops",
            "Leave one of them out, or let operation \(other.number) need another key.", last)
    }

    private func sameName(_ first: Party, _ second: Party) -> Refusal? {
        if let name = first.footprint.makes.intersection(second.footprint.makes).min() {
            return refusal(
                "\(first.words) and \(second.words) both make \(name.words)",
                "Give one of them another name.", second)
        }
        if let name = first.footprint.drops.intersection(second.footprint.drops).min() {
            return refusal(
                "\(first.words) and \(second.words) both take \(name.words) away",
                "Leave one of them out.", second)
        }
        return nil
    }

    private func table(takenBy taker: Party, from other: Party, _ last: Party) -> Refusal? {
        let taken = taker.footprint.drops.filter { $0.kind == .relation }.map(\.relation)
        let named = taken.first { table in
            other.footprint.tables.contains(table)
                || other.footprint.subqueries.contains { Self.names($0, table.name) }
        }
        guard let named else { return nil }
        return refusal(
            "\(other.words) needs \(named), whose name \(taker.words) takes away",
            "Do one after the other, each in a file of its own.", last)
    }

    /// Whether the text has the name as a word of its own.
    private static func names(_ text: String, _ name: Identifier) -> Bool {
        text.ranges(of: name.name).contains { range in
            let before =
                range.lowerBound == text.startIndex
                ? " " : text[text.index(before: range.lowerBound)]
            let after = range.upperBound == text.endIndex ? " " : text[range.upperBound]
            return ![before, after].contains { $0.isLetter || $0.isNumber || $0 == "_" }
        }
    }
}

extension Collisions {
    /// Refusals because something is missing, or there already, say so where another operation of the
    /// file is the one that makes it, or takes it away.
    func explained(_ refusal: Refusal, of number: Int) -> Refusal {
        func words(_ isMade: Bool) -> Refusal? {
            for entry in spec.operations where entry.number != number {
                let names = entry.operation.specNames
                let found = (isMade ? names.made : names.taken).first {
                    refusal.message.contains("\"\($0)\"")
                        || refusal.message.contains(" \(Identifier($0).quoted) ")
                }
                guard let found else { continue }
                let key = type(of: entry.operation).key
                return Refusal(
                    rule: "operations-depend",
                    message:
                        "\(refusal.message); operation \(entry.number) (\(key)) of this file \(isMade ? "makes" : "takes away") \"\(found)\" only while it runs",
                    instead:
                        "Put operation \(entry.number) in a file of its own, and run that to its end first.",
                    mark: refusal.mark)
            }
            return nil
        }
        let missing = [
            "missing-table", "missing-column", "missing-constraint", "missing-index",
            "unresolved-expression",
        ]
        let existing = [
            "column-exists", "table-exists", "constraint-exists", "index-exists", "name-taken",
        ]
        if missing.contains(refusal.rule) { return words(true) ?? refusal }
        if existing.contains(refusal.rule) { return words(false) ?? refusal }
        return refusal
    }
}
