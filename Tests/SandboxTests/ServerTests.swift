import Foundation
import Postgres
import Subprocess
import Testing

@testable import Sandbox

@Suite("A throwaway server")
struct ServerTests {
    @Test("starts on a socket of its own, in a folder that only its user can enter")
    func starts() async throws {
        let server = try await SandboxServer.start(.quick)
        let attributes = try FileManager.default.attributesOfItem(atPath: server.folder)
        #expect(attributes[.posixPermissions] as? Int == 0o700)
        let connection = try await server.connect()
        let row = try await connection.query(
            """
            SELECT current_setting('listen_addresses') AS addresses,
                current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync
            """
        ).onlyRow()
        #expect(row.values == ["", "UTF8", "off"])
        await connection.close()
        let postmaster = try #require(server.postmasterPID)
        await server.stop()
        #expect(!isAlive(postmaster))
        #expect(!FileManager.default.fileExists(atPath: server.folder))
    }

    @Test("syncs to disk unless told otherwise, and takes settings")
    func settings() async throws {
        let server = try await SandboxServer.start(.init(settings: ["work_mem": "5MB"]))
        let connection = try await server.connect()
        let row = try await connection.query(
            "SELECT current_setting('fsync') AS fsync, current_setting('work_mem') AS memory"
        ).onlyRow()
        #expect(row.values == ["on", "5MB"])
        await connection.close()
        await server.stop(mode: .immediate)
        #expect(!FileManager.default.fileExists(atPath: server.folder))
    }

    @Test("that does not start says what the server said, and leaves nothing")
    func badSetting() async throws {
        let parent = FileManager.default.temporaryDirectory.appending(path: "lk-\(getpid())")
            .path(percentEncoded: false)
        try FileManager.default.createDirectory(
            atPath: parent, withIntermediateDirectories: false)
        chmod(parent, 0o777)
        defer { try? FileManager.default.removeItem(atPath: parent) }
        let error = await #expect(throws: SandboxError.self) {
            try await SandboxServer.start(
                .init(settings: ["wall_level": "minimal"], parent: parent))
        }
        #expect(error?.description.contains("wall_level") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: parent) == [])
    }

    @Test("has a standby that streams from it under its name, answers queries, and goes with it")
    func standby() async throws {
        let server = try await SandboxServer.start(.quick)
        let connection = try await server.connect()
        try await connection.run("CREATE TABLE seen (n int)", "INSERT INTO seen VALUES (7)")
        let standby = try await server.startStandby("west", settings: ["work_mem": "5MB"])
        let reader = try await standby.connect()
        let row = try await reader.query(
            "SELECT pg_is_in_recovery() AS standby, current_setting('work_mem') AS memory, n FROM seen"
        ).onlyRow()
        #expect(row.values == ["t", "5MB", "7"])
        await reader.close()
        let deadline = ContinuousClock.now + .seconds(30)
        var name: String?
        while name == nil, ContinuousClock.now < deadline {
            name = try await connection.query(
                "SELECT min(application_name) AS name FROM pg_stat_replication WHERE state = 'streaming'"
            ).onlyRow().optional("name")
        }
        #expect(name == "west")
        await connection.close()
        await standby.stop()
        #expect(!FileManager.default.fileExists(atPath: standby.folder))
        await server.stop()
    }

    @Test("keeps its data over a restart and over a crash")
    func survives() async throws {
        let server = try await SandboxServer.start(.quick)
        let database = try await server.makeDatabase()
        var connection = try await server.connect(database: database)
        try await connection.run("CREATE TABLE kept (id int)", "INSERT INTO kept VALUES (1)")
        let first = server.postmasterPID
        try await server.restart()
        #expect(server.postmasterPID != first)
        connection = try await server.connect(database: database)
        try await connection.run("INSERT INTO kept VALUES (2)")
        try await server.crash()
        await #expect(throws: ConnectionError.self) { try await connection.query("SELECT 1") }
        try await server.boot()
        connection = try await server.connect(database: database)
        let count = try await connection.query("SELECT count(*) AS n FROM kept").onlyRow().int("n")
        #expect(count == 2)
        await connection.close()
        await server.stop()
        #expect(!FileManager.default.fileExists(atPath: server.folder))
    }

    @Test("comes up again after each crash under clients that are at work and connect all the time")
    func crashesUnderLoad() async throws {
        let server = try await SandboxServer.start(.quick)
        let clients = (0..<8).map { _ in
            Task {
                while !Task.isCancelled {
                    guard let connection = try? await server.connect() else { continue }
                    _ = try? await connection.query(
                        "SELECT count(*) FROM pg_catalog.generate_series(1, 300000)")
                    await connection.close()
                }
            }
        }
        for _ in 0..<12 {
            try await server.crash()
            try await server.boot()
        }
        for client in clients { client.cancel() }
        for client in clients { await client.value }
        await server.stop()
    }

    @Test("that has ended by itself, or did not start, is started again")
    func startsAgain() async throws {
        let server = try await SandboxServer.start(.quick)
        let pid = try #require(server.postmasterPID)
        kill(pid, SIGQUIT)
        while Platform.state(of: pid) != .ended { try await Task.sleep(for: .milliseconds(5)) }
        try await server.boot()
        #expect(server.postmasterPID != pid)
        try await server.halt()
        let control = server.folder + "/data/global/pg_control"
        try FileManager.default.moveItem(atPath: control, toPath: control + ".away")
        await #expect(throws: SandboxError.self) { try await server.boot() }
        try FileManager.default.moveItem(atPath: control + ".away", toPath: control)
        try await server.boot()
        let connection = try await server.connect()
        await connection.close()
        await server.stop()
    }

    @Test("is dumped to the same text twice")
    func dump() async throws {
        let server = try await SandboxServer.shared()
        let database = try await server.makeDatabase()
        let connection = try await server.connect(database: database)
        try await connection.run(
            "CREATE TABLE shown (id int)", "CREATE SCHEMA hidden",
            "CREATE TABLE hidden.away (id int)")
        await connection.close()
        let dump = try await server.pgDump(
            schemaOnly: true, database: database, excludeSchemas: ["hidden"])
        #expect(dump.contains("CREATE TABLE public.shown"))
        #expect(!dump.contains("hidden"))
        #expect(!dump.contains("restrict"))
    }

    @Test(
        "starts for an ordinary user too",
        .enabled(if: Platform.isRoot, "every other test here runs as an ordinary user already"))
    func ordinaryUser() async throws {
        let nobody = try #require(Platform.account(named: "nobody"))
        let result = try await Subprocess.run(
            .name("setpriv"),
            arguments: .init([
                "--reuid=\(nobody.user)", "--regid=\(nobody.group)", "--clear-groups",
                CommandLine.arguments[0], "--testing-library", "swift-testing",
                "--filter", "ServerTests/starts\\(",
            ]),
            workingDirectory: "/tmp", output: .string(limit: 1 << 20),
            error: .string(limit: 1 << 20))
        let passed = result.standardOutput + result.standardError
        #expect(result.terminationStatus.isSuccess, "\(passed)")
        #expect(passed.contains("with 1 test"), "\(passed)")
    }

    @Test("is found where LOCKKEEPER_PG_BIN says, and only there")
    func binaries() async throws {
        let found = try await ServerBinaries.find()
        #expect(
            try await ServerBinaries.find(environment: ["LOCKKEEPER_PG_BIN": found.folder])
                == found)
        let error = await #expect(throws: SandboxError.self) {
            try await ServerBinaries.find(environment: ["LOCKKEEPER_PG_BIN": "/nowhere"])
        }
        #expect(error == .noBinaries(searched: ["/nowhere"]))
    }
}

func isAlive(_ pid: Int32) -> Bool { kill(pid, 0) == 0 }
