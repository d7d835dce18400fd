import SQLText

/// What the user's own triggers do to a sync and a fill.
struct TriggerHazards {
    let table: TableFacts
    let synced: Set<String>
    /// The column that the fill writes.
    let filled: String

    var all: [Hazard] {
        let enabled = table.triggers.filter { $0.isEnabled && !$0.isOurs }
        var hazards: [Hazard] = []
        for trigger in enabled where trigger.isBefore && trigger.isRow {
            for column in synced.sorted() where Self.assigns(trigger.source, column) {
                hazards.append(
                    Hazard(
                        rule: "trigger-assigns-synced", severity: .danger,
                        message:
                            "Trigger \(trigger.name) (\(trigger.function)) assigns \(column), which the sync keeps: what it does to a row while the fill writes it is not synced.",
                        safeWay: "Take that out of the trigger, or do it on the new side only."))
            }
        }
        for trigger in enabled where trigger.onUpdate && !synced.isDisjoint(with: trigger.columns) {
            hazards.append(
                Hazard(
                    rule: "trigger-update-of", severity: .danger,
                    message:
                        "Trigger \(trigger.name) fires on UPDATE OF \(trigger.columns.joined(separator: ", ")): a write of the other side changes the column through the sync and does not fire it.",
                    safeWay: "Let it fire on any UPDATE and compare OLD with NEW itself."))
        }
        let fired = enabled.filter { $0.onUpdate && $0.columns.isEmpty }.map(\.name)
        if !fired.isEmpty {
            hazards.append(
                Hazard(
                    rule: "fill-fires-triggers", severity: .warning,
                    message:
                        "The fill fires \(fired.joined(separator: ", ")) for each row that it writes (an updated_at, an audit, a NOTIFY).",
                    safeWay:
                        "Look whether it should; let it return early when only \(filled) changed."
                ))
        }
        return hazards
    }

    /// Triggers whose function says the name of a column that gets another one.
    func naming(_ column: String) -> [Hazard] {
        table.triggers.filter { $0.isEnabled && !$0.isOurs && Self.names($0.source, column) }.map {
            Hazard(
                rule: "trigger-names-column", severity: .danger,
                message:
                    "Trigger \($0.name) (\($0.function)) names \(column): from the quarantine on, each write that fires it raises an error.",
                safeWay: "Change the function before the gate of Contract.")
        }
    }

    /// `NEW.status` or `OLD.status`, quoted or not.
    private static func names(_ source: String, _ column: String) -> Bool {
        let folded = source.lowercased().filter { $0 != "\"" }
        return ["new.", "old."].contains { row in
            folded.ranges(of: row + column.lowercased()).contains { range in
                guard range.upperBound < folded.endIndex else { return true }
                let next = folded[range.upperBound]
                return !(next.isLetter || next.isNumber || next == "_" || next == "$")
            }
        }
    }

    /// `NEW.status :=` or `NEW.status =` as a statement, quoted or not.
    static func assigns(_ source: String, _ column: String) -> Bool {
        let folded = source.lowercased().filter { $0 != "\"" }
        let name = "new." + column.lowercased()
        for range in folded.ranges(of: name) {
            let rest = folded[range.upperBound...].drop(while: \.isWhitespace)
            if rest.hasPrefix(":=") { return true }
            let before = folded[..<range.lowerBound].reversed().drop(while: \.isWhitespace)
            let startsStatement =
                before.first == ";" || String(before.prefix(5).reversed()) == "begin"
                || String(before.prefix(4).reversed()) == "then"
                || String(before.prefix(4).reversed()) == "else"
                || String(before.prefix(4).reversed()) == "into"
            if startsStatement, rest.hasPrefix("=") || before.starts(with: "otni") { return true }
        }
        return false
    }
}

extension TriggerFacts {
    /// Made by Lockkeeper, by this migration or another.
    var isOurs: Bool { function.hasPrefix("lockkeeper.") }

    /// Somebody else's that fires where ours does, and must fire before it.
    var firesBesideOurs: Bool { isBefore && isRow && !isOurs }
}

/// What any change of a live table's columns and rows shows to others.
struct TableHazards {
    let table: TableFacts
    let column: String
    /// The column goes in the end; else it comes.
    var isDropped = false

    var all: [Hazard] {
        var hazards = [
            Hazard(
                rule: "cached-plan", severity: .note,
                message:
                    "Prepared SELECT * and RETURNING * on \(table.name) raise \"cached plan must not change result type\" after each change of its columns, until they are prepared again; COPY and INSERT … SELECT * without a column list see one column \(isDropped ? "fewer in the end" : "more")."
            ),
            Hazard(
                rule: "serialization", severity: .note,
                message:
                    "Writers under REPEATABLE READ or SERIALIZABLE may get serialization failures on rows that the fill just wrote."
            ),
        ]
        if !table.publications.isEmpty {
            hazards.append(
                Hazard(
                    rule: "publication", severity: .warning,
                    message:
                        "\(table.name) is published by \(table.publications.joined(separator: ", ")): logical replication carries rows, not DDL, and a subscriber without \(Identifier(column)) stops.",
                    safeWay: "Add the column on every subscriber first."))
        }
        if table.hasRowSecurity {
            hazards.append(
                Hazard(
                    rule: "row-security", severity: table.forcesRowSecurity ? .danger : .warning,
                    message: table.forcesRowSecurity
                        ? "\(table.name) forces row security on its owner too: rows that its policies hide would not be filled or compared."
                        : "\(table.name) has row security: policies that name a column must name the other too.",
                    safeWay: table.forcesRowSecurity
                        ? "Run as a role with BYPASSRLS." : nil))
        }
        return hazards + Hazard.partitionedRows(table)
    }
}
