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
        "goes forward: the rows are the model's, the schema is the target, nothing of ours is left",
        arguments: Variant.all)
    func forward(_ variant: Variant) async throws {
        try await Rehearsal.of(variant) { rehearsal in
            if try await rehearsal.advance(to: .contract) { try await rehearsal.finish() }
            try await rehearsal.expectModel(variant.result, from: variant.resultTable)
            try await expectTarget(rehearsal)
        }
    }

    @Test("stopped as soon as each step starts, it goes on to the same end", arguments: Variant.all)
    func stopped(_ variant: Variant) async throws {
        try await Rehearsal.of(variant) { rehearsal in
            if try await rehearsal.advance(to: .contract, stopping: true) {
                try await rehearsal.finish(stopping: true)
            }
            try await rehearsal.expectModel(variant.result, from: variant.resultTable)
            try await expectTarget(rehearsal)
        }
    }

    @Test(
        "goes back from the end of a phase: no write is lost, the schema is as it was",
        arguments: Variant.all.flatMap { variant in variant.phasesBack.map { (variant, $0) } })
    func back(_ variant: Variant, from phase: Phase) async throws {
        try await Rehearsal.of(variant) { rehearsal in
            #expect(try await rehearsal.advance(to: phase))
            // Some with interruptions, some without.
            try await rehearsal.rollBack(stopping: phase == .backfill || phase == .contract)
            if variant.old != nil {
                try await rehearsal.expectModel("status", expected: { [$0.status] })
            }
            let schema = try await rehearsal.stage.schema()
            #expect(schema == rehearsal.before, "seed \(rehearsal.seed)")
            #expect(try await rehearsal.stage.leftovers() == nil, "seed \(rehearsal.seed)")
        }
    }

    private func expectTarget(_ rehearsal: Rehearsal) async throws {
        let schema = try await rehearsal.stage.schema()
        for text in rehearsal.variant.shows { #expect(schema.contains(text)) }
        for text in rehearsal.variant.hides { #expect(!schema.contains(text)) }
        #expect(try await rehearsal.stage.leftovers() == nil, "seed \(rehearsal.seed)")
    }
}
