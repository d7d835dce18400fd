import Migration

/// All rules over all statements of a script, silenced where the file says so.
struct Verdict {
    let hazards: [CheckHazard]

    init(_ script: Script, _ sizes: [RelationName: Check.TableSize] = [:]) {
        var findings: [Finding] = []
        for statement in script.statements {
            var found: [Finding] = []
            for rule in RuleRegistry.all { found += rule.findings(statement, script) }
            if let table = statement.relation, let size = sizes[table.key] {
                found = found.map { $0.saying(size, of: table) }
            }
            findings += found + Self.notKnown(statement, script)
        }
        findings += Self.unread(script) + Self.longNames(script)
        for source in script.sources.indices {
            var silencing = Silencing(script, source: source)
            findings = findings.filter { !silencing.silences($0) }
            findings += silencing.complaints
        }
        hazards = findings.map { finding in
            let source = script.sources[finding.source]
            let mark = source.place(source.lines.mark(at: finding.offset))
            return CheckHazard(
                rule: finding.rule, severity: finding.severity, line: mark.line,
                column: mark.column, message: finding.message, lock: finding.lock,
                safeWay: finding.safeWay)
        }.sorted {
            ($0.line, $0.column, $1.severity, $0.rule) < ($1.line, $1.column, $0.severity, $1.rule)
        }
    }

    private static func unread(_ script: Script) -> [Finding] {
        script.unread.map {
            Finding(
                rule: NotUnderstood.id, severity: NotUnderstood.severity, source: $0.source,
                offset: $0.offset, message: "This was not judged: \($0.message).",
                lock: nil,
                safeWay: ($0.isSyntax
                    ? "If the server takes it, it is newer than the parser (PostgreSQL 15): look"
                    : "Look") + " at its locks on a copy, then silence this rule with what you saw."
            )
        }
    }

    private static func longNames(_ script: Script) -> [Finding] {
        script.sources.enumerated().flatMap { number, source in
            source.longNames.map { token in
                Finding(
                    rule: LongIdentifier.id, severity: LongIdentifier.severity, source: number,
                    offset: token.start,
                    message:
                        "This name has \(Self.length(token)) bytes; PostgreSQL keeps 63 and drops the rest, so that two such names can turn out to be one.",
                    lock: nil, safeWay: "A name of at most 63 bytes.")
            }
        }
    }

    private static func length(_ token: FileToken) -> Int {
        token.end - token.start - (token.kind == .quotedName ? 2 : 0)
    }

    /// Parsed, but what it locks is not known: a function's doings, statements without an entry.
    private static func notKnown(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        guard !statement.reading.isUnderstood, !lockingNothing.contains(statement.kind) else {
            return []
        }
        let message: String
        switch statement.kind {
        case "SelectStmt", "CallStmt":
            message =
                "It calls a function or procedure, and what that locks is not known here."
        case "AlterTableStmt":
            let cascades = statement.alterations.contains {
                $0.node["behavior"].text == "DROP_CASCADE"
            }
            guard !cascades, let table = statement.relation, script.isLive(table, for: statement)
            else { return [] }
            message = "What this \(statement.reading.kind) locks is not known here."
        // Their own rules speak of these.
        case "DropStmt", "TruncateStmt", "VacuumStmt", "ClusterStmt", "ReindexStmt": return []
        case "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CreateTableAsStmt", "ViewStmt",
            "ExplainStmt", "CopyStmt":
            return []
        default: message = "What \(statement.reading.kind) locks is not known here."
        }
        return [
            Finding(
                rule: NotUnderstood.id, severity: NotUnderstood.severity,
                source: statement.source, offset: statement.start, message: message, lock: nil,
                safeWay: "Try it on a copy and look at pg_locks while it runs.")
        ]
    }

    /// They make or change what no running statement needs a table lock for, or rules judge them.
    private static let lockingNothing: Set<String> = [
        "AlterCollationStmt", "AlterDefaultPrivilegesStmt", "AlterDomainStmt",
        "AlterEventTrigStmt", "AlterFdwStmt",
        "AlterForeignServerStmt", "AlterObjectDependsStmt", "AlterOpFamilyStmt",
        "AlterOperatorStmt", "AlterStatsStmt", "AlterTSConfigurationStmt",
        "AlterTSDictionaryStmt", "AlterTypeStmt", "AlterUserMappingStmt", "CheckPointStmt",
        "ClosePortalStmt", "ConstraintsSetStmt", "CreateAmStmt", "CreateCastStmt",
        "CreateConversionStmt", "CreateEventTrigStmt", "CreateExtensionStmt", "CreateFdwStmt",
        "CreateForeignServerStmt", "CreateForeignTableStmt", "CreateOpClassStmt",
        "CreateOpFamilyStmt", "CreatePLangStmt", "CreateSchemaStmt", "CreateTransformStmt",
        "CreateUserMappingStmt", "DeallocateStmt", "DeclareCursorStmt", "DefineStmt",
        "DiscardStmt", "DoStmt", "DropRoleStmt", "DropUserMappingStmt",
        "FetchStmt", "ImportForeignSchemaStmt", "ListenStmt", "LoadStmt",
        "PrepareStmt", "ReturnStmt", "SecLabelStmt", "TransactionStmt",
        "UnlistenStmt",
    ]
}
