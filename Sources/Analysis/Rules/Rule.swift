import Migration

/// One thing that `check` looks for. Each is one file; its first doc line is the rule.
///
/// A rule reads the tree of one statement and what the script says about it; it never asks a server.
protocol Rule: Sendable {
    /// Stable: scripts and silencing comments name it.
    static var id: String { get }
    static var severity: Hazard.Severity { get }
    /// The rule in one sentence, as `--list-rules` prints it.
    static var summary: String { get }

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding]
}

/// What a rule has found, at a byte of one of the script's texts.
struct Finding {
    let rule: String
    var severity: Hazard.Severity
    let source: Int
    let offset: Int
    var message: String
    let lock: LockMode?
    let safeWay: String?
}

extension Finding {
    /// With how many rows are concerned, where a lock of the statement's stalls others.
    func saying(_ size: Check.TableSize, of table: RelationName) -> Finding {
        guard lock?.stallsApplication == true else { return self }
        var copy = self
        let rows = size.rows.map { "about \(Numerals.grouped($0)) rows" } ?? "never analyzed"
        copy.message += " \(table.name): \(rows), \(Numerals.bytes(size.bytes))."
        return copy
    }
}

extension Rule {
    static func finding(
        _ statement: ScriptStatement, at offset: Int? = nil, severity: Hazard.Severity? = nil,
        _ message: String, lock: LockMode? = nil, instead safeWay: String? = nil
    ) -> Finding {
        Finding(
            rule: id, severity: severity ?? Self.severity, source: statement.source,
            offset: offset ?? statement.start, message: message, lock: lock, safeWay: safeWay)
    }

    /// The subcommands of one kind on tables that the file did not create.
    static func alterations(
        _ subtypes: Set<String>, _ statement: ScriptStatement, _ script: Script
    ) -> [ScriptStatement.Alteration] {
        statement.alterations.filter {
            subtypes.contains($0.subtype) && script.isLive($0.table, for: statement)
        }
    }
}

/// A rule that is about the text and not about one statement; `Check` itself finds it.
protocol TextRule: Rule {}

extension TextRule {
    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] { [] }
}
