import SQLText

/// What may surprise while a column is replaced.
struct ReplacementHazards {
    let operation: ReplaceColumn
    let judged: JudgedReplacement

    private var table: TableFacts { judged.table }
    private var old: String { Identifier(operation.column).quoted }
    private var new: String { Identifier(operation.newName).quoted }

    var all: [Hazard] {
        TriggerHazards(
            table: table, synced: Set(judged.oldSide + judged.newSide + [operation.column]),
            filled: operation.newName
        ).all + values + dependents + copies
            + TableHazards(table: table, column: operation.newName).all
            + [
                Hazard(
                    rule: "trigger-cost", severity: .note,
                    message:
                        "The sync trigger makes each write of \(table.name) dearer: up to 2.5 times for an UPDATE, more for COPY."
                )
            ]
    }

    private var values: [Hazard] {
        var hazards: [Hazard] = []
        if operation.down == nil {
            hazards.append(
                Hazard(
                    rule: "no-down", severity: .warning,
                    message:
                        "There is no \"down\": a rollback after the switch loses what the new version wrote to \(new) alone.",
                    safeWay: "Give \"down\", an expression from \(new) back to \(old)."))
        }
        if Representation.isZoneShift(judged.old.type, judged.new.type) {
            hazards.append(
                Hazard(
                    rule: "zone-shift", severity: .warning,
                    message:
                        "\(judged.old.type) becomes \(judged.new.type): the map is made under the TimeZone pinned for this migration, whatever the clients have.",
                    safeWay: "Say the zone in up and down: \(old) AT TIME ZONE '…'."))
        }
        if judged.isNotNull, !judged.old.isNotNull {
            hazards.append(
                Hazard(
                    rule: "stricter-new-side", severity: .warning,
                    message:
                        "\(new) is NOT NULL and \(old) is not: from the backfill on, a write of the old version for which up gives NULL is refused.",
                    safeWay: "Let up give a value for NULL: coalesce(…)."))
        }
        if operation.check != nil {
            hazards.append(
                Hazard(
                    rule: "stricter-new-side", severity: .warning,
                    message:
                        "From the backfill on, a write of the old version whose image the new check refuses is refused too."
                ))
        }
        if judged.up.isStable || judged.down?.isStable == true {
            hazards.append(
                Hazard(
                    rule: "stable-expression", severity: .note,
                    message:
                        "up or down is STABLE, not IMMUTABLE. TimeZone, DateStyle and search_path are pinned; a result that depends on more, such as now(), will be called a difference."
                ))
        }
        if operation.down != nil, operation.unrepresentable == .reject {
            hazards.append(
                Hazard(
                    rule: "rejects-writes", severity: .warning,
                    message:
                        "A write to \(new) that \(old) can't hold is refused until the purge, as \"unrepresentable: reject\" asks."
                ))
        }
        return hazards
    }

    private var dependents: [Hazard] {
        table.dependents.filter { $0.columns.contains(operation.column) }.map {
            Hazard(
                rule: "dependent", severity: .warning,
                message: "\($0.description) depends on \(old): the purge can't drop it until then.",
                safeWay: "Make it read \(new) before the purge.")
        }
    }

    private var copies: [Hazard] {
        var hazards = judged.uncopied.map {
            Hazard(
                rule: "check-not-copied", severity: .warning,
                message:
                    "The check \($0) does not hold for \(judged.new.type) as it is, and is not copied.",
                safeWay: "Say it for \(new): \"with: {check: …}\".")
        }
        for index in table.indexes where index.definition.columns.contains(operation.column) {
            if !index.isValid {
                hazards.append(
                    Hazard(
                        rule: "index-not-copied", severity: .note,
                        message: "The index \(index.name) is INVALID and is not copied."))
            } else if !CopySteps.canCopy(index, from: judged.old.type, to: judged.new.type) {
                hazards.append(
                    Hazard(
                        rule: "index-not-copied", severity: .warning,
                        message:
                            "The index \(index.name) may not hold for \(judged.new.type) as it is, and is not copied.",
                        safeWay: "Add a create_index on \(new) to this spec or the next."))
            }
        }
        if !Representation.isSameFamily(judged.old.type, judged.new.type) {
            for key in table.constraints
            where key.kind == .foreignKey && key.columns.contains(operation.column) {
                hazards.append(
                    Hazard(
                        rule: "foreign-key-type", severity: .danger,
                        message:
                            "The foreign key \(key.name) is copied to \(new) of another type (\(judged.new.type)), which the server may refuse.",
                        safeWay: "Replace the referenced column first."))
            }
        }
        return hazards
    }
}

/// What the user's own triggers do to a sync and a fill.
struct TriggerHazards {
    let table: TableFacts
    let synced: Set<String>
    /// The column that the fill writes.
    let filled: String

    var all: [Hazard] {
        let enabled = table.triggers.filter(\.isEnabled)
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

/// What any change of a live table's columns and rows shows to others.
struct TableHazards {
    let table: TableFacts
    let column: String

    var all: [Hazard] {
        var hazards = [
            Hazard(
                rule: "cached-plan", severity: .note,
                message:
                    "Prepared SELECT * and RETURNING * on \(table.name) raise \"cached plan must not change result type\" once after each change of its columns; COPY and INSERT … SELECT * without a column list see one column more."
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
        return hazards
    }
}
