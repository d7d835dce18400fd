import SQLText

extension OurNames {
    /// The name of a quarantined table or view: `lk_`, a hash, and the end of the real name.
    static func quarantine(
        _ migration: String, _ table: QualifiedName, taken: [String]
    ) -> QualifiedName {
        let wanted = quarantined(
            hash("\(migration)\u{1F}\(table.quoted)"), tail: table.name.name)
        // An earlier run of this migration may have been rolled back to a quarantined table.
        return QualifiedName(
            schema: table.schema, name: Identifier(free(wanted, taken: Set(taken))))
    }
}

/// What speaks against a table's new name.
struct NewTableName {
    let name: QualifiedName
    let mark: SourceMark
    let context: PlanContext

    func judge(_ refusals: inout RefusalList) {
        judgeName(&refusals)
        judgeRight(&refusals)
    }

    /// Whether the schema is there, and the name free in it.
    func judgeName(_ refusals: inout RefusalList) {
        guard let schema = context.facts.schemas[name.schema.name] else {
            refusals.refuse(
                "missing-schema",
                "there is no schema \"\(name.schema.name)\" in database \(context.facts.server.database)",
                instead: "Correct the name, or make the schema first.", at: mark)
            return
        }
        if schema.names.contains(name.name.name) {
            refusals.refuse(
                "table-exists",
                "schema \(name.schema) has a table, index, view, sequence or type \"\(name.name.name)\" already",
                instead: "Choose another name, or take the operation out.", at: mark)
        }
    }

    private func judgeRight(_ refusals: inout RefusalList) {
        guard context.facts.schemas[name.schema.name]?.mayCreate == false else { return }
        let user = Identifier(context.facts.server.user).quoted
        refusals.refuse(
            "no-create", "\(user) may not create anything in schema \(name.schema)",
            instead: "Let its owner run: GRANT CREATE ON SCHEMA \(name.schema) TO \(user);",
            at: mark)
    }
}

extension SessionFacts {
    /// Where CREATE puts what is named without a schema; nil where the path has none.
    var creationSchema: Identifier? { searchPath.first { $0.name != "pg_catalog" } }
}

extension TableFacts {
    /// Refuses a table on which a migration of ours is under way: its plan has the table's name.
    func refuseIfBusy(at mark: SourceMark, _ refusals: inout RefusalList) {
        guard let trigger = triggers.first(where: \.isOurs) else { return }
        refusals.refuse(
            "busy-table",
            "another migration keeps columns of \(name) in step (trigger \(Identifier(trigger.name)))",
            instead: "Finish that one or roll it back first; `lockkeeper status` lists them.",
            at: mark)
    }
}
