import Foundation
import Postgres
import Subprocess

extension Fault {
    /// The database is in a tablespace on a small file system, which is filled at the moment, and
    /// emptied after the command.
    static let diskFull = Fault(
        name: "disk-full",
        prepare: { scene in
            let folder = scene.folder + "/disk"
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            let owner = try FileManager.default.attributesOfItem(atPath: scene.server.folder)
            let user = (owner[.ownerAccountID] as? Int) ?? 0
            try await SmallDisk.mount(folder, user: user)
            chmod(scene.folder, 0o755)
            let name = "disk_" + scene.database
            try await scene.run(
                "CREATE TABLESPACE \(Identifier(name)) LOCATION '\(SQL(writtenByUser: folder))'")
            let connection = try await scene.server.connect()
            try await connection.query(
                "ALTER DATABASE \(Identifier(scene.database)) SET TABLESPACE \(Identifier(name))")
            await connection.close()
        },
        strike: { SmallDisk.fill($0.folder + "/disk") },
        heal: { unlink($0.folder + "/disk/filler") },
        clear: { scene in
            let connection = try await scene.server.connect()
            try await connection.query(
                "DROP TABLESPACE IF EXISTS \(Identifier("disk_" + scene.database))")
            await connection.close()
            try await SmallDisk.unmount(scene.folder + "/disk")
        },
        missing: { getuid() == 0 ? nil : "only root can mount a small file system" })
}

/// A file system in memory.
private enum SmallDisk {
    static func mount(_ folder: String, user: Int) async throws {
        try await call([
            "mount", "-t", "tmpfs", "-o", "size=26m,mode=0700,uid=\(user)", "tmpfs", folder,
        ])
    }

    static func unmount(_ folder: String) async throws { try await call(["umount", "-l", folder]) }

    /// Writes until there is no room left.
    static func fill(_ folder: String) {
        let descriptor = open(folder + "/filler", O_WRONLY | O_CREAT, 0o600)
        guard descriptor >= 0 else { return }
        let block = [UInt8](repeating: 1, count: 1 << 16)
        while write(descriptor, block, block.count) == block.count {}
        while write(descriptor, block, 512) == 512 {}
        close(descriptor)
    }

    private static func call(_ words: [String]) async throws {
        let result = try await Subprocess.run(
            .name(words[0]), arguments: .init(Array(words.dropFirst())),
            output: .discarded, error: .string(limit: 4096))
        guard result.terminationStatus.isSuccess else {
            throw FaultError("\(words.joined(separator: " ")): \(result.standardError)")
        }
    }
}
