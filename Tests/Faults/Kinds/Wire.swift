import Conformance
import Engine
import Foundation

/// What a network does.
extension Fault {
    /// Cut at any byte of a message, or after it and before its answer.
    static let cut = Fault(
        name: "cut", weight: 4,
        wire: { bytes, draw in
            Bool.random(using: &draw)
                ? .cut(afterBytes: Int.random(in: 0..<bytes, using: &draw)) : .loseAnswer
        })

    /// Every connection at once.
    static let cutAll = Fault(name: "cut-all", weight: 2, strike: { $0.tap.cutAll() })

    /// Half open: neither end hears of the other, nor that it is gone.
    static let silence = Fault(
        name: "silence", wire: { _, draw in .silence(seconds: draw.next() % 3 == 0 ? 3 : 1.2) })

    /// Each message takes longer, each way; a statement that must not stall has its budget on the
    /// server alone.
    static let slow = Fault(
        name: "slow",
        prepare: { scene in
            let milliseconds = Double(1 + scene.trial.random % 8)
            scene.tap.delay.withLock { $0 = milliseconds / 1000 }
        })
}
