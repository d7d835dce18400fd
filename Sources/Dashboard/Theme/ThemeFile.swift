import Foundation
import Migration
import Yams

/// What is wrong with a theme file, and where.
public struct ThemeError: Error, Sendable, Equatable, CustomStringConvertible {
    public var file: String
    public var line: Int?
    public var column: Int?
    public var message: String

    public var description: String {
        let place = [line, column].compactMap { $0 }.map { ":\($0)" }.joined()
        return "\(file)\(place): \(message)"
    }
}

extension Theme {
    /// Reads a theme. `file` is only named in errors.
    ///
    /// A role that the file leaves out is taken from the theme that it names as `base`, else from
    /// `terminal`.
    public init(yaml: String, file: String, isComplete: Bool = false) throws(ThemeError) {
        let reader = ThemeReader(file: file)
        let root = try reader.mapping(reader.parse(yaml), what: "a theme")
        name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
        description = ""
        roles = [:]
        var (base, baseNode) = ("terminal", Node?.none)
        for (key, value) in root {
            switch try reader.text(key) {
            case "name": name = try reader.text(value)
            case "description": description = try reader.text(value)
            case "base": (base, baseNode) = (try reader.text(value), value)
            case "roles": roles = try reader.roles(value)
            case let other:
                throw reader.error(
                    key,
                    "unknown key \(Quoted.key(other)); a theme has name, description, base and roles"
                )
            }
        }
        guard !isComplete else { return }
        guard let ground = Theme.shipped.first(where: { $0.name == base }) else {
            let names = Theme.shipped.map(\.name).joined(separator: ", ")
            throw reader.error(baseNode ?? root.first?.key, "base \"\(base)\" is none of \(names)")
        }
        roles.merge(ground.roles) { own, _ in own }
    }
}

/// Walks the nodes of a theme file, keeping line and column for what it has to say.
private struct ThemeReader {
    let file: String

    func parse(_ yaml: String) throws(ThemeError) -> Node {
        let node: Node?
        do { node = try Document.compose(yaml, file: file) } catch {
            throw ThemeError(
                file: file, line: error.mark.line, column: error.mark.column,
                message: error.sentence)
        }
        guard let node else {
            throw ThemeError(
                file: file, line: 1, column: 1,
                message: "the file is empty; a theme has roles, each with fg and bg")
        }
        return node
    }

    func error(_ node: Node?, _ message: String) -> ThemeError {
        ThemeError(
            file: file, line: node?.mark?.line, column: node?.mark?.column, message: message)
    }

    func mapping(_ node: Node, what: String) throws(ThemeError) -> Node.Mapping {
        guard let mapping = node.mapping else {
            throw error(node, "\(what) is a mapping of keys and values")
        }
        return mapping
    }

    func text(_ node: Node) throws(ThemeError) -> String {
        guard let scalar = node.scalar else { throw error(node, "a word is wanted here") }
        return scalar.string
    }

    func roles(_ node: Node) throws(ThemeError) -> [Role: Theme.Paint] {
        var result: [Role: Theme.Paint] = [:]
        for (key, value) in try mapping(node, what: "roles") {
            let name = try text(key)
            guard let role = Role(rawValue: name) else {
                let known = Role.allCases.map(\.rawValue).joined(separator: ", ")
                throw error(key, "unknown role \"\(name)\"; the roles are \(known)")
            }
            result[role] = try paint(value, role: name)
        }
        return result
    }

    private func paint(_ node: Node, role: String) throws(ThemeError) -> Theme.Paint {
        var paint = Theme.Paint()
        for (key, value) in try mapping(node, what: "role \(role)") {
            switch try text(key) {
            case "fg": paint.foreground = try color(value)
            case "bg": paint.background = try color(value)
            case "attributes": paint.attributes = try attributes(value)
            case let other:
                throw error(
                    key,
                    "unknown key \(Quoted.key(other)) of role \(role); it has fg, bg and attributes"
                )
            }
        }
        return paint
    }

    private func color(_ node: Node) throws(ThemeError) -> ThemeColor {
        let name = try text(node)
        guard let color = ThemeColor(name) else {
            throw error(
                node,
                "\"\(name)\" is no colour; write \"#rrggbb\" in quotes, a number from 0 to 255, "
                    + "default, or one of \(ThemeColor.names.joined(separator: ", "))")
        }
        return color
    }

    private func attributes(_ node: Node) throws(ThemeError) -> Theme.Attributes {
        guard let list = node.sequence else {
            throw error(node, "attributes is a list, as [bold, underline]")
        }
        var result: Theme.Attributes = []
        for item in list {
            let name = try text(item)
            guard let known = Theme.Attributes.names.first(where: { $0.0 == name }) else {
                let names = Theme.Attributes.names.map(\.0).joined(separator: ", ")
                throw error(item, "unknown attribute \"\(name)\"; there are \(names)")
            }
            result.insert(known.1)
        }
        return result
    }
}
