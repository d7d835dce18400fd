import Migration

/// A silencing comment without a reason, for a rule that does not exist, or for nothing.
enum SilencingRule: TextRule {
    static let id = "silencing"
    static let severity = Hazard.Severity.note
    static let summary =
        "A silencing comment without a reason, for a rule that does not exist, or for nothing."
}
