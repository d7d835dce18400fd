import Foundation
import Postgres
import Synchronization

/// A throwaway PostgreSQL server: a new cluster in a temporary folder, on a Unix socket of its own.
///
/// Nothing of it survives its owner: when this process ends, however it ends, the server stops and
/// its folder goes. Under root it runs as another user, because PostgreSQL refuses root.
public final class SandboxServer: Sendable {
    public struct Options: Sendable {
        /// The folder with `initdb` and `postgres`; nil to search (`ServerBinaries.find`).
        public var binaries: String?
        /// Off for tests: nothing of the server is meant to survive the machine anyway.
        public var fsync: Bool
        /// Server settings, as in `postgresql.conf`.
        public var settings: [String: String]
        /// The folder in which the server's folder is made; nil for `TMPDIR`, or else `/tmp`. At
        /// most 64 bytes, because a socket's path holds about 100.
        public var parent: String?
        /// How long the server may take until it accepts connections.
        public var patience: Duration

        public init(
            binaries: String? = nil, fsync: Bool = true, settings: [String: String] = [:],
            parent: String? = nil, patience: Duration = .seconds(60)
        ) {
            self.binaries = binaries
            self.fsync = fsync
            self.settings = settings
            self.parent = parent
            self.patience = patience
        }

        /// For tests: without `fsync`.
        public static let quick = Options(fsync: false, settings: ["max_connections": "300"])
    }

    public enum StopMode: String, Sendable {
        /// Ends the sessions and writes a checkpoint.
        case fast = "INT"
        /// Ends at once, as in a crash; the next start recovers.
        case immediate = "QUIT"
    }

    public static let superuser = "postgres"

    /// Where the server's programs are.
    public let binaries: ServerBinaries
    /// Holds the socket, the log and the cluster; mode 0700.
    public let folder: String
    private let options: Options
    private let supervisor: Supervisor
    private let postmaster = Mutex<Int32?>(nil)
    private let databases = Atomic<Int>(0)

    private init(
        binaries: ServerBinaries, folder: String, options: Options, supervisor: Supervisor
    ) {
        self.binaries = binaries
        self.folder = folder
        self.options = options
        self.supervisor = supervisor
    }

    /// Makes a cluster and starts it; returns when it accepts connections, in about a second.
    ///
    /// Throws `SandboxError` where no server is installed, and with the server's own log where it
    /// does not start; nothing is left behind then.
    public static func start(_ options: Options = Options()) async throws -> SandboxServer {
        try await start(options, filledBy: "init")
    }

    /// A standby that streams from this server, by a base backup of it; its `application_name` there is
    /// `name`. It accepts queries. Stop it before the server that it follows.
    ///
    /// Throws `SandboxError` with the log where the backup or the start does not succeed.
    public func startStandby(
        _ name: String = "standby1", settings: [String: String] = [:]
    ) async throws -> SandboxServer {
        var options = options
        options.binaries = binaries.folder
        options.settings.merge(settings) { _, theirs in theirs }
        // What a WAL receiver is called by where its connection string gives it no name.
        options.settings["cluster_name"] = name
        return try await Self.start(options, filledBy: "clone \(folder)")
    }

    private static func start(
        _ options: Options, filledBy command: String
    ) async throws -> SandboxServer {
        let binaries =
            if let folder = options.binaries {
                ServerBinaries(folder: folder)
            } else {
                try await ServerBinaries.find()
            }
        let account =
            Platform.isRoot
            ? ["postgres", "nobody"].lazy.compactMap(Platform.account(named:)).first : nil
        let parents = parents(options)
        let supervisor = try Supervisor(
            binaries: binaries, parents: parents, account: account,
            serverArguments: arguments(options))
        do {
            let folder = try await supervisor.answer(to: "the start", 60)
            guard !folder.isEmpty else {
                throw SandboxError.system(
                    call: "mktemp", reason: "no folder in \(parents.joined(separator: " or "))")
            }
            let server = SandboxServer(
                binaries: binaries, folder: folder, options: options, supervisor: supervisor)
            guard try await supervisor.ask(command) == "0" else {
                throw SandboxError.serverDidNotStart(log: server.log())
            }
            try await server.boot()
            return server
        } catch {
            await supervisor.end()
            throw error
        }
    }

    /// One server for all who ask in this process, without `fsync`; it ends with the process.
    /// For tests, each of which makes a database of its own in it.
    public static func shared() async throws -> SandboxServer { try await sharedStart.value }

    private static let sharedStart = Task { try await start(.quick) }

    // MARK: connecting

    /// A libpq keyword string for a database of this server.
    public func dsn(database: String = "postgres", user: String = superuser) -> String {
        [("host", folder), ("port", "5432"), ("dbname", database), ("user", user)]
            .map { "\($0)='\(Self.escaped($1))'" }.joined(separator: " ")
    }

    public func settings(
        database: String = "postgres", user: String = superuser
    ) -> ConnectionSettings {
        ConnectionSettings(dsn: dsn(database: database, user: user))
    }

    public func connect(
        database: String = "postgres", user: String = superuser
    ) async throws -> Connection {
        try await Connection.open(settings(database: database, user: user))
    }

    /// Makes an empty database and returns its name.
    public func makeDatabase(_ name: String? = nil) async throws -> String {
        let number = databases.add(1, ordering: .relaxed).newValue
        let name = name ?? "test_\(number)"
        let connection = try await connect()
        try await connection.query("CREATE DATABASE \(Identifier(name))")
        await connection.close()
        return name
    }

    // MARK: life cycle

    /// The process id of the postmaster; nil while it does not run.
    public var postmasterPID: Int32? { postmaster.withLock { $0 } }

    /// Stops the server for good and removes its folder. A stop that a frozen session holds up
    /// becomes an immediate one.
    public func stop(mode: StopMode = .fast) async {
        try? await halt(mode: mode)
        await supervisor.end()
    }

    /// Stops the server and leaves its cluster, so that `boot` can start it again.
    public func halt(mode: StopMode = .fast) async throws {
        guard let pid = postmasterPID else { return }
        let impatience = Task {
            try await Task.sleep(for: .seconds(20))
            kill(pid, SIGQUIT)
            kill(pid, SIGCONT)
        }
        defer { impatience.cancel() }
        _ = try await supervisor.ask(mode.rawValue)
        postmaster.withLock { $0 = nil }
    }

    /// Kills every server process at once, as the kernel does when memory runs out. The cluster
    /// stays, and `boot` recovers it.
    ///
    /// Returns when none of them is left: a session that outlives its postmaster by a moment keeps the
    /// shared memory, and a new one does not start beside it (seen, with clients that connect all the
    /// time).
    public func crash() async throws {
        guard let pid = postmasterPID else { return }
        kill(pid, SIGSTOP)
        // Until it has stopped it starts others.
        while Platform.state(of: pid) == .running {
            try await Task.sleep(for: .milliseconds(1))
        }
        let children = Platform.children(of: pid)
        for child in children { kill(child, SIGKILL) }
        _ = try await supervisor.ask("KILL")
        postmaster.withLock { $0 = nil }
        while children.contains(where: { Platform.state(of: $0) != .ended }) {
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// Starts the server on its cluster and waits until it accepts connections. One that has ended by
    /// itself is started again.
    ///
    /// Throws `SandboxError` with the log where it does not start; it may be tried again.
    public func boot() async throws {
        if let pid = postmasterPID {
            if Platform.state(of: pid) != .ended { return }
            try await forget()
        }
        guard let pid = Int32(try await supervisor.ask("boot")) else {
            throw SandboxError.supervisorGone("it did not say what it started")
        }
        postmaster.withLock { $0 = pid }
        do { try await waitUntilReady(pid) } catch {
            try await forget()
            throw error
        }
    }

    /// Ends what may be left of a server that did not start, or has ended without being told.
    private func forget() async throws {
        _ = try await supervisor.ask("KILL")
        postmaster.withLock { $0 = nil }
    }

    /// A standby becomes a primary; returns when it takes writes.
    public func promote() async throws {
        let connection = try await connect()
        do {
            let isDone = try await connection.query("SELECT pg_promote(true, 60) AS done").onlyRow()
                .bool("done")
            guard isDone else { throw SandboxError.serverDidNotStart(log: log()) }
            await connection.close()
        } catch {
            await connection.close()
            throw error
        }
    }

    public func restart(mode: StopMode = .fast) async throws {
        try await halt(mode: mode)
        try await boot()
    }

    /// The end of what the server has written to its log.
    public func log(lines: Int = 30) -> String {
        logText().split(separator: "\n").suffix(lines).joined(separator: "\n")
    }

    private func logText() -> String {
        (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? ""
    }

    private func waitUntilReady(_ pid: Int32) async throws {
        let deadline = ContinuousClock.now + options.patience
        while true {
            do {
                let connection = try await connect()
                await connection.close()
                return
            } catch ConnectionError.cannotConnect {
                // A server that gives up says why in its log.
                if Platform.state(of: pid) == .ended || ContinuousClock.now > deadline {
                    throw SandboxError.serverDidNotStart(log: log())
                }
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    // MARK: what it is started with

    /// A TMPDIR that the server's user may not enter, or too long for a socket, is passed over.
    private static func parents(_ options: Options) -> [String] {
        if let parent = options.parent { return [parent] }
        let own = ProcessInfo.processInfo.environment["TMPDIR"]
        return [own, "/tmp"].compactMap { $0 }
            .filter { !$0.isEmpty && $0.utf8.count <= 64 && !$0.contains(":") }
    }

    private static func arguments(_ options: Options) -> [String] {
        var settings = [
            "listen_addresses": "",
            // A killed server would leave POSIX segments in /dev/shm; these are in its folder.
            "dynamic_shared_memory_type": "mmap",
            "cluster_name": "sandbox",
        ]
        if !options.fsync {
            settings["fsync"] = "off"
            settings["full_page_writes"] = "off"
        }
        settings.merge(options.settings) { _, theirs in theirs }
        return settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
    }
}
