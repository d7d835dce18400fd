import ArgumentParser
import Engine
import Foundation
import Migration

struct HistoryCommand: AsyncParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, json, markdown, rehearsal
    }

    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "The journal's events: who did what, and when.",
        discussion: """
            --format markdown is a handover: where each migration stands and what to type next, its \
            phases, gates and who passed them, the checklist, pauses, waits and decisions.
            """)

    @Argument(help: "Only this migration.") var name: String?
    @OptionGroup var connection: ConnectionOptions
    @Option(
        help: "text, json, markdown; rehearsal: of one finished run, for `run --evidence`.")
    var format: Format = .text

    func validate() throws {
        if format == .rehearsal, name == nil {
            throw ValidationError("--format rehearsal needs the migration's name.")
        }
    }

    func run() async throws {
        try await Exit.guarding {
            let office = try await Office.open(connection.settings)
            switch (format, name) {
            case (.rehearsal, let name?):
                let rehearsal = try await office.rehearsal(name)
                await office.close()
                Console.exact(try CompactJSON.encode(rehearsal))
            case (.markdown, let name):
                let handovers = try await office.handovers(name)
                await office.close()
                Console.page(
                    handovers.isEmpty
                        ? "No migration has been run in this database."
                        : handovers.map { HandoverPage(handover: $0).text }
                            .joined(separator: "\n\n"))
            case (_, let name):
                let entries = try await office.history(name)
                await office.close()
                try show(entries)
            }
        }
    }

    private func show(_ entries: [HistoryEntry]) throws {
        switch format {
        case .json: Console.json(try CompactJSON.encode(entries))
        default:
            for entry in entries {
                Console.line(
                    "\(entry.at.rfc3339)  \(entry.migration)  \(entry.event)  \(entry.text)  \(entry.by)"
                )
            }
        }
    }
}

struct UninstallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "uninstall",
        abstract: "Drops the journal's schema; refused while a migration is unfinished.")

    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        try await Exit.guarding {
            let office = try await Office.open(connection.settings)
            let answer = try await office.uninstall()
            await office.close()
            Console.line(answer)
        }
    }
}
