import ArgumentParser
import Dashboard
import Engine
import Foundation
import Monitor
import Postgres

struct LocksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "locks", abstract: "Who waits for whom: the lock tree, each second.")

    @OptionGroup var connection: ConnectionOptions
    @Flag(help: "Prints it once.") var once = false
    @Option(help: "text or json.") var format: TextFormat = .text

    func run() async throws {
        try await Exit.guarding {
            let watch = ServerWatch(settings: connection.settings)
            let stop = StopFlag()
            let signals = SignalWatch { _ in stop.raise() }
            repeat {
                let picture = try await watch.picture(ours: [])
                switch format {
                case .json: Console.json(try CompactJSON.encode(LockWaitLine.all(picture)))
                case .text: Console.lines(lines(picture))
                }
                if once { break }
                await stop.wait(upTo: .seconds(1))
            } while !stop.isRaised
            await watch.close()
            if let number = signals.received { throw Exit.signal(number) }
        }
    }

    private func lines(_ picture: ServerPicture) -> [String] {
        let tree = LockTree(picture: picture)
        let rows = tree.rows.map { row -> String in
            let indent = String(repeating: "  ", count: row.depth + 1)
            let session = picture.sessions.first { $0.pid == row.pid }
            var words = ["pid \(row.pid.map(String.init) ?? "–")"]
            if case .prepared(let prepared) = row.subject {
                words = ["prepared transaction \(prepared?.identifier ?? "")"]
            }
            if let user = session?.user { words.append(user) }
            if let application = session?.application, !application.isEmpty {
                words.append(application)
            }
            if let state = session?.state { words.append(state) }
            if let wait = row.wait {
                words.append("waits for \(wait.mode) on \(wait.target)")
                if let age = wait.age { words.append("\(Int(age)) s") }
            } else if let age = session?.transactionAge {
                words.append("in its transaction for \(Int(age)) s")
            }
            if let query = session?.query { words.append(query.shownOnOneLine) }
            return indent + words.joined(separator: "  ")
        }
        return ["\(picture.takenAt.rfc3339)  \(tree.title)"] + rows
    }
}

/// One waiting session in the JSON of `locks`.
private struct LockWaitLine: Encodable {
    let pid: Int
    let lock: String
    let target: String
    let blockedBy: [Int]
    let ageSeconds: Double?
    let query: String?

    private enum CodingKeys: String, CodingKey {
        case pid, lock, target, query
        case blockedBy = "blocked_by"
        case ageSeconds = "age_seconds"
    }

    static func all(_ picture: ServerPicture) -> [LockWaitLine] {
        picture.lockWaits.map { wait in
            LockWaitLine(
                pid: wait.pid, lock: wait.mode, target: wait.target, blockedBy: wait.blockedBy,
                ageSeconds: wait.age,
                query: picture.sessions.first { $0.pid == wait.pid }?.query)
        }
    }
}
