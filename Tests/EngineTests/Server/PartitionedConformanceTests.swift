import Conformance
import Migration
import Testing

/// What `ConformanceTests` asks, of tables with partitions.
@Suite("Every operation on partitions", .fewAtATime)
struct PartitionedConformanceTests {
    @Test(
        "goes forward: the rows are the model's, the schema is the target, nothing of ours is left",
        arguments: Variant.partitioned)
    func forward(_ variant: Variant) async throws { try await ConformanceTests().forward(variant) }

    @Test(
        "stopped as soon as each step starts, it goes on to the same end",
        arguments: Variant.partitioned)
    func stopped(_ variant: Variant) async throws { try await ConformanceTests().stopped(variant) }

    @Test(
        "goes back from the end of a phase: no write is lost, the schema is as it was",
        arguments: Variant.partitioned.flatMap { variant in
            variant.phasesBack.map { (variant, $0) }
        })
    func back(_ variant: Variant, from phase: Phase) async throws {
        try await ConformanceTests().back(variant, from: phase)
    }
}
