import Conformance
import Foundation
import Migration
import Postgres
import Testing

@testable import Engine

/// What every operation must do, however it is used, while clients of the old and of the new version
/// write at random: forward, back from the end of every phase, and stopped at every step.
@Suite("Every operation", .fewAtATime)
struct ConformanceTests {
    @Test(
        "goes forward: the rows are the model's, the schema is the target, nothing of ours is left")
    func forward() async { await together(Variant.all) { try await Trial(of: $0).forward() } }

    @Test("stopped as soon as each step starts, it goes on to the same end")
    func stopped() async {
        await together(Variant.all) { try await Trial(of: $0).forward(stopping: true) }
    }

    @Test("goes back from the end of a phase: no write is lost, the schema is as it was")
    func back() async { await together(Trial.waysBack(of: Variant.all)) { try await $0.back() } }
}

/// What `ConformanceTests` asks, of tables with partitions.
@Suite("Every operation on partitions", .fewAtATime)
struct PartitionedConformanceTests {
    @Test(
        "goes forward: the rows are the model's, the schema is the target, nothing of ours is left")
    func forward() async {
        await together(Variant.partitioned) { try await Trial(of: $0).forward() }
    }

    @Test("stopped as soon as each step starts, it goes on to the same end")
    func stopped() async {
        await together(Variant.partitioned) { try await Trial(of: $0).forward(stopping: true) }
    }

    @Test("goes back from the end of a phase: no write is lost, the schema is as it was")
    func back() async {
        await together(Trial.waysBack(of: Variant.partitioned)) { try await $0.back() }
    }
}

/// One variant's way, forward or back from the end of a phase.
struct Trial: Sendable, CustomStringConvertible {
    let variant: Variant
    /// Nil: forward.
    let phase: Phase?
    /// Makes the database, with the table and without rows.
    let place: @Sendable () async throws -> Stage

    init(
        of variant: Variant, backFrom phase: Phase? = nil,
        on place: @escaping @Sendable () async throws -> Stage = { try await Stage.make(rows: 0) }
    ) {
        self.variant = variant
        self.phase = phase
        self.place = place
    }

    static func waysBack(of variants: [Variant]) -> [Trial] {
        variants.flatMap { variant in variant.phasesBack.map { Trial(of: variant, backFrom: $0) } }
    }

    var description: String {
        variant.name + (phase.map { ", back from \($0.title)" } ?? "")
    }

    func forward(stopping: Bool = false) async throws {
        try await Rehearsal.of(variant, on: place) { rehearsal in
            if try await rehearsal.advance(to: .contract, stopping: stopping) {
                try await rehearsal.finish(stopping: stopping)
            }
            try await rehearsal.expectModel(variant.result, from: variant.resultTable)
            let schema = try await rehearsal.stage.schema()
            for text in variant.shows { #expect(schema.contains(text), "\(rehearsal.label)") }
            for text in variant.hides { #expect(!schema.contains(text), "\(rehearsal.label)") }
            #expect(try await rehearsal.stage.leftovers() == nil, "\(rehearsal.label)")
        }
    }

    func back() async throws {
        guard let phase else { return }
        try await Rehearsal.of(variant, on: place) { rehearsal in
            #expect(try await rehearsal.advance(to: phase), "\(rehearsal.label)")
            // Some with interruptions, some without.
            try await rehearsal.rollBack(stopping: phase == .backfill || phase == .contract)
            if variant.old != nil {
                try await rehearsal.expectModel("status", expected: { [$0.status] })
            }
            let schema = try await rehearsal.stage.schema()
            #expect(schema == rehearsal.before, "\(rehearsal.label)")
            #expect(try await rehearsal.stage.leftovers() == nil, "\(rehearsal.label)")
        }
    }
}
