import Migration
import SQLText

/// What a statement makes or takes away, as far as the catalogue shows it by name: for whoever looks
/// whether it is still so.
public struct StatementEffect: Sendable, Hashable {
    public enum Object: Sendable, Hashable {
        case relation(RelationName)
        case index(RelationName)
        case column(of: RelationName, String)
        case constraint(of: RelationName, String)
        case trigger(of: RelationName, String)
        case function(RelationName)
    }

    public let object: Object
    /// False: it takes the object away.
    public let makes: Bool

    init(_ object: Object, makes: Bool) {
        self.object = object
        self.makes = makes
    }

    /// The effects of a statement's text, in their order; none where the parser does not understand
    /// it, or it does nothing of the kind. No I/O.
    public static func effects(of text: String) -> [StatementEffect] {
        guard let tree = try? ParseTree(text) else { return [] }
        return tree.statements.flatMap { effects($0.kind, $0.node) }
    }

    private static func effects(_ kind: String, _ node: ParseNode) -> [StatementEffect] {
        let relation = RelationName(node["relation"])
        switch kind {
        case "CreateStmt":
            return relation.map { [.init(.relation($0), makes: true)] } ?? []
        case "ViewStmt":
            return RelationName(node["view"]).map { [.init(.relation($0), makes: true)] } ?? []
        case "IndexStmt":
            guard let relation, let name = node["idxname"].text else { return [] }
            return [
                .init(.index(RelationName(schema: relation.schema, name: name)), makes: true)
            ]
        case "CreateTrigStmt":
            guard let relation, let name = node["trigname"].text else { return [] }
            return [.init(.trigger(of: relation, name), makes: true)]
        case "CreateFunctionStmt":
            return RelationName(parts: node["funcname"].names).map {
                [.init(.function($0), makes: true)]
            } ?? []
        case "AlterTableStmt":
            guard let relation else { return [] }
            return node["cmds"].items.flatMap { command($0.cast("AlterTableCmd"), of: relation) }
        case "DropStmt": return drops(node)
        case "RenameStmt": return rename(node, of: relation)
        default: return []
        }
    }

    private static func command(_ node: ParseNode, of relation: RelationName) -> [StatementEffect] {
        let name = node["name"].text
        switch node["subtype"].text {
        case "AT_AddColumn":
            return node["def"].cast("ColumnDef")["colname"].text.map {
                [.init(.column(of: relation, $0), makes: true)]
            } ?? []
        case "AT_DropColumn":
            return name.map { [.init(.column(of: relation, $0), makes: false)] } ?? []
        case "AT_AddConstraint", "AT_AddIndexConstraint":
            return node["def"].cast("Constraint")["conname"].text.map {
                [.init(.constraint(of: relation, $0), makes: true)]
            } ?? []
        case "AT_DropConstraint":
            return name.map { [.init(.constraint(of: relation, $0), makes: false)] } ?? []
        default: return []
        }
    }

    private static func drops(_ node: ParseNode) -> [StatementEffect] {
        node["objects"].items.compactMap { object in
            let names = object.cast("List")["items"].names
            guard let last = names.last else { return nil }
            let rest = RelationName(parts: Array(names.dropLast()))
            switch node["removeType"].text {
            case "OBJECT_TABLE", "OBJECT_VIEW":
                return RelationName(parts: names).map { .init(.relation($0), makes: false) }
            case "OBJECT_INDEX":
                return RelationName(parts: names).map { .init(.index($0), makes: false) }
            case "OBJECT_TRIGGER":
                return rest.map { .init(.trigger(of: $0, last), makes: false) }
            default: return nil
            }
        } + functions(node)
    }

    private static func functions(_ node: ParseNode) -> [StatementEffect] {
        guard node["removeType"].text == "OBJECT_FUNCTION" else { return [] }
        return node["objects"].items.compactMap { object in
            RelationName(parts: object.cast("ObjectWithArgs")["objname"].names).map {
                .init(.function($0), makes: false)
            }
        }
    }

    private static func rename(_ node: ParseNode, of relation: RelationName?) -> [StatementEffect] {
        guard let relation, let new = node["newname"].text else { return [] }
        func both(_ object: (String) -> Object, _ old: String) -> [StatementEffect] {
            [.init(object(old), makes: false), .init(object(new), makes: true)]
        }
        let old = node["subname"].text
        switch node["renameType"].text {
        case "OBJECT_COLUMN":
            return old.map { both({ .column(of: relation, $0) }, $0) } ?? []
        case "OBJECT_TABCONSTRAINT":
            return old.map { both({ .constraint(of: relation, $0) }, $0) } ?? []
        case "OBJECT_TABLE", "OBJECT_VIEW":
            return both(
                { .relation(RelationName(schema: relation.schema, name: $0)) }, relation.name)
        case "OBJECT_INDEX":
            return both({ .index(RelationName(schema: relation.schema, name: $0)) }, relation.name)
        default: return []
        }
    }
}
