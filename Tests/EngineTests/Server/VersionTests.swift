import Conformance
import Foundation
import Migration
import Sandbox
import Testing

@testable import Engine

/// The conformance suite on the other servers at hand, all at once: each operation, on plain tables and on
/// partitions, forward and back from one of its phases; another use of it and another phase on each server.
@Suite(
    "Every operation on every server", .fewAtATime,
    .enabled(
        if: ProcessInfo.processInfo.environment["LOCKKEEPER_PG_BINS"] != nil,
        "LOCKKEEPER_PG_BINS names no other server"))
struct VersionTests {
    private struct Version: Sendable {
        let server: SandboxServer
        let trials: [Trial]
    }

    private static func start() async throws -> [Version] {
        let own = try await ServerBinaries.find()
        let others = await ServerBinaries.all().filter { $0 != own }
        var versions: [Version] = []
        for (number, binaries) in others.enumerated() {
            let server = try await SandboxServer.start(
                .init(
                    binaries: binaries.folder, fsync: false,
                    settings: ["max_connections": "300"]))
            let place = { @Sendable () async throws -> Stage in
                try await Stage.make(on: server, rows: 0)
            }
            let uses = [Variant.all, Variant.partitioned].flatMap { variants in
                Dictionary(grouping: variants) { $0.name.prefix { $0 != " " } }.values
                    .map { $0[number % $0.count] }
            }
            let trials = uses.flatMap { variant in
                let ways = variant.phasesBack
                let back = ways.isEmpty ? [] : [ways[number % ways.count]]
                return [Trial(of: variant, on: place)]
                    + back.map { Trial(of: variant, backFrom: $0, on: place) }
            }
            versions.append(Version(server: server, trials: trials))
        }
        return versions
    }

    @Test("goes forward, and back from a phase: as on our own")
    func all() async throws {
        let versions = try await Self.start()
        #expect(!versions.isEmpty)
        await together(versions.flatMap(\.trials)) { trial in
            if trial.phase == nil { try await trial.forward() } else { try await trial.back() }
        }
        for version in versions { await version.server.stop() }
    }
}
