import Engine
import Testing

@testable import Dashboard

/// What waits for a person has a sign and a colour of its own; what stands for another reason has not.
@Suite struct StandingTests {
    @Test(arguments: [
        ("gate", true), ("beginning", true), ("start-dialog", true), ("purge-dialog", true),
        ("rollback-dialog", false), ("throttled", false), ("rolling-back", false),
        ("backfill", false), ("finished", false), ("differing", false),
    ])
    func `the screen says whether it waits for somebody`(name: String, isWanted: Bool) throws {
        let moment = try #require(GoldenTests.moments.first { $0.name == name })
        for glyphs in [Glyphs.unicode, .ascii] {
            var desk = Desk(moment.snapshot)
            desk.model.glyphs = glyphs
            for (rows, columns) in [(24, 80), (40, 120), (50, 200)] {
                let surface = render(desk.model, rows: rows, columns: columns)
                let found = surface.cells.filter {
                    $0.style.role == .wanted && $0.text == glyphs.wanted
                }
                #expect(found.isEmpty != isWanted, "\(name) at \(columns)x\(rows)")
            }
        }
    }

    @Test func `the gate's step waits for you, the quarantine's for its time`() throws {
        let waiting = Desk(Samples.gate)
        let step = try #require(waiting.model.listedSteps.first { $0.kind == "gate" })
        #expect(waiting.model.standingStep == step.id)
        #expect(waiting.model.sign(step) == ("⚑", .wanted))
        #expect(waiting.text().contains("waits for you"))
        let resting = Desk(Samples.quarantined)
        #expect(resting.model.wantsPerson == false)
        #expect(!resting.text().contains("waits for you"))
        var paused = Samples.gate
        paused.waiting = .paused(by: "ada")
        #expect(Desk(paused).model.standingStep == nil)
    }

    @Test func `every sign that a state has is in the help`() {
        for glyphs in [Glyphs.unicode, .ascii] {
            var desk = Desk(Samples.backfill)
            desk.model.glyphs = glyphs
            desk.press(.character("?"))
            let text = desk.text(rows: 70)
            for sign in [
                glyphs.wanted, glyphs.waiting, glyphs.pending, glyphs.running, glyphs.done,
                glyphs.failed, glyphs.undone, glyphs.empty, glyphs.open, glyphs.checked,
            ] {
                #expect(text.contains(" \(sign) "), "\(sign)")
            }
        }
    }

    /// One sign, one meaning: else a screen without colours says two things at once.
    @Test func `no two states share a sign`() {
        for glyphs in [Glyphs.unicode, .ascii] {
            let signs = [
                glyphs.wanted, glyphs.waiting, glyphs.pending, glyphs.running, glyphs.done,
                glyphs.failed, glyphs.undone, glyphs.empty,
            ]
            #expect(Set(signs).count == signs.count)
        }
    }
}
