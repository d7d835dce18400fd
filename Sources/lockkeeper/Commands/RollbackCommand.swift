import ArgumentParser
import Engine
import Foundation
import Migration

struct RollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Shows what it will run, asks for the migration's name, and runs it.",
        discussion: "Interrupting it is safe; the same command goes on.")

    @Argument var name: String
    @OptionGroup var connection: ConnectionOptions
    @Option(help: "Back to the end of this phase; without it, everything.") var to: Phase?
    @Option(help: ArgumentHelp("The migration's name, instead of the question.", valueName: "name"))
    var yes: String?
    @Option(help: "Gates to pass: `all`, or ids joined by commas.") var approve: [String] = []
    @Flag(help: "At a gate, stays and waits for `advance` from elsewhere.") var wait = false
    @Flag(help: "Also drops what the rollback could only put aside.") var purge = false
    @Option(help: "text or json.") var format: TextFormat = .text

    func run() async throws {
        try await Exit.guarding {
            let office = try await Office.open(connection.settings)
            let offer = try await office.rollbackOffer(name, to: to, purges: purge)
            if format == .text { Console.lines(Self.describe(offer, name)) }
            try Confirmation.ask(for: name, given: yes, what: "Roll back")
            if try await office.isEngineAlive(name) {
                if purge {
                    throw UsageError(
                        "--purge is for a rollback of its own: an engine runs \(name) elsewhere.")
                }
                try await steer(.rollBack(to: to), name, office)
                await office.close()
                return
            }
            await office.close()
            var request = RunRequest(name: name)
            request.rollback = .init(to: to, purges: purge)
            let gates = RunCommand.split(approve)
            request.approvesEveryGate = gates.contains("all")
            request.approvedGates = Set(gates).subtracting(["all"])
            request.waits = wait
            let engine = try await Engine.open(request, connection.settings)
            try await HeadlessRun(
                engine: engine, name: name, format: format, isRollback: true
            ).run()
        }
    }

    private static func describe(_ offer: RollbackOffer, _ name: String) -> [String] {
        var lines = [
            "Rolling back \(name)"
                + (offer.to.map { " to the end of \($0.title)" } ?? ", everything")
        ]
        lines += offer.keeps.map { "  \($0)" }
        return lines + Confirmation.steps(offer.steps)
    }
}

struct PurgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge",
        abstract: "Drops the quarantined old structure: the point of no return.")

    @Argument var name: String
    @OptionGroup var connection: ConnectionOptions
    @Option(help: ArgumentHelp("The migration's name, instead of the question.", valueName: "name"))
    var yes: String?
    @Option(help: "Gates to pass after it: `all`, or ids joined by commas.") var approve: [String] =
        []
    @Option(help: "text or json.") var format: TextFormat = .text

    func run() async throws {
        try await Exit.guarding {
            let office = try await Office.open(connection.settings)
            let offer = try await office.purgeOffer(name)
            if let from = offer.from {
                Console.error(
                    "\(name) is in quarantine until \(from.rfc3339); until then nothing is purged. "
                        + "`lockkeeper set \(name) quarantine=0s` ends the quarantine now.")
                throw Exit.stopped
            }
            if format == .text {
                Console.lines(
                    ["Purging \(name): after this there is no way back."]
                        + Confirmation.steps(offer.steps))
            }
            try Confirmation.ask(for: name, given: yes, what: "Purge")
            if try await office.isEngineAlive(name) {
                try await steer(.purge, name, office)
                await office.close()
                return
            }
            await office.close()
            var request = RunRequest(name: name)
            request.confirmsPurge = true
            let gates = RunCommand.split(approve)
            request.approvesEveryGate = gates.contains("all")
            request.approvedGates = Set(gates).subtracting(["all"])
            let engine = try await Engine.open(request, connection.settings)
            try await HeadlessRun(engine: engine, name: name, format: format).run()
        }
    }
}

/// The question that only the migration's name answers.
enum Confirmation {
    static func ask(for name: String, given: String?, what: String) throws {
        let answer: String
        if let given {
            answer = given
        } else {
            guard isatty(STDIN_FILENO) == 1 else {
                throw UsageError(
                    "\(what) asks for the migration's name: on a terminal, or with --yes \(name).")
            }
            Console.ask("\(what)? Type the migration's name: ")
            answer = readLine() ?? ""
        }
        guard answer == name else {
            throw UsageError("\"\(answer)\" is not \(name); nothing was done.")
        }
    }

    static func steps(_ steps: [StepView]) -> [String] {
        steps.flatMap { step -> [String] in
            var lines = ["", "  \(step.title)"]
            if !step.locks.isEmpty {
                lines.append("    takes \(step.locks.joined(separator: ", "))")
            }
            lines += step.statements.flatMap { statement in
                statement.split(separator: "\n", omittingEmptySubsequences: false).map {
                    "    \($0)"
                }
            }
            return lines
        }
    }
}
