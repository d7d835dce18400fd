import ArgumentParser
import Conformance
import Foundation

/// Injects faults into real migrations, one a trial, and looks what is lost or left.
///
/// Each trial takes one operation forward or back in a database of its own, by `lockkeeper` as a
/// process, while clients of the old and the new version write and a model outside the database keeps
/// what must come of it. At one moment of it the fault strikes. Then the same command is given again,
/// or a rollback, and in the end rows, schema, leftovers, locks, sessions and the journal are judged.
@main
struct FaultRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fault-run",
        abstract: "Injects faults into real migrations and looks what is lost or left.")

    @Option(help: "How many.") var faults = 100
    @Option(help: "From which everything is drawn; without it one is drawn and printed.")
    var seed: UInt64?
    @Option(help: "Only the fault of this number: what another run printed of it.") var fault: Int?
    @Option(help: "Only these kinds, joined by commas.") var only: String?
    @Option(help: "Only operations whose name has this text.") var operation: String?
    @Option(help: "Trials at the same time.") var workers = 4
    @Option(help: "Begins no trial after so many seconds.") var seconds: Double?
    @Flag(help: "Lists the kinds and ends.") var list = false
    @Flag(help: "Prints what happened in each trial.") var verbose = false

    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        if list { return print(Fault.all.map(\.name).joined(separator: "\n")) }
        let kinds = try kinds()
        let seed = seed ?? UInt64.random(in: 0...999_999)
        print("seed \(seed)")
        let numbers = fault.map { [$0] } ?? Array(0..<faults)
        let trials = numbers.map {
            Trial(seed: seed, number: $0, faults: kinds, operation: operation)
        }
        let began = ContinuousClock.now
        let deadline = seconds.map { began + .seconds($0) }
        let findings = try await withThrowingTaskGroup(of: [Finding].self) { group in
            for stage in Fault.Stage.allCases {
                let own = trials.filter { $0.fault.stage == stage }
                let workers = stage == .shared ? workers : 1
                group.addTask { try await give(own, workers, deadline) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let took = (ContinuousClock.now - began) / .seconds(1)
        print(Report(findings: findings, seconds: took).text)
        if findings.contains(where: { !$0.problems.isEmpty }) { throw ExitCode(1) }
    }

    private func kinds() throws -> [Fault] {
        let kinds = try only.map { words in
            try words.split(separator: ",").map { word in
                guard let fault = Fault.named(String(word)) else {
                    throw ValidationError(
                        "There is no fault \(word); --list names those there are.")
                }
                return fault
            }
        }
        return (kinds ?? Fault.all).filter { fault in
            guard let missing = fault.missing?() else { return true }
            print("\(fault.name): left out, \(missing)")
            return false
        }
    }

    private func give(
        _ trials: [Trial], _ workers: Int, _ deadline: ContinuousClock.Instant?
    ) async throws -> [Finding] {
        guard !trials.isEmpty else { return [] }
        let theatre = try await Theatre(trials[0].fault.stage)
        var findings: [Finding] = []
        await withTaskGroup(of: Finding.self) { group in
            var left = trials.makeIterator()
            func next() {
                if let deadline, ContinuousClock.now > deadline { return }
                if let trial = left.next() {
                    group.addTask { await Trip.of(trial, in: theatre) }
                }
            }
            for _ in 0..<workers { next() }
            for await finding in group {
                findings.append(finding)
                tell(finding)
                next()
            }
        }
        await theatre.close()
        return findings
    }

    private func tell(_ finding: Finding) {
        guard verbose || !finding.problems.isEmpty else { return }
        let mark = finding.problems.isEmpty ? "ok" : "FAILED"
        print(
            "\(mark) --fault \(finding.trial) (\(String(format: "%.1f", finding.seconds)) s)\n"
                + (finding.story.map { "    \($0)" } + finding.problems.map { "  ✘ \($0)" })
                .joined(separator: "\n"))
    }
}

/// Whoever reads along reads each line when it is there.
private func print(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
}
