import SQLText

/// What may surprise where a table gets another name, and a view takes the old one.
struct RenameHazards {
    let table: TableFacts
    let relation: RelationFacts
    let new: QualifiedName
    /// `server_version_num`
    let version: Int
    /// When the old name becomes the view's: `Expand`.
    let moment: String

    private var old: QualifiedName { table.name }

    /// What was tried on 15 to 18 and a view refuses or answers otherwise.
    var viewHazards: [Hazard] {
        let merge = version < 170_000 ? ", MERGE (which needs PostgreSQL 17)" : ""
        return [
            Hazard(
                rule: "view-refuses", severity: .warning,
                message:
                    "From \(moment) on these fail under the name \(old.name), which is then a view: COPY (both ways), TRUNCATE, INSERT … ON CONFLICT ON CONSTRAINT\(merge), WHERE CURRENT OF, TABLESAMPLE, and as DDL ALTER TABLE, CREATE INDEX, row triggers and foreign keys to it.",
                safeWay:
                    "Look for them in the version that runs now. INSERT, UPDATE, DELETE, RETURNING, SELECT … FOR UPDATE and ON CONFLICT (columns) go on as before."
            ),
            Hazard(
                rule: "view-differs", severity: .warning,
                message:
                    "Under the name \(old.name) there is no xmin, ctid or tableoid; GROUP BY the primary key alone does not cover the other columns; pg_get_serial_sequence and currval of it give NULL; LOCK TABLE locks the view and \(new.name).",
                safeWay: "Use \(new.name) where one of these is needed."),
            Hazard(
                rule: "view-columns", severity: .note,
                message:
                    "The view has the columns of today: one that is added to \(new.name) later is not seen under \(old.name)."
            ),
        ]
    }

    /// What says the name in its text.
    var naming: [Hazard] {
        var hazards: [Hazard] = []
        if !relation.functionsNaming.isEmpty {
            hazards.append(
                Hazard(
                    rule: "named-by-functions", severity: .warning,
                    message:
                        "These functions name \(old.name) in their text; they go through the view, and fail after the quarantine: \(relation.functionsNaming.joined(separator: ", ")).",
                    safeWay: "Change them between \(moment) and Contract."))
        }
        let readers = table.triggers.filter {
            let source = $0.source.lowercased()
            return $0.isEnabled
                && (source.contains("tg_table_name") || source.contains("tg_relname"))
        }
        if !readers.isEmpty {
            let names = readers.map { Identifier($0.name).quoted }.joined(separator: ", ")
            hazards.append(
                Hazard(
                    rule: "trigger-reads-name", severity: .warning,
                    message:
                        "Trigger \(names) reads the table's name (TG_TABLE_NAME), which is \(new.name) from \(moment) on, whatever name the statement used.",
                    safeWay: "Let it accept both names first."))
        }
        return hazards
    }

    /// Where it is the same table under another name.
    var ofTheSameTable: [Hazard] {
        var hazards: [Hazard] = []
        let views = table.dependents.map(\.description)
        if !views.isEmpty {
            hazards.append(
                Hazard(
                    rule: "dependents-follow", severity: .note,
                    message:
                        "These follow the table itself, and say \(new.name) from then on: \(views.joined(separator: ", "))."
                ))
        }
        if !table.publications.isEmpty {
            hazards.append(
                Hazard(
                    rule: "publication", severity: .danger,
                    message:
                        "\(old) is published by \(table.publications.joined(separator: ", ")): from Expand on its rows go out as \(new.name), and a subscriber without such a table stops until it has one.",
                    safeWay:
                        "Rename the table on each subscriber right after Expand, and back in a rollback; the subscription then goes on where it stopped."
                ))
        }
        if !relation.sequences.isEmpty {
            let names = relation.sequences.map(\.quoted).joined(separator: ", ")
            hazards.append(
                Hazard(
                    rule: "names-stay", severity: .note,
                    message:
                        "Sequences (\(names)), indexes and constraints keep their names, so what names them goes on."
                ))
        }
        return hazards
    }
}
