import Migration

/// A name is longer than 63 bytes: PostgreSQL cuts it off without an error.
enum LongIdentifier: TextRule {
    static let id = "long-identifier"
    static let severity = Hazard.Severity.danger
    static let summary =
        "A name is longer than 63 bytes: PostgreSQL cuts it off without an error."
}
