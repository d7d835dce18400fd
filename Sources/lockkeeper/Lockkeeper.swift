import ArgumentParser
import Foundation

/// The program's entry.
@main
enum Program {
    static func main() async {
        // A reader that is gone (`| head`, a notify command that does not read) is an error of that
        // write, not the end of a migration.
        signal(SIGPIPE, SIG_IGN)
        let arguments = Array(CommandLine.arguments.dropFirst())
        ArgumentMask.hidePasswords()
        await Lockkeeper.main(arguments)
    }
}

/// `lockkeeper`: its commands, one file each in `Commands`.
struct Lockkeeper: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lockkeeper",
        abstract: "Takes a PostgreSQL schema change through expand, migrate, backfill, switch and "
            + "contract while the application keeps running.",
        version: "0.1.0",
        subcommands: [
            DemoCommand.self, InitCommand.self, CheckCommand.self, PlanCommand.self,
            RunCommand.self,
            StatusCommand.self, AdvanceCommand.self, PauseCommand.self, ResumeCommand.self,
            SetCommand.self, WithdrawCommand.self, RollbackCommand.self, PurgeCommand.self,
            HistoryCommand.self, LocksCommand.self, WatchCommand.self, DoctorCommand.self,
            UninstallCommand.self,
        ])

    @Flag(
        name: .customLong("generate-manual"),
        help: "Prints the manual page; --generate-completion-script SHELL prints completions.")
    var generatesManual = false

    func run() async throws {
        guard generatesManual else { throw CleanExit.helpRequest(self) }
        let page = ManualPage(
            tree: try HelpTree.read(Self.self), version: Self.configuration.version)
        Console.exact(page.roff)
    }
}
