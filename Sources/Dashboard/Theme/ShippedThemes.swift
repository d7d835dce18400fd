import Foundation

extension Theme {
    /// The themes of the folder `themes`, built into the program: `terminal`, the default, first.
    public static let shipped: [Theme] = [
        read(PackageResources.terminal_yaml, "terminal"),
        read(PackageResources.midnight_yaml, "midnight"),
        read(PackageResources.daylight_yaml, "daylight"),
        read(PackageResources.colorblind_yaml, "colorblind"),
        read(PackageResources.mono_yaml, "mono"),
    ]

    /// The shell's own colours.
    public static var terminal: Theme { shipped[0] }
    /// Attributes only.
    public static var mono: Theme { shipped[shipped.count - 1] }

    /// A shipped file that can't be read leaves an empty theme, which is the terminal's own colours;
    /// a test reads each.
    private static func read(_ bytes: [UInt8], _ name: String) -> Theme {
        let text = String(decoding: bytes, as: UTF8.self)
        return (try? Theme(yaml: text, file: "\(name).yaml", isComplete: true))
            ?? Theme(name: name, description: "", roles: [:])
    }

    /// `$XDG_CONFIG_HOME/lockkeeper/themes`, or `~/.config/lockkeeper/themes`.
    public static func folder(environment: [String: String]) -> URL? {
        let configuration: URL
        if let given = environment["XDG_CONFIG_HOME"], given.hasPrefix("/") {
            configuration = URL(fileURLWithPath: given)
        } else if let home = environment["HOME"], !home.isEmpty {
            configuration = URL(fileURLWithPath: home).appendingPathComponent(".config")
        } else {
            return nil
        }
        return configuration.appendingPathComponent("lockkeeper/themes")
    }

    /// A theme by name (shipped, or a file of the configuration folder), or by the path of a file.
    public static func named(_ name: String, environment: [String: String]) throws(ThemeError)
        -> Theme
    {
        if name.contains("/") || name.hasSuffix(".yaml") {
            return try load(URL(fileURLWithPath: name), shownAs: name)
        }
        if let folder = folder(environment: environment) {
            let file = folder.appendingPathComponent("\(name).yaml")
            if FileManager.default.fileExists(atPath: file.path) {
                return try load(file, shownAs: file.path)
            }
        }
        if let theme = shipped.first(where: { $0.name == name }) { return theme }
        let known = all(environment: environment).map(\.name).joined(separator: ", ")
        throw ThemeError(
            file: name,
            message:
                "there is no theme of this name; there are \(known), or give the path of a file")
    }

    /// The shipped themes and those of the configuration folder that can be read; one of the user's
    /// takes the place of a shipped one of its name.
    public static func all(environment: [String: String]) -> [Theme] {
        var result = shipped
        guard let folder = folder(environment: environment),
            let files = try? FileManager.default.contentsOfDirectory(
                at: folder, includingPropertiesForKeys: nil)
        else { return result }
        let wanted = files.filter { $0.pathExtension == "yaml" }
        for file in wanted.sorted(by: { $0.path < $1.path }) {
            guard let theme = try? load(file, shownAs: file.path) else { continue }
            if let place = result.firstIndex(where: { $0.name == theme.name }) {
                result[place] = theme
            } else {
                result.append(theme)
            }
        }
        return result
    }

    private static func load(_ file: URL, shownAs path: String) throws(ThemeError) -> Theme {
        let text: String
        do {
            text = try String(contentsOf: file, encoding: .utf8)
        } catch {
            throw ThemeError(
                file: path,
                message: "the file can't be read as UTF-8 text; give the path of one that can")
        }
        return try Theme(yaml: text, file: path)
    }
}
