import Foundation
import Sandbox
import Testing

/// A sample of what `fault-run` does; the README says how to run a thousand.
@Suite("Faults")
struct FaultSampleTests {
    @Test(
        "a sample of every kind of fault loses nothing and leaves nothing, on every server at hand")
    func sample() async throws {
        let servers = await ServerBinaries.all()
        #expect(!servers.isEmpty)
        await withTaskGroup(of: Void.self) { group in
            for (number, binaries) in servers.enumerated() {
                // Most of them on our own server.
                let seconds = number == 0 ? 40 : 15
                group.addTask {
                    do {
                        try await inject(on: binaries, seconds: seconds)
                    } catch { Issue.record("\(binaries.folder): \(error)") }
                }
            }
        }
    }

    private func inject(on binaries: ServerBinaries, seconds: Int) async throws {
        let seed = UInt64.random(in: 0...999_999)
        let program = URL(filePath: Program.path).deletingLastPathComponent()
            .appending(path: "fault-run").path(percentEncoded: false)
        let ended = try await Program.run(
            ["--faults", "60", "--seconds", "\(seconds)", "--seed", "\(seed)", "--workers", "2"],
            environment: ["LOCKKEEPER_PG_BIN": binaries.folder], as: program)
        #expect(
            ended.code == 0, "LOCKKEEPER_PG_BIN=\(binaries.folder) --seed \(seed): \(ended)")
        let injected = ended.output.split(separator: "\n").last?.split(separator: " ").first
        #expect(Int(injected ?? "") ?? 0 >= 3, "\(ended)")
    }
}
