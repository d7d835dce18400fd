import Migration

extension StatementReading {
    /// ALTER TABLE takes the strongest lock that one of its subcommands needs (source of
    /// PostgreSQL 15, `AlterTableGetLockLevel`; measured).
    mutating func readAlterTable(_ node: ParseNode) {
        let object = node["objtype"].text ?? ""
        kind = "ALTER " + Self.objectWords(object)
        let relation = RelationName(node["relation"])
        guard object == "OBJECT_TABLE" else {
            readAlterOther(node, relation, object)
            return
        }
        for command in node["cmds"].items.map({ $0.cast("AlterTableCmd") }) {
            readSubcommand(command, relation)
        }
    }

    /// ALTER INDEX, ALTER VIEW, … in ALTER TABLE's clothes.
    private mutating func readAlterOther(
        _ node: ParseNode, _ relation: RelationName?, _ object: String
    ) {
        switch object {
        case "OBJECT_INDEX":
            // Only the index itself is locked.
            break
        case "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE":
            lock(relation, .accessExclusive)
        default:
            giveUp(node, naming: kind)
        }
    }

    private mutating func readSubcommand(_ command: ParseNode, _ relation: RelationName?) {
        let subtype = (command["subtype"].text ?? "").replacing("AT_", with: "")
        switch subtype {
        case "AddColumn": readAddColumn(command["def"].cast("ColumnDef"), relation)
        case "AddConstraint": readAddConstraint(command["def"].cast("Constraint"), relation)
        case "SetStatistics", "ClusterOn", "DropCluster", "SetOptions", "ResetOptions",
            "SetRelOptions", "ResetRelOptions":
            lock(relation, .shareUpdateExclusive)
        case "ValidateConstraint":
            scans = true
            lock(relation, .shareUpdateExclusive)
            lockReferenced(relation, .constraint(command["name"].text ?? ""), .rowShare)
        case "EnableTrig", "EnableAlwaysTrig", "EnableReplicaTrig", "DisableTrig", "EnableTrigAll",
            "DisableTrigAll", "EnableTrigUser", "DisableTrigUser":
            lock(relation, .shareRowExclusive)
        case "SetNotNull":
            scans = true
            lock(relation, .accessExclusive)
        case "AlterColumnType":
            scans = true
            rewrites = true
            lock(relation, .accessExclusive)
            // Its foreign keys are made again, on both sides.
            let column = command["name"].text ?? ""
            lockReferenced(relation, .column(column), .accessExclusive)
            if let relation {
                requests.append(
                    LockRequest(.referencing(relation, column: column), .accessExclusive))
            }
        case "SetLogged", "SetUnLogged", "SetAccessMethod", "SetTableSpace":
            scans = true
            rewrites = true
            lock(relation, .accessExclusive)
        case "DropConstraint":
            lock(relation, .accessExclusive)
            lockReferenced(relation, .constraint(command["name"].text ?? ""), .accessExclusive)
            readCascade(command)
        case "DropColumn":
            lock(relation, .accessExclusive)
            lockReferenced(relation, .column(command["name"].text ?? ""), .accessExclusive)
            readCascade(command)
        case "AttachPartition", "DetachPartition", "DetachPartitionFinalize":
            readPartition(subtype, command["def"].cast("PartitionCmd"), relation)
        case "ColumnDefault", "DropNotNull", "DropExpression", "SetStorage", "SetCompression",
            "AlterConstraint", "ChangeOwner", "DropOids", "ReplicaIdentity", "EnableRowSecurity",
            "DisableRowSecurity", "ForceRowSecurity", "NoForceRowSecurity", "AddIdentity",
            "SetIdentity", "DropIdentity", "EnableRule", "EnableAlwaysRule", "EnableReplicaRule",
            "DisableRule", "AddOf", "DropOf":
            lock(relation, .accessExclusive)
        default:
            // AddInherit checks the parent too; the rest is newer than this table.
            lock(relation, .accessExclusive)
            isUnderstood = false
        }
    }

    private mutating func readCascade(_ command: ParseNode) {
        if command["behavior"].text == "DROP_CASCADE" { isUnderstood = false }
    }

    private mutating func lockReferenced(
        _ relation: RelationName?, _ keys: LockRequest.ForeignKeys, _ mode: LockMode
    ) {
        guard let relation else { return }
        requests.append(LockRequest(.referenced(by: relation, through: keys), mode))
    }

    private mutating func readPartition(
        _ subtype: String, _ command: ParseNode, _ relation: RelationName?
    ) {
        let isConcurrent = command["concurrent"].isTrue
        if subtype == "AttachPartition" {
            scans = true
            lockOnly(relation, .shareUpdateExclusive)
            lock(command["name"], .accessExclusive)
        } else {
            refusesTransaction = isConcurrent
            let mode: LockMode =
                isConcurrent || subtype == "DetachPartitionFinalize"
                ? .shareUpdateExclusive : .accessExclusive
            lockOnly(relation, mode)
            lock(command["name"], .accessExclusive)
        }
        if let relation, !isConcurrent {
            requests.append(LockRequest(.defaultPartition(of: relation), .accessExclusive))
        }
    }

    private mutating func readAddColumn(_ column: ParseNode, _ relation: RelationName?) {
        lock(relation, .accessExclusive)
        let constraints = column["constraints"].items.map { $0.cast("Constraint") }
        func constraint(_ type: String) -> ParseNode? {
            constraints.first { $0["contype"].text == type }
        }
        let defaultValue = constraint("CONSTR_DEFAULT")?["raw_expr"] ?? .null
        if Self.mayBeVolatile(defaultValue) || Self.isSerial(column["typeName"])
            || constraint("CONSTR_IDENTITY") != nil || constraint("CONSTR_GENERATED") != nil
        {
            rewrites = true
        }
        // Rows that are there get NULL, which NOT NULL then finds.
        if constraint("CONSTR_NOTNULL") != nil && !defaultValue.isPresent { scans = true }
        for check in ["CONSTR_CHECK", "CONSTR_UNIQUE", "CONSTR_PRIMARY"]
        where constraint(check) != nil { scans = true }
        for foreign in constraints where foreign["contype"].text == "CONSTR_FOREIGN" {
            lock(foreign["pktable"], .shareRowExclusive)
            if defaultValue.isPresent { scans = true }
        }
    }

    private mutating func readAddConstraint(_ constraint: ParseNode, _ relation: RelationName?) {
        switch constraint["contype"].text {
        case "CONSTR_FOREIGN":
            lock(relation, .shareRowExclusive)
            lock(constraint["pktable"], .shareRowExclusive)
            if !constraint["skip_validation"].isTrue { scans = true }
        case "CONSTR_CHECK":
            lock(relation, .accessExclusive)
            if !constraint["skip_validation"].isTrue { scans = true }
        case "CONSTR_UNIQUE", "CONSTR_PRIMARY":
            lock(relation, .accessExclusive)
            // A primary key checks its columns for NULLs where they are not NOT NULL yet.
            let usesIndex = constraint["indexname"].isPresent
            if !usesIndex || constraint["contype"].text == "CONSTR_PRIMARY" { scans = true }
        case "CONSTR_EXCLUSION":
            lock(relation, .accessExclusive)
            scans = true
        default:
            lock(relation, .accessExclusive)
            isUnderstood = false
        }
    }

    private static func isSerial(_ type: ParseNode) -> Bool {
        let serial: Set<String> = [
            "serial", "bigserial", "smallserial", "serial2", "serial4", "serial8",
        ]
        return type["names"].names.last.map(serial.contains) ?? false
    }

    /// Whether an expression calls a function that is not known to be constant within a statement.
    static func mayBeVolatile(_ expression: ParseNode) -> Bool {
        let harmless: Set<String> = [
            "now", "transaction_timestamp", "statement_timestamp", "timezone", "lower", "upper",
            "concat", "to_timestamp", "date_trunc", "jsonb_build_object", "jsonb_build_array",
            "json_build_object", "json_build_array", "make_interval", "make_date", "extract",
        ]
        var found = false
        expression.visit { type, fields in
            if type == "FuncCall", let name = fields["funcname"].names.last,
                !harmless.contains(name)
            {
                found = true
            }
            return !found
        }
        return found
    }
}
