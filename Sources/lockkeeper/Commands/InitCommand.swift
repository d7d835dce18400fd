import ArgumentParser
import Migration

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Prints a commented spec to start from.")

    @Argument(
        help: "Which pattern; `--list` names them.",
        completion: .list(Patterns.all.map(\.name)))
    var pattern = "replace-column"
    @Flag(help: "Names the patterns, one a line, the name first.") var list = false

    func run() throws {
        if list {
            for pattern in Patterns.all { Console.line("\(pattern.name)  \(pattern.summary)") }
            return
        }
        do {
            Console.exact(try Patterns.chosen(pattern).text)
        } catch {
            throw Exit.code(for: error)
        }
    }
}

extension Patterns {
    /// The pattern that a command line names.
    static func chosen(_ name: String) throws -> Pattern {
        if let pattern = named(name) { return pattern }
        let near = suggestion(for: name).map { " Did you mean \($0)?" } ?? ""
        throw UsageError(
            "There is no pattern \(name).\(near) There are "
                + all.map(\.name).joined(separator: ", ") + ".")
    }
}
