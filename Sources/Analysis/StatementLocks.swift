import Migration

extension StatementReading {
    /// Reads one statement by its node's type. What is not listed is not understood, never "safe".
    mutating func read(_ type: String, _ node: ParseNode) {
        switch type {
        case "AlterTableStmt": readAlterTable(node)
        case "SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CopyStmt",
            "ExplainStmt", "CreateTableAsStmt", "ViewStmt", "RefreshMatViewStmt":
            readQuery(type, node)
        case "IndexStmt": readCreateIndex(node)
        case "ReindexStmt": readReindex(node)
        case "DropStmt": readDrop(node)
        case "CreateStmt": readCreateTable(node)
        case "RenameStmt": readRename(node)
        case "VacuumStmt": readVacuum(node)
        case "CommentStmt": readComment(node)
        case "CreateTrigStmt":
            kind = "CREATE TRIGGER"
            lock(node["relation"], .shareRowExclusive)
            if node["constrrel"].isPresent { lock(node["constrrel"], .accessShare) }
        case "TruncateStmt":
            kind = "TRUNCATE"
            for relation in node["relations"].items {
                lock(relation.cast("RangeVar"), .accessExclusive)
            }
            if node["behavior"].text == "DROP_CASCADE" { isUnderstood = false }
        case "ClusterStmt":
            kind = "CLUSTER"
            lock(node["relation"], .accessExclusive)
            rewrites = true
            scans = true
            // Without a table it clusters all of them.
            if !node["relation"].isPresent { isUnderstood = false }
        case "LockStmt":
            kind = "LOCK TABLE"
            let modes = LockMode.allCases
            let number = node["mode"].integer ?? modes.count
            let mode = modes.indices.contains(number - 1) ? modes[number - 1] : .accessExclusive
            for relation in node["relations"].items { lock(relation.cast("RangeVar"), mode) }
        case "CreateStatsStmt":
            kind = "CREATE STATISTICS"
            for relation in node["relations"].items {
                lockOnly(RelationName(relation.cast("RangeVar")), .shareUpdateExclusive)
            }
        case "CreatePolicyStmt", "AlterPolicyStmt":
            kind = type == "CreatePolicyStmt" ? "CREATE POLICY" : "ALTER POLICY"
            lockOnly(RelationName(node["table"]), .accessExclusive)
        case "RuleStmt":
            kind = "CREATE RULE"
            lock(node["relation"], .accessExclusive)
        case "AlterObjectSchemaStmt":
            kind = "ALTER \(Self.objectWords(node["objectType"].text ?? "")) SET SCHEMA"
            lock(node["relation"], .accessExclusive)
        case "GrantStmt" where node["objtype"].text == "OBJECT_TABLE":
            kind = "GRANT"
            // Against a concurrent GRANT of another's; measured: not before.
            if serverVersion >= 180_000 {
                for object in node["objects"].items {
                    lockOnly(RelationName(object.cast("RangeVar")), .accessShare)
                }
            }
        case "CreatePublicationStmt", "AlterPublicationStmt":
            kind = type == "CreatePublicationStmt" ? "CREATE PUBLICATION" : "ALTER PUBLICATION"
            for name in Self.relations(in: node) { lock(name, .shareUpdateExclusive) }
        default:
            readWithoutTables(type, node)
        }
    }

    private mutating func readWithoutTables(_ type: String, _ node: ParseNode) {
        if let words = Self.lockingNoTable[type] {
            kind = words
        } else if let words = Self.outsideTransactions[type] {
            kind = words
            refusesTransaction = true
        } else {
            // `AlterDomainStmt` → `ALTER DOMAIN`
            var words = ""
            for character in type.hasSuffix("Stmt") ? type.dropLast(4) : type[...] {
                if character.isUppercase, !words.isEmpty { words += " " }
                words += character.uppercased()
            }
            giveUp(node, naming: words)
        }
    }

    /// Statements that lock no table that an application uses.
    private static let lockingNoTable: [String: String] = [
        "CreateFunctionStmt": "CREATE FUNCTION", "AlterFunctionStmt": "ALTER FUNCTION",
        "CreateSeqStmt": "CREATE SEQUENCE", "AlterSeqStmt": "ALTER SEQUENCE",
        "CreateEnumStmt": "CREATE TYPE", "AlterEnumStmt": "ALTER TYPE",
        "CompositeTypeStmt": "CREATE TYPE", "CreateRangeStmt": "CREATE TYPE",
        "CreateDomainStmt": "CREATE DOMAIN", "AlterOwnerStmt": "ALTER … OWNER",
        "CreateRoleStmt": "CREATE ROLE", "AlterRoleStmt": "ALTER ROLE",
        "AlterRoleSetStmt": "ALTER ROLE", "GrantRoleStmt": "GRANT ROLE", "GrantStmt": "GRANT",
        "AlterDefaultPrivilegesStmt": "ALTER DEFAULT PRIVILEGES",
        "VariableSetStmt": "SET", "VariableShowStmt": "SHOW", "NotifyStmt": "NOTIFY",
        "AlterDatabaseSetStmt": "ALTER DATABASE",
    ]

    private static let outsideTransactions: [String: String] = [
        "CreatedbStmt": "CREATE DATABASE", "DropdbStmt": "DROP DATABASE",
        "CreateTableSpaceStmt": "CREATE TABLESPACE", "DropTableSpaceStmt": "DROP TABLESPACE",
        "AlterSystemStmt": "ALTER SYSTEM", "CreateSubscriptionStmt": "CREATE SUBSCRIPTION",
        "DropSubscriptionStmt": "DROP SUBSCRIPTION",
    ]

    private mutating func readCreateIndex(_ node: ParseNode) {
        scans = true
        let isConcurrent = node["concurrent"].isTrue
        kind = "CREATE INDEX" + (isConcurrent ? " CONCURRENTLY" : "")
        refusesTransaction = isConcurrent
        lock(node["relation"], isConcurrent ? .shareUpdateExclusive : .share)
    }

    private mutating func readReindex(_ node: ParseNode) {
        scans = true
        let isConcurrent = node["params"].items.contains {
            $0.cast("DefElem")["defname"].text == "concurrently"
        }
        kind = "REINDEX" + (isConcurrent ? " CONCURRENTLY" : "")
        refusesTransaction = isConcurrent
        let mode: LockMode = isConcurrent ? .shareUpdateExclusive : .share
        let relation = RelationName(node["relation"])
        switch node["kind"].text {
        case "REINDEX_OBJECT_TABLE":
            lock(relation, mode)
        case "REINDEX_OBJECT_INDEX":
            if let relation { requests.append(LockRequest(.tableOfIndex(relation), mode)) }
        default:
            // A schema, the catalogue, a database: all their tables, one after another.
            refusesTransaction = true
            isUnderstood = false
        }
    }

    private mutating func readDrop(_ node: ParseNode) {
        let object = node["removeType"].text ?? ""
        kind = "DROP " + Self.objectWords(object)
        let isCascade = node["behavior"].text == "DROP_CASCADE"
        if isCascade { isUnderstood = false }
        for entry in node["objects"].items {
            let parts = entry.cast("List")["items"].names
            switch object {
            case "OBJECT_TABLE":
                guard let table = RelationName(parts: parts) else { continue }
                lock(table, .accessExclusive)
                requests.append(
                    LockRequest(.referenced(by: table, through: .all), .accessExclusive))
                if isCascade {
                    requests.append(
                        LockRequest(.referencing(table, column: nil), .accessExclusive))
                }
            case "OBJECT_INDEX":
                guard let index = RelationName(parts: parts) else { continue }
                let isConcurrent = node["concurrent"].isTrue
                if isConcurrent { kind = "DROP INDEX CONCURRENTLY" }
                refusesTransaction = isConcurrent
                requests.append(
                    LockRequest(
                        .tableOfIndex(index),
                        isConcurrent ? .shareUpdateExclusive : .accessExclusive))
            case "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE":
                lock(RelationName(parts: parts), .accessExclusive)
            case "OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE":
                lock(RelationName(parts: Array(parts.dropLast())), .accessExclusive)
            case "OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_AGGREGATE", "OBJECT_ROUTINE",
                "OBJECT_TYPE", "OBJECT_DOMAIN", "OBJECT_SCHEMA", "OBJECT_STATISTIC_EXT":
                // Without CASCADE nothing that a table needs goes.
                if object == "OBJECT_STATISTIC_EXT" { isUnderstood = false }
            default:
                isUnderstood = false
            }
        }
    }

    private mutating func readCreateTable(_ node: ParseNode) {
        kind = "CREATE TABLE"
        let parent: LockMode =
            node["partbound"].isPresent ? .accessExclusive : .shareUpdateExclusive
        for relation in node["inhRelations"].items {
            lockOnly(RelationName(relation.cast("RangeVar")), parent)
        }
        if node["partbound"].isPresent,
            let first = node["inhRelations"].items.first.flatMap({
                RelationName($0.cast("RangeVar"))
            })
        {
            // Its rows may belong into the new one.
            requests.append(
                LockRequest(.defaultPartition(of: first), .accessExclusive, scans: true))
        }
        node["tableElts"].visit { type, fields in
            if type == "Constraint", fields["contype"].text == "CONSTR_FOREIGN" {
                lock(fields["pktable"], .shareRowExclusive)
            }
            if type == "TableLikeClause" { lock(fields["relation"], .accessShare) }
            return true
        }
    }

    private mutating func readRename(_ node: ParseNode) {
        let object = node["renameType"].text ?? ""
        kind = "ALTER \(Self.objectWords(object)) RENAME"
        switch object {
        case "OBJECT_INDEX":
            // Only the index itself is locked.
            break
        case "OBJECT_TABLE":
            lockOnly(RelationName(node["relation"]), .accessExclusive)
        case "OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER",
            "OBJECT_POLICY", "OBJECT_RULE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_SEQUENCE",
            "OBJECT_FOREIGN_TABLE":
            lock(node["relation"], .accessExclusive)
        case "OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_TYPE", "OBJECT_SCHEMA", "OBJECT_ROLE",
            "OBJECT_DOMAIN", "OBJECT_DATABASE":
            break
        default:
            giveUp(node, naming: kind)
        }
    }

    private mutating func readVacuum(_ node: ParseNode) {
        let isVacuum = node["is_vacuumcmd"].isTrue
        let isFull = node["options"].items.contains { option in
            let element = option.cast("DefElem")
            guard element["defname"].text == "full" else { return false }
            return !["false", "off", "0"].contains(element["arg"].cast("String")["sval"].text)
        }
        kind = isVacuum ? (isFull ? "VACUUM FULL" : "VACUUM") : "ANALYZE"
        refusesTransaction = isVacuum
        scans = true
        rewrites = isFull
        for relation in node["rels"].items {
            lock(
                relation.cast("VacuumRelation")["relation"],
                isFull ? .accessExclusive : .shareUpdateExclusive)
        }
        // Without tables: every table of the database.
        if node["rels"].items.isEmpty { isUnderstood = false }
    }

    private mutating func readComment(_ node: ParseNode) {
        kind = "COMMENT"
        let parts = node["object"].cast("List")["items"].names
        switch node["objtype"].text ?? "" {
        case "OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW":
            lockOnly(RelationName(parts: parts), .shareUpdateExclusive)
        case "OBJECT_COLUMN":
            lockOnly(RelationName(parts: Array(parts.dropLast())), .shareUpdateExclusive)
        case "OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE":
            lockOnly(RelationName(parts: Array(parts.dropLast())), .accessShare)
        default:
            break
        }
    }

    /// `OBJECT_FOREIGN_TABLE` → `FOREIGN TABLE`, and the words that psql uses where they differ.
    static func objectWords(_ object: String) -> String {
        switch object {
        case "OBJECT_MATVIEW": "MATERIALIZED VIEW"
        case "OBJECT_TABCONSTRAINT": "TABLE"
        case "OBJECT_COLUMN": "TABLE"
        case "OBJECT_STATISTIC_EXT": "STATISTICS"
        default: object.replacing("OBJECT_", with: "").replacing("_", with: " ")
        }
    }
}
