/// The five phases of every migration, in the order in which they run.
public enum Phase: String, Codable, Sendable, CaseIterable, Comparable, CodingKeyRepresentable {
    case expand, migrate, backfill, `switch`, contract

    public var title: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }

    public var number: Int { Self.allCases.firstIndex(of: self).map { $0 + 1 } ?? 0 }

    public static func < (left: Phase, right: Phase) -> Bool { left.number < right.number }
}
