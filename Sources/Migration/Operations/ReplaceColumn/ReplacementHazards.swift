import SQLText

/// What may surprise while a column is replaced.
struct ReplacementHazards {
    let operation: ReplaceColumn
    let judged: JudgedReplacement

    private var table: TableFacts { judged.table }
    private var old: String { Identifier(operation.column).quoted }
    private var new: String { Identifier(operation.newName).quoted }

    private var isSynced: Bool { operation.writes == .trigger }

    var all: [Hazard] {
        let triggers = TriggerHazards(
            table: table,
            synced: isSynced
                ? Set(judged.oldSide + judged.newSide + [operation.column]) : [],
            filled: operation.newName)
        return triggers.all + triggers.naming(operation.column) + values + dependents + copies
            + TableHazards(table: table, column: operation.newName).all + [writes]
    }

    /// What keeps both sides equal, and what that costs.
    private var writes: Hazard {
        guard !isSynced else {
            return Hazard(
                rule: "trigger-cost", severity: .note,
                message:
                    "The sync trigger makes each write of \(table.name) dearer: up to 2.5 times for an UPDATE, more for COPY."
            )
        }
        return Hazard(
            rule: "application-writes", severity: .warning,
            message:
                "Only the application keeps \(old) and \(new) equal. A writer that leaves one out is found by the comparison before the switch, and not after it.",
            safeWay: "Leave \"writes: application\" out: a trigger then keeps them equal.")
    }

    private var values: [Hazard] {
        var hazards: [Hazard] = []
        if operation.down == nil, isSynced {
            hazards.append(
                Hazard(
                    rule: "no-down", severity: .warning,
                    message:
                        "There is no \"down\": a rollback after the switch loses what the new version wrote to \(new) alone.",
                    safeWay: "Give \"down\", an expression from \(new) back to \(old)."))
        }
        let unique = table.indexes.filter {
            $0.isUnique && $0.definition.columns.contains(operation.column)
        }
        if operation.down == nil || !isSynced, let fallback = judged.old.defaultText,
            !unique.isEmpty
        {
            hazards.append(
                Hazard(
                    rule: "old-unique", severity: .danger,
                    message:
                        "Rows that the new version inserts take \(old)'s default \(fallback), and \(unique.map(\.name.name.quoted).joined(separator: ", ")) may refuse the second of them.",
                    safeWay: isSynced
                        ? "Give \"down\", or drop that default first." : "Drop that default first.")
            )
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
        if operation.unrepresentable == .forgoRollback {
            hazards.append(
                Hazard(
                    rule: "forgoes-rollback", severity: .warning,
                    message:
                        "A write to \(new) that \(old) can't hold leaves \(old) as it was (in a new row: its default): versions that read \(old) see that, and a rollback gives the written value up.",
                    safeWay: "\"unrepresentable: reject\" refuses such a write instead."))
        }
        return hazards
    }

    private var dependents: [Hazard] {
        table.dependents.filter { $0.columns.contains(operation.column) }.map {
            Hazard(
                rule: "dependent", severity: .warning,
                message: "\($0.description) depends on \(old) and stops the purge.",
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
        if operation.check != nil {
            hazards += table.constraints.filter {
                $0.kind == .check && $0.definition.columns.contains(operation.column)
            }.map {
                Hazard(
                    rule: "check-replaced", severity: .warning,
                    message:
                        "The check \($0.name) is not copied: \"with: {check: …}\" stands for it on \(new), and the purge drops it.",
                    safeWay: "Say in it all that \($0.name) says.")
            }
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
                        safeWay: "Build it with a create_index once this migration is finished."))
            }
        }
        return hazards
    }
}
