/// Where the fields of an operation stand in the spec, by the names that another operation, which it
/// is made of, has for them.
struct FieldMarks: Sendable {
    private let fields: Fields
    private let names: [String: String]

    /// - Parameter names: the other operation's name of a field to the spec's own.
    init(_ fields: Fields, names: [String: String] = [:]) {
        self.fields = fields
        self.names = names
    }

    /// Where the operation stands.
    var mark: SourceMark { fields.mark }

    /// Where the field's value stands, or the operation where the spec does not have the field.
    func mark(_ key: String) -> SourceMark { fields.mark(names[key] ?? key) }
}
