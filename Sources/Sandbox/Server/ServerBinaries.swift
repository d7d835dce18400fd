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
        let candidates: [String]
        if let named = environment["LOCKKEEPER_PG_BIN"], !named.isEmpty {
            candidates = [named]
        } else {
            let path = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
            candidates = await path + configured(path) + debian() + homebrew()
        }
        for folder in candidates where isComplete(folder) {
            // A link to `postgres` may stand in a folder without the server's other programs.
            let home = URL(filePath: folder + "/postgres").resolvingSymlinksInPath()
                .deletingLastPathComponent().path(percentEncoded: false)
            let real = home.hasSuffix("/") ? String(home.dropLast()) : home
            return ServerBinaries(folder: isComplete(real) ? real : folder)
        }
        throw SandboxError.noBinaries(searched: candidates)
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
