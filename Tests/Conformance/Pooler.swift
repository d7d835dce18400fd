import Foundation
import Subprocess

/// A pgbouncer between clients and a server, on a Unix socket of its own.
package final class Pooler: Sendable {
    package static let program: String? = ["/usr/sbin/pgbouncer", "/opt/homebrew/bin/pgbouncer"]
        .first(where: FileManager.default.isExecutableFile(atPath:))

    package let dsn: String
    private let folder: String
    private let running: Task<Void, any Error>

    /// - Parameters:
    ///   - socketFolder: of the server, whose port is 5432.
    ///   - mode: `session` or `transaction`.
    package static func start(
        _ mode: String, before socketFolder: String, database: String
    ) async throws -> Pooler {
        let pooler = try Pooler(mode, socketFolder, database)
        let deadline = ContinuousClock.now + .seconds(10)
        while !FileManager.default.fileExists(atPath: pooler.folder + "/.s.PGSQL.5432") {
            guard ContinuousClock.now < deadline else { throw POSIXError(.ETIMEDOUT) }
            try await Task.sleep(for: .milliseconds(10))
        }
        return pooler
    }

    private init(_ mode: String, _ socketFolder: String, _ database: String) throws {
        let folder =
            FileManager.default.temporaryDirectory.path + "/lkp" + UUID().uuidString.prefix(8)
        self.folder = folder
        dsn = "host='\(folder)' port=5432 user=postgres dbname='\(database)'"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try """
        [databases]
        \(database) = host=\(socketFolder) port=5432 dbname=\(database) user=postgres
        [pgbouncer]
        listen_addr =
        unix_socket_dir = \(folder)
        listen_port = 5432
        auth_type = any
        pool_mode = \(mode)
        default_pool_size = 20
        ignore_startup_parameters = extra_float_digits,options
        logfile =
        """.write(toFile: folder + "/pooler.ini", atomically: true, encoding: .utf8)
        // It refuses to be root; it becomes the server's user, who owns the server's socket.
        chmod(folder, 0o777)
        let user = try FileManager.default.attributesOfItem(atPath: socketFolder)[.ownerAccountID]
        let owner = (user as? Int) ?? 0
        let change =
            getuid() == 0
            ? ["setpriv", "--reuid=\(owner == 0 ? "postgres" : "\(owner)")", "--clear-groups"] : []
        let words = change + [Self.program ?? "pgbouncer", "-q", folder + "/pooler.ini"]
        running = Task {
            _ = try await Subprocess.run(
                words[0].hasPrefix("/") ? .path(.init(words[0])) : .name(words[0]),
                arguments: .init(Array(words.dropFirst())), input: .none, output: .discarded,
                error: .discarded
            ) { process in
                while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
                kill(process.processIdentifier.value, SIGKILL)
            }
        }
    }

    /// Ends it at once, with everybody's connections.
    package func end() async {
        running.cancel()
        _ = await running.result
        try? FileManager.default.removeItem(atPath: folder)
    }
}
