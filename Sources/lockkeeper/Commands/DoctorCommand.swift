import ArgumentParser
import Engine

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Finds leftovers of ours, and where journal and catalogue disagree.",
        discussion: """
            Says of each what it is and how to mend it, and changes nothing without --fix. \
            Exit codes: 0 nothing was found, or it is mended; 4 something was.
            """)

    @OptionGroup var connection: ConnectionOptions
    @Option(help: ArgumentHelp("Mends this one.", valueName: "id")) var fix: String?
    @Option(help: "text or json.") var format: TextFormat = .text

    func run() async throws {
        try await Exit.guarding {
            let office = try await Office.open(connection.settings)
            if let fix {
                let answer = try await office.mend(fix)
                await office.close()
                return Console.line(answer)
            }
            let found = try await office.examine()
            await office.close()
            switch format {
            case .json: Console.json(try CompactJSON.encode(["findings": found]))
            case .text:
                Console.lines(
                    found.isEmpty
                        ? ["Nothing is left over, and journal and catalogue agree."]
                        : Array(found.map(Self.lines).joined(separator: [""])))
            }
            if !found.isEmpty { throw Exit.refused }
        }
    }

    private static func lines(_ ailment: Ailment) -> [String] {
        var lines = [ailment.id, "  \(ailment.text)", "  \(ailment.mend)"]
        if ailment.isFixable {
            lines.append("  `lockkeeper doctor --fix \(ailment.id)` runs:")
            lines += ailment.statements.flatMap { statement in
                (statement + ";").split(separator: "\n", omittingEmptySubsequences: false)
                    .map { "    \($0)" }
            }
        }
        return lines
    }
}
