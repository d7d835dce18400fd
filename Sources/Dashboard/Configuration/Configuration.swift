import Foundation
import Migration

/// An operator's own settings: `~/.config/lockkeeper/config.yaml`, or under `XDG_CONFIG_HOME`.
///
/// ```yaml
/// theme: midnight
/// refresh: 2s
/// ascii: false
/// mouse: true
/// keys: {advance: n, roll-back: B}
/// environments:
///   - {label: production, host: "db*.example", color: danger}
///   - {label: staging, database: shop_staging}
/// ```
public struct Configuration: Sendable, Equatable {
    public var theme: String?
    /// Seconds between two pictures.
    public var refresh: Double?
    public var isASCII: Bool?
    public var usesMouse: Bool?
    public var keys = Keys()
    public var environments: [EnvironmentLabel] = []

    public init() {}

    public static func file(environment: [String: String]) -> URL? {
        Theme.folder(environment: environment)?.deletingLastPathComponent()
            .appendingPathComponent("config.yaml")
    }

    /// What the operator's file says; nothing where there is none. Throws `SpecError` with line and
    /// column.
    public static func load(environment: [String: String]) throws(SpecError) -> Configuration {
        guard let file = file(environment: environment),
            FileManager.default.fileExists(atPath: file.path)
        else { return Configuration() }
        guard let text = try? String(contentsOf: file, encoding: .utf8) else {
            throw SpecError(
                file: file.path, mark: SourceMark(line: 1, column: 1),
                message:
                    "this file can't be read as UTF-8 text; let this user read it, or move it away")
        }
        return try Configuration(text: text, file: file.path)
    }

    public init(text: String, file: String) throws(SpecError) {
        guard let root = try Document.readIfAny(text, file: file) else { return }
        let fields = try Fields(
            root, what: "the configuration",
            known: ["theme", "refresh", "ascii", "mouse", "keys", "environments"])
        theme = try fields.optionalString("theme")
        isASCII = try fields.optionalBoolean("ascii")
        usesMouse = try fields.optionalBoolean("mouse")
        refresh = try fields["refresh"].map(Self.seconds)
        if let value = fields["keys"] { keys = try Self.keys(value) }
        for value in try fields["environments"]?.list("\"environments\"") ?? [] {
            environments.append(try Self.environment(value))
        }
    }

    /// Seconds, of a command line's `500ms` or `2s`.
    public static func refresh(_ text: String) throws(SpecError) -> Double {
        do { return try seconds(Value(scalar: text, file: "--refresh")) } catch {
            throw SpecError(
                file: "--refresh", mark: error.mark, message: error.message,
                suggestion: error.suggestion)
        }
    }

    private static func seconds(_ value: Value) throws(SpecError) -> Double {
        let milliseconds = try value.milliseconds(atLeast: 100)
        guard milliseconds <= 60_000 else {
            throw value.error("\"refresh\" must be from 100ms to 60s")
        }
        return Double(milliseconds) / 1000
    }

    // MARK: keys

    private static func keys(_ value: Value) throws(SpecError) -> Keys {
        let known = Command.named.map(\.name)
        let fields = try Fields(value, what: "keys", known: known)
        var keys = Keys()
        for entry in fields.entries {
            guard let command = Command.named.first(where: { $0.name == entry.key })?.command,
                let binding = KeyTable.bindings.first(where: { $0.command == command })
            else { continue }
            let text = try entry.value.string("\"\(entry.key)\"")
            guard let key = Key(name: text) else {
                throw entry.value.error(
                    "\"\(text)\" is no key for \(entry.key); write one letter or sign in quotes, or Space"
                )
            }
            try check(key, for: entry, binding)
            keys.move(binding.keys[0], to: key)
        }
        for entry in fields.entries { try refuseTwice(entry, keys) }
        return keys
    }

    /// A hand that means to type must not be able to end or undo something.
    private static func check(
        _ key: Key, for entry: Value.Entry, _ binding: KeyBinding
    ) throws(SpecError) {
        let isCapital = if case .character(let letter) = key { letter.isUppercase } else { false }
        if binding.kind == .dangerous, !isCapital {
            throw entry.value.error(
                "\(entry.key) ends, undoes or destroys something: its key must be a capital letter, not \"\(key.name ?? "")\""
            )
        }
        if binding.kind != .dangerous, isCapital {
            throw entry.value.error(
                "capital letters are for the dangerous keys; give \(entry.key) another one than \"\(key.name ?? "")\""
            )
        }
    }

    private static func refuseTwice(_ entry: Value.Entry, _ keys: Keys) throws(SpecError) {
        guard let own = Command.named.first(where: { $0.name == entry.key })?.command,
            case .scalar(let text, _) = entry.value.content, let key = Key(name: text)
        else { return }
        for binding in KeyTable.bindings where binding.command != own {
            let all = [keys.place(of: binding.keys[0])] + binding.keys.dropFirst()
            guard all.contains(key) else { continue }
            let other =
                Command.named.first { $0.command == binding.command }?.name ?? binding.help
            throw entry.value.error(
                "\"\(text)\" is the key of \(other.isEmpty ? "something else" : other) already; choose another, or move that one too"
            )
        }
    }

    // MARK: environments

    private static func environment(_ value: Value) throws(SpecError) -> EnvironmentLabel {
        let fields = try Fields(
            value, what: "an environment", known: ["label", "host", "database", "color"])
        let label = try fields.string("label")
        let (host, database) = (
            try fields.optionalString("host"), try fields.optionalString("database")
        )
        guard host != nil || database != nil else {
            throw value.error(
                "this environment fits every server; give it a host, a database or both")
        }
        let color = try fields.choice("color", EnvironmentLabel.Color.self)
        return EnvironmentLabel(
            label: label, host: host, database: database,
            color: color ?? (label.lowercased().hasPrefix("prod") ? .danger : .warning))
    }
}
