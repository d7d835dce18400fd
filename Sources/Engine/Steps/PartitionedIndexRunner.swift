import Migration
import Postgres

/// Builds and drops the indexes of a partitioned table and its partitions.
///
/// Each part is one statement that either happened or did not, so a resume looks at the catalogue
/// and goes on with the first that is missing. The partitions are listed anew in each round: one may
/// be created, attached, detached or dropped while a build of hours goes on.
struct PartitionedIndexRunner {
    let step: StepID
    let context: StepContext

    private struct Node {
        let table: QualifiedName
        let parent: QualifiedName?
        let isLeaf: Bool
    }

    // MARK: build

    /// Nothing is attached before everything is built: each ATTACH makes PostgreSQL look whether the
    /// parent's index is complete, the loss of a partition that was still missing does not.
    func build(_ build: PartitionedIndexBuild) async throws {
        try await context.sessions.with { connection in
            var nodes = try await list(build.table, on: connection)
            while true {
                guard !nodes.isEmpty else {
                    throw StepFailure("\(build.table) is not there any more.")
                }
                let names = try await names(of: nodes, build, on: connection)
                for node in nodes where !node.isLeaf {
                    try await createOnly(node, build, names, on: connection)
                }
                for node in nodes where node.isLeaf {
                    try await buildLeaf(node, build, names, on: connection)
                }
                let built = nodes.map(\.table)
                nodes = try await list(build.table, on: connection)
                guard nodes.map(\.table) == built else { continue }
                for node in nodes.reversed() {
                    try await attach(node, among: nodes, build, names, on: connection)
                }
                if try await isValid(build.index, on: connection) { break }
                nodes = try await list(build.table, on: connection)
                guard nodes.map(\.table) != built else {
                    throw StepFailure(
                        "Every partition of \(build.table) has its index and \(build.index) is still "
                            + "INVALID: a partition went away just before it was attached. "
                            + "`lockkeeper rollback` drops the index; then run again.")
                }
            }
            try await context.noteDone(step, on: connection)
        }
    }

    /// The index that each table has or is to have: where PostgreSQL made one by itself, for a
    /// partition that came later, that.
    private func names(
        of nodes: [Node], _ build: PartitionedIndexBuild, on connection: Connection
    ) async throws -> [QualifiedName: QualifiedName] {
        var names: [QualifiedName: QualifiedName] = [:]
        for node in nodes {
            guard let parent = node.parent, let above = names[parent] else {
                names[node.table] = build.index
                continue
            }
            names[node.table] =
                try await attachedIndex(of: node.table, to: above, on: connection)
                ?? build.parts.first { $0.partition == node.table }?.index
                ?? PartitionedIndexBuild.index(of: node.table, as: build.index)
        }
        return names
    }

    private func createOnly(
        _ node: Node, _ build: PartitionedIndexBuild, _ names: [QualifiedName: QualifiedName],
        on connection: Connection
    ) async throws {
        guard let index = names[node.table] else { return }
        switch try await owner(of: index, on: connection) {
        case node.table: return
        case let other?:
            throw StepFailure(
                "\(index) is an index of \(other). Rename that one, or roll back and give this one "
                    + "another name.")
        case nil:
            try await run(
                Statement(
                    build.createOnly(index, on: node.table),
                    locks: [TableLock(node.table, .share)]))
        }
    }

    private func buildLeaf(
        _ node: Node, _ build: PartitionedIndexBuild, _ names: [QualifiedName: QualifiedName],
        on connection: Connection
    ) async throws {
        try Task.checkCancellation()
        guard let index = names[node.table], let parent = node.parent, let above = names[parent],
            try await attachedIndex(of: node.table, to: above, on: connection) == nil
        else { return }
        do {
            try await IndexRunner(step: step, context: context)
                .make(build.build(index, on: node.table), on: connection)
        } catch let error as StepFailure {
            try await pass(error, where: node, of: build, on: connection)
        }
        try await forget(node, of: build, index, on: connection)
    }

    private func attach(
        _ node: Node, among nodes: [Node], _ build: PartitionedIndexBuild,
        _ names: [QualifiedName: QualifiedName], on connection: Connection
    ) async throws {
        guard let index = names[node.table], let parent = node.parent, let above = names[parent],
            try await attachedIndex(of: node.table, to: above, on: connection) == nil
        else { return }
        let isEmpty = !node.isLeaf && !nodes.contains { $0.parent == node.table }
        do {
            if isEmpty, try await !isValid(index, on: connection) {
                // Made while there were partitions below it: made now, it is complete.
                try await run(
                    Statement(
                        "DROP INDEX \(index)", locks: [TableLock(node.table, .accessExclusive)]),
                    Statement(build.createOnly(index, on: node.table)))
            }
            try await run(PartitionedIndexBuild.attach(index, to: above))
        } catch let error as StepFailure {
            try await pass(error, where: node, of: build, on: connection)
        }
    }

    /// What went wrong with a partition that is gone does not matter.
    private func pass(
        _ error: StepFailure, where node: Node, of build: PartitionedIndexBuild,
        on connection: Connection
    ) async throws {
        let now = try await list(build.table, on: connection)
        if now.contains(where: { $0.table == node.table }) { throw error }
    }

    /// A partition that was detached under our hands needs no index of ours.
    private func forget(
        _ node: Node, of build: PartitionedIndexBuild, _ index: QualifiedName,
        on connection: Connection
    ) async throws {
        let now = try await list(build.table, on: connection)
        if now.contains(where: { $0.table == node.table }) { return }
        try await removeUnattached(index, of: node.table, on: connection)
    }

    private func run(_ statements: Statement...) async throws {
        try await TransactionRunner(
            action: TransactionAction(statements), step: step, context: context,
            isWholeStep: false
        ).run()
    }

    // MARK: drop

    func drop(_ drop: PartitionedIndexDrop) async throws {
        try await context.sessions.with { connection in
            let nodes = try await list(drop.table, on: connection)
            if try await owner(of: drop.index, on: connection) == drop.table {
                var action = TransactionAction([
                    Statement(
                        drop.drop, locks: nodes.map { TableLock($0.table, .accessExclusive) })
                ])
                action.parents = nodes.filter { !$0.isLeaf }.map(\.table)
                try await TransactionRunner(
                    action: action, step: step, context: context, isWholeStep: false
                ).run()
            }
            // Built and not yet attached, those of the lowest level first.
            for node in nodes.reversed() where node.parent != nil {
                let index =
                    drop.parts.first { $0.partition == node.table }?.index
                    ?? PartitionedIndexBuild.index(of: node.table, as: drop.index)
                if node.isLeaf {
                    try await removeUnattached(index, of: node.table, on: connection)
                } else if try await owner(of: index, on: connection) == node.table {
                    var action = TransactionAction([
                        Statement(
                            "DROP INDEX IF EXISTS \(index)",
                            locks: below(node, nodes).map { TableLock($0, .accessExclusive) })
                    ])
                    action.parents = [node.table]
                    try await TransactionRunner(
                        action: action, step: step, context: context, isWholeStep: false
                    ).run()
                }
            }
            try await context.noteDone(step, on: connection)
        }
    }

    private func removeUnattached(
        _ index: QualifiedName, of table: QualifiedName, on connection: Connection
    ) async throws {
        guard try await owner(of: index, on: connection) == table else { return }
        try await IndexRunner(step: step, context: context).remove(
            IndexDrop(
                table: table, index: index, drop: "DROP INDEX CONCURRENTLY IF EXISTS \(index)"),
            on: connection)
    }

    /// The node's table and everything below it.
    private func below(_ node: Node, _ nodes: [Node]) -> [QualifiedName] {
        var found = [node.table]
        for other in nodes where other.parent.map(found.contains) ?? false {
            found.append(other.table)
        }
        return found
    }

    // MARK: what the catalogue says

    /// The table and everything below it, parents first.
    private func list(_ table: QualifiedName, on connection: Connection) async throws -> [Node] {
        try await connection.query(PartitionTree.query(of: table)).rows.map {
            Node(
                table: try PartitionTree.name($0), parent: try PartitionTree.parent($0),
                isLeaf: try $0.bool("is_leaf"))
        }
    }

    /// The index of the partition that is attached to its parent's.
    private func attachedIndex(
        of partition: QualifiedName, to parent: QualifiedName, on connection: Connection
    ) async throws -> QualifiedName? {
        try await connection.query(
            """
            SELECT n.nspname, c.relname FROM pg_catalog.pg_index i
              JOIN pg_catalog.pg_inherits h ON h.inhrelid = i.indexrelid
              JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE i.indrelid = pg_catalog.to_regclass($1)::pg_catalog.oid
               AND h.inhparent = pg_catalog.to_regclass($2)::pg_catalog.oid
            """, partition.quoted, parent.quoted
        ).rows.first.map { QualifiedName(try $0.string("nspname"), try $0.string("relname")) }
    }

    /// The table of the index of that name.
    private func owner(
        of index: QualifiedName, on connection: Connection
    ) async throws -> QualifiedName? {
        try await connection.query(
            """
            SELECT n.nspname, c.relname FROM pg_catalog.pg_index i
              JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE i.indexrelid = pg_catalog.to_regclass($1)::pg_catalog.oid
            """, index.quoted
        ).rows.first.map { QualifiedName(try $0.string("nspname"), try $0.string("relname")) }
    }

    private func isValid(_ index: QualifiedName, on connection: Connection) async throws -> Bool {
        try await connection.query(
            """
            SELECT coalesce(bool_and(indisvalid), false) AS valid FROM pg_catalog.pg_index
             WHERE indexrelid = pg_catalog.to_regclass($1)::pg_catalog.oid
            """, index.quoted
        ).onlyRow().bool("valid")
    }
}
