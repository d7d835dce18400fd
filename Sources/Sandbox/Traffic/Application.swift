import Postgres

/// The shop's application as one migration asks for it: its versions, and when each is rolled out and
/// retired.
public struct Application: Sendable {
    public enum Move: Sendable, Hashable {
        case rollOut(Version)
        case retire(Version)
    }

    /// Every version, in the order of release.
    public let versions: [Version]
    /// Moves before a gate is passed, by the gate's id: what the gate asks the operator to have done.
    public let atGate: [String: [Move]]
    /// Moves once a phase is through, by the phase's name.
    public let afterPhase: [String: [Move]]
    /// Moves once a step is through, by its id.
    public let afterStep: [String: [Move]]

    init(
        _ versions: [Version], atGate: [String: [Move]] = [:], afterPhase: [String: [Move]] = [:],
        afterStep: [String: [Move]] = [:]
    ) {
        self.versions = versions
        self.atGate = atGate
        self.afterPhase = afterPhase
        self.afterStep = afterStep
    }

    /// The version that runs when the migration begins.
    public var first: Version { versions[0] }

    /// The application to go with a pattern of `lockkeeper init`. Where a migration changes nothing
    /// that the application must be released for, it is one version throughout.
    public static func forPattern(_ pattern: String) -> Application {
        switch pattern {
        case "replace-column": replacingColumn(.old, .both, .new)
        case "rename-column": renamingColumn
        case "change-type": changingType
        case "add-column": addingColumn
        case "drop-column": droppingColumn
        case "rename-table": renamingTable
        case "rename-table-copy": copyingTable
        case "set-not-null": settingNotNull
        default: Application([.old])
        }
    }

    /// Three versions that know the old side, both, and the new side only.
    private static func replacingColumn(
        _ old: Version, _ both: Version, _ new: Version
    ) -> Application {
        Application(
            [old, both, new],
            atGate: [
                "1.switch": [.rollOut(new)],
                "1.contract": [.retire(old), .retire(both)],
                "1.undo": [.rollOut(old), .retire(both), .retire(new)],
            ], afterPhase: ["migrate": [.rollOut(both)]])
    }

    private static var renamingColumn: Application {
        let state = Version.StatusColumn(name: Identifier("state"))
        return replacingColumn(
            .old,
            Version(name: "v2", side: .both, status: [.init(name: Shop.oldColumn), state]),
            Version(name: "v3", side: .new, status: [state]))
    }

    /// The new column takes the old one's name in the end: the versions that name it by its interim name
    /// are gone before, and one that says the old name comes after.
    private static var changingType: Application {
        let interim = Version.StatusColumn(name: Identifier("status_new"))
        let new = Version(name: "v3", side: .new, status: [interim])
        let last = Version(name: "v4")
        let replacing = replacingColumn(
            .old,
            Version(name: "v2", side: .both, status: [.init(name: Shop.oldColumn), interim]), new)
        return Application(
            replacing.versions + [last],
            atGate: replacing.atGate.merging(["1.final_name": [.retire(new)]]) { $1 },
            afterPhase: replacing.afterPhase,
            afterStep: ["1.contract.final-name": [.rollOut(last)]])
    }

    private static var addingColumn: Application {
        let writing = Version(
            name: "v2", further: [.init(name: Identifier("channel"), value: "web")])
        return Application(
            [.old, writing],
            atGate: [
                "1.contract": [.rollOut(writing), .retire(.old)],
                "1.undo": [.rollOut(.old), .retire(writing)],
            ])
    }

    private static var droppingColumn: Application {
        let reading = Version(name: "v2", note: .onlyReads)
        let without = Version(name: "v3", note: .hasNeverHeardOf)
        return Application(
            [.old, reading, without],
            atGate: [
                "1.migrate": [.rollOut(reading), .retire(.old)],
                "1.switch": [.rollOut(without), .retire(reading)],
            ])
    }

    private static var settingNotNull: Application {
        let always = Version(name: "v2", note: .alwaysWrites)
        return Application(
            [.old, always],
            atGate: [
                "1.migrate": [.rollOut(always), .retire(.old)],
                "1.contract": [.rollOut(always), .retire(.old)],
            ])
    }

    private static let renamed = Version(name: "v2", table: QualifiedName("public", "purchases"))

    /// The new name is there from the swap on.
    private static var copyingTable: Application {
        Application(
            [.old, renamed],
            atGate: [
                "1.contract": [.retire(.old)],
                "1.undo": [.rollOut(.old), .retire(renamed)],
            ], afterStep: ["1.switch.swap": [.rollOut(renamed)]])
    }

    private static var renamingTable: Application {
        return Application(
            [.old, renamed],
            atGate: [
                "1.switch": [.rollOut(renamed)],
                "1.contract": [.retire(.old)],
                "1.undo": [.rollOut(.old), .retire(renamed)],
            ])
    }
}

extension Version {
    /// Reads and writes `status`, and has never heard of another column.
    public static let old = Version(name: "v1")
    /// Writes `status` and `status_v2`, and reads both.
    public static let both = Version(
        name: "v2", side: .both, status: [.init(name: Shop.oldColumn), .capitals])
    /// Reads and writes `status_v2` only.
    public static let new = Version(name: "v3", side: .new, status: [.capitals])
}

extension Version.StatusColumn {
    fileprivate static let capitals = Self(name: Identifier("status_v2"), isInCapitals: true)
}
