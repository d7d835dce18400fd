import Foundation
import Testing

/// A sample of what `fault-run` does; the README says how to run a thousand.
@Suite("Faults")
struct FaultSampleTests {
    @Test("a sample of every kind of fault loses nothing and leaves nothing")
    func sample() async throws {
        let seed = UInt64.random(in: 0...999_999)
        let program = URL(filePath: Program.path).deletingLastPathComponent()
            .appending(path: "fault-run").path(percentEncoded: false)
        let ended = try await Program.run(
            ["--faults", "60", "--seconds", "40", "--seed", "\(seed)"], as: program)
        #expect(ended.code == 0, "--seed \(seed): \(ended)")
        let injected = ended.output.split(separator: "\n").last?.split(separator: " ").first
        #expect(Int(injected ?? "") ?? 0 >= 5, "\(ended)")
    }
}
