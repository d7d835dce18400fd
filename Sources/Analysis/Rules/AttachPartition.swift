import Migration

/// ATTACH PARTITION reads the whole new partition under its lock, unless a validated CHECK proves its bounds.
enum AttachPartition: Rule {
    static let id = "attach-partition"
    static let severity = Hazard.Severity.warning
    static let summary =
        "ATTACH PARTITION reads the whole new partition under its lock, unless a validated CHECK proves its bounds."

    static func findings(_ statement: ScriptStatement, _ script: Script) -> [Finding] {
        alterations(["AttachPartition"], statement, script).compactMap { alteration in
            let partition = alteration.node["def"].cast("PartitionCmd")["name"]
            guard let child = RelationName(partition), script.isLive(child, for: statement) else {
                return nil
            }
            return finding(
                statement, at: alteration.offset,
                "\(child.quoted) and the default partition are read while nobody can use them.",
                lock: .accessExclusive,
                instead:
                    "Before it: ALTER TABLE \(child.quoted) ADD CONSTRAINT … CHECK (the bounds) NOT VALID; VALIDATE CONSTRAINT …; then ATTACH reads nothing."
            )
        }
    }
}
