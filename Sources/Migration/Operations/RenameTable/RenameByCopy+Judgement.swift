import SQLText

/// What speaks against a complete copy of a table, each with the way around it.
struct CopyJudgement {
    let table: TableFacts
    let relation: RelationFacts
    let copied: CopiedTableFacts
    let server: ServerFacts
    let mark: SourceMark

    private static let way = "Use \"method: view\", which leaves the table as it is."

    /// The primary key, else a unique constraint of NOT NULL columns; nil where neither is there.
    var key: TableCopying.Key? {
        let constraints =
            table.constraints.filter { $0.kind == .primaryKey }
            + table.constraints.filter { key in
                key.kind == .unique
                    && key.columns.allSatisfy { table.column($0)?.isNotNull ?? false }
            }
        for constraint in constraints where !constraint.isDeferrable {
            if let index = table.indexes.first(where: {
                $0.constraint == constraint.name && $0.isValid
            }) {
                return .init(constraint: constraint, index: index)
            }
        }
        return nil
    }

    func judge(_ refusals: inout RefusalList) {
        func refuse(_ rule: String, _ message: String, _ instead: String = Self.way) {
            refusals.refuse(rule, message, instead: instead, at: mark)
        }
        if key == nil {
            refuse(
                "no-key",
                "\(table.name) has no primary key and no unique constraint of NOT NULL columns that is not deferrable, by which a row and its copy find each other",
                "Give it a primary key first, or use \"method: view\".")
        }
        for obstacle in copied.obstacles { refuse("not-copied", "\(table.name) \(obstacle)") }
        judgeConstraints(refuse)
        judgeSurroundings(refuse)
        judgeRights(refuse)
    }

    private func judgeConstraints(_ refuse: (String, String, String) -> Void) {
        for constraint in table.constraints {
            let name = Identifier(constraint.name)
            switch constraint.kind {
            case .exclusion:
                refuse(
                    "exclusion",
                    "\(table.name) has the exclusion constraint \(name), for which there is no index to build beforehand",
                    Self.way)
            case .primaryKey, .unique:
                guard constraint.isDeferrable else { continue }
                refuse(
                    "deferrable-key",
                    "\(name) of \(table.name) is deferrable: rows that are alike for a moment would be refused in the copy",
                    Self.way)
            case .notNull:
                guard !constraint.isValidated else { continue }
                refuse(
                    "not-proven", "\(name) of \(table.name) is NOT NULL but NOT VALID",
                    "Mend its rows and validate it first, or use \"method: view\".")
            case .check, .foreignKey, .trigger: break
            }
            if constraint.definition.sql().text.hasSuffix("NOT ENFORCED") {
                refuse("not-enforced", "\(name) of \(table.name) is NOT ENFORCED", Self.way)
            }
        }
    }

    private func judgeSurroundings(_ refuse: (String, String, String) -> Void) {
        if !table.publications.isEmpty {
            refuse(
                "publication",
                "\(table.name) is published by \(table.publications.joined(separator: ", ")), and the rows of its copy would go out twice, or under a name that subscribers do not have",
                Self.way)
        }
        let keys = Set(
            copied.incoming.map { "constraint \($0.constraint) on table \($0.table.quoted)" })
        let bound = relation.stopsDrop.filter { !keys.contains($0) }
        if !bound.isEmpty {
            refuse(
                "needed-table",
                "these depend on \(table.name) itself and would stay with the old table: \(bound.joined(separator: "; "))",
                "Drop them before and make them again after, or use \"method: view\", with which they follow."
            )
        }
        if table.forcesRowSecurity, !server.isSuperuser {
            refuse(
                "forced-row-security",
                "\(table.name) forces row security on its owner too, so the copy might miss rows",
                "Run as a superuser, or use \"method: view\".")
        }
    }

    private func judgeRights(_ refuse: (String, String, String) -> Void) {
        let user = Identifier(server.user).quoted
        for key in copied.incoming where !key.isOurs {
            refuse(
                "not-owner",
                "the foreign key \(Identifier(key.constraint)) of \(key.table) references \(table.name), and only that table's owner can turn it to the copy",
                "Run as a role that is a member of its owner, or use \"method: view\".")
        }
        for other in copied.notReferenceable {
            refuse(
                "no-references", "\(user) may not add a foreign key to \(other) again",
                "Let its owner run: GRANT REFERENCES ON \(other) TO \(user);")
        }
        for trigger in copied.triggers where !trigger.mayExecute {
            refuse(
                "no-execute",
                "\(user) may not execute the function of trigger \(Identifier(trigger.name)), and so can't make it on the copy",
                "Let the function's owner GRANT EXECUTE on it to \(user).")
        }
        if !relation.otherGrantors.isEmpty {
            refuse(
                "other-grantors",
                "rights on \(table.name) were given by \(relation.otherGrantors.joined(separator: ", ")), and would be its owner's grants on the copy",
                "Let its owner give those rights, or use \"method: view\".")
        }
    }
}
