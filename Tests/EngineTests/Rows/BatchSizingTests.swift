import Testing

@testable import Engine

@Suite("The size of a batch")
struct BatchSizingTests {
    @Test("a batch over its target shrinks the next one at once")
    func shrinks() {
        var sizing = BatchSizing(blocks: 100)
        sizing.finished(count: 100, milliseconds: 400, target: 100)
        #expect(sizing.blocks == 20)
    }

    @Test("it grows by half at most, after three batches within the target")
    func grows() {
        var sizing = BatchSizing(blocks: 16)
        sizing.finished(count: 16, milliseconds: 10, target: 100)
        sizing.finished(count: 16, milliseconds: 10, target: 100)
        #expect(sizing.blocks == 16)
        sizing.finished(count: 16, milliseconds: 10, target: 100)
        #expect(sizing.blocks == 24)
    }

    @Test("begun with one block, it finds its size")
    func growsFromOne() {
        var sizing = BatchSizing()
        #expect(sizing.blocks == 1)
        for _ in 0..<60 {
            sizing.finished(count: sizing.blocks, milliseconds: Double(sizing.blocks), target: 50)
        }
        #expect((30...50).contains(sizing.blocks))
    }

    @Test("a batch that was given up halves the next one")
    func givesUp() {
        var sizing = BatchSizing(blocks: 64)
        sizing.gaveUp(count: 64)
        #expect(sizing.blocks == 32)
        for _ in 0..<20 { sizing.gaveUp(count: sizing.blocks) }
        #expect(sizing.blocks == BatchSizing.floor)
    }

    @Test("one fast batch over rows that are filled already does not make the next one large")
    func remembersTheSlow() {
        var sizing = BatchSizing(blocks: 40)
        for _ in 0..<3 { sizing.finished(count: 40, milliseconds: 90, target: 100) }
        sizing.finished(count: 40, milliseconds: 1, target: 100)
        #expect(sizing.blocks == 40)
    }

    @Test("it stays between floor and ceiling, however extreme the times")
    func bounds() {
        var sizing = BatchSizing(blocks: 8)
        sizing.finished(count: 8, milliseconds: 100_000, target: 100)
        #expect(sizing.blocks == BatchSizing.floor)
        for _ in 0..<100 { sizing.finished(count: 8, milliseconds: 0.01, target: 100) }
        #expect(sizing.blocks == BatchSizing.ceiling)
    }
}
