/// The keys that an operator has moved: what is pressed means what it means in `KeyTable`, and what is
/// shown is what the operator presses.
public struct Keys: Sendable, Equatable {
    /// From the key of `KeyTable` to the operator's.
    private var moved: [Key: Key] = [:]

    public init() {}

    mutating func move(_ key: Key, to other: Key) { moved[key] = other }

    func place(of key: Key) -> Key { moved[key] ?? key }

    /// The key of `KeyTable` that is meant; `other` for one whose command has moved away.
    func meaning(of pressed: Key) -> Key {
        if let meant = moved.first(where: { $0.value == pressed }) { return meant.key }
        return moved[pressed] == nil ? pressed : .other
    }

    /// `a` as the operator has it; of several names each.
    func name(_ names: String) -> String {
        guard !moved.isEmpty else { return names }
        return names.split(separator: " ").map { word in
            guard let key = Key(name: String(word)) else { return String(word) }
            return moved[key]?.name ?? String(word)
        }.joined(separator: " ")
    }
}

extension Key {
    /// One letter or sign, or `Space`: what a command may be moved to.
    init?(name: String) {
        if name == "Space" {
            self = .space
        } else if name.count == 1, let letter = name.first, !letter.isWhitespace,
            name.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7F })
        {
            self = .character(letter)
        } else {
            return nil
        }
    }

    var name: String? {
        switch self {
        case .character(let letter): String(letter)
        case .space: "Space"
        default: nil
        }
    }
}

extension Command {
    /// Its name in the configuration; nil for what can't be moved.
    static let named: [(name: String, command: Command)] = [
        ("advance", .advance), ("pause", .pause), ("tick", .tick), ("waive", .waive),
        ("cancel-query", .cancelQuery), ("settings", .settings), ("roll-back", .rollBack),
        ("terminate-session", .terminateSession), ("take-over", .takeOver), ("purge", .purge),
        ("filter", .filter), ("refresh-more", .faster), ("refresh-less", .slower),
        ("theme", .theme), ("save", .save), ("help", .help), ("quit", .quit),
    ]
}
