import ArgumentParser
import Engine
import Foundation

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Where every migration in the database stands, and what to type next.")

    @Argument(help: "Only this migration.") var name: String?
    @OptionGroup var connection: ConnectionOptions
    @Option(help: "text or json.") var format: TextFormat = .text

    func run() async throws {
        try await Exit.guarding {
            let office = try await Office.open(connection.settings)
            let statuses = try await office.statuses(name)
            await office.close()
            if let name, statuses.isEmpty {
                throw ActionRefusal("There is no migration \(name) in this database.")
            }
            if format == .json {
                Console.line(try CompactJSON.encode(statuses))
            } else if statuses.isEmpty {
                Console.line("No migration has been run in this database.")
            } else {
                for status in statuses { Console.line(Self.text(status)) }
            }
        }
    }

    static func text(_ status: MigrationStatus) -> String {
        var lines = ["\(status.name)  \(status.state.rawValue)"]
        if let phase = status.phase, let step = status.step {
            lines[0] += "  in \(phase.title), at \(step)"
        }
        if let progress = status.progress, progress.total > 0 {
            let percent = 100 * Double(progress.done) / Double(progress.total)
            lines.append(
                "  \(progress.done) of \(progress.total) \(progress.unit) (\(Int(percent)) %)")
        }
        lines.append("  \(status.sentence)")
        if !status.next.isEmpty { lines.append("  next: \(status.next)") }
        return lines.joined(separator: "\n")
    }
}
