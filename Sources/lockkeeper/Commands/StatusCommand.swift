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
                Console.json(try CompactJSON.encode(statuses))
            } else if statuses.isEmpty {
                Console.line("No migration has been run in this database.")
            } else {
                for status in statuses { Console.lines(Self.lines(status)) }
            }
        }
    }

    private static func lines(_ status: MigrationStatus) -> [String] {
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
        for command in status.commands {
            lines.append(
                "  asked: \(command.id) \(command.words), by \(command.by), at \(command.at.rfc3339)"
                    + (command.isTaken ? "; under way" : "; not taken yet"))
        }
        for approval in status.approvals {
            lines.append(
                "  gate \(approval.gate): \(approval.by), at \(approval.at.rfc3339)"
                    + (approval.countedBy.map { "; \($0)" } ?? ""))
        }
        for watcher in status.watchers {
            lines.append("  watching: \(watcher.by), since \(watcher.since.rfc3339)")
        }
        if !status.next.isEmpty { lines.append("  next: \(status.next)") }
        return lines
    }
}
