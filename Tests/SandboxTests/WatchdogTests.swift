import Foundation
import Postgres
import Testing

@testable import Sandbox

/// The owner of a server runs in a process of its own here, and says on standard output what it
/// would leave behind.
@Suite("A server whose owner dies")
struct WatchdogTests {
    @Test("is gone after kill -9, with its folder")
    func killed() async throws {
        let result = try await #require(
            processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]
        ) {
            try await announce(SandboxServer.start(.quick))
            kill(getpid(), SIGKILL)
        }
        try await expectGone(result.standardOutputContent)
    }

    @Test("is gone after kill -9 while its cluster is being made")
    func killedEarly() async throws {
        let result = try await #require(
            processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]
        ) {
            let supervisor = try await Supervisor(
                binaries: ServerBinaries.find(), parents: ["/tmp"],
                account: Platform.isRoot ? Platform.account(named: "nobody") : nil,
                serverArguments: [])
            print(try await supervisor.answer(to: "the start", 10), 0)
            fflush(nil)
            Task.detached { try await supervisor.ask("init") }
            try await Task.sleep(for: .milliseconds(50))
            kill(getpid(), SIGKILL)
        }
        try await expectGone(result.standardOutputContent)
    }

    @Test("is gone after kill -9 while the server starts")
    func killedAtBoot() async throws {
        let result = try await #require(
            processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]
        ) {
            let server = try await SandboxServer.start(.quick)
            try await server.halt()
            let starting = Task { try await server.boot() }
            while server.postmasterPID == nil { await Task.yield() }
            announce(server)
            starting.cancel()
            kill(getpid(), SIGKILL)
        }
        try await expectGone(result.standardOutputContent)
    }

    @Test("is gone after an ordinary exit", arguments: [SIGINT, SIGTERM, SIGHUP])
    func signalled(signal: Int32) async throws {
        let result = try await #require(
            processExitsWith: .failure, observing: [\.standardOutputContent]
        ) { [signal] in
            try await announce(SandboxServer.start(.quick))
            kill(getpid(), signal)
            try await Task.sleep(for: .seconds(60))
        }
        try await expectGone(result.standardOutputContent)
    }

    @Test("is gone even when the server was stopped with SIGSTOP")
    func frozen() async throws {
        let result = try await #require(
            processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]
        ) {
            let server = try await SandboxServer.start(.quick)
            announce(server)
            kill(server.postmasterPID ?? -1, SIGSTOP)
            kill(getpid(), SIGKILL)
        }
        try await expectGone(result.standardOutputContent)
    }

    @Test("was in a session of its own, out of the terminal's reach")
    func session() async throws {
        let server = try await SandboxServer.shared()
        let postmaster = try #require(server.postmasterPID)
        #expect(getsid(postmaster) != getsid(0))
        #expect(getpgid(postmaster) != getpgid(0))
    }
}

private func announce(_ server: SandboxServer) {
    print(server.folder, server.postmasterPID ?? 0)
    fflush(nil)
}

/// Waits, bounded, until what the owner announced is not there any more.
private func expectGone(_ output: [UInt8]) async throws {
    let line = String(decoding: output, as: UTF8.self).split(separator: "\n")
        .first { $0.contains("lockkeeper.") }
    let words = try #require(line).split(separator: " ")
    let folder = String(words[0])
    let postmaster = try #require(Int32(words[1]))
    let deadline = ContinuousClock.now + .seconds(15)
    while FileManager.default.fileExists(atPath: folder), .now < deadline {
        try await Task.sleep(for: .milliseconds(20))
    }
    #expect(!FileManager.default.fileExists(atPath: folder), "\(folder) is still there")
    #expect(postmaster == 0 || !isAlive(postmaster), "postmaster \(postmaster) still runs")
}
