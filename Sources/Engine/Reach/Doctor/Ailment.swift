import Migration
import Postgres

/// Something that `doctor` has found: what it is, and how it is mended.
public struct Ailment: Sendable, Encodable, Equatable {
    /// What kind of thing it is: `orphan-trigger`, `missing-object`, …
    public let rule: String
    /// `orphan-trigger.1a2b3c4d`: the same each time, as long as the object is the same.
    public let id: String
    /// One sentence: what it is.
    public let text: String
    /// One sentence: how to mend it.
    public let mend: String
    /// What `--fix` runs, in this order; empty where only a person can mend it.
    public let statements: [String]
    /// Tables whose strong locks the statements take; they are asked for as a step's are.
    let locks: [QualifiedName]
    /// The statements can't run in a transaction.
    let isOutsideTransaction: Bool

    public var isFixable: Bool { !statements.isEmpty }

    init(
        _ rule: String, of object: String, _ text: String, mend: String, _ statements: [SQL] = [],
        locks: [QualifiedName] = [], isOutsideTransaction: Bool = false
    ) {
        self.rule = rule
        id = "\(rule).\(Self.hash(object))"
        self.text = text
        self.mend = mend
        self.statements = statements.map(\.text)
        self.locks = locks
        self.isOutsideTransaction = isOutsideTransaction
    }

    enum CodingKeys: String, CodingKey { case rule, id, text, mend, statements, fixable }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(rule, forKey: .rule)
        try container.encode(id, forKey: .id)
        try container.encode(text, forKey: .text)
        try container.encode(mend, forKey: .mend)
        try container.encode(statements, forKey: .statements)
        try container.encode(isFixable, forKey: .fixable)
    }

    /// FNV-1a, 32 bits. It tells objects apart; it guards nothing.
    private static func hash(_ text: String) -> String {
        var hash: UInt32 = 2_166_136_261
        for byte in text.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
