import ArgumentParser
import Foundation

/// The commands and options as ArgumentParser dumps them for tools (`--experimental-dump-help`).
struct HelpTree: Decodable {
    struct Command: Decodable {
        let commandName: String
        let abstract: String?
        let discussion: String?
        let subcommands: [Command]?
        let arguments: [Argument]?
        let shouldDisplay: Bool?
    }

    struct Argument: Decodable {
        struct Name: Decodable {
            let kind: String
            let name: String

            var written: String { (kind == "long" ? "--" : "-") + name }
        }

        /// `positional`, `option` or `flag`.
        let kind: String
        let isOptional: Bool
        let isRepeating: Bool
        let names: [Name]?
        let valueName: String?
        let defaultValue: String?
        let allValues: [String]?
        let abstract: String?
        let shouldDisplay: Bool
    }

    let command: Command

    static func read(_ root: (some ParsableCommand).Type) throws -> HelpTree {
        try JSONDecoder().decode(HelpTree.self, from: Data(root._dumpHelp().utf8))
    }
}
