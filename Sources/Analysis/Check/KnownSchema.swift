import Migration

/// A column's type as a statement names it, without the server that knows what the name means.
struct ColumnType: Equatable {
    /// The catalogue's name: `int4`, `varchar`, `timestamptz`.
    let name: String
    /// `[10, 2]` of `numeric(10,2)`.
    let modifiers: [Int]
    let isArray: Bool
    let isSerial: Bool

    init?(_ node: ParseNode) {
        guard let written = node["names"].names.last else { return nil }
        let serials = [
            "serial": "int4", "serial4": "int4", "bigserial": "int8", "serial8": "int8",
            "smallserial": "int2", "serial2": "int2",
        ]
        name = serials[written] ?? written
        isSerial = serials[written] != nil
        isArray = !node["arrayBounds"].items.isEmpty
        modifiers = node["typmods"].items.map { modifier in
            let constant = modifier.cast("A_Const")["ival"]
            return constant["ival"].integer ?? 0
        }
    }

    /// As a person writes it.
    var shown: String {
        let words = [
            "int2": "smallint", "int4": "integer", "int8": "bigint", "bpchar": "char",
            "bool": "boolean", "float8": "double precision", "float4": "real",
        ]
        let base = words[name] ?? name
        let length =
            modifiers.isEmpty ? "" : "(" + modifiers.map(String.init).joined(separator: ",") + ")"
        return base + length + (isArray ? "[]" : "")
    }

    /// Whether PostgreSQL takes the new type without touching a row (measured; manual,
    /// "ALTER TABLE").
    func becomesWithoutRewrite(_ new: ColumnType) -> Bool {
        guard isArray == new.isArray else { return false }
        switch (name, new.name) {
        case ("varchar", "varchar"):
            guard let wanted = new.modifiers.first else { return true }
            return modifiers.first.map { $0 <= wanted } ?? false
        case ("varchar", "text"): return true
        case ("text", "varchar"): return new.modifiers.isEmpty
        case ("numeric", "numeric"):
            guard let precision = new.modifiers.first else { return true }
            guard let old = modifiers.first else { return false }
            let scales = (modifiers.dropFirst().first ?? 0, new.modifiers.dropFirst().first ?? 0)
            return old <= precision && scales.0 == scales.1
        case ("cidr", "inet"): return true
        case ("varbit", "varbit"):
            guard let wanted = new.modifiers.first else { return true }
            return modifiers.first.map { $0 <= wanted } ?? false
        case ("timestamp", "timestamp"), ("timestamptz", "timestamptz"), ("time", "time"),
            ("timetz", "timetz"), ("interval", "interval"):
            guard let wanted = new.modifiers.first else { return true }
            return modifiers.first.map { $0 <= wanted } ?? false
        default: return self == new
        }
    }

    /// Whether a foreign key between the two compares values of one type.
    func comparesDirectly(with other: ColumnType) -> Bool {
        let strings: Set<String> = ["text", "varchar"]
        return name == other.name || (strings.contains(name) && strings.contains(other.name))
    }
}

/// What the files read so far say about tables: it makes a judgement sharper, never a statement safe
/// that is not.
struct KnownSchema {
    struct Table {
        /// Each column's types, with the statement that gave it.
        var columns: [String: [(statement: Int, type: ColumnType)]] = [:]
        /// Columns that ALTER TABLE added, with the statement.
        var added: [String: Int] = [:]
        var primaryKey: [String]?
        /// The columns of each index and key, in order; of a partial index none.
        var indexes: [[String]] = []
        /// `CHECK (column IS NOT NULL)` by constraint name, and where it was validated.
        var notNullChecks: [String: (column: String, validated: Int?)] = [:]
    }

    private(set) var tables: [RelationName: Table] = [:]

    subscript(relation: RelationName) -> Table {
        get { tables[relation.key] ?? Table() }
        _modify { yield &tables[relation.key, default: Table()] }
    }

    /// The column's type before a statement.
    func type(of column: String, in relation: RelationName, before statement: Int) -> ColumnType? {
        tables[relation.key]?.columns[column]?.last { $0.statement < statement }?.type
    }

    /// Its type at the end.
    func type(of column: String, in relation: RelationName) -> ColumnType? {
        tables[relation.key]?.columns[column]?.last?.type
    }

    /// Whether a validated check proves that the column holds no NULL.
    func isProvenNotNull(_ column: String, in relation: RelationName, before statement: Int) -> Bool
    {
        tables[relation.key]?.notNullChecks.values.contains {
            $0.column == column && ($0.validated ?? Int.max) < statement
        } ?? false
    }

    mutating func rename(_ relation: RelationName, to name: String) {
        guard let table = tables.removeValue(forKey: relation.key) else { return }
        self[RelationName(schema: relation.schema, name: name)] = table
    }

    mutating func forget(_ relation: RelationName) { tables[relation.key] = nil }

    /// For the next file: everything known is older than its first statement.
    func aged() -> KnownSchema {
        var copy = self
        for (name, table) in tables {
            var table = table
            table.columns = table.columns.mapValues { history in
                history.last.map { [(-1, $0.type)] } ?? []
            }
            table.added = [:]
            table.notNullChecks = table.notNullChecks.mapValues {
                ($0.column, $0.validated == nil ? nil : -1)
            }
            copy.tables[name] = table
        }
        return copy
    }
}

extension KnownSchema {
    /// Takes in what a statement defines.
    mutating func learn(_ statement: ScriptStatement) {
        for (table, column) in statement.definedColumns {
            guard let name = column["colname"].text else { continue }
            if let type = ColumnType(column["typeName"]) {
                self[table].columns[name, default: []].append((statement.index, type))
            }
        }
        for constraint in statement.definedConstraints { learn(constraint, statement.index) }
        for alteration in statement.alterations { learn(alteration, statement.index) }
        switch statement.kind {
        case "IndexStmt":
            guard let table = statement.relation, !statement.node["whereClause"].isPresent else {
                return
            }
            let columns = statement.node["indexParams"].items.map {
                $0.cast("IndexElem")["name"].text ?? ""
            }
            self[table].indexes.append(columns)
        case "RenameStmt" where statement.node["renameType"].text == "OBJECT_TABLE":
            if let table = statement.relation, let name = statement.node["newname"].text {
                rename(table, to: name)
            }
        case "RenameStmt" where statement.node["renameType"].text == "OBJECT_COLUMN":
            guard let table = statement.relation, let old = statement.node["subname"].text,
                let new = statement.node["newname"].text
            else { return }
            self[table].columns[new] = self[table].columns.removeValue(forKey: old)
        case "DropStmt" where statement.node["removeType"].text == "OBJECT_TABLE":
            for entry in statement.node["objects"].items {
                RelationName(parts: entry.cast("List")["items"].names).map { forget($0) }
            }
        default: break
        }
    }

    private mutating func learn(_ constraint: DefinedConstraint, _ index: Int) {
        let table = constraint.table
        switch constraint.type {
        case "CONSTR_PRIMARY":
            guard !constraint.columns.isEmpty else { return }
            self[table].primaryKey = constraint.columns
            self[table].indexes.append(constraint.columns)
        case "CONSTR_UNIQUE" where !constraint.columns.isEmpty:
            self[table].indexes.append(constraint.columns)
        case "CONSTR_CHECK":
            let test = constraint.node["raw_expr"].cast("NullTest")
            guard test["nulltesttype"].text == "IS_NOT_NULL",
                let column = test["arg"].cast("ColumnRef")["fields"].names.last
            else { return }
            let name = constraint.node["conname"].text ?? ""
            let isValidated = !constraint.node["skip_validation"].isTrue
            self[table].notNullChecks[name] = (column, isValidated ? index : nil)
        default: break
        }
    }

    private mutating func learn(_ alteration: ScriptStatement.Alteration, _ index: Int) {
        let table = alteration.table
        let name = alteration.node["name"].text ?? ""
        switch alteration.subtype {
        case "AddColumn":
            // With IF NOT EXISTS it may have been there.
            guard let column = alteration.column["colname"].text,
                !alteration.node["missing_ok"].isTrue, self[table].added[column] == nil
            else { return }
            self[table].added[column] = index
        case "AlterColumnType":
            if let type = ColumnType(alteration.node["def"].cast("ColumnDef")["typeName"]) {
                self[table].columns[name, default: []].append((index, type))
            }
        case "ValidateConstraint":
            self[table].notNullChecks[name]?.validated = index
        case "DropConstraint":
            self[table].notNullChecks[name] = nil
        case "DropColumn":
            self[table].columns[name] = nil
            self[table].indexes.removeAll { $0.contains(name) }
        default: break
        }
    }
}
