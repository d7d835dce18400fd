import Foundation
import Testing

/// The server of a demo that runs: where it is, and whether anything of it is left.
struct DemoServer: Sendable {
    let dsn: String
    let folder: String
    let postmaster: Int32

    /// From the line in which the demo says where its shop is.
    init(line: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let found = try #require(
            line.firstMatch(of: #/host='([^']+)'.*$/#), "\(line)", sourceLocation: sourceLocation)
        dsn = String(found.output.0)
        folder = String(found.output.1)
        let file = try String(contentsOfFile: folder + "/data/postmaster.pid", encoding: .utf8)
        postmaster = try #require(
            file.split(separator: "\n").first.flatMap { Int32($0) }, sourceLocation: sourceLocation)
    }

    /// Waits, bounded, until server and folder are gone.
    func expectGone(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let gone = try await waited(upTo: 20) {
            isAlive(postmaster) || FileManager.default.fileExists(atPath: folder) ? nil : true
        }
        if gone == nil {
            Issue.record(
                """
                20 s after the demo's end: postmaster \(postmaster) alive: \
                \(isAlive(postmaster)), folder \(folder) there: \
                \(FileManager.default.fileExists(atPath: folder))
                """, sourceLocation: sourceLocation)
        }
    }
}
