import Migration
import SQLText

/// One statement of a file, parsed, with what had happened in the file before it.
struct ScriptStatement {
    /// Position among all statements of the script; later ones have larger numbers.
    let index: Int
    /// Which of the script's texts it stands in.
    let source: Int
    let tokens: [FileToken]
    /// Byte offset in the source of what the parser got.
    let origin: Int
    /// The tree's name of it, empty where it did not parse.
    let kind: String
    let node: ParseNode
    let reading: StatementReading
    let alterations: [Alteration]
    let context: Context

    /// One subcommand of ALTER TABLE.
    struct Alteration {
        let table: RelationName
        /// `AddColumn`, `SetNotNull`, …
        let subtype: String
        let node: ParseNode
        let offset: Int

        var column: ParseNode { subtype == "AddColumn" ? node["def"].cast("ColumnDef") : .null }
        var constraint: ParseNode {
            subtype == "AddConstraint" ? node["def"].cast("Constraint") : .null
        }
    }

    /// What surrounds a statement.
    struct Context {
        /// The transaction block that it is part of; nil: it is a transaction of its own.
        var transaction: Int?
        /// An earlier statement set a `lock_timeout` that is in force here.
        var hasLockTimeout = false
        /// It stands in a DO block.
        var isInBlock = false
        var isInLoop = false
        /// The DO block around it commits.
        var blockCommits = false
        /// An operation of a spec: Lockkeeper sets the timeouts itself.
        var isRunByUs = false
    }

    var start: Int { tokens.first?.start ?? origin }
    var end: Int { tokens.last?.end ?? origin }

    /// Where a node's `location` is in the source; 0 is left out of the tree.
    func offset(_ node: ParseNode) -> Int { origin + (node["location"].integer ?? 0) }

    /// Its table, for those that name one.
    var relation: RelationName? { RelationName(node["relation"]) }

    /// The writes of a statement, those of its WITH queries included.
    var writes: [(type: String, fields: ParseNode)] {
        let types: Set<String> = ["UpdateStmt", "DeleteStmt", "MergeStmt", "InsertStmt"]
        var writes: [(type: String, fields: ParseNode)] = []
        if types.contains(kind) { writes.append((kind, node)) }
        for query in node["withClause"]["ctes"].items {
            if let inner = query.cast("CommonTableExpr")["ctequery"].typed,
                types.contains(inner.type)
            {
                writes.append((inner.type, inner.fields))
            }
        }
        return writes
    }

    /// The columns that it defines, in CREATE TABLE or ALTER TABLE … ADD COLUMN.
    var definedColumns: [(table: RelationName, node: ParseNode)] {
        if kind == "CreateStmt", let relation {
            return node["tableElts"].items.map { $0.cast("ColumnDef") }.filter(\.isPresent)
                .map { (relation, $0) }
        }
        return alterations.filter { $0.subtype == "AddColumn" }.map { ($0.table, $0.column) }
    }

    /// The constraints that it adds, of a column with that column's name. `isNew`: their column is
    /// defined by the same statement.
    var definedConstraints: [DefinedConstraint] {
        var found: [DefinedConstraint] = []
        for (table, column) in definedColumns {
            for entry in column["constraints"].items {
                found.append(
                    DefinedConstraint(
                        table: table, node: entry.cast("Constraint"),
                        column: column["colname"].text, isOfNewTable: kind == "CreateStmt"))
            }
        }
        if kind == "CreateStmt", let relation {
            for entry in node["tableElts"].items where entry.cast("Constraint").isPresent {
                found.append(
                    DefinedConstraint(
                        table: relation, node: entry.cast("Constraint"), column: nil,
                        isOfNewTable: true))
            }
        }
        for alteration in alterations where alteration.constraint.isPresent {
            found.append(
                DefinedConstraint(
                    table: alteration.table, node: alteration.constraint, column: nil,
                    isOfNewTable: false))
        }
        return found
    }
}

/// A constraint as CREATE TABLE or ALTER TABLE defines it.
struct DefinedConstraint {
    let table: RelationName
    let node: ParseNode
    /// Of a column constraint.
    let column: String?
    let isOfNewTable: Bool

    var type: String { node["contype"].text ?? "" }

    /// The columns of a key or of a foreign key's own side.
    var columns: [String] {
        if let column { return [column] }
        return (type == "CONSTR_FOREIGN" ? node["fk_attrs"] : node["keys"]).names
    }
}

extension RelationName {
    /// As it stands in a statement.
    var quoted: String {
        let name = Identifier(name).quoted
        return schema.map { Identifier($0).quoted + "." + name } ?? name
    }

    /// `public` and no schema are the same to a file that sets no search path.
    var key: RelationName {
        schema == "public" ? RelationName(schema: nil, name: name) : self
    }
}
