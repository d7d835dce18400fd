import SQLText

/// PostgreSQL's table-level lock modes, weakest first (manual, "Explicit Locking").
public enum LockMode: String, Codable, Sendable, CaseIterable, Comparable {
    case accessShare = "ACCESS SHARE"
    case rowShare = "ROW SHARE"
    case rowExclusive = "ROW EXCLUSIVE"
    case shareUpdateExclusive = "SHARE UPDATE EXCLUSIVE"
    case share = "SHARE"
    case shareRowExclusive = "SHARE ROW EXCLUSIVE"
    case exclusive = "EXCLUSIVE"
    case accessExclusive = "ACCESS EXCLUSIVE"

    /// `AccessExclusiveLock`, as `pg_locks.mode` writes it.
    public var catalogName: String {
        rawValue.split(separator: " ").map { $0.prefix(1) + $0.dropFirst().lowercased() }.joined()
            + "Lock"
    }

    public init?(catalogName: String) {
        guard let mode = Self.allCases.first(where: { $0.catalogName == catalogName }) else {
            return nil
        }
        self = mode
    }

    /// Whether two sessions can't hold both on one table (manual, table 13.2).
    public func conflicts(with other: LockMode) -> Bool {
        Self.conflicts[self]?.contains(other) ?? false
    }

    /// Whether an ordinary statement of an application (reading or writing rows) waits for it.
    public var stallsApplication: Bool { conflicts(with: .rowExclusive) }

    public static func < (left: LockMode, right: LockMode) -> Bool {
        left.strength < right.strength
    }

    private var strength: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    private static let conflicts: [LockMode: Set<LockMode>] = [
        .accessShare: [.accessExclusive],
        .rowShare: [.exclusive, .accessExclusive],
        .rowExclusive: [.share, .shareRowExclusive, .exclusive, .accessExclusive],
        .shareUpdateExclusive: [
            .shareUpdateExclusive, .share, .shareRowExclusive, .exclusive, .accessExclusive,
        ],
        .share: [
            .rowExclusive, .shareUpdateExclusive, .shareRowExclusive, .exclusive, .accessExclusive,
        ],
        .shareRowExclusive: [
            .rowExclusive, .shareUpdateExclusive, .share, .shareRowExclusive, .exclusive,
            .accessExclusive,
        ],
        .exclusive: Set(LockMode.allCases).subtracting([.accessShare]),
        .accessExclusive: Set(LockMode.allCases),
    ]
}

/// A lock on one table that a statement takes.
public struct TableLock: Hashable, Sendable, Codable, Comparable {
    public let table: QualifiedName
    public let mode: LockMode

    public init(_ table: QualifiedName, _ mode: LockMode) {
        self.table = table
        self.mode = mode
    }

    public static func < (left: TableLock, right: TableLock) -> Bool {
        (left.table, left.mode) < (right.table, right.mode)
    }
}
