import Migration

extension StatementReading {
    /// Statements that read or write rows.
    mutating func readQuery(_ type: String, _ node: ParseNode) {
        switch type {
        case "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt":
            readWrite(type, node)
        case "SelectStmt":
            kind = "SELECT"
            readTables(node)
            judgeCalls(node)
            if node["intoClause"].isPresent { kind = "SELECT INTO" }
        case "CopyStmt":
            kind = "COPY"
            lock(node["relation"], node["is_from"].isTrue ? .rowExclusive : .accessShare)
            readTables(node["query"])
        case "ExplainStmt":
            kind = "EXPLAIN"
            if let inner = node["query"].typed { readExplained(inner.type, inner.fields) }
        case "CreateTableAsStmt":
            kind =
                node["objtype"].text == "OBJECT_MATVIEW"
                ? "CREATE MATERIALIZED VIEW" : "CREATE TABLE AS"
            readTables(node["query"])
            judgeCalls(node["query"])
        case "ViewStmt":
            kind = "CREATE VIEW"
            if node["replace"].isTrue { lock(node["view"], .accessExclusive) }
            readTables(node["query"])
        case "RefreshMatViewStmt":
            kind = "REFRESH MATERIALIZED VIEW"
            scans = true
            lock(node["relation"], node["concurrent"].isTrue ? .exclusive : .accessExclusive)
        default:
            giveUp(node, naming: type)
        }
    }

    private mutating func readExplained(_ type: String, _ node: ParseNode) {
        var inner = StatementReading(serverVersion: serverVersion)
        inner.read(type, node)
        requests += inner.requests
        isUnderstood = inner.isUnderstood
    }

    private mutating func readWrite(_ type: String, _ node: ParseNode) {
        kind = type.dropLast(4).uppercased()
        lock(node["relation"], .rowExclusive)
        // Every row, in one transaction.
        if type == "UpdateStmt" || type == "DeleteStmt", !node["whereClause"].isPresent {
            scans = true
        }
        readTables(node)
        judgeCalls(node)
    }

    /// ACCESS SHARE on what is read, ROW SHARE where rows are locked, ROW EXCLUSIVE on what a WITH
    /// query writes.
    private mutating func readTables(_ node: ParseNode) {
        var mode = LockMode.accessShare
        var written: [ParseNode] = []
        node.visit { type, fields in
            if type == "LockingClause" { mode = .rowShare }
            if ["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"].contains(type) {
                written.append(fields["relation"])
            }
            return true
        }
        if node["lockingClause"].isPresent { mode = .rowShare }
        for name in Self.relations(in: node) { lock(name, mode) }
        for relation in written { lock(relation, .rowExclusive) }
    }

    /// A function can do anything; those of a few names are known to lock no table.
    private mutating func judgeCalls(_ node: ParseNode) {
        var unknown = false
        node.visit { type, fields in
            if type == "FuncCall", let name = fields["funcname"].names.last,
                !Self.harmlessFunctions.contains(name)
            {
                unknown = true
            }
            return !unknown
        }
        if unknown { isUnderstood = false }
    }

    private static let harmlessFunctions: Set<String> = Set(
        """
        abs array_agg array_append array_length array_position array_remove array_to_string avg
        btrim ceil ceiling char_length clock_timestamp concat concat_ws count current_setting
        date_part date_trunc dense_rank encode decode extract first_value floor format
        gen_random_uuid generate_series jsonb_agg jsonb_build_object jsonb_set json_agg
        json_build_object jsonb_array_elements jsonb_object_keys to_json to_jsonb lag last_value
        lead left length lower lpad ltrim make_date make_interval max md5 min mod now nextval
        ntile nullif octet_length overlay pg_notify pg_sleep position power random rank regexp_match
        regexp_matches regexp_replace regexp_split_to_table replace reverse right round row_number
        row_to_json rpad rtrim set_config setval sha256 sign split_part sqrt starts_with
        statement_timestamp string_agg string_to_array strpos substr substring sum timezone to_char
        to_date to_number to_timestamp transaction_timestamp translate trim trunc unnest upper
        currval lastval
        """.split(whereSeparator: \.isWhitespace).map(String.init))
}
