import SQLText

/// The rights on a table, the owner's left out, as statements.
struct TableGrants {
    let table: TableFacts
    let relation: RelationFacts

    /// Whether taking them away and giving them back restores them: what another role granted would
    /// come back as the owner's grant.
    var canBeGivenBack: Bool { relation.otherGrantors.isEmpty }

    private struct Holder: Hashable {
        let role: String?
        let isGrantable: Bool

        var sql: SQL { role.map { "\(Identifier($0))" } ?? "PUBLIC" }
        var option: SQL { isGrantable ? " WITH GRANT OPTION" : "" }
    }

    /// Everything, on the table or on a view of the same columns, in the order of the ACL.
    func grant(on name: QualifiedName) -> [SQL] {
        var order: [Holder] = []
        var privileges: [Holder: [SQL]] = [:]
        for grant in relation.grants {
            let holder = Holder(role: grant.grantee, isGrantable: grant.isGrantable)
            if privileges[holder] == nil { order.append(holder) }
            privileges[holder, default: []].append(SQL(writtenByUser: grant.privilege))
        }
        return order.map { holder in
            let list = (privileges[holder] ?? []).joined(separator: ", ")
            return "GRANT \(list) ON \(name) TO \(holder.sql)\(holder.option)"
        } + table.columns.flatMap { grantColumn($0.name, on: name) }
    }

    private func grantColumn(_ column: String, on name: QualifiedName) -> [SQL] {
        (table.columnGrants[column] ?? []).map { grant in
            let holder = Holder(role: grant.grantee, isGrantable: grant.isGrantable)
            return """
                GRANT \(SQL(writtenByUser: grant.privilege)) (\(Identifier(column))) ON \(name) TO \(holder.sql)\(holder.option)
                """
        }
    }

    /// From everybody but the owner; the columns' rights go with the table's (manual, "REVOKE").
    func revoke(on name: QualifiedName) -> [SQL] {
        let roles =
            relation.grants.map(\.grantee)
            + table.columnGrants.values.flatMap { $0.map(\.grantee) }
        let others = Set(roles).filter { $0 != table.owner }
        guard !others.isEmpty else { return [] }
        let list = others.sorted { ($0 ?? "") < ($1 ?? "") }
            .map { Holder(role: $0, isGrantable: false).sql }
        return ["REVOKE ALL ON \(name) FROM \(list.joined(separator: ", "))"]
    }
}
