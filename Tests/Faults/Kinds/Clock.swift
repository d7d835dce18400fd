import Foundation
import Sandbox

extension Fault {
    /// The server's clock jumps, hours ahead or days back: what the journal's times and the timeouts
    /// go by.
    static let clock = Fault(
        name: "clock", weight: 2, stage: .ownClock,
        strike: { scene in
            let jump = ["+3h", "-2d", "+400d", "-90s"][Int(scene.trial.random % 4)]
            scene.tell("the clock jumps by \(jump)")
            try JumpingClock.set(jump, on: scene.server)
        },
        heal: { try JumpingClock.set("+0", on: $0.server) },
        missing: { JumpingClock.library == nil ? "there is no libfaketime" : nil })
}

/// A server whose clock can be told to jump: its programs, with libfaketime before them.
enum JumpingClock {
    static let library = [
        "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
        "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    ].first(where: FileManager.default.fileExists(atPath:))

    /// A folder with the server's programs, whose `postgres` reads the time's offset from a file.
    static func binaries() async throws -> String? {
        guard let library else { return nil }
        let real = try await ServerBinaries.find().folder
        let folder =
            FileManager.default.temporaryDirectory.path + "/lkclock" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for program in ["initdb", "pg_dump"] {
            try script("exec '\(real)/\(program)' \"$@\"", at: folder + "/" + program)
        }
        try script(
            """
            export LD_PRELOAD='\(library)' FAKETIME_TIMESTAMP_FILE='\(folder)/clock'
            export FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1
            exec '\(real)/postgres' "$@"
            """, at: folder + "/postgres")
        try set("+0", in: folder)
        return folder
    }

    static func set(_ offset: String, on server: SandboxServer) throws {
        try set(offset, in: server.binaries.folder)
    }

    private static func set(_ offset: String, in folder: String) throws {
        try (offset + "\n").write(toFile: folder + "/clock", atomically: false, encoding: .utf8)
        chmod(folder + "/clock", 0o644)
    }

    private static func script(_ text: String, at path: String) throws {
        try ("#!/bin/sh\n" + text + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        chmod(path, 0o755)
    }
}
