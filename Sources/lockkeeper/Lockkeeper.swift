import ArgumentParser

/// `lockkeeper`: its commands, one file each in `Commands`.
@main
struct Lockkeeper: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lockkeeper",
        abstract: "Takes a PostgreSQL schema change through expand, migrate, backfill, switch and "
            + "contract while the application keeps running.",
        version: "0.1.0",
        subcommands: [
            DemoCommand.self, InitCommand.self, PlanCommand.self, RunCommand.self,
            StatusCommand.self, AdvanceCommand.self, PauseCommand.self, ResumeCommand.self,
            SetCommand.self, RollbackCommand.self, PurgeCommand.self, HistoryCommand.self,
            LocksCommand.self, UninstallCommand.self,
        ])
}
