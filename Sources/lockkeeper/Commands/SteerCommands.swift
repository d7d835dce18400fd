import ArgumentParser
import Dashboard
import Engine
import Foundation

/// Sends one action to a migration and prints the answer. A signal withdraws what the engine has not
/// taken yet.
func steer(
    _ action: OperatorAction, _ name: String, _ connection: ConnectionOptions
) async throws {
    try await Exit.guarding {
        let office = try await Office.open(connection.settings)
        try await steer(action, name, office)
        await office.close()
    }
}

func steer(_ action: OperatorAction, _ name: String, _ office: Office) async throws {
    let sending = Task { try await office.send(action, to: name) }
    let signals = SignalWatch { _ in sending.cancel() }
    do {
        Console.line(try await sending.value)
    } catch {
        guard let number = signals.received else { throw error }
        Console.error("\(error)")
        throw Exit.signal(number)
    }
}

struct AdvanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "advance",
        abstract: "Passes the waiting gate, or starts the next phase: what `a` does.")

    @Argument var name: String
    @Argument(help: "Refused unless this gate waits.") var gate: String?
    @OptionGroup var connection: ConnectionOptions

    func run() async throws { try await steer(.advance(gate: gate), name, connection) }
}

struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Pauses a migration; writes stay in sync.")

    @Argument var name: String
    @OptionGroup var connection: ConnectionOptions

    func run() async throws { try await steer(.pause, name, connection) }
}

struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Lets a paused migration go on.")

    @Argument var name: String
    @OptionGroup var connection: ConnectionOptions

    func run() async throws { try await steer(.resume, name, connection) }
}

struct SetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Changes a setting while it runs: backfill.batch=50ms.")

    @Argument var name: String
    @Argument(
        help: "backfill.batch=50ms, backfill.workers=2, throttle.replication_lag=5s, …",
        completion: .list(LiveSetting.allCases.map { $0.rawValue + "=" }))
    var setting: String
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        let parts = setting.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else {
            throw Exit.code(
                for: UsageError("\(setting): write KEY=VALUE, such as backfill.batch=50ms."))
        }
        try await steer(.set(key: parts[0], value: parts[1]), name, connection)
    }
}

struct WithdrawCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "withdraw",
        abstract: "Takes back what was asked of an engine and it has not taken yet.",
        discussion: "`lockkeeper status` lists what was asked, with numbers.")

    @Argument var name: String
    @Argument(help: "The command's number; the only one where it is left out.") var command: Int?
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        try await Exit.guarding {
            let office = try await Office.open(connection.settings)
            let answer = try await office.withdraw(command, of: name)
            await office.close()
            Console.line(answer)
        }
    }
}
