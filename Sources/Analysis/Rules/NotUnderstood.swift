import Migration

/// A statement that the parser (of PostgreSQL 15) does not know, or whose effect is not known here.
enum NotUnderstood: TextRule {
    static let id = "not-understood"
    static let severity = Hazard.Severity.warning
    static let summary =
        "A statement that the parser (of PostgreSQL 15) does not know, or whose effect is not known here."
}
