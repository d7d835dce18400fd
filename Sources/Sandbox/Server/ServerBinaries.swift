import Foundation
import Subprocess

/// The folder of an installed server's programs: `initdb`, `postgres`, `pg_dump`.
public struct ServerBinaries: Sendable, Hashable {
    public let folder: String

    public init(folder: String) { self.folder = folder }

    public func path(_ program: String) -> String { folder + "/" + program }

    /// Looks at `LOCKKEEPER_PG_BIN` (and nowhere else where it is set), then `PATH`, then what
    /// `pg_config --bindir` says, then where Debian and Homebrew put servers, the newest first.
    ///
    /// Throws `SandboxError.noBinaries` with the places that were searched.
    public static func find(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) async throws -> ServerBinaries {
        let candidates = await candidates(environment)
        for folder in candidates where isComplete(folder) { return resolved(folder) }
        throw SandboxError.noBinaries(searched: candidates)
    }

    /// Every server at hand: what `find` finds first, then those of `LOCKKEEPER_PG_BINS` (folders
    /// joined by colons), then the others that are installed.
    public static func all(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) async -> [ServerBinaries] {
        let named = (environment["LOCKKEEPER_PG_BINS"] ?? "").split(separator: ":").map(String.init)
        let candidates = await candidates(environment)
        let first = candidates.first(where: isComplete).map { [$0] } ?? []
        var found: [ServerBinaries] = []
        for folder in first + named + debian() + homebrew() where isComplete(folder) {
            let binaries = resolved(folder)
            if !found.contains(binaries) { found.append(binaries) }
        }
        return found
    }

    private static func candidates(_ environment: [String: String]) async -> [String] {
        if let named = environment["LOCKKEEPER_PG_BIN"], !named.isEmpty {
            return [named]
        }
        let path = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return await path + configured(path) + debian() + homebrew()
    }

    /// A link to `postgres` may stand in a folder without the server's other programs.
    private static func resolved(_ folder: String) -> ServerBinaries {
        let home = URL(filePath: folder + "/postgres").resolvingSymlinksInPath()
            .deletingLastPathComponent().path(percentEncoded: false)
        let real = home.hasSuffix("/") ? String(home.dropLast()) : home
        return ServerBinaries(folder: isComplete(real) ? real : folder)
    }

    private static func isComplete(_ folder: String) -> Bool {
        ["initdb", "postgres"].allSatisfy {
            FileManager.default.isExecutableFile(atPath: folder + "/" + $0)
        }
    }

    private static func configured(_ path: [String]) async -> [String] {
        let programs = path.map { $0 + "/pg_config" }
        guard
            let program = programs.first(where: FileManager.default.isExecutableFile(atPath:)),
            let result = try? await Subprocess.run(
                .path(.init(program)), arguments: ["--bindir"], output: .string(limit: 4096))
        else { return [] }
        return [result.standardOutput.trimmingCharacters(in: .whitespacesAndNewlines)]
    }

    private static func debian() -> [String] {
        versions(in: "/usr/lib/postgresql") { Int($0) }
    }

    private static func homebrew() -> [String] {
        ["/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt"].flatMap {
            versions(in: $0) { name in
                name.hasPrefix("postgresql@") ? Int(name.dropFirst("postgresql@".count)) : nil
            }
        }
    }

    private static func versions(in folder: String, _ version: (String) -> Int?) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.compactMap { name in version(name).map { (name, $0) } }
            .sorted { $0.1 > $1.1 }.map { folder + "/" + $0.0 + "/bin" }
    }
}
