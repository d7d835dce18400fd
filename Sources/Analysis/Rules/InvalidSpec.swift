import Migration

/// A spec that can't be read, with the place and what to write instead.
enum InvalidSpec: TextRule {
    static let id = "invalid-spec"
    static let severity = Hazard.Severity.danger
    static let summary =
        "A spec that can't be read, with the place and what to write instead."
}
