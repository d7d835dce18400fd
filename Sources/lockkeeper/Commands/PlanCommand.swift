import ArgumentParser
import Engine
import Foundation
import Migration
import Postgres

struct PlanCommand: AsyncParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, sql }

    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract:
            "Every phase, step, statement, lock and undo, and the point of no return; changes nothing."
    )

    @Argument(help: "The spec.", completion: .file(extensions: ["yaml", "yml"])) var file: String
    @OptionGroup var connection: ConnectionOptions
    @Option(help: "text, json, or sql: a psql script to read or to try on a copy.")
    var format: Format = .text
    @Option(
        help: ArgumentHelp(
            "A rehearsal to reckon times by: the database that has it in its journal, or a file from "
                + "`history --format rehearsal`.", valueName: "dsn|file"),
        completion: .file())
    var evidence: String?

    func run() async throws {
        try await Exit.guarding {
            let file = try SpecFile(file)
            let (plan, facts) = try await Engine.plan(
                file.spec, connection.settings, evidence: evidence)
            switch format {
            case .text: Console.page(PlanText.render(plan, facts: facts))
            case .json: Console.json(try PlanJSON.render(plan, facts: facts))
            case .sql: Console.exact(PlanSQL.render(plan))
            }
        }
    }
}
